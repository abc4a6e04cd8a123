//! Answers in the formats of others.

use crate::error::SqlError;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

/// Rows of a row group of a Parquet file: these are held until the group is written.
const GROUP_ROWS: usize = 128 << 10;

/// A format of answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Comma-separated values (RFC 4180), the first line names the columns.
    Csv,
    /// One JSON object a line, nulls included.
    Json,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file, compressed with zstd.
    Parquet,
}

/// Writes batches in a format.
pub struct Writer<W: Write + Send> {
    one: One<Watched<W>>,
    fault: Fault,
}

/// What the operating system said when it would not take more.
type Fault = Arc<OnceLock<std::io::Error>>;

/// Libraries put what the operating system says into words of theirs: here it is kept.
struct Watched<W> {
    inner: W,
    fault: Fault,
}

impl<W> Watched<W> {
    fn keep<T>(&self, outcome: std::io::Result<T>) -> std::io::Result<T> {
        outcome.inspect_err(|error| {
            let copy = error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error);
            // The first is the cause.
            let _ = self.fault.set(copy);
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let outcome = self.inner.write(bytes);
        self.keep(outcome)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let outcome = self.inner.flush();
        self.keep(outcome)
    }
}

enum One<W: Write + Send> {
    Csv(Box<arrow_csv::Writer<W>>),
    Json(arrow_json::LineDelimitedWriter<W>),
    Arrow(Box<arrow_ipc::writer::StreamWriter<W>>),
    Parquet(Box<ArrowWriter<W>>),
}

fn failed(error: impl std::fmt::Display) -> SqlError {
    SqlError::Write(error.to_string())
}

impl<W: Write + Send> Writer<W> {
    /// For rows of these columns.
    pub fn new(format: Format, schema: &SchemaRef, to: W) -> Result<Self, SqlError> {
        if matches!(format, Format::Json | Format::Parquet) {
            check_names(schema)?;
        }
        let fault = Fault::default();
        let made = One::new(format, schema, Watched { inner: to, fault: fault.clone() });
        Ok(Self { one: made.map_err(|error| cause(&fault, error))?, fault })
    }

    /// Writes rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        self.one.write(batch).map_err(|error| cause(&self.fault, error))
    }

    /// Writes what belongs at the end.
    pub fn finish(self) -> Result<(), SqlError> {
        let Self { one, fault } = self;
        one.finish().map_err(|error| cause(&fault, error))
    }
}

/// Who reads the answer may have gone, which is no fault of the answer.
fn cause(fault: &Fault, error: SqlError) -> SqlError {
    match (error, fault.get()) {
        (SqlError::Write(_), Some(fault)) => SqlError::Output(
            fault.raw_os_error().map_or_else(|| fault.kind().into(), std::io::Error::from_raw_os_error),
        ),
        (error, _) => error,
    }
}

impl<W: Write + Send> One<W> {
    fn new(format: Format, schema: &SchemaRef, mut to: W) -> Result<Self, SqlError> {
        Ok(match format {
            Format::Csv => {
                // Without a row the writer would say nothing, and an empty answer has columns, too.
                let names = schema.fields().iter().map(|field| quoted(field.name())).collect::<Vec<_>>().join(",");
                writeln!(to, "{names}").map_err(SqlError::Output)?;
                One::Csv(Box::new(arrow_csv::WriterBuilder::new().with_header(false).build(to)))
            }
            Format::Json => One::Json(
                arrow_json::WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .build::<W, arrow_json::writer::LineDelimited>(to),
            ),
            Format::Arrow => {
                One::Arrow(Box::new(arrow_ipc::writer::StreamWriter::try_new(to, schema).map_err(failed)?))
            }
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::try_new(3).map_err(failed)?);
                let properties = WriterProperties::builder()
                    .set_compression(zstd)
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .build();
                let writer = ArrowWriter::try_new(to, schema.clone(), Some(properties)).map_err(failed)?;
                One::Parquet(Box::new(writer))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        match self {
            One::Csv(writer) => writer.write(batch).map_err(failed),
            One::Json(writer) => writer.write(batch).map_err(failed),
            One::Arrow(writer) => writer.write(batch).map_err(failed),
            One::Parquet(writer) => writer.write(batch).map_err(failed),
        }
    }

    fn finish(self) -> Result<(), SqlError> {
        match self {
            One::Csv(_) => Ok(()),
            One::Json(mut writer) => writer.finish().map_err(failed),
            One::Arrow(mut writer) => writer.finish().map_err(failed),
            One::Parquet(writer) => writer.close().map(drop).map_err(failed),
        }
    }
}

/// Who reads an object or a file by the names of its columns finds only one of two that are called alike.
fn check_names(schema: &SchemaRef) -> Result<(), SqlError> {
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let name = pair[0];
            Err(SqlError::Plan(format!("two columns of the answer are called {name}: name one with AS, or take CSV")))
        }
    }
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_string() }
}

/// The values of a column as text, row by row; nothing for null.
pub fn text_of(values: &ArrayRef) -> Result<Vec<Option<String>>, SqlError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(values, &options).map_err(failed)?;
    let one = |row: usize| match values.is_null(row) {
        true => Ok(None),
        false => formatter.value(row).try_to_string().map(Some).map_err(failed),
    };
    (0..values.len()).map(one).collect()
}

/// The rows of a batch: of each column, in their order, the value as JSON. What no number of JSON is exactly, decimals and what is
/// no finite number, is text.
pub fn json_rows(batch: &RecordBatch) -> Result<Vec<Vec<serde_json::Value>>, SqlError> {
    // Two columns may have one name; by their places they are told apart.
    let asked = batch.schema();
    let places = asked.fields().iter().enumerate();
    let fields: Vec<Field> = places.map(|(at, field)| field.as_ref().clone().with_name(at.to_string())).collect();
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(schema, batch.columns().to_vec(), &options).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Format::Json, &batch.schema(), &mut bytes)?;
    writer.write(&batch)?;
    writer.finish()?;
    let row = |line: &[u8]| {
        let mut values: BTreeMap<usize, serde_json::Value> = serde_json::from_slice(line).map_err(failed)?;
        (0..batch.num_columns()).map(|at| values.remove(&at).ok_or_else(|| failed("a value is missing"))).collect()
    };
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let mut rows: Vec<Vec<serde_json::Value>> = lines.map(row).collect::<Result<_, SqlError>>()?;
    for (at, column) in batch.columns().iter().enumerate() {
        for (row, value) in exact(column)?.into_iter().enumerate() {
            rows[row][at] = value;
        }
    }
    Ok(rows)
}

/// The values of a column that would not be the same once they have been text; none where all are.
fn exact(column: &ArrayRef) -> Result<Vec<serde_json::Value>, SqlError> {
    use serde_json::Value;
    let number =
        |number: f64| serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number);
    Ok(match column.data_type() {
        DataType::Float64 => {
            column.as_primitive::<Float64Type>().iter().map(|value| value.map_or(Value::Null, number)).collect()
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            text_of(column)?.into_iter().map(|text| text.map_or(Value::Null, Value::String)).collect()
        }
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Decimal128Array, Float64Array, Int64Array};

    #[test]
    fn rows_are_json_by_place_and_to_the_last_digit() {
        let floats = [0.1 + 0.2, 1.0 / 3.0, 5e-324, f64::MAX, f64::NAN];
        let decimals =
            Decimal128Array::from(vec![Some(1_234_567_890_123_456_789_012), None, Some(5), Some(0), Some(-5)]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(0..5)),
            Arc::new(Int64Array::from_iter_values(10..15)),
            Arc::new(Float64Array::from(floats.to_vec())),
            Arc::new(decimals.with_precision_and_scale(38, 2).expect("fitting")),
        ];
        let field = |(name, column): (&str, &ArrayRef)| Field::new(name, column.data_type().clone(), true);
        let fields: Vec<Field> = ["id", "id", "f", "d"].into_iter().zip(&columns).map(field).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("even");
        let rows = json_rows(&batch).expect("written");
        for (row, values) in rows.iter().enumerate() {
            assert_eq!((values[0].as_u64(), values[1].as_u64()), (Some(row as u64), Some(row as u64 + 10)));
            assert_eq!(values[2].as_f64(), Some(floats[row]).filter(|float| !float.is_nan()));
        }
        assert_eq!(rows[0][3], "12345678901234567890.12");
        assert_eq!(rows[4][2], "NaN");
        assert!(rows[1][3].is_null());
        for format in [Format::Json, Format::Parquet] {
            assert!(Writer::new(format, &batch.schema(), Vec::new()).is_err(), "{format:?}");
        }
    }
}
