//! Values as exceptions: what bytes stand for a value that its column's type does not hold, and back.

use rusqlite::types::ValueRef;

pub(crate) const INTEGER: u8 = 2;
pub(crate) const REAL: u8 = 3;
pub(crate) const TEXT: u8 = 4;
pub(crate) const BLOB: u8 = 5;
/// Text of a UTF-16 database that UTF-8 cannot say.
pub(crate) const WIDE_TEXT: u8 = 6;

const SIGN: u64 = 1 << 63;

/// The bits of an integer, so that they order as it does.
pub(crate) fn integer_bits(value: i64) -> u64 {
    value.cast_unsigned() ^ SIGN
}

/// The bits of a real, so that they order by IEEE 754 total order.
pub(crate) fn real_bits(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn real_of(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN == 0 { !bits } else { bits ^ SIGN })
}

/// The kind and bytes of a value as an exception; `None` for null.
pub(crate) fn to_exception(value: ValueRef<'_>) -> Option<(u8, Vec<u8>)> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some((INTEGER, integer_bits(number).to_be_bytes().to_vec())),
        ValueRef::Real(number) => Some((REAL, real_bits(number).to_be_bytes().to_vec())),
        ValueRef::Text(bytes) => Some((TEXT, bytes.to_vec())),
        ValueRef::Blob(bytes) => Some((BLOB, bytes.to_vec())),
    }
}

/// The value of an exception, wide text as a blob; `None` when no value is written so.
pub(crate) fn of_exception(kind: u8, bytes: &[u8]) -> Option<ValueRef<'_>> {
    let number = || <[u8; 8]>::try_from(bytes).ok().map(u64::from_be_bytes);
    match kind {
        INTEGER => number().map(|bits| ValueRef::Integer((bits ^ SIGN).cast_signed())),
        REAL => number().map(|bits| ValueRef::Real(real_of(bits))),
        TEXT => Some(ValueRef::Text(bytes)),
        BLOB | WIDE_TEXT => Some(ValueRef::Blob(bytes)),
        _ => None,
    }
}

/// The bytes of a text in UTF-16 (`raw`, in the order of bytes of its database) as big-endian, unless they are just what the
/// text in UTF-8 says.
pub(crate) fn wide_text(utf8: &[u8], raw: &[u8], is_little_endian: bool) -> Option<Vec<u8>> {
    let wide = if is_little_endian { swapped(raw) } else { raw.to_vec() };
    let is_said = std::str::from_utf8(utf8)
        .is_ok_and(|text| text.encode_utf16().flat_map(u16::to_be_bytes).eq(wide.iter().copied()));
    (!is_said).then_some(wide)
}

/// The bytes with each two changed for one another.
pub(crate) fn swapped(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_of_exceptions_are_these() {
        let bytes = |value| to_exception(value).expect("no null").1;
        assert_eq!(bytes(ValueRef::Integer(-1)), [0x7f, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(bytes(ValueRef::Real(1.0)), [0xbf, 0xf0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(ValueRef::Real(-0.0)), [0x7f, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(to_exception(ValueRef::Null), None);
        assert_eq!(of_exception(1, b"x"), None);
        assert_eq!(of_exception(INTEGER, b"x"), None);
    }

    #[test]
    fn only_what_utf8_cannot_say_is_wide() {
        assert_eq!(wide_text("a\u{1F600}".as_bytes(), &[b'a', 0, 0x3d, 0xd8, 0, 0xde], true), None);
        assert_eq!(wide_text("a".as_bytes(), &[0, b'a'], false), None);
        assert_eq!(wide_text(b"?", &[0, 0xd8], true), Some(vec![0xd8, 0]));
        assert_eq!(wide_text(&[0xed, 0xa0, 0x80], &[0xd8, 0], false), Some(vec![0xd8, 0]));
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_keep_their_order(a in any::<i64>(), b in any::<i64>(), x in any::<u64>(), y in any::<u64>()) {
            let (x, y) = (f64::from_bits(x), f64::from_bits(y));
            let written = |value| to_exception(value).map(|(_, bytes)| bytes);
            prop_assert_eq!(written(ValueRef::Integer(a)).cmp(&written(ValueRef::Integer(b))), a.cmp(&b));
            prop_assert_eq!(written(ValueRef::Real(x)).cmp(&written(ValueRef::Real(y))), x.total_cmp(&y));
            let (kind, bytes) = to_exception(ValueRef::Real(x)).expect("no null");
            let back = of_exception(kind, &bytes);
            prop_assert!(matches!(back, Some(ValueRef::Real(back)) if back.to_bits() == x.to_bits()));
            let (kind, bytes) = to_exception(ValueRef::Integer(a)).expect("no null");
            prop_assert_eq!(of_exception(kind, &bytes), Some(ValueRef::Integer(a)));
        }
    }
}
