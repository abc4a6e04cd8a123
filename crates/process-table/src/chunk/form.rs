//! What a reader must know of a chunk besides its bytes.

use super::{ChunkError, Layout, MAX_LEN_BYTES, MAX_ROWS};
use crate::cells::width;
use crate::codec::{CodecError, Reader, put_varint};
use arrow_schema::DataType;

/// Describes a chunk. It is stored beside the chunk's address, and all that is needed to build a Parquet footer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkForm {
    /// How it is written.
    pub layout: Layout,
    /// Rows, at most [`MAX_ROWS`].
    pub rows: u32,
    /// Rows without a typed value.
    pub nulls: u32,
    /// Where data pages begin: behind the dictionary page, or 0 where there is none.
    pub data_offset_byte: u32,
    /// Length of all pages with their headers before compression, at most [`MAX_LEN_BYTES`].
    pub raw_len_bytes: u64,
    /// Length of all typed values, a truth as one byte, at most [`MAX_LEN_BYTES`].
    pub values_len_bytes: u64,
}

impl ChunkForm {
    /// Appends six varints: number of the layout, rows, nulls, offset of data, raw length, length of values.
    pub fn encode(&self, to: &mut Vec<u8>) {
        to.push(self.layout as u8);
        for number in [self.rows, self.nulls, self.data_offset_byte] {
            put_varint(u64::from(number), to);
        }
        put_varint(self.raw_len_bytes, to);
        put_varint(self.values_len_bytes, to);
    }

    /// Reads what [`ChunkForm::encode`] wrote, and nothing else: numbers beyond the limits or in contradiction to each other
    /// are refused, and so are bytes left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let number = reader.byte("layout")?;
        let layout = Layout::from_number(number).ok_or_else(|| reader.refuse("layout", "no layout has this number"))?;
        let rows = reader.at_most(MAX_ROWS as u64, "rows")? as u32;
        let nulls = reader.at_most(u64::from(rows), "nulls")? as u32;
        let data_offset_byte = reader.at_most(MAX_LEN_BYTES, "offset of data")? as u32;
        let raw_len_bytes = reader.at_most(MAX_LEN_BYTES, "raw length")?;
        let values_len_bytes = reader.at_most(MAX_LEN_BYTES, "length of values")?;
        let form = Self { layout, rows, nulls, data_offset_byte, raw_len_bytes, values_len_bytes };
        if form.has_dictionary() && layout != Layout::Dictionary {
            return Err(reader.refuse("offset of data", "only dictionaries have one"));
        }
        reader.finish()?;
        Ok(form)
    }

    pub(super) fn has_dictionary(&self) -> bool {
        self.data_offset_byte > 0
    }

    /// That no memory beyond the limits is needed for a chunk of this form.
    pub(super) fn check(&self, data_type: &DataType) -> Result<(), ChunkError> {
        within("rows", u64::from(self.rows), MAX_ROWS as u64)?;
        within("nulls", u64::from(self.nulls), u64::from(self.rows))?;
        within("bytes before compression", self.raw_len_bytes, MAX_LEN_BYTES)?;
        within("bytes of values", self.values_len_bytes, MAX_LEN_BYTES)?;
        let Some(width) = width(data_type) else { return Ok(()) };
        // Rows without a value take as much as others.
        within("bytes of values", u64::from(self.rows).saturating_mul(width as u64), MAX_LEN_BYTES)?;
        let expected = u64::from(self.rows - self.nulls) * width as u64;
        same("bytes of values", expected, self.values_len_bytes)
    }
}

pub(super) fn within(what: &'static str, found: u64, most: u64) -> Result<(), ChunkError> {
    if found > most { Err(ChunkError::TooLarge { what, found, most }) } else { Ok(()) }
}

pub(super) fn same(what: &'static str, expected: u64, found: u64) -> Result<(), ChunkError> {
    if found != expected { Err(ChunkError::Unexpected { what, expected, found }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ChunkForm {
        ChunkForm {
            layout: Layout::Dictionary,
            rows: 65_000,
            nulls: 12,
            data_offset_byte: 4_711,
            raw_len_bytes: 1 << 20,
            values_len_bytes: 3 << 20,
        }
    }

    fn encoded(form: ChunkForm) -> Vec<u8> {
        let mut bytes = Vec::new();
        form.encode(&mut bytes);
        bytes
    }

    #[test]
    fn forms_are_stored_in_few_bytes() {
        let bytes = encoded(form());
        assert_eq!(bytes, [1, 0xe8, 0xfb, 3, 12, 0xe7, 0x24, 0x80, 0x80, 0x40, 0x80, 0x80, 0xc0, 1]);
        assert_eq!(ChunkForm::decode(&bytes), Ok(form()));
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |form| ChunkForm::decode(&encoded(form)).map_err(|error| error.field).err();
        assert_eq!(refused(ChunkForm { rows: (MAX_ROWS + 1) as u32, ..form() }), Some("rows"));
        assert_eq!(refused(ChunkForm { nulls: 65_001, ..form() }), Some("nulls"));
        assert_eq!(refused(ChunkForm { raw_len_bytes: MAX_LEN_BYTES + 1, ..form() }), Some("raw length"));
        assert_eq!(refused(ChunkForm { values_len_bytes: MAX_LEN_BYTES + 1, ..form() }), Some("length of values"));
        assert_eq!(refused(ChunkForm { layout: Layout::Delta, ..form() }), Some("offset of data"));
        assert_eq!(ChunkForm::decode(&[&encoded(form())[..], &[0]].concat()).map_err(|error| error.field), Err("end"));
        assert_eq!(ChunkForm::decode(&[6]).map_err(|error| error.field), Err("layout"));
    }

    #[test]
    fn values_of_a_width_have_a_stated_length() {
        assert!(form().check(&DataType::Utf8).is_ok());
        assert!(form().check(&DataType::Int32).is_err());
        assert!(ChunkForm { values_len_bytes: 64_988 * 4, ..form() }.check(&DataType::Int32).is_ok());
        let long = ChunkForm { rows: 2, nulls: 2, values_len_bytes: 0, ..form() };
        assert!(long.check(&DataType::FixedSizeBinary(8)).is_ok());
        assert!(long.check(&DataType::FixedSizeBinary(i32::MAX)).is_err());
    }
}
