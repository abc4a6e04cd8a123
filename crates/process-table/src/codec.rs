//! Small numbers as few bytes, read with suspicion.
//!
//! Numbers are varints: seven bits a byte, the lowest first, the top bit set while more follow (LEB128). There is one spelling
//! of each number: a reader refuses a last byte of 0 behind others. So what decodes is what would be encoded.

use std::fmt;

/// Why bytes are not what they should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodecError {
    /// The field that was read.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
    /// Where: bytes from the beginning.
    pub at_byte: usize,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.field, self.at_byte, self.why)
    }
}

impl std::error::Error for CodecError {}

/// Appends a number: one to ten bytes.
pub(crate) fn put_varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Bytes that [`put_varint`] appends.
pub(crate) fn varint_len_bytes(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// A signed number as one that is small when it is near 0.
pub(crate) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// What [`zigzag`] was given.
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Reads from the front of bytes.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn refuse(&self, field: &'static str, why: &'static str) -> CodecError {
        CodecError { field, why, at_byte: self.at }
    }

    /// Where it stands.
    #[cfg(test)]
    pub(crate) fn at_byte(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, CodecError> {
        Ok(self.bytes(1, field)?[0])
    }

    /// So many bytes, as they are.
    pub(crate) fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], CodecError> {
        let left: &'a [u8] = &self.bytes[self.at..];
        let Some((taken, _)) = left.split_at_checked(len) else { return Err(self.refuse(field, "the bytes end")) };
        self.at += len;
        Ok(taken)
    }

    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u64, CodecError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(field)?;
            if shift == 63 && byte > 1 {
                return Err(self.refuse(field, "more than 64 bits"));
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let is_short = byte > 0 || shift == 0;
                return if is_short { Ok(number) } else { Err(self.refuse(field, "written longer than need be")) };
            }
        }
        Err(self.refuse(field, "more than 64 bits"))
    }

    /// A varint that is at most `most`.
    pub(crate) fn at_most(&mut self, most: u64, field: &'static str) -> Result<u64, CodecError> {
        let number = self.varint(field)?;
        if number > most { Err(self.refuse(field, "too large")) } else { Ok(number) }
    }

    /// A number of things that take at least `least_len_bytes` each of the bytes that are left (or none, if 0), at most `most`.
    pub(crate) fn count(
        &mut self,
        most: usize,
        least_len_bytes: usize,
        field: &'static str,
    ) -> Result<usize, CodecError> {
        let count = self.at_most(most as u64, field)? as usize;
        if count.checked_mul(least_len_bytes).is_none_or(|len| len > self.left()) {
            return Err(self.refuse(field, "more than there are bytes for"));
        }
        Ok(count)
    }

    /// All has been read.
    pub(crate) fn finish(self) -> Result<(), CodecError> {
        if self.left() == 0 { Ok(()) } else { Err(self.refuse("end", "bytes are left over")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(number in prop_oneof![any::<u64>(), 0u64..300], signed in any::<i64>()) {
            let mut bytes = Vec::new();
            put_varint(number, &mut bytes);
            prop_assert_eq!(bytes.len(), varint_len_bytes(number));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint("number"), Ok(number));
            prop_assert_eq!(reader.finish(), Ok(()));
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }

        #[test]
        fn a_number_has_one_spelling(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(number) = reader.varint("number") {
                let mut again = Vec::new();
                put_varint(number, &mut again);
                prop_assert_eq!(&again, &bytes[..reader.at_byte()]);
            }
        }
    }

    #[test]
    fn counts_are_checked_against_what_is_there() {
        let counted = |bytes: &[u8], least| Reader::new(bytes).count(100, least, "count");
        assert_eq!(counted(&[3, 0, 0, 0], 1), Ok(3));
        assert_eq!(counted(&[3, 0, 0], 1).map_err(|error| error.why), Err("more than there are bytes for"));
        assert_eq!(counted(&[101], 0).map_err(|error| error.why), Err("too large"));
    }
}
