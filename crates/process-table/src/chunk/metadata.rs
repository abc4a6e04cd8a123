//! Footers of virtual Parquet files.

use super::{ChunkForm, Layout};
use arrow_schema::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataBuilder, RowGroupMetaData,
};
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// The metadata of a chunk in a file where its first byte stands at `base_offset_byte` and it is `len_bytes` long. `descriptor`
/// is that of its column in the file's schema, which must be nullable and of the type it was encoded from.
///
/// A file of many groups is such metadata for each column of each group, the bases as the file is thought to lie.
pub fn column_metadata(
    form: &ChunkForm,
    descriptor: ColumnDescPtr,
    base_offset_byte: u64,
    len_bytes: u64,
) -> Result<ColumnChunkMetaData, ParquetError> {
    let dictionary = form.has_dictionary().then_some(base_offset_byte as i64);
    let encodings = match form.layout {
        Layout::Dictionary => vec![Encoding::RLE, Encoding::PLAIN, Encoding::RLE_DICTIONARY],
        layout => vec![Encoding::RLE, layout.encoding()],
    };
    ColumnChunkMetaData::builder(descriptor)
        .set_encodings(encodings)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_num_values(i64::from(form.rows))
        .set_total_compressed_size(len_bytes as i64)
        .set_total_uncompressed_size(form.raw_len_bytes as i64)
        .set_dictionary_page_offset(dictionary)
        .set_data_page_offset((base_offset_byte + u64::from(form.data_offset_byte)) as i64)
        .build()
}

/// The footer of a file that holds this chunk alone, from its first byte.
pub(super) fn of_one(schema: &Schema, form: &ChunkForm, len_bytes: u64) -> Result<ParquetMetaData, ParquetError> {
    let descriptor = Arc::new(ArrowSchemaConverter::new().convert(schema)?);
    let chunk = column_metadata(form, descriptor.column(0), 0, len_bytes)?;
    let group = RowGroupMetaData::builder(descriptor.clone())
        .set_num_rows(i64::from(form.rows))
        .set_total_byte_size(form.raw_len_bytes as i64)
        .set_column_metadata(vec![chunk])
        .build()?;
    let file = FileMetaData::new(1, i64::from(form.rows), None, None, descriptor, None);
    Ok(ParquetMetaDataBuilder::new(file).add_row_group(group).build())
}
