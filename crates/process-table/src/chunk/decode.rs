//! From bytes that need not be trusted to values.

use super::form::{same, within};
use super::inside::{Dictionary, Physical};
use super::pages::{PageAt, walk};
use super::{ChunkError, ChunkForm, MAX_ROWS, inside, metadata, schema_of};
use crate::cells::width;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Values of a dictionary are spread out in steps of about so many bytes, so that too many are noticed soon.
const STEP_LEN_BYTES: usize = 4 << 20;

/// Decodes a chunk. The bytes need not be trusted: whatever they are, the answer is an array of this type and so many rows,
/// nulls, and bytes of values, or an error; that it holds the right values is for the hash to say.
///
/// Memory: the pages before compression, one copy of the values, and while they are put together a second one; none of it is
/// taken before the form and the headers of all pages agree, and all of it is bounded by [`super::MAX_LEN_BYTES`] each.
///
/// The Parquet library sees only pages whose levels, lengths and numbers have been verified: it panics at many harmed ones. Should
/// it still do so at one, that unwinds to here and is an error like any other: the library is the largest piece of code that
/// ever sees bytes of a table, and one harmed chunk must not end a restore of all others. Nothing of what was touched is used
/// afterwards, so nothing half-done is seen.
pub fn decode(bytes: &[u8], data_type: &DataType, form: &ChunkForm) -> Result<ArrayRef, ChunkError> {
    form.check(data_type)?;
    if form.rows == 0 {
        same("bytes of no rows", 0, bytes.len() as u64)?;
        return Ok(arrow_array::new_empty_array(data_type));
    }
    let pages = walk(bytes, form)?;
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_pages(bytes, data_type, form, pages)));
    decoded.unwrap_or(Err(ChunkError::Page { at_byte: 0, why: "the library gave up" }))
}

fn decode_pages(
    bytes: &[u8],
    data_type: &DataType,
    form: &ChunkForm,
    pages: Vec<PageAt>,
) -> Result<ArrayRef, ChunkError> {
    let (values, values_len_bytes) = values_in(bytes, data_type, form, pages)?;
    same("nulls", u64::from(form.nulls), values.null_count() as u64)?;
    if width(data_type).is_none() {
        same("bytes of values", form.values_len_bytes, values_len_bytes)?;
    }
    Ok(values)
}

/// The values in these pages of a chunk, which have the rows that `form` says, and at most its bytes of values; and how long
/// they are, where they are of different lengths.
pub(super) fn values_in(
    bytes: &[u8],
    data_type: &DataType,
    form: &ChunkForm,
    pages: Vec<PageAt>,
) -> Result<(ArrayRef, u64), ChunkError> {
    let schema = schema_of(data_type);
    let metadata = metadata::of_one(&schema, form, bytes.len() as u64)?;
    let (pages, step_rows) = opened(bytes, &metadata, form, pages)?;
    let levels = levels(&metadata, &schema)?;
    let chunk = OneChunk { rows: form.rows as usize, metadata, pages };
    let reader = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &chunk, step_rows, None)?;
    let is_variable = width(data_type).is_none();
    let (mut parts, mut values_len_bytes) = (Vec::new(), 0);
    for batch in reader {
        let part = values_of(batch.map_err(ParquetError::from)?)?;
        if is_variable {
            values_len_bytes += super::values_len_bytes(&part);
            within("bytes of values", values_len_bytes, form.values_len_bytes)?;
        }
        parts.push(part);
    }
    let values = joined(&parts)?;
    same("rows", u64::from(form.rows), values.len() as u64)?;
    Ok((values, values_len_bytes))
}

fn levels(metadata: &ParquetMetaData, schema: &arrow_schema::Schema) -> Result<FieldLevels, ParquetError> {
    let descriptor = metadata.file_metadata().schema_descr();
    parquet_to_arrow_field_levels(descriptor, ProjectionMask::all(), Some(schema.fields()))
}

fn values_of(batch: RecordBatch) -> Result<ArrayRef, ChunkError> {
    let values = batch.columns().first().cloned();
    values.ok_or(ChunkError::Page { at_byte: 0, why: "no column" })
}

fn joined(parts: &[ArrayRef]) -> Result<ArrayRef, ChunkError> {
    if let [only] = parts {
        return Ok(only.clone());
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(arrow_select::concat::concat(&parts).map_err(ParquetError::from)?)
}

/// Decompresses all pages, judges what stands in them, and says how many rows may be read at once.
fn opened(
    bytes: &[u8],
    metadata: &ParquetMetaData,
    form: &ChunkForm,
    pages: Vec<PageAt>,
) -> Result<(VecDeque<Page>, usize), ChunkError> {
    let physical = Physical::of(&metadata.file_metadata().schema_descr().column(0));
    let mut zstd = zstd::bulk::Decompressor::new().map_err(|_| ChunkError::Page { at_byte: 0, why: "no memory" })?;
    let (mut dictionary, mut expanded, mut made) = (Dictionary::default(), 0u64, VecDeque::new());
    for page in pages {
        let data = zstd.decompress(&bytes[page.data.clone()], page.raw_len_bytes);
        let data = data.map_err(|_| inside::harmed(&page, "it is not compressed as it should be"))?;
        if data.len() != page.raw_len_bytes {
            return Err(inside::harmed(&page, "its length before compression is another"));
        }
        if page.is_dictionary {
            dictionary = inside::dictionary(&data, &page, &physical)?;
        } else {
            expanded += inside::data(&data, &page, &physical, dictionary)?;
            within("bytes of values", expanded, form.values_len_bytes)?;
        }
        made.push_back(library_page(data, &page)?);
    }
    let is_spread = matches!(physical, Physical::Variable) && dictionary.longest_len_bytes > 0;
    let step_rows = if is_spread { (STEP_LEN_BYTES / dictionary.longest_len_bytes).max(1) } else { MAX_ROWS };
    Ok((made, step_rows.min(form.rows as usize)))
}

/// The page as the library wants it.
fn library_page(data: Vec<u8>, page: &PageAt) -> Result<Page, ChunkError> {
    let (buf, num_values) = (Bytes::from(data), page.values);
    let encoding = match page.encoding {
        super::pages::PLAIN => Encoding::PLAIN,
        super::pages::DELTA => Encoding::DELTA_BINARY_PACKED,
        super::pages::DELTA_LENGTH => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        super::pages::DELTA_TEXT => Encoding::DELTA_BYTE_ARRAY,
        super::pages::NUMBERS_OF_DICTIONARY => Encoding::RLE_DICTIONARY,
        super::pages::STREAMS => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(inside::harmed(page, "an encoding that is none")),
    };
    if page.is_dictionary {
        return Ok(Page::DictionaryPage { buf, num_values, encoding, is_sorted: false });
    }
    let (def_level_encoding, rep_level_encoding) = (Encoding::RLE, Encoding::RLE);
    Ok(Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics: None })
}

/// A row group of one column, for the library.
struct OneChunk {
    rows: usize,
    metadata: ParquetMetaData,
    pages: VecDeque<Page>,
}

impl RowGroups for OneChunk {
    fn num_rows(&self) -> usize {
        self.rows
    }

    fn column_chunks(&self, _: usize) -> parquet::errors::Result<Box<dyn PageIterator>> {
        // Pages share their bytes: this copies none.
        Ok(Box::new(Once(Some(Box::new(Pages(self.pages.clone()))))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

struct Once(Option<Box<Pages>>);

impl Iterator for Once {
    type Item = parquet::errors::Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(|pages| Ok(pages as Box<dyn PageReader>))
    }
}

impl PageIterator for Once {}

struct Pages(VecDeque<Page>);

impl Iterator for Pages {
    type Item = parquet::errors::Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> parquet::errors::Result<Option<Page>> {
        Ok(self.0.pop_front())
    }

    fn peek_next_page(&mut self) -> parquet::errors::Result<Option<PageMetadata>> {
        Ok(self.0.front().map(|page| {
            let is_dict = matches!(page, Page::DictionaryPage { .. });
            let rows = (!is_dict).then_some(page.num_values() as usize);
            PageMetadata { num_rows: rows, num_levels: rows, is_dict }
        }))
    }

    fn skip_next_page(&mut self) -> parquet::errors::Result<()> {
        self.0.pop_front();
        Ok(())
    }
}
