//! Rows made of single cells, as columns of a query.

use crate::values::text;
use arrow_array::builder::{BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use datakeep_distribute::tables::Cell;
use std::sync::Arc;

/// The type in which cells of a column are shown: its own where cells have it, else text.
pub(crate) fn cell_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Boolean | DataType::Int64 | DataType::Float64 | DataType::Binary => data_type.clone(),
        _ => DataType::Utf8,
    }
}

enum One {
    Truth(BooleanBuilder),
    Integer(Int64Builder),
    Real(Float64Builder),
    Bytes(BinaryBuilder),
    Text(StringBuilder),
}

impl One {
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Truth(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Real(Float64Builder::new()),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// A cell that the type does not hold cannot come here: its column would be text.
    fn push(&mut self, cell: &Cell) {
        match (self, cell) {
            (Self::Truth(builder), Cell::Bool(truth)) => builder.append_value(*truth),
            (Self::Truth(builder), _) => builder.append_null(),
            (Self::Integer(builder), Cell::Integer(number)) => builder.append_value(*number),
            (Self::Integer(builder), _) => builder.append_null(),
            (Self::Real(builder), Cell::Real(number)) => builder.append_value(*number),
            // Of a column of both, whose integers are floats exactly.
            (Self::Real(builder), Cell::Integer(number)) => builder.append_value(*number as f64),
            (Self::Real(builder), _) => builder.append_null(),
            (Self::Bytes(builder), Cell::Blob(bytes)) => builder.append_value(bytes),
            (Self::Bytes(builder), _) => builder.append_null(),
            (Self::Text(builder), cell) => builder.append_option(text(cell)),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Truth(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Real(builder) => Arc::new(builder.finish()),
            Self::Bytes(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Gathers rows.
pub(crate) struct Rows {
    schema: SchemaRef,
    columns: Vec<One>,
    rows: usize,
}

impl Rows {
    /// For columns of types that [`cell_type`] answers.
    pub fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| One::new(field.data_type())).collect();
        Self { schema, columns, rows: 0 }
    }

    /// Adds a row: a cell for each column.
    pub fn push(&mut self, row: &[Cell]) {
        self.columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
        self.rows += 1;
    }

    /// Rows gathered since the last batch.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// What was gathered.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        RecordBatch::try_new(self.schema.clone(), self.columns.iter_mut().map(One::finish).collect())
    }
}
