//! Columns in which nothing stands, whatever a description says how many rows of what width they have.

use arrow_array::{ArrayRef, new_null_array};
use arrow_schema::DataType;
use datakeep_process_table::chunk::MAX_LEN_BYTES;
use datakeep_store::StoreError;

/// Nulls, as long as an array of them can be.
pub(crate) fn nulls(data_type: &DataType, rows: usize) -> Result<ArrayRef, StoreError> {
    let width = match data_type {
        DataType::FixedSizeBinary(len) => u64::try_from(*len).unwrap_or(u64::MAX),
        other => other.primitive_width().map_or(4, |width| width as u64),
    };
    let len_bytes = width.saturating_mul(rows as u64);
    if len_bytes > MAX_LEN_BYTES {
        let expected = format!("at most {MAX_LEN_BYTES} bytes of nulls");
        return Err(StoreError::damaged("a column of a row group", 0, expected, format!("{len_bytes}")));
    }
    Ok(new_null_array(data_type, rows))
}

/// Gives them for the columns of one group: those of one type are the same.
#[derive(Default)]
pub(crate) struct Nulls {
    made: Vec<ArrayRef>,
}

/// Types whose nulls are kept, at most: no honest table has more whose columns are empty.
const MOST_TYPES: usize = 64;

impl Nulls {
    pub fn of(&mut self, data_type: &DataType, rows: usize) -> Result<ArrayRef, StoreError> {
        if let Some(made) = self.made.iter().find(|made| made.data_type() == data_type && made.len() == rows) {
            return Ok(made.clone());
        }
        if self.made.len() >= MOST_TYPES {
            let found = "columns of more types";
            return Err(StoreError::damaged("a row group", 0, format!("{MOST_TYPES} types without values"), found));
        }
        let made = nulls(data_type, rows)?;
        self.made.push(made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_room_is_made_than_a_column_may_have() {
        assert!(nulls(&DataType::FixedSizeBinary(i32::MAX), 1 << 20).is_err());
        assert!(nulls(&DataType::FixedSizeBinary(1 << 20), 257).is_err());
        assert_eq!(nulls(&DataType::Int64, 1 << 20).map(|made| made.len()).ok(), Some(1 << 20));
    }

    #[test]
    fn columns_of_one_type_share() {
        let mut nulls = Nulls::default();
        for _ in 0..1000 {
            assert!(nulls.of(&DataType::Int64, 1 << 20).is_ok());
        }
        assert_eq!(nulls.made.len(), 1);
        let wide = (1..100).map(|len| nulls.of(&DataType::FixedSizeBinary(len), 5).is_ok());
        assert_eq!(wide.filter(|is_made| *is_made).count(), MOST_TYPES - 1);
    }
}
