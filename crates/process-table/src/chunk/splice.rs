//! Chunks one after another as one: nothing is decoded, and nothing is stored again.

use super::{ChunkForm, MAX_LEN_BYTES, MAX_ROWS};

/// The form of the chunk that these chunks of one column are when put one after another: pages are position independent.
/// `None` where they are no chunk: of several layouts, with a dictionary, whose place is before all pages, or too long together.
pub fn splice(forms: &[ChunkForm]) -> Option<ChunkForm> {
    let (first, rest) = forms.split_first()?;
    let mut all = *first;
    for form in rest {
        if form.layout != all.layout {
            return None;
        }
        all.rows = all.rows.checked_add(form.rows)?;
        all.nulls = all.nulls.checked_add(form.nulls)?;
        all.raw_len_bytes = all.raw_len_bytes.checked_add(form.raw_len_bytes)?;
        all.values_len_bytes = all.values_len_bytes.checked_add(form.values_len_bytes)?;
    }
    let has_dictionary = forms.iter().any(ChunkForm::has_dictionary);
    let is_long = all.rows as usize > MAX_ROWS || all.raw_len_bytes.max(all.values_len_bytes) > MAX_LEN_BYTES / 2;
    (rest.is_empty() || !has_dictionary && !is_long).then_some(all)
}
