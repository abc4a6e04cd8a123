//! Cells as people, JSON and SQLite read them.
//!
//! JSON has no integers beyond 2^53 that every reader keeps, no infinities and no bytes. What it cannot say is a string that
//! begins with what it is:
//!
//! | value | string |
//! |---|---|
//! | integer beyond ±(2^53 - 1) | `integer:9223372036854775807` |
//! | real that is no number of JSON | `real:NaN`, `real:Infinity`, `real:-Infinity` |
//! | bytes | `hex:00ff` |
//! | text whose bytes are no UTF-8 | `text-hex:ff` |
//! | text that UTF-8 cannot say, UTF-16 big-endian | `utf16-hex:d800` |
//! | value of a kind that only its source knows | `kind-9-hex:00` |
//! | text that itself begins with one of these, or with `text:` | `text:hex:00` |

use super::cell::Cell;
use std::fmt::Write;

/// Bytes of a value that are shown to people.
const SHOWN_LEN: usize = 64;
const MAX_EXACT: i64 = (1 << 53) - 1;
const MARKS: [&str; 7] = ["integer:", "real:", "hex:", "text-hex:", "utf16-hex:", "text:", "kind-"];

/// How a SQLite database keeps texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TextEncoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
}

impl TextEncoding {
    /// As `PRAGMA encoding` says it; UTF-8 for anything else.
    pub fn of_pragma(name: &str) -> Self {
        match name {
            "UTF-16le" => Self::Utf16Le,
            "UTF-16be" => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }
}

/// What JSON can say.
#[derive(Clone, PartialEq, Debug)]
pub enum Plain {
    /// Nothing.
    Null,
    /// Truth.
    Bool(bool),
    /// An integer within ±(2^53 - 1).
    Integer(i64),
    /// A finite real.
    Real(f64),
    /// Text, or what JSON has no other word for.
    Text(String),
}

/// A cell as a value of JSON; different cells are different values.
pub fn plain(cell: &Cell) -> Plain {
    match cell {
        Cell::Null => Plain::Null,
        Cell::Bool(truth) => Plain::Bool(*truth),
        Cell::Integer(number) if (-MAX_EXACT..=MAX_EXACT).contains(number) => Plain::Integer(*number),
        Cell::Integer(number) => Plain::Text(format!("integer:{number}")),
        Cell::Unsigned(number) => match i64::try_from(*number) {
            Ok(number) => plain(&Cell::Integer(number)),
            Err(_) => Plain::Text(format!("integer:{number}")),
        },
        Cell::Real(number) if number.is_finite() => Plain::Real(*number),
        Cell::Real(number) => Plain::Text(format!("real:{}", odd_real(*number))),
        Cell::Text(text) | Cell::Written(text) if MARKS.iter().any(|mark| text.starts_with(mark)) => {
            Plain::Text(format!("text:{text}"))
        }
        Cell::Text(text) | Cell::Written(text) => Plain::Text(text.clone()),
        Cell::RawText(bytes) => Plain::Text(format!("text-hex:{}", hex(bytes))),
        Cell::WideText(bytes) => Plain::Text(format!("utf16-hex:{}", hex(bytes))),
        Cell::Blob(bytes) => Plain::Text(format!("hex:{}", hex(bytes))),
        Cell::Unknown { kind, bytes } => Plain::Text(format!("kind-{kind}-hex:{}", hex(bytes))),
    }
}

fn odd_real(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A cell for people: texts in quotes, bytes as `x'00ff'`, what is long cut off with its whole length. Control characters are
/// left for the caller to escape.
pub fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Bool(truth) => truth.to_string(),
        Cell::Integer(number) => number.to_string(),
        Cell::Unsigned(number) => number.to_string(),
        Cell::Real(number) if number.is_finite() => format!("{number:?}"),
        Cell::Real(number) => odd_real(*number).to_owned(),
        Cell::Text(text) => shown_text(text),
        Cell::Written(text) => text.clone(),
        Cell::RawText(bytes) | Cell::WideText(bytes) => format!("text {}", shown_bytes(bytes)),
        Cell::Blob(bytes) => shown_bytes(bytes),
        Cell::Unknown { kind, bytes } => format!("kind {kind} {}", shown_bytes(bytes)),
    }
}

fn shown_text(text: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match text.char_indices().nth(SHOWN_LEN) {
        None => quoted(text),
        Some((cut, _)) => format!("{}… ({} bytes)", quoted(&text[..cut]), text.len()),
    }
}

fn shown_bytes(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN_LEN / 2) {
        Some(head) if bytes.len() > head.len() => format!("x'{}'… ({} bytes)", hex(head), bytes.len()),
        _ => format!("x'{}'", hex(bytes)),
    }
}

/// A name as an identifier of SQL, whatever is in it.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal of SQL. There is none for a text with a zero character: see [`literal`].
pub fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A cell as an expression that SQLite evaluates to exactly this value in a database of this encoding; `None` where it cannot
/// have it (text that UTF-8 cannot say in a database of UTF-8, values of no kind of SQLite's). NaN is NULL there.
pub fn literal(cell: &Cell, encoding: TextEncoding) -> Option<String> {
    Some(match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Bool(truth) => u8::from(*truth).to_string(),
        // The digits of the least integer are no integer before the sign is applied.
        Cell::Integer(i64::MIN) => "(-9223372036854775807-1)".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Unsigned(number) => return i64::try_from(*number).ok().map(|number| number.to_string()),
        Cell::Real(number) => real(*number),
        Cell::Text(text) | Cell::Written(text) if text.contains('\0') => cast(&encoded(text, encoding)),
        Cell::Text(text) | Cell::Written(text) => text_literal(text),
        Cell::RawText(bytes) => return (encoding == TextEncoding::Utf8).then(|| cast(bytes)),
        Cell::WideText(bytes) => match encoding {
            TextEncoding::Utf8 => return None,
            TextEncoding::Utf16Be => cast(bytes),
            TextEncoding::Utf16Le => {
                cast(&bytes.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect::<Vec<_>>())
            }
        },
        Cell::Blob(bytes) => format!("X'{}'", hex(bytes)),
        Cell::Unknown { .. } => return None,
    })
}

fn cast(bytes: &[u8]) -> String {
    format!("CAST(X'{}' AS TEXT)", hex(bytes))
}

fn encoded(text: &str, encoding: TextEncoding) -> Vec<u8> {
    match encoding {
        TextEncoding::Utf8 => text.as_bytes().to_vec(),
        TextEncoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        TextEncoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

/// A real. SQLite reads decimals of many digits to about the nearest, not always exactly it: those are written as an integer
/// times a power of two, which is exact.
fn real(number: f64) -> String {
    if number.is_nan() {
        return "NULL".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "9e999" } else { "-9e999" }.to_owned();
    }
    let text = format!("{number:?}");
    let head = text.split('e').next().unwrap_or_default();
    let digits = head.chars().filter(char::is_ascii_digit).count();
    let is_near_one = number == 0.0 || (1e-20..1e20).contains(&number.abs());
    if digits <= 15 && is_near_one { text } else { scaled(number) }
}

/// `mantissa * 2^n` in factors that decimal digits say exactly.
fn scaled(number: f64) -> String {
    const STEP: u32 = 52;
    let bits = number.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default();
    let fraction = bits & ((1 << 52) - 1);
    let (mut mantissa, mut power) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let spare = i32::try_from(mantissa.trailing_zeros()).unwrap_or_default();
    let spare = if power < 0 { spare.min(-power) } else { 0 };
    (mantissa, power) = (mantissa >> spare, power + spare);
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let mut text = format!("({sign}{mantissa}.0");
    let operator = if power < 0 { '/' } else { '*' };
    let mut left = power.unsigned_abs();
    while left > 0 {
        let step = left.min(STEP);
        let _ = write!(text, "{operator}{}.0", 1u64 << step);
        left -= step;
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_every_value_in_its_own_way() {
        let said = |cell: Cell| plain(&cell);
        let text = |text: &str| Plain::Text(text.to_owned());
        assert_eq!(said(Cell::Integer(MAX_EXACT)), Plain::Integer(MAX_EXACT));
        assert_eq!(said(Cell::Integer(MAX_EXACT + 1)), text("integer:9007199254740992"));
        assert_eq!(said(Cell::Unsigned(u64::MAX)), text("integer:18446744073709551615"));
        assert_eq!(said(Cell::Real(f64::NEG_INFINITY)), text("real:-Infinity"));
        assert_eq!(said(Cell::Blob(vec![0, 255])), text("hex:00ff"));
        assert_eq!(said(Cell::Text("hex:00ff".into())), text("text:hex:00ff"));
        assert_eq!(said(Cell::Text("text:".into())), text("text:text:"));
        assert_eq!(said(Cell::RawText(vec![255])), text("text-hex:ff"));
    }

    #[test]
    fn literals_are_exact() {
        let sql = |cell: Cell| literal(&cell, TextEncoding::Utf8).unwrap_or_default();
        assert_eq!(sql(Cell::Integer(i64::MIN)), "(-9223372036854775807-1)");
        assert_eq!(sql(Cell::Real(-0.0)), "-0.0");
        assert_eq!(sql(Cell::Real(1.0)), "1.0");
        assert_eq!(sql(Cell::Real(f64::INFINITY)), "9e999");
        assert_eq!(sql(Cell::Real(0.1 + 0.2)), "(1351079888211149.0/4503599627370496.0)");
        assert_eq!(sql(Cell::Text("it's".into())), "'it''s'");
        assert_eq!(sql(Cell::Text("a\0b".into())), "CAST(X'610062' AS TEXT)");
        assert_eq!(sql(Cell::RawText(vec![255])), "CAST(X'ff' AS TEXT)");
        assert_eq!(literal(&Cell::WideText(vec![0xd8, 0]), TextEncoding::Utf8), None);
        let wide = literal(&Cell::WideText(vec![0xd8, 0]), TextEncoding::Utf16Le);
        assert_eq!(wide.as_deref(), Some("CAST(X'00d8' AS TEXT)"));
    }

    #[test]
    fn what_is_long_is_cut_for_people() {
        assert_eq!(shown(&Cell::Text("it's".into())), "'it''s'");
        assert!(shown(&Cell::Text("中".repeat(100))).ends_with("… (300 bytes)"));
        assert_eq!(shown(&Cell::Blob(vec![1; 32])).len(), 67);
        assert!(shown(&Cell::Blob(vec![1; 33])).ends_with("… (33 bytes)"));
    }
}
