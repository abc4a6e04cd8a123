//! Rows in the vocabulary of Arrow: what sources of tables give, and targets take.
//!
//! A column is **typed values plus exceptions**. A value is a typed one only if it turns back into exactly the bytes the source
//! gave; every other value is an exception: its typed slot is null, and the exact bytes stand beside it. So a column of numbers
//! with one text in it stays a column of numbers, and nothing is rounded, trimmed or lost.

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use std::fmt;

/// A value that its column's type cannot hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exception {
    /// Row within the batch or group.
    pub row: u32,
    /// What it is, as the source numbers its own kinds of values (a storage class, "not a number", ...). Never 0.
    pub kind: u8,
    /// Its exact bytes, as the source says for this kind.
    pub bytes: Vec<u8>,
}

/// The values of one column in a run of rows.
#[derive(Clone)]
pub struct Column {
    values: ArrayRef,
    exceptions: Vec<Exception>,
}

/// Why values and exceptions make no column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ColumnError {
    /// No column has this type.
    Unsupported(DataType),
    /// An exception names a row that is not there, or rows do not rise.
    Misplaced {
        /// The row.
        row: u32,
    },
    /// A row has a typed value and an exception, or an exception of kind 0.
    Twofold {
        /// The row.
        row: u32,
    },
    /// Columns of one batch differ in length.
    Uneven {
        /// Rows of the first.
        expected: usize,
        /// Rows of another.
        found: usize,
    },
}

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(data_type) => write!(f, "no column has the type {data_type}"),
            Self::Misplaced { row } => write!(f, "an exception for row {row} is out of place"),
            Self::Twofold { row } => write!(f, "row {row} has a typed value and an exception"),
            Self::Uneven { expected, found } => write!(f, "a column has {found} rows beside one of {expected}"),
        }
    }
}

impl std::error::Error for ColumnError {}

/// True for the types a column may have: those whose values are plain, of a stated width or plain bytes.
pub fn is_supported(data_type: &DataType) -> bool {
    use DataType as T;
    use arrow_schema::TimeUnit::Microsecond;
    match data_type {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => true,
        T::Float32 | T::Float64 | T::Date32 | T::Utf8 | T::Binary => true,
        T::Time64(Microsecond) | T::Timestamp(Microsecond, _) => true,
        T::FixedSizeBinary(len) => *len > 0,
        T::Decimal128(_, scale) | T::Decimal256(_, scale) => *scale >= 0,
        _ => false,
    }
}

impl Column {
    /// Values and exceptions, by rising row.
    pub fn new(values: ArrayRef, exceptions: Vec<Exception>) -> Result<Self, ColumnError> {
        if !is_supported(values.data_type()) {
            return Err(ColumnError::Unsupported(values.data_type().clone()));
        }
        let mut least = 0;
        for Exception { row, kind, .. } in &exceptions {
            let row = *row;
            if row < least || row as usize >= values.len() {
                return Err(ColumnError::Misplaced { row });
            }
            if *kind == 0 || values.is_valid(row as usize) {
                return Err(ColumnError::Twofold { row });
            }
            least = row.saturating_add(1);
        }
        Ok(Self { values, exceptions })
    }

    /// The typed values; null where there is none.
    pub fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// What the type cannot hold, by rising row.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// The typed values and the exceptions.
    pub fn into_parts(self) -> (ArrayRef, Vec<Exception>) {
        (self.values, self.exceptions)
    }

    /// A run of rows, without copying values.
    pub fn slice(&self, from: usize, rows: usize) -> Self {
        let to = from + rows;
        let within = |exception: &&Exception| (from..to).contains(&(exception.row as usize));
        let moved = |exception: &Exception| Exception { row: exception.row - from as u32, ..exception.clone() };
        let exceptions = self.exceptions.iter().filter(within).map(moved).collect();
        Self { values: self.values.slice(from, rows), exceptions }
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, data_type) = (self.rows(), self.values.data_type());
        write!(f, "{rows} rows of {data_type}, {} exceptions", self.exceptions.len())
    }
}

/// A run of rows: columns of one length, in the order of the table's columns.
#[derive(Clone, Debug, Default)]
pub struct RowBatch {
    columns: Vec<Column>,
}

impl RowBatch {
    /// Columns of one length.
    pub fn new(columns: Vec<Column>) -> Result<Self, ColumnError> {
        let expected = columns.first().map_or(0, Column::rows);
        match columns.iter().map(Column::rows).find(|rows| *rows != expected) {
            Some(found) => Err(ColumnError::Uneven { expected, found }),
            None => Ok(Self { columns }),
        }
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns.
    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// Rows; 0 without columns.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::rows)
    }

    /// A run of its rows, without copying values.
    pub fn slice(&self, from: usize, rows: usize) -> Self {
        Self { columns: self.columns.iter().map(|column| column.slice(from, rows)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, ListArray, types::Int32Type};
    use std::sync::Arc;

    fn exception(row: u32, kind: u8) -> Exception {
        Exception { row, kind, bytes: vec![row as u8] }
    }

    fn numbers() -> ArrayRef {
        Arc::new(Int64Array::from(vec![Some(1), None, None, Some(4), None]))
    }

    #[test]
    fn a_value_is_typed_or_an_exception() {
        let made = |exceptions| Column::new(numbers(), exceptions).map(|column| column.rows());
        assert_eq!(made(vec![]), Ok(5));
        assert_eq!(made(vec![exception(1, 3), exception(4, 3)]), Ok(5));
        assert_eq!(made(vec![exception(0, 3)]), Err(ColumnError::Twofold { row: 0 }));
        assert_eq!(made(vec![exception(1, 0)]), Err(ColumnError::Twofold { row: 1 }));
        assert_eq!(made(vec![exception(5, 3)]), Err(ColumnError::Misplaced { row: 5 }));
        assert_eq!(made(vec![exception(2, 3), exception(1, 3)]), Err(ColumnError::Misplaced { row: 1 }));
        assert_eq!(made(vec![exception(1, 3), exception(1, 3)]), Err(ColumnError::Misplaced { row: 1 }));
    }

    #[test]
    fn only_plain_types_make_columns() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        assert!(matches!(Column::new(Arc::new(list), vec![]), Err(ColumnError::Unsupported(_))));
        assert!(!is_supported(&DataType::Decimal128(5, -2)));
    }

    #[test]
    fn slices_take_their_exceptions_along() {
        let column = Column::new(numbers(), vec![exception(1, 3), exception(2, 4), exception(4, 5)]).expect("valid");
        let slice = column.slice(2, 3);
        assert_eq!(slice.rows(), 3);
        let found: Vec<_> = slice.exceptions().iter().map(|e| (e.row, e.kind)).collect();
        assert_eq!(found, [(0, 4), (2, 5)]);
        let uneven = RowBatch::new(vec![column, slice]);
        assert_eq!(uneven.map(|batch| batch.rows()), Err(ColumnError::Uneven { expected: 5, found: 3 }));
    }
}
