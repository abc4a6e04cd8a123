//! Texts and bytes, side by side in one piece of memory.

use super::Malformed;
use super::column::emptied;
use crate::types::EXACT_TEXT;
use arrow_array::{BinaryArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, ColumnError, Exception};
use std::sync::Arc;

/// True for types that hold any text.
pub(crate) fn is_text_type(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Binary)
}

/// Texts that are being collected.
pub(crate) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    /// Bytes at the beginning of each value that say nothing.
    skip: usize,
    is_utf8: bool,
}

impl Texts {
    pub fn new(skip: usize, is_utf8: bool) -> Self {
        Self { bytes: Vec::new(), ends: vec![0], skip, is_utf8 }
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) -> Result<(), Malformed> {
        self.begin(value)?;
        self.push_empty();
        Ok(())
    }

    /// Begins a value by its first bytes.
    #[inline]
    pub fn begin(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let text = match self.skip {
            0 => value,
            // The only version of jsonb there is.
            skip => value.get(skip..).filter(|_| value[0] == 1).ok_or(Malformed("a jsonb is of another version"))?,
        };
        self.bytes.extend_from_slice(text);
        Ok(())
    }

    /// Goes on with it.
    pub fn go_on(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    /// Ends a value, or adds an empty one.
    #[inline]
    pub fn push_empty(&mut self) {
        // A batch ends long before 2 GiB, and no value is longer than 1 GiB.
        self.ends.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    pub fn finish(&mut self, nulls: Option<NullBuffer>, exceptions: Vec<Exception>) -> Result<Column, ColumnError> {
        let bytes = Buffer::from_vec(emptied(&mut self.bytes));
        let ends = OffsetBuffer::new(ScalarBuffer::from(emptied(&mut self.ends)));
        self.ends.push(0);
        if !self.is_utf8 {
            return Column::new(Arc::new(BinaryArray::new(ends, bytes, nulls)), exceptions);
        }
        // All texts are looked at in one go, which is much faster than one by one.
        match StringArray::try_new(ends.clone(), bytes.clone(), nulls.clone()) {
            Ok(texts) => Column::new(Arc::new(texts), exceptions),
            Err(_) => one_by_one(&ends, &bytes, nulls.as_ref()),
        }
    }
}

/// Some text is none: it becomes an exception. There were none before, since any value is one of these.
#[cold]
fn one_by_one(ends: &[i32], bytes: &[u8], was: Option<&NullBuffer>) -> Result<Column, ColumnError> {
    let mut exceptions = Vec::new();
    let (mut kept, mut new_ends) = (Vec::with_capacity(bytes.len()), vec![0]);
    let mut nulls = NullBufferBuilder::new(ends.len());
    for (row, pair) in ends.windows(2).enumerate() {
        let value = &bytes[pair[0] as usize..pair[1] as usize];
        let is_null = was.is_some_and(|nulls| nulls.is_null(row));
        let is_text = !is_null && std::str::from_utf8(value).is_ok();
        if is_text {
            kept.extend_from_slice(value);
        } else if !is_null {
            exceptions.push(Exception { row: row as u32, kind: EXACT_TEXT, bytes: value.to_vec() });
        }
        nulls.append(is_text);
        new_ends.push(kept.len() as i32);
    }
    let ends = OffsetBuffer::new(ScalarBuffer::from(new_ends));
    let texts = StringArray::try_new(ends, Buffer::from_vec(kept), nulls.finish());
    Column::new(Arc::new(texts.map_err(|_| ColumnError::Unsupported(DataType::Utf8))?), exceptions)
}
