//! Values that are too long to stand in a column.
//!
//! A long value in a column chunk would be stored again whenever the chunk is, and read whenever the column is. It stands aside: in
//! its place is an exception of kind [`ASIDE_KIND`] with its name. Who compares and patches columns does it with values aside, and
//! two cells are equal just when their names are. What rows, columns and groups *are* ([`crate::hash`]) is told by the values
//! themselves: it does not depend on where they stand.

use crate::cells::Cells;
use crate::hash::{LargeName, TableHasher};
use arrow_array::{ArrayRef, BinaryArray, StringArray, builder::BinaryBuilder, builder::StringBuilder};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, ColumnError, Exception, RowBatch};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The kind of the exception that stands where a large value stood: no source may use it.
pub const ASIDE_KIND: u8 = 255;
/// What is longer than this stands aside.
pub const MOST_INLINE_LEN_BYTES: usize = 64 << 10;
/// All values of a column together, at most: what an array of Arrow can hold.
const MOST_COLUMN_LEN_BYTES: u64 = i32::MAX as u64;

/// Where a value that stands aside is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    column: usize,
    row: usize,
}

/// Rows of which long values stand aside.
pub struct Aside<'a> {
    real: &'a RowBatch,
    stored: RowBatch,
    places: BTreeMap<LargeName, Place>,
}

/// Why large values cannot be put back where they belong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AsideError {
    /// What stands in a value's place does not name one.
    Misnamed,
    /// A value that is named is not there.
    Missing,
    /// A value is none of its column's type.
    OtherType,
    /// The values of a column are longer together than a column can be.
    TooLong,
}

impl fmt::Display for AsideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Misnamed => "what stands for a large value names none",
            Self::Missing => "a large value is not listed",
            Self::OtherType => "a large value is none of its column's type",
            Self::TooLong => "the large values of a column have more than 2 GiB together",
        })
    }
}

impl std::error::Error for AsideError {}

impl From<ColumnError> for AsideError {
    fn from(_: ColumnError) -> Self {
        Self::Misnamed
    }
}

impl<'a> Aside<'a> {
    /// Sets aside what is longer than `most_inline_len_bytes`. The columns of the `key`, by their positions, stay: rows are
    /// ordered and found by them.
    pub fn of(
        rows: &'a RowBatch,
        key: &[usize],
        most_inline_len_bytes: usize,
        hasher: &TableHasher,
    ) -> Result<Self, ColumnError> {
        let (mut columns, mut places) = (Vec::with_capacity(rows.columns().len()), BTreeMap::new());
        for (at, column) in rows.columns().iter().enumerate() {
            if key.contains(&at) {
                columns.push(column.clone());
                continue;
            }
            let take = |row, name| {
                places.entry(name).or_insert(Place { column: at, row });
            };
            columns.push(set_aside(column, most_inline_len_bytes, (hasher, take))?);
        }
        Ok(Self { real: rows, stored: RowBatch::new(columns)?, places })
    }

    /// The rows as they are stored.
    pub fn rows(&self) -> &RowBatch {
        &self.stored
    }

    /// True where every value stands in its column.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The values that stand aside, each once, by rising name.
    pub fn values(&self) -> impl Iterator<Item = (LargeName, &[u8])> {
        self.places.iter().map(|(name, place)| (*name, value_at(&self.real.columns()[place.column], place.row)))
    }
}

/// The bytes of a typed value of differing length, or of an exception; of any other nothing.
fn value_at(column: &Column, row: usize) -> &[u8] {
    let exceptions = column.exceptions();
    if let Ok(at) = exceptions.binary_search_by_key(&row, |exception| exception.row as usize) {
        return &exceptions[at].bytes;
    }
    let values = column.values().as_any();
    match (values.downcast_ref::<StringArray>(), values.downcast_ref::<BinaryArray>()) {
        (Some(texts), _) => texts.value(row).as_bytes(),
        (_, Some(bytes)) => bytes.value(row),
        _ => &[],
    }
}

/// A column of which long values stand aside, as [`Aside::of`] makes it of rows.
pub fn without_large(
    column: &Column,
    most_inline_len_bytes: usize,
    hasher: &TableHasher,
) -> Result<Column, ColumnError> {
    set_aside(column, most_inline_len_bytes, (hasher, |_, _| {}))
}

fn set_aside(
    column: &Column,
    most_len_bytes: usize,
    (hasher, mut take): (&TableHasher, impl FnMut(usize, LargeName)),
) -> Result<Column, ColumnError> {
    let cells = Cells::new(column);
    let is_long = |exception: &Exception| exception.kind != ASIDE_KIND && exception.bytes.len() > most_len_bytes;
    let long_rows: Vec<usize> = match cells.is_variable() {
        true => cells.typed().filter(|(_, value)| value.len() > most_len_bytes).map(|(row, _)| row).collect(),
        false => Vec::new(),
    };
    if long_rows.is_empty() && !column.exceptions().iter().any(is_long) {
        return Ok(column.clone());
    }
    let mut exceptions = Vec::with_capacity(column.exceptions().len() + long_rows.len());
    let mut named = |row: usize, kind: u8, value: &[u8]| {
        let name = hasher.large(value);
        take(row, name);
        Exception { row: row as u32, kind: ASIDE_KIND, bytes: [&[kind][..], &name.0].concat() }
    };
    for exception in column.exceptions() {
        exceptions.push(match is_long(exception) {
            true => named(exception.row as usize, exception.kind, &exception.bytes),
            false => exception.clone(),
        });
    }
    exceptions.extend(long_rows.iter().map(|&row| named(row, 0, cells.bytes(row))));
    exceptions.sort_unstable_by_key(|exception| exception.row);
    let short = |row: usize| (cells.is_typed(row) && long_rows.binary_search(&row).is_err()).then(|| cells.bytes(row));
    let values = match long_rows.is_empty() {
        true => column.values().clone(),
        false => made(column.values().data_type(), (0..column.rows()).map(short)).ok_or_else(|| {
            // Only texts and bytes are of differing length, and a text stays one.
            ColumnError::Unsupported(column.values().data_type().clone())
        })?,
    };
    Column::new(values, exceptions)
}

/// Makes an array of values of differing length.
enum Builder {
    Texts(StringBuilder),
    Bytes(BinaryBuilder),
}

impl Builder {
    /// `None` for types of other values.
    fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Utf8 => Some(Self::Texts(StringBuilder::new())),
            DataType::Binary => Some(Self::Bytes(BinaryBuilder::new())),
            _ => None,
        }
    }

    /// False, and nothing is appended, for a value that is none of the type.
    fn append(&mut self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Texts(builder) => match value.map(std::str::from_utf8).transpose() {
                Ok(text) => builder.append_option(text),
                Err(_) => return false,
            },
            Self::Bytes(builder) => builder.append_option(value),
        }
        true
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Texts(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// An array of values of differing length; `None` where some value is none of this type.
fn made<'v>(data_type: &DataType, mut values: impl Iterator<Item = Option<&'v [u8]>>) -> Option<ArrayRef> {
    let mut builder = Builder::of(data_type)?;
    values.all(|value| builder.append(value)).then(|| builder.finish())
}

/// What an exception stands for: the kind of the value (0: a typed one), and its name.
fn parse(exception: &Exception) -> Option<Result<(u8, LargeName), AsideError>> {
    if exception.kind != ASIDE_KIND {
        return None;
    }
    let parsed = match exception.bytes.split_first() {
        Some((&kind, name)) if kind != ASIDE_KIND => name.try_into().map(|name| (kind, LargeName(name))).ok(),
        _ => None,
    };
    Some(parsed.ok_or(AsideError::Misnamed))
}

/// The large values of a group.
pub trait LargeValues {
    /// Why one cannot be had.
    type Error: From<AsideError>;

    /// Its length; `None` where it is not listed.
    fn len_bytes(&self, name: &LargeName) -> Option<u64>;

    /// Appends its bytes, which are those that the name is of: never more than its length.
    fn append(&mut self, name: &LargeName, to: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// Puts the values back: the column as it was captured. Takes what the values take, and what [`LargeValues::append`] holds.
pub fn with_large<L: LargeValues>(column: Column, large: &mut L) -> Result<Column, L::Error> {
    let named: Vec<(usize, u8, LargeName)> = named_in(&column)?;
    if named.is_empty() {
        return Ok(column);
    }
    let cells = Cells::new(&column);
    check_len(&cells, named.iter().map(|(_, _, name)| large.len_bytes(name)))?;
    let typed: BTreeMap<usize, LargeName> =
        named.iter().filter(|(_, kind, _)| *kind == 0).map(|(row, _, name)| (*row, *name)).collect();
    let mut exceptions = Vec::with_capacity(column.exceptions().len() - typed.len());
    for exception in column.exceptions() {
        match parse(exception) {
            None => exceptions.push(exception.clone()),
            Some(Ok((0, _))) => {}
            Some(Ok((kind, name))) => {
                let mut bytes = Vec::new();
                large.append(&name, &mut bytes)?;
                exceptions.push(Exception { row: exception.row, kind, bytes });
            }
            Some(Err(error)) => return Err(error.into()),
        }
    }
    let values = match typed.is_empty() {
        true => column.values().clone(),
        false => filled(&cells, &typed, large)?,
    };
    Ok(Column::new(values, exceptions).map_err(AsideError::from)?)
}

fn named_in(column: &Column) -> Result<Vec<(usize, u8, LargeName)>, AsideError> {
    let named = column.exceptions().iter().filter_map(|exception| {
        let parsed = parse(exception)?;
        Some(parsed.map(|(kind, name)| (exception.row as usize, kind, name)))
    });
    named.collect()
}

/// That an array can hold all of them, before any of them is read.
fn check_len(cells: &Cells<'_>, lens: impl Iterator<Item = Option<u64>>) -> Result<(), AsideError> {
    let mut all: u64 = if cells.is_variable() { cells.typed().map(|(_, value)| value.len() as u64).sum() } else { 0 };
    for len in lens {
        all = all.saturating_add(len.ok_or(AsideError::Missing)?);
    }
    if all > MOST_COLUMN_LEN_BYTES { Err(AsideError::TooLong) } else { Ok(()) }
}

/// The typed values, with the large ones among them.
fn filled<L: LargeValues>(
    cells: &Cells<'_>,
    typed: &BTreeMap<usize, LargeName>,
    large: &mut L,
) -> Result<ArrayRef, L::Error> {
    if !cells.is_variable() {
        return Err(AsideError::OtherType.into());
    }
    // Values may be of a gigabyte: each is read into its place, and never stands in memory twice.
    let (mut bytes, mut ends) = (Vec::new(), vec![0]);
    let mut nulls = NullBufferBuilder::new(cells.rows());
    for row in 0..cells.rows() {
        let name = typed.get(&row);
        match name {
            Some(name) => large.append(name, &mut bytes)?,
            None if cells.is_typed(row) => bytes.extend_from_slice(cells.bytes(row)),
            None => {}
        }
        nulls.append(name.is_some() || cells.is_typed(row));
        ends.push(i32::try_from(bytes.len()).map_err(|_| AsideError::TooLong)?);
    }
    let (bytes, ends) = (Buffer::from_vec(bytes), OffsetBuffer::new(ScalarBuffer::from(ends)));
    Ok(match cells.data_type() {
        DataType::Utf8 => {
            let texts = StringArray::try_new(ends, bytes, nulls.finish());
            Arc::new(texts.map_err(|_| AsideError::OtherType)?)
        }
        _ => Arc::new(BinaryArray::new(ends, bytes, nulls.finish())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Known(BTreeMap<LargeName, Vec<u8>>);

    impl LargeValues for Known {
        type Error = AsideError;

        fn len_bytes(&self, name: &LargeName) -> Option<u64> {
            self.0.get(name).map(|value| value.len() as u64)
        }

        fn append(&mut self, name: &LargeName, to: &mut Vec<u8>) -> Result<(), AsideError> {
            to.extend_from_slice(self.0.get(name).ok_or(AsideError::Missing)?);
            Ok(())
        }
    }

    fn hasher() -> TableHasher {
        TableHasher::new(&[7; 32])
    }

    /// Texts or bytes: null, a typed value or an exception in each row.
    fn column(is_text: bool, cells: &[(u8, String)]) -> Column {
        let typed = cells.iter().map(|(what, text)| (*what > 1).then_some(text.as_bytes()));
        let data_type = if is_text { DataType::Utf8 } else { DataType::Binary };
        let values = made(&data_type, typed).expect("texts");
        let odd = |(row, (what, text)): (usize, &(u8, String))| {
            (*what == 1).then(|| Exception { row: row as u32, kind: 1 + (row % 254) as u8, bytes: text.clone().into() })
        };
        Column::new(values, cells.iter().enumerate().filter_map(odd).collect()).expect("valid")
    }

    fn cells() -> impl Strategy<Value = Vec<(u8, String)>> {
        proptest::collection::vec((0u8..5, "[a-c]{0,12}"), 0..40)
    }

    fn same(left: &Column, right: &Column) -> bool {
        left.values() == right.values() && left.exceptions() == right.exceptions()
    }

    proptest! {
        #[test]
        fn what_is_set_aside_comes_back(is_text: bool, cells in cells(), most in 0usize..10) {
            let (rows, hasher) = (RowBatch::new(vec![column(is_text, &cells)]).expect("even"), hasher());
            let aside = Aside::of(&rows, &[], most, &hasher).expect("set aside");
            let large: BTreeMap<LargeName, Vec<u8>> =
                aside.values().map(|(name, value)| (name, value.to_vec())).collect();
            prop_assert!(large.iter().all(|(name, value)| value.len() > most && hasher.large(value) == *name));
            let stored = &aside.rows().columns()[0];
            let is_short = |cell: Option<usize>| cell.is_none_or(|len| len <= most.max(33));
            prop_assert!(stored.exceptions().iter().all(|odd| is_short(Some(odd.bytes.len()))));
            let mut known = Known(large);
            prop_assert!(same(&with_large(stored.clone(), &mut known).expect("put back"), &rows.columns()[0]));
            // What stands aside already stays there, whatever is set aside now.
            prop_assert!(same(&without_large(stored, most, &hasher).expect("once more"), stored));
            if known.0.pop_first().is_some() {
                prop_assert_eq!(with_large(stored.clone(), &mut known).err(), Some(AsideError::Missing));
            }
        }
    }

    #[test]
    fn what_names_no_value_is_told() {
        let of = |data_type: DataType, bytes: &[u8]| {
            let odd = Exception { row: 0, kind: ASIDE_KIND, bytes: bytes.to_vec() };
            Column::new(arrow_array::new_null_array(&data_type, 1), vec![odd]).expect("valid")
        };
        let mut known = Known(BTreeMap::from([(LargeName([0; 32]), vec![0xff])]));
        let mut back = |data_type, bytes: &[u8]| with_large(of(data_type, bytes), &mut known);
        for bytes in [&[][..], &[0; 32], &[0; 34], &[&[255][..], &[0; 32]].concat()] {
            assert_eq!(back(DataType::Int64, bytes).err(), Some(AsideError::Misnamed));
        }
        assert_eq!(back(DataType::Int64, &[0; 33]).err(), Some(AsideError::OtherType));
        assert_eq!(back(DataType::Utf8, &[0; 33]).err(), Some(AsideError::OtherType));
        assert_eq!(back(DataType::Binary, &[0; 33]).map(|column| column.values().null_count()), Ok(0));
        let odd = back(DataType::Int64, &[&[3][..], &[0; 32]].concat()).expect("an exception");
        assert_eq!(odd.exceptions(), [Exception { row: 0, kind: 3, bytes: vec![0xff] }]);
    }

    #[test]
    fn no_column_is_made_longer_than_an_array_can_be() {
        struct Claimed;
        impl LargeValues for Claimed {
            type Error = AsideError;

            fn len_bytes(&self, _: &LargeName) -> Option<u64> {
                Some(1 << 30)
            }

            fn append(&mut self, _: &LargeName, _: &mut Vec<u8>) -> Result<(), AsideError> {
                panic!("it was read");
            }
        }
        let odd = |row| Exception { row, kind: ASIDE_KIND, bytes: vec![0; 33] };
        let values = arrow_array::new_null_array(&DataType::Binary, 2);
        let column = Column::new(values, vec![odd(0), odd(1)]).expect("valid");
        assert_eq!(with_large(column, &mut Claimed).err(), Some(AsideError::TooLong));
    }
}
