//! Exceptions of a column as bytes.
//!
//! Columnar, so that a compressor finds like beside like: the number of exceptions; the differences of their rows, less one
//! (the first row itself); their kinds, one byte each; their lengths; their bytes. Numbers are varints.

use crate::codec::{CodecError, Reader, put_varint};
use datakeep_connector::rows::Exception;

/// Bytes of all exceptions of a column, at most: 256 MiB.
pub const MAX_EXCEPTIONS_LEN_BYTES: u64 = 256 << 20;

/// Appends exceptions, by rising row, as [`datakeep_connector::rows::Column`] guarantees.
pub fn encode_exceptions(exceptions: &[Exception], to: &mut Vec<u8>) {
    put_varint(exceptions.len() as u64, to);
    let mut next = 0u64;
    for exception in exceptions {
        put_varint(u64::from(exception.row).wrapping_sub(next), to);
        next = u64::from(exception.row) + 1;
    }
    to.extend(exceptions.iter().map(|exception| exception.kind));
    for exception in exceptions {
        put_varint(exception.bytes.len() as u64, to);
    }
    for exception in exceptions {
        to.extend_from_slice(&exception.bytes);
    }
}

/// Reads what [`encode_exceptions`] wrote for a column of so many rows, and nothing else: rows beyond them, kind 0, more bytes
/// than there are and bytes left over are refused. Takes no more memory than a small multiple of the bytes given.
pub fn decode_exceptions(bytes: &[u8], rows: usize) -> Result<Vec<Exception>, CodecError> {
    let mut reader = Reader::new(bytes);
    let exceptions = read_exceptions(&mut reader, rows)?;
    reader.finish()?;
    Ok(exceptions)
}

/// As [`decode_exceptions`], from the middle of something.
pub(crate) fn read_exceptions(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Exception>, CodecError> {
    // A difference of rows, a kind and a length take a byte each at least.
    let count = reader.count(rows, 3, "exceptions")?;
    let mut made = Vec::with_capacity(count);
    let mut next = 0u64;
    for _ in 0..count {
        let row = next + reader.at_most((rows as u64).saturating_sub(next + 1), "row of an exception")?;
        if row >= rows as u64 {
            return Err(reader.refuse("row of an exception", "beyond the rows"));
        }
        made.push(Exception { row: row as u32, kind: 0, bytes: Vec::new() });
        next = row + 1;
    }
    for (exception, kind) in made.iter_mut().zip(reader.bytes(count, "kinds of exceptions")?) {
        if *kind == 0 {
            return Err(reader.refuse("kinds of exceptions", "0 is none"));
        }
        exception.kind = *kind;
    }
    let mut lens = Vec::with_capacity(count);
    for _ in 0..count {
        lens.push(reader.at_most(MAX_EXCEPTIONS_LEN_BYTES, "length of an exception")? as usize);
    }
    for (exception, len) in made.iter_mut().zip(lens) {
        exception.bytes = reader.bytes(len, "bytes of an exception")?.to_vec();
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exceptions() -> impl Strategy<Value = Vec<Exception>> {
        let one = (0u32..40, 1u8..=255, proptest::collection::vec(any::<u8>(), 0..20));
        proptest::collection::vec(one, 0..12).prop_map(|made| {
            let mut next = 0;
            let rise = |(step, kind, bytes): (u32, u8, Vec<u8>)| {
                let row = next + step;
                next = row + 1;
                Exception { row, kind, bytes }
            };
            made.into_iter().map(rise).collect()
        })
    }

    proptest! {
        #[test]
        fn exceptions_come_back(exceptions in exceptions(), more in 1usize..9) {
            let mut bytes = Vec::new();
            encode_exceptions(&exceptions, &mut bytes);
            let rows = exceptions.last().map_or(0, |last| last.row as usize) + more;
            prop_assert_eq!(decode_exceptions(&bytes, rows), Ok(exceptions.clone()));
            prop_assert!(exceptions.is_empty() || decode_exceptions(&bytes, rows - more).is_err());
            for at in 0..bytes.len() {
                prop_assert!(decode_exceptions(&bytes[..at], rows).is_err());
            }
            bytes.push(0);
            prop_assert!(decode_exceptions(&bytes, rows).is_err());
        }

        #[test]
        fn what_is_taken_is_what_would_be_written(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(exceptions) = decode_exceptions(&bytes, 300) {
                let mut again = Vec::new();
                encode_exceptions(&exceptions, &mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn lengths_are_not_believed() {
        // One exception in row 0 of kind 1 that claims 200 MiB.
        let bytes = [1, 0, 1, 0x80, 0x80, 0x80, 0x64];
        assert_eq!(decode_exceptions(&bytes, 5).map_err(|error| error.why), Err("the bytes end"));
    }
}
