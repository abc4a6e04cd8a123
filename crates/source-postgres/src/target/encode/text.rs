//! Values as the server reads them in text, under the settings ISO, UTC and hexadecimal bytes.

use super::Value;
use std::io::Write;

const DAY_US: i64 = 86_400_000_000;

/// Appends a value, escaped as in a line of `COPY`.
pub(super) fn put(value: Value<'_>, to: &mut Vec<u8>) {
    match value {
        Value::Null => to.extend_from_slice(b"\\N"),
        Value::Exact(text) | Value::Text(text) => put_escaped(text, to),
        Value::Bool(value) => to.push(if value { b't' } else { b'f' }),
        Value::Int(value) => put_display(value, to),
        Value::Float4(value) => put_float(value.into(), format_args!("{value:e}"), to),
        Value::Float8(value) => put_float(value, format_args!("{value:e}"), to),
        Value::Decimal(value, scale) => put_decimal(&value.unsigned_abs().to_string(), value < 0, scale, to),
        Value::WideDecimal(value, scale) => {
            let text = value.to_string();
            put_decimal(text.trim_start_matches('-'), text.starts_with('-'), scale, to);
        }
        Value::Date(days) => {
            let is_bc = put_date(days.into(), to);
            to.extend_from_slice(if is_bc { b" BC" } else { b"" });
        }
        Value::Time(us) => put_time(us, to),
        Value::Timestamp(us, has_zone) => {
            let is_bc = put_date(us.div_euclid(DAY_US), to);
            to.push(b' ');
            put_time(us.rem_euclid(DAY_US), to);
            to.extend_from_slice(if has_zone { b"+00" } else { b"" });
            to.extend_from_slice(if is_bc { b" BC" } else { b"" });
        }
        Value::Uuid(bytes) => put_hex(bytes, to),
        Value::Bytes(bytes) => {
            to.extend_from_slice(b"\\\\x");
            put_hex(bytes, to);
        }
    }
}

/// Appends a part of a long text or of long bytes; `is_first` where it begins there.
pub(super) fn put_part(value: Value<'_>, part: &[u8], is_first: bool, to: &mut Vec<u8>) {
    match value {
        Value::Bytes(_) => {
            to.extend_from_slice(if is_first { b"\\\\x" } else { b"" });
            put_hex(part, to);
        }
        _ => put_escaped(part, to),
    }
}

fn put_display(value: impl std::fmt::Display, to: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(to, "{value}");
}

fn put_escaped(text: &[u8], to: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t')) {
        to.extend_from_slice(&rest[..at]);
        to.extend_from_slice(match rest[at] {
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            _ => b"\\t",
        });
        rest = &rest[at + 1..];
    }
    to.extend_from_slice(rest);
}

/// The shortest digits that are read back as the same bits.
fn put_float(value: f64, digits: std::fmt::Arguments<'_>, to: &mut Vec<u8>) {
    if value.is_nan() {
        to.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        to.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    } else {
        put_display(digits, to);
    }
}

fn put_decimal(digits: &str, is_negative: bool, scale: u8, to: &mut Vec<u8>) {
    let scale = usize::from(scale);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    to.extend_from_slice(if is_negative { b"-" } else { b"" });
    to.extend_from_slice(whole.as_bytes());
    if scale > 0 {
        to.push(b'.');
        to.extend_from_slice(part.as_bytes());
    }
}

/// Appends a day of the proleptic Gregorian calendar, counted from 1970; true for one before the year 1, whose year is counted
/// backwards. The algorithm is `civil_from_days` of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn put_date(days: i64, to: &mut Vec<u8>) -> bool {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let is_bc = year < 1;
    let year = if is_bc { 1 - year } else { year };
    put_display(format_args!("{year:04}-{month:02}-{day:02}"), to);
    is_bc
}

fn put_time(us: i64, to: &mut Vec<u8>) {
    let (seconds, part) = (us / 1_000_000, us % 1_000_000);
    put_display(format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60), to);
    if part != 0 {
        put_display(format_args!(".{part:06}"), to);
    }
}

fn put_hex(bytes: &[u8], to: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    to.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
}
