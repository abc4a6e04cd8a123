//! CSV, JSON Lines and Parquet files inside snapshots of files, as tables.
//!
//! `'docs/2026.csv'` is a path in the default snapshot, or in the newest snapshot of the only source of files;
//! `'files@latest:/docs/2026.csv'` names the snapshot, too. A file is read whole, within a bound; its bytes are proven as those of every restore.
//! Columns and types are found from the content (CSV: the first line names the columns).

use crate::error::SqlError;
use crate::names::Catalogue;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_csv::reader::Format as CsvFormat;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::catalog::{MemTable, TableProvider};
use datakeep_distribute::{DistributeError, look_up, split_place};
use datakeep_engine::EngineError;
use datakeep_model::{ChunkKind, ContentKind, FileType, ItemPath};
use datakeep_store::{FrameDecoder, Manifest, Part, StoreError, content_parts};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Kinds of files that are tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Csv(u8),
    Json,
    Parquet,
}

fn kind(name: &str) -> Option<Kind> {
    let (_, end) = name.rsplit_once('.')?;
    Some(match end.to_ascii_lowercase().as_str() {
        "csv" => Kind::Csv(b','),
        "tsv" => Kind::Csv(b'\t'),
        "json" | "jsonl" | "ndjson" => Kind::Json,
        "parquet" => Kind::Parquet,
        _ => return None,
    })
}

/// True for a name that is a path to a file of such a kind.
pub(crate) fn is_file(name: &str) -> bool {
    kind(name).is_some()
}

/// The table in a file.
pub(crate) fn open(catalogue: &Catalogue, name: &str) -> Result<Arc<dyn TableProvider>, SqlError> {
    let (snapshot, path) = match split_place(name) {
        (snapshot, Some(path)) => (Some(snapshot), path),
        (path, None) => (None, path),
    };
    let bytes = Bytes::from(read(catalogue, snapshot, path)?);
    let refuse = |why: String| SqlError::File { path: path.to_string(), why };
    let kind = kind(name).ok_or_else(|| refuse("neither CSV, JSON nor Parquet".to_string()))?;
    // These libraries see whatever somebody has backed up; should one give up at it, the query ends, and nothing else.
    let most = usize::try_from(catalogue.max_file_bytes).unwrap_or(usize::MAX);
    let read = catch_unwind(AssertUnwindSafe(|| parse(kind, bytes, most)));
    let (schema, batches) = read
        .unwrap_or_else(|_| Err(ArrowError::ParseError("the file is harmed".to_string())))
        .map_err(|error| refuse(error.to_string()))?;
    let table = MemTable::try_new(schema, vec![batches]).map_err(|error| refuse(error.to_string()))?;
    Ok(Arc::new(table))
}

type Parsed = Result<(SchemaRef, Vec<RecordBatch>), ArrowError>;

fn parse(kind: Kind, bytes: Bytes, most: usize) -> Parsed {
    match kind {
        Kind::Csv(delimiter) => csv(&bytes, delimiter, most),
        Kind::Json => json(&bytes, most),
        Kind::Parquet => parquet_file(bytes, most),
    }
}

/// All rows, as long as they take no more memory than that.
fn within(
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    most: usize,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let (mut held, mut found) = (0, Vec::new());
    for batch in batches {
        let batch = batch?;
        held += batch.get_array_memory_size();
        if held > most {
            return Err(ArrowError::MemoryError(format!("its rows take more than {most} bytes")));
        }
        found.push(batch);
    }
    Ok(found)
}

fn csv(bytes: &Bytes, delimiter: u8, most: usize) -> Parsed {
    let format = CsvFormat::default().with_header(true).with_delimiter(delimiter);
    let (schema, _) = format.infer_schema(Cursor::new(bytes), None)?;
    let schema = Arc::new(without_codes(bytes, &format, schema)?);
    let reader = arrow_csv::ReaderBuilder::new(schema.clone()).with_format(format).build(Cursor::new(bytes))?;
    Ok((schema, within(reader, most)?))
}

/// Columns whose numbers would not be written as they stand there stay text: post codes with leading zeros, numbers of accounts
/// that are longer than a number can be.
fn without_codes(bytes: &Bytes, format: &CsvFormat, schema: Schema) -> Result<Schema, ArrowError> {
    let texts: Vec<Field> =
        schema.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true)).collect();
    let reader = arrow_csv::ReaderBuilder::new(Arc::new(Schema::new(texts))).with_format(format.clone());
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    for batch in reader.build(Cursor::new(bytes))? {
        for (field, column) in fields.iter_mut().zip(batch?.columns()) {
            let is_code = |text: &str| match field.data_type() {
                DataType::Int64 => text.parse::<i64>().map_or(true, |number| number.to_string() != text),
                DataType::Float64 => text.trim_start_matches('-').starts_with('0') && is_long_zero(text),
                _ => false,
            };
            if column.as_string::<i32>().iter().flatten().any(|text| !text.is_empty() && is_code(text)) {
                *field = field.clone().with_data_type(DataType::Utf8);
            }
        }
    }
    Ok(Schema::new(fields))
}

/// True for a zero before other digits.
fn is_long_zero(text: &str) -> bool {
    text.trim_start_matches('-').as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

fn json(bytes: &Bytes, most: usize) -> Parsed {
    let (schema, _) = arrow_json::reader::infer_json_schema(Cursor::new(bytes), None)?;
    let schema = Arc::new(schema);
    let reader = arrow_json::ReaderBuilder::new(schema.clone()).build(Cursor::new(bytes))?;
    Ok((schema, within(reader, most)?))
}

fn parquet_file(bytes: Bytes, most: usize) -> Parsed {
    let inferred = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?.schema().clone();
    // As views, a text that stands once in the file is held once, however many rows have it.
    let viewed = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => field.as_ref().clone().with_data_type(DataType::BinaryView),
        _ => field.as_ref().clone(),
    };
    let schema: SchemaRef = Arc::new(Schema::new(inferred.fields().iter().map(viewed).collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema.clone());
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)?;
    Ok((schema, within(builder.build()?, most)?))
}

/// The snapshot of files that is meant.
fn snapshot<'c>(catalogue: &'c Catalogue, name: Option<&str>, path: &str) -> Result<&'c Manifest, SqlError> {
    if let Some(name) = name.or(catalogue.default.as_deref()) {
        return catalogue.snapshot(name);
    }
    let mut sources: Vec<&str> = Vec::new();
    for manifest in catalogue.manifests.iter().filter(|manifest| manifest.snapshot.content != ContentKind::Tables) {
        if !sources.contains(&manifest.snapshot.source.name.as_str()) {
            sources.push(&manifest.snapshot.source.name);
        }
    }
    match sources.as_slice() {
        [one] => catalogue.snapshot(one),
        [] => Err(DistributeError::NotFound { what: "a snapshot of files".to_string(), near: None }.into()),
        many => {
            let within = path.trim_start_matches('/');
            let candidates = many.iter().map(|source| format!("'{source}:/{within}'")).collect();
            Err(DistributeError::Ambiguous { what: "a path without a snapshot".to_string(), candidates }.into())
        }
    }
}

/// The bytes of a regular file.
fn read(catalogue: &Catalogue, name: Option<&str>, path: &str) -> Result<Vec<u8>, SqlError> {
    let refuse = |why: String| SqlError::File { path: path.to_string(), why };
    let manifest = snapshot(catalogue, name, path)?;
    let item = ItemPath::parse(path.as_bytes()).map_err(|error| refuse(error.to_string()))?;
    let entry = look_up(&catalogue.repository, manifest, &item)?.entry;
    if entry.meta.file_type != FileType::File {
        return Err(refuse("not a regular file".to_string()));
    }
    let (len_bytes, most) = (entry.meta.len_bytes, catalogue.max_file_bytes);
    if len_bytes > most {
        return Err(refuse(format!("{len_bytes} bytes: a query reads files of at most {most} bytes")));
    }
    let store = |error: StoreError| SqlError::from(EngineError::from(error));
    let mut decoder = FrameDecoder::searching().map_err(store)?;
    let mut bytes = Vec::new();
    for part in content_parts(&catalogue.repository, &entry.content, &mut decoder).map_err(store)? {
        if bytes.len() as u64 + part.len_bytes() > most {
            return Err(refuse(format!("a query reads files of at most {most} bytes")));
        }
        match part {
            Part::Hole(len_bytes) => bytes.resize(bytes.len() + len_bytes as usize, 0),
            Part::Chunk(chunk) => {
                let data = catalogue.repository.read_chunk(ChunkKind::Data, &chunk, &mut decoder).map_err(store)?;
                bytes.extend_from_slice(&data);
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_codes_stay_as_they_stand() {
        let text = "zip,n,f,account,late\n00123,1,0.5,12345678901234567890,1\n7,-2,-0.25,5,1\n".to_string()
            + &"1,2,3,4,5\n".repeat(20_000)
            + "1,2,3,4,text\n";
        let (schema, batches) = csv(&Bytes::from(text), b',', 64 << 20).expect("read");
        let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
        assert_eq!(types[..3], [&DataType::Utf8, &DataType::Int64, &DataType::Float64]);
        assert_eq!(types[4], &DataType::Utf8, "the last line counts, too");
        let values = |at: usize| arrow_cast::display::array_value_to_string(batches[0].column(at), 0).expect("shown");
        assert_eq!((values(0), values(3)), ("00123".to_string(), "12345678901234567890".to_string()));
    }
}
