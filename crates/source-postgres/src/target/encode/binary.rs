//! Values as the `recv` functions of the server's own types read them.

use super::Value;
use crate::types::Lane;
use arrow_buffer::i256;

/// Days from 1970 to 2000, where the server's calendar begins.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_US: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// Appends a value with its length before it.
pub(super) fn put(lane: Lane, value: Value<'_>, to: &mut Vec<u8>) {
    match value {
        Value::Null => to.extend_from_slice(&(-1_i32).to_be_bytes()),
        Value::Exact(text) => put_bytes(&exact(lane, text).unwrap_or_default(), to),
        Value::Bool(value) => put_bytes(&[value.into()], to),
        Value::Int(value) => match lane {
            Lane::Int2 => put_bytes(&(value as i16).to_be_bytes(), to),
            Lane::Int8 => put_bytes(&value.to_be_bytes(), to),
            _ => put_bytes(&(value as i32).to_be_bytes(), to),
        },
        Value::Float4(value) => put_bytes(&value.to_bits().to_be_bytes(), to),
        Value::Float8(value) => put_bytes(&value.to_bits().to_be_bytes(), to),
        Value::Decimal(value, scale) => {
            let mut digits = [0; DIGITS_MAX];
            let used = split(value.unsigned_abs(), scale, &mut digits);
            put_numeric(&digits[..used], value < 0, scale, to);
        }
        Value::WideDecimal(value, scale) => put_wide(value, scale, to),
        Value::Date(days) => put_bytes(&days.wrapping_sub(EPOCH_DAYS).to_be_bytes(), to),
        Value::Time(us) => put_bytes(&us.to_be_bytes(), to),
        Value::Timestamp(us, _) => put_bytes(&us.wrapping_sub(EPOCH_US).to_be_bytes(), to),
        Value::Text(text) if lane == Lane::Jsonb => {
            put_len(text.len() + 1, to);
            to.push(1);
            to.extend_from_slice(text);
        }
        Value::Text(bytes) | Value::Uuid(bytes) | Value::Bytes(bytes) => put_bytes(bytes, to),
    }
}

/// Appends a part of a long text or of long bytes; before the first stands the length of all.
pub(super) fn put_part(lane: Lane, (value, len): (Value<'_>, usize), part: &[u8], is_first: bool, to: &mut Vec<u8>) {
    if is_first {
        let is_json = lane == Lane::Jsonb && matches!(value, Value::Text(_));
        put_len(len + usize::from(is_json), to);
        to.extend_from_slice(if is_json { &[1] } else { &[] });
    }
    to.extend_from_slice(part);
}

fn put_len(len: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&(len as i32).to_be_bytes());
}

fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_len(bytes.len(), to);
    to.extend_from_slice(bytes);
}

/// A value that its column's type cannot hold, in binary; `None` where only the server can read its text.
pub(super) fn exact(lane: Lane, text: &[u8]) -> Option<Vec<u8>> {
    Some(match (lane, text) {
        (Lane::Text, text) => text.to_vec(),
        (Lane::Date, b"infinity") => i32::MAX.to_be_bytes().to_vec(),
        (Lane::Date, b"-infinity") => i32::MIN.to_be_bytes().to_vec(),
        (Lane::Timestamp | Lane::TimestampTz, b"infinity") => i64::MAX.to_be_bytes().to_vec(),
        (Lane::Timestamp | Lane::TimestampTz, b"-infinity") => i64::MIN.to_be_bytes().to_vec(),
        (Lane::Time, b"24:00:00") => 86_400_000_000_i64.to_be_bytes().to_vec(),
        (Lane::Numeric { .. }, b"NaN") => vec![0, 0, 0, 0, 0xc0, 0, 0, 0],
        _ => return None,
    })
}

/// Digits of base 10,000 that a number of 38 decimal digits can have, with both its ends within one.
const DIGITS_MAX: usize = 11;
const TENS: [u128; 4] = [1, 10, 100, 1000];

/// Digits of base 10,000 of a number with so many decimal digits behind the point, the last first; how many there are. All digits
/// behind the point are among them.
fn split(value: u128, scale: u8, digits: &mut [u16; DIGITS_MAX]) -> usize {
    let (mut rest, mut used) = (value, 0);
    let odd = usize::from(scale % 4);
    if odd != 0 {
        digits[0] = (rest % TENS[odd] * TENS[4 - odd]) as u16;
        rest /= TENS[odd];
        used = 1;
    }
    let behind = usize::from(scale).div_ceil(4);
    while rest != 0 || used < behind {
        // Narrow division is several times as fast.
        if let Ok(narrow) = u64::try_from(rest) {
            (digits[used], rest) = ((narrow % 10_000) as u16, u128::from(narrow / 10_000));
        } else {
            (digits[used], rest) = ((rest % 10_000) as u16, rest / 10_000);
        }
        used += 1;
    }
    used
}

/// Appends a number by its digits of base 10,000, the last first.
fn put_numeric(digits: &[u16], is_negative: bool, scale: u8, to: &mut Vec<u8>) {
    let behind = usize::from(scale).div_ceil(4);
    let weight = digits.len() as i16 - behind as i16 - 1;
    put_len(8 + 2 * digits.len(), to);
    to.extend_from_slice(&(digits.len() as i16).to_be_bytes());
    to.extend_from_slice(&weight.to_be_bytes());
    to.extend_from_slice(&if is_negative { 0x4000_u16 } else { 0 }.to_be_bytes());
    to.extend_from_slice(&u16::from(scale).to_be_bytes());
    digits.iter().rev().for_each(|digit| to.extend_from_slice(&digit.to_be_bytes()));
}

/// As the above for what does not fit 128 bits, by way of its text.
fn put_wide(value: i256, scale: u8, to: &mut Vec<u8>) {
    let text = value.to_string();
    let decimal = text.trim_start_matches('-').as_bytes();
    let scale_len = usize::from(scale);
    // As many zeroes behind as make the digits behind the point full.
    let zeroes = scale_len.div_ceil(4) * 4 - scale_len;
    let mut padded = decimal.to_vec();
    padded.resize(decimal.len() + zeroes, b'0');
    let digit = |group: &[u8]| group.iter().fold(0_u16, |digit, byte| digit * 10 + u16::from(byte - b'0'));
    let mut digits: Vec<u16> = padded.rchunks(4).map(digit).collect();
    digits.resize(digits.len().max(scale_len.div_ceil(4)), 0);
    put_numeric(&digits, text.starts_with('-'), scale, to);
}
