//! Integers, byte strings and columns (`docs/format.md` section 1).

use datakeep_model::Timestamp;

/// Why bytes could not be decoded, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecodeError {
    /// Offset in the decoded input.
    pub offset_byte: u64,
    /// What should be there.
    pub expected: &'static str,
}

impl DecodeError {
    /// The error as damage of `object`.
    pub fn of(self, object: &str) -> crate::StoreError {
        crate::StoreError::damaged(object, self.offset_byte, self.expected, "something else")
    }
}

type Decoded<T> = Result<T, DecodeError>;

/// Writes values one after another.
#[derive(Default)]
pub struct Encoder {
    /// What was written.
    pub bytes: Vec<u8>,
}

impl Encoder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    pub fn uv(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub fn sv(&mut self, value: i64) {
        self.uv(((value << 1) ^ (value >> 63)) as u64);
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.uv(value.len() as u64);
        self.raw(value);
    }

    pub fn time(&mut self, value: Timestamp) {
        self.sv(value.seconds);
        self.uv(u64::from(value.nanos));
    }
}

/// Reads values one after another; never past the end, never allocating more than is there.
#[derive(Clone)]
pub struct Decoder<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    pub fn remaining(&self) -> usize {
        self.input.len() - self.at
    }

    pub fn offset_byte(&self) -> usize {
        self.at
    }

    pub fn fail<T>(&self, expected: &'static str) -> Decoded<T> {
        Err(DecodeError { offset_byte: self.at as u64, expected })
    }

    pub fn raw(&mut self, len: usize) -> Decoded<&'a [u8]> {
        if len > self.remaining() {
            return self.fail("more bytes");
        }
        let bytes = &self.input[self.at..self.at + len];
        self.at += len;
        Ok(bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.raw(N)?);
        Ok(out)
    }

    pub fn u8(&mut self) -> Decoded<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Decoded<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Decoded<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Decoded<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Decoded<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub fn uv(&mut self) -> Decoded<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return self.fail("an integer below 2^64");
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return self.fail("an integer in its shortest form");
                }
                return Ok(value);
            }
        }
        self.fail("an integer of at most 10 bytes")
    }

    /// A `uv` that fits in 32 bits.
    pub fn uv32(&mut self) -> Decoded<u32> {
        let value = self.uv()?;
        u32::try_from(value).or_else(|_| self.fail("an integer below 2^32"))
    }

    pub fn sv(&mut self) -> Decoded<i64> {
        let value = self.uv()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A count of things that take at least `min_len_bytes` each (0: counted against `limit` only).
    pub fn count(&mut self, limit: u64, min_len_bytes: usize) -> Decoded<usize> {
        let count = self.uv()?;
        if count > limit || count.saturating_mul(min_len_bytes as u64) > self.remaining() as u64 {
            return self.fail("a count that the input can hold");
        }
        Ok(count as usize)
    }

    pub fn bytes(&mut self) -> Decoded<&'a [u8]> {
        let len = self.count(u64::MAX, 1)?;
        self.raw(len)
    }

    pub fn text(&mut self) -> Decoded<String> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => self.fail("UTF-8 text"),
        }
    }

    pub fn time(&mut self) -> Decoded<Timestamp> {
        let seconds = self.sv()?;
        match self.uv()? {
            nanos @ 0..=999_999_999 => Ok(Timestamp { seconds, nanos: nanos as u32 }),
            _ => self.fail("nanoseconds below 10^9"),
        }
    }

    /// Refuses bytes left over.
    pub fn end(&self) -> Decoded<()> {
        if self.remaining() > 0 { self.fail("the end") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_forms_and_overflows_are_refused() {
        assert!(Decoder::new(&[0x80, 0x00]).uv().is_err());
        assert!(Decoder::new(&[0xff; 11]).uv().is_err());
        assert!(Decoder::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).uv().is_err());
        assert!(Decoder::new(&[5, 1, 2]).bytes().is_err());
        assert!(Decoder::new(&[]).u8().is_err());
        assert!(Decoder::new(&[0]).end().is_err());
    }

    proptest! {
        #[test]
        fn values_round_trip(unsigned: u64, signed: i64, text: Vec<u8>) {
            let mut encoder = Encoder::new();
            encoder.uv(unsigned);
            encoder.sv(signed);
            encoder.bytes(&text);
            let mut decoder = Decoder::new(&encoder.bytes);
            prop_assert_eq!(decoder.uv(), Ok(unsigned));
            prop_assert_eq!(decoder.sv(), Ok(signed));
            prop_assert_eq!(decoder.bytes(), Ok(&text[..]));
            prop_assert_eq!(decoder.end(), Ok(()));
        }

        #[test]
        fn garbage_never_panics(input: Vec<u8>) {
            let mut decoder = Decoder::new(&input);
            while decoder.uv().is_ok() {}
            let _ = Decoder::new(&input).bytes();
            let _ = Decoder::new(&input).time();
        }
    }
}
