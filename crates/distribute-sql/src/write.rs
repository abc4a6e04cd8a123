//! Answers in the formats of others.

use crate::error::SqlError;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;

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
pub struct Writer<W: Write + Send>(One<W>);

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
    pub fn new(format: Format, schema: &SchemaRef, mut to: W) -> Result<Self, SqlError> {
        Ok(Self(match format {
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
        }))
    }

    /// Writes rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        match &mut self.0 {
            One::Csv(writer) => writer.write(batch).map_err(failed),
            One::Json(writer) => writer.write(batch).map_err(failed),
            One::Arrow(writer) => writer.write(batch).map_err(failed),
            One::Parquet(writer) => writer.write(batch).map_err(failed),
        }
    }

    /// Writes what belongs at the end.
    pub fn finish(self) -> Result<(), SqlError> {
        match self.0 {
            One::Csv(_) => Ok(()),
            One::Json(mut writer) => writer.finish().map_err(failed),
            One::Arrow(mut writer) => writer.finish().map_err(failed),
            One::Parquet(writer) => writer.close().map(drop).map_err(failed),
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

/// The rows of a batch as JSON objects.
pub fn json_rows(batch: &RecordBatch) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, SqlError> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Format::Json, &batch.schema(), &mut bytes)?;
    writer.write(batch)?;
    writer.finish()?;
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(failed)).collect()
}
