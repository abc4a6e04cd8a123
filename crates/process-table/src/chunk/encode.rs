//! From values to a finished column chunk.

use super::form::within;
use super::{ChunkError, ChunkForm, Layout, MAX_LEN_BYTES, MAX_ROWS, schema_of, suits, values_len_bytes};
use arrow_array::{Array, ArrayRef, RecordBatch};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// Rows of one page, at most; a page ends with the rows that make it longer than one MiB, too. Shorter ones compress worse.
const PAGE_ROWS: usize = 64 << 10;
/// A dictionary page may be as long as the values of a group that it is worth it for.
const DICTIONARY_LIMIT_BYTES: usize = 4 << 20;

/// Encodes values. `level` is that of zstd, 1 to 22.
///
/// Refused: more than [`MAX_ROWS`], more than [`MAX_LEN_BYTES`] of values (rows of a stated width count whether null or not), a
/// layout that does not suit the type, a level that zstd does not know.
pub fn encode(values: &ArrayRef, layout: Layout, level: i32) -> Result<(Vec<u8>, ChunkForm), ChunkError> {
    let form = measured(values, layout)?;
    if form.rows == 0 {
        return Ok((Vec::new(), form));
    }
    let schema = schema_of(values.data_type());
    let options = ArrowWriterOptions::new().with_properties(properties(layout, level)?).with_skip_arrow_metadata(true);
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut file, schema.clone(), options)?;
    writer.write(&RecordBatch::try_new(schema, vec![values.clone()]).map_err(ParquetError::from)?)?;
    let written = writer.close()?;
    let Some(chunk) = written.row_groups().first().and_then(|group| group.columns().first()) else {
        return Err(ChunkError::Page { at_byte: 0, why: "nothing was written" });
    };
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let form = ChunkForm {
        data_offset_byte: (chunk.data_page_offset() - start) as u32,
        raw_len_bytes: chunk.uncompressed_size() as u64,
        ..form
    };
    form.check(values.data_type())?;
    let (start, len) = (start as usize, chunk.compressed_size() as usize);
    file.truncate(start + len);
    file.drain(..start);
    Ok((file, form))
}

/// The form as far as it is known before encoding, within its limits.
fn measured(values: &ArrayRef, layout: Layout) -> Result<ChunkForm, ChunkError> {
    within("rows", values.len() as u64, MAX_ROWS as u64)?;
    if !suits(layout, values.data_type()) {
        return Err(ChunkError::Unsuited { layout, data_type: values.data_type().clone() });
    }
    let values_len_bytes = values_len_bytes(values);
    within("bytes of values", values_len_bytes, MAX_LEN_BYTES)?;
    let (rows, nulls) = (values.len() as u32, values.null_count() as u32);
    let form = ChunkForm { layout, rows, nulls, data_offset_byte: 0, raw_len_bytes: 0, values_len_bytes };
    form.check(values.data_type())?;
    Ok(form)
}

fn properties(layout: Layout, level: i32) -> Result<WriterProperties, ChunkError> {
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
        .set_dictionary_enabled(layout == Layout::Dictionary)
        .set_dictionary_page_size_limit(DICTIONARY_LIMIT_BYTES)
        .set_encoding(layout.encoding())
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .build())
}
