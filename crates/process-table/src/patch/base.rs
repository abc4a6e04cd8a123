//! Patches for a longer run of rows than the one they were made of: the base that is stored.

use super::gather::{gather, picked};
use super::{Patch, PatchError, Update, same};
use arrow_array::Array;
use datakeep_connector::rows::{Column, Exception, RowBatch};

/// A run of rows at least this long is passed by at once when a patch is applied: it costs a reader nothing.
const LONG_RUN_ROWS: usize = 32;

/// Rows that a group had before these patches, the oldest first, and has after all of them: their positions before.
/// An error where a patch is not for what the one before makes.
pub fn survivors(rows: usize, patches: &[Patch]) -> Result<Vec<u32>, PatchError> {
    let mut origins: Vec<Option<u32>> = (0..rows as u32).map(Some).collect();
    for patch in patches {
        same("rows between the patches", &patch.old_rows(), &origins.len())?;
        let mut deleted = patch.deleted().iter().copied().peekable();
        let mut stay = origins.into_iter().zip(0u32..).filter(|(_, at)| deleted.next_if_eq(at).is_none());
        let mut inserted = patch.inserted_at().iter().copied().peekable();
        let row = |at: u32| match inserted.next_if_eq(&at) {
            Some(_) => None,
            None => stay.next().and_then(|(origin, _)| origin),
        };
        origins = (0..patch.new_rows() as u32).map(row).collect();
    }
    Ok(origins.into_iter().flatten().collect())
}

/// The rows at these positions, which rise and are within.
pub fn pick(rows: &RowBatch, positions: &[u32]) -> Result<RowBatch, PatchError> {
    super::rising("rows", positions, rows.rows())?;
    let runs = picked(0, positions);
    let columns = rows.columns().iter().map(|column| gather(&[column], &runs));
    Ok(RowBatch::new(columns.collect::<Result<_, _>>()?)?)
}

impl Patch {
    /// The same for a group of `rows` rows in which the rows of old stand at the positions `at`: all others go.
    pub fn among(self, rows: usize, at: &[u32]) -> Result<Self, PatchError> {
        same("rows of old", &self.old_rows(), &at.len())?;
        super::most("rows", rows, crate::chunk::MAX_ROWS as u64)?;
        super::rising("rows of old", at, rows)?;
        let moved = |positions: &[u32]| positions.iter().map(|position| at[*position as usize]).collect::<Vec<u32>>();
        let mut gone = self.deleted.iter().copied().peekable();
        let mut stay = at.iter().zip(0u32..).filter(|(_, row)| gone.next_if_eq(row).is_none()).peekable();
        let deleted = (0..rows as u32).filter(|row| stay.next_if(|(at, _)| *at == row).is_none()).collect();
        let updated = self.updated.into_iter();
        let updated = updated.map(|update| Update { positions: moved(&update.positions), ..update }).collect();
        Self { old_rows: rows as u32, deleted, updated, ..self }.checked()
    }

    /// The same for the rows of old at the positions `at` alone, which are all that it changes or takes away, and perhaps
    /// others.
    pub fn within(&self, at: &[u32]) -> Result<Self, PatchError> {
        super::rising("rows of old", at, self.old_rows())?;
        let place = |position: &u32| at.binary_search(position).ok().map(|place| place as u32);
        let missing = PatchError::Positions { what: "rows that are left" };
        let placed = |positions: &[u32]| positions.iter().map(place).collect::<Option<Vec<u32>>>();
        let Some(deleted) = placed(&self.deleted) else { return Err(missing) };
        let mut updated = Vec::with_capacity(self.updated.len());
        for update in &self.updated {
            let Some(positions) = placed(&update.positions) else { return Err(missing) };
            updated.push(Update { positions, ..update.clone() });
        }
        let (inserted_at, inserted) = (self.places_within(at), self.inserted.clone());
        Self { old_rows: at.len() as u32, deleted, updated, inserted_at, inserted }.checked()
    }

    /// Where the rows that come stand when only the rows of old at these positions are left.
    fn places_within(&self, at: &[u32]) -> Vec<u32> {
        // Numbers among the rows that stay.
        let stay = |row: &u32| self.deleted.binary_search(row).err().map(|before| row - before as u32);
        let left: Vec<u32> = at.iter().filter_map(stay).collect();
        let place = |(number, position): (u32, &u32)| {
            let stay_before = position - number;
            left.partition_point(|row| *row < stay_before) as u32 + number
        };
        (0u32..).zip(&self.inserted_at).map(place).collect()
    }

    /// What makes the rows of new at these positions alone: the positions of the rows of old that they come from, and what it
    /// does to these.
    pub fn giving(&self, at: &[u32]) -> Result<(Vec<u32>, Self), PatchError> {
        super::rising("rows of new", at, self.new_rows())?;
        let (mut from, mut inserted_at, mut come) = (Vec::with_capacity(at.len()), Vec::new(), Vec::new());
        let mut gone = 0;
        for (place, row) in (0u32..).zip(at) {
            match self.inserted_at.binary_search(row) {
                Ok(number) => {
                    inserted_at.push(place);
                    come.push(number as u32);
                }
                Err(before) => {
                    let stay_before = row - before as u32;
                    while self.deleted.get(gone).is_some_and(|deleted| *deleted <= stay_before + gone as u32) {
                        gone += 1;
                    }
                    from.push(stay_before + gone as u32);
                }
            }
        }
        let some = |column: &Column, rows: &[u32]| gather(&[column], &picked(0, rows));
        let mut updated = Vec::new();
        for Update { column, positions, values } in &self.updated {
            let places = (0u32..).zip(&from);
            let left = places.filter_map(|(place, row)| Some((place, positions.binary_search(row).ok()? as u32)));
            let (positions, rows): (Vec<u32>, Vec<u32>) = left.unzip();
            if !positions.is_empty() {
                updated.push(Update { column: *column, positions, values: some(values, &rows)? });
            }
        }
        let inserted = self.inserted.iter().map(|column| column.as_ref().map(|column| some(column, &come)).transpose());
        let inserted = inserted.collect::<Result<_, _>>()?;
        let old_rows = from.len() as u32;
        Ok((from, Self { old_rows, deleted: Vec::new(), updated, inserted_at, inserted }.checked()?))
    }

    /// Rows that come or go one by one, and not in a long run, or at the beginning or the end.
    pub fn scattered_rows(&self) -> usize {
        scattered(&self.deleted, self.old_rows()) + scattered(&self.inserted_at, self.new_rows())
    }

    /// Memory that its values take, about.
    pub fn memory_len_bytes(&self) -> usize {
        let updated = self.updated.iter().map(|update| &update.values);
        let columns = self.inserted.iter().flatten().chain(updated);
        let len = |column: &Column| {
            let exceptions = column.exceptions().iter().map(|exception| exception.bytes.len() + size_of::<Exception>());
            column.values().get_array_memory_size() + exceptions.sum::<usize>()
        };
        let positions: usize = self.updated.iter().map(|update| update.positions.len()).sum();
        columns.map(len).sum::<usize>() + 4 * (positions + self.deleted.len() + self.inserted_at.len())
    }

    /// True when rows come or go.
    pub fn moves_rows(&self) -> bool {
        !self.deleted.is_empty() || !self.inserted_at.is_empty()
    }
}

/// Positions that are in no long run, and in none at the beginning or the end of so many rows.
fn scattered(positions: &[u32], rows: usize) -> usize {
    let is_scattered = |run: &&[u32]| {
        let (first, last) = (run.first().copied().unwrap_or(0), run.last().copied().unwrap_or(0));
        run.len() < LONG_RUN_ROWS && first != 0 && last as usize + 1 != rows
    };
    positions.chunk_by(|left, right| left + 1 == *right).filter(is_scattered).map(<[u32]>::len).sum()
}
