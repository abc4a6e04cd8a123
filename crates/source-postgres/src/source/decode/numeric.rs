//! Numbers with a fixed point. A server sends digits of base 10,000 (`numeric_send`): how many, the power of the first, the sign,
//! how many decimal places are shown, and the digits.

use super::Malformed;
use super::column::Unfit;
use arrow_buffer::i256;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
/// Decimal digits that fit 64 bits whatever they are.
const MAX_DIGITS_OF_64: u8 = 18;
/// Powers of ten within one digit.
const POWERS: [u16; 4] = [1, 10, 100, 1000];

/// The parts of a number.
struct Parts<'a> {
    weight: i32,
    sign: u16,
    places: u16,
    digits: &'a [[u8; 2]],
}

#[inline]
fn parts(value: &[u8]) -> Result<Parts<'_>, Malformed> {
    const SHORT: Malformed = Malformed("a numeric is cut");
    let (head, rest) = value.split_first_chunk::<8>().ok_or(SHORT)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (digits, rest) = rest.as_chunks::<2>();
    if digits.len() != usize::from(word(0)) || !rest.is_empty() {
        return Err(SHORT);
    }
    Ok(Parts { weight: i32::from(word(2) as i16), sign: word(4), places: word(6), digits })
}

/// A whole number that digits are added to.
trait Whole: Copy {
    const ZERO: Self;
    /// Times `factor`, plus `digit`; `None` where it does not fit.
    fn grown(self, factor: u16, digit: u16) -> Option<Self>;
}

impl Whole for i64 {
    const ZERO: Self = 0;
    #[inline]
    fn grown(self, factor: u16, digit: u16) -> Option<Self> {
        self.checked_mul(Self::from(factor))?.checked_add(Self::from(digit))
    }
}

impl Whole for i128 {
    const ZERO: Self = 0;
    #[inline]
    fn grown(self, factor: u16, digit: u16) -> Option<Self> {
        self.checked_mul(Self::from(factor))?.checked_add(Self::from(digit))
    }
}

impl Whole for i256 {
    const ZERO: Self = i256::ZERO;
    fn grown(self, factor: u16, digit: u16) -> Option<Self> {
        self.checked_mul(i256::from(i128::from(factor)))?.checked_add(i256::from(i128::from(digit)))
    }
}

/// The number in units of its last decimal place; `None` where it has more places, or is too long.
#[inline]
fn magnitude<W: Whole>(parts: &Parts<'_>, scale: u8) -> Option<W> {
    let mut whole = W::ZERO;
    // Power of ten of the digit that comes next, in units of the last place.
    let mut power = parts.weight * 4 + i32::from(scale);
    for digit in parts.digits {
        let digit = u16::from_be_bytes(*digit);
        if digit > 9999 {
            return None;
        }
        if power >= 0 {
            whole = whole.grown(10_000, digit)?;
        } else if power > -4 {
            // Of this digit only a part stands before the last place; behind it there must be nothing.
            let cut = POWERS[power.unsigned_abs() as usize];
            if digit % cut != 0 {
                return None;
            }
            whole = whole.grown(10_000 / cut, digit / cut)?;
        } else if digit != 0 {
            return None;
        }
        power -= 4;
    }
    // The digits that are left out at the end are zeros.
    let mut missing = if parts.digits.is_empty() { 0 } else { power + 4 };
    while missing >= 4 {
        whole = whole.grown(10_000, 0)?;
        missing -= 4;
    }
    if missing > 0 { whole.grown(POWERS[missing as usize], 0) } else { Some(whole) }
}

/// A number of at most 38 digits, in units of its last place.
#[inline]
pub(super) fn short(value: &[u8], precision: u8, scale: u8) -> Result<Result<i128, Unfit>, Malformed> {
    let parts = parts(value)?;
    if parts.places == u16::from(scale) && parts.sign & !NEGATIVE == 0 {
        let magnitude = match precision {
            0..=MAX_DIGITS_OF_64 => magnitude::<i64>(&parts, scale).map(i128::from),
            _ => magnitude::<i128>(&parts, scale),
        };
        let limit = 10i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
        if let Some(number) = magnitude.filter(|number| *number < limit) {
            return Ok(Ok(if parts.sign == NEGATIVE { -number } else { number }));
        }
    }
    text(&parts).map(|text| Err(Unfit(text)))
}

/// A number of at most 76 digits, in units of its last place.
pub(super) fn long(value: &[u8], precision: u8, scale: u8) -> Result<Result<i256, Unfit>, Malformed> {
    let parts = parts(value)?;
    if parts.places == u16::from(scale) && parts.sign & !NEGATIVE == 0 {
        let limit = i256::from(10i128).checked_pow(u32::from(precision)).unwrap_or(i256::MAX);
        if let Some(number) = magnitude::<i256>(&parts, scale).filter(|number| *number < limit) {
            return Ok(Ok(if parts.sign == NEGATIVE { number.wrapping_neg() } else { number }));
        }
    }
    text(&parts).map(|text| Err(Unfit(text)))
}

/// A number as a server writes it (`numeric_out`).
#[cold]
fn text(parts: &Parts<'_>) -> Result<String, Malformed> {
    match parts.sign {
        NAN => return Ok("NaN".to_owned()),
        INFINITY => return Ok("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Ok("-Infinity".to_owned()),
        0 | NEGATIVE => {}
        _ => return Err(Malformed("a numeric has a sign that is not known")),
    }
    let digit = |power: i32| {
        let at = usize::try_from(parts.weight - power).ok();
        at.and_then(|at| parts.digits.get(at)).map_or(0, |digit| u16::from_be_bytes(*digit))
    };
    let mut whole: String = (0..=parts.weight.max(0)).rev().map(|power| format!("{:04}", digit(power))).collect();
    let zeros = whole.len() - whole.trim_start_matches('0').len();
    whole.drain(..zeros.min(whole.len() - 1));
    let places = usize::from(parts.places);
    let mut fraction: String = (1..=places.div_ceil(4) as i32).map(|at| format!("{:04}", digit(-at))).collect();
    fraction.truncate(places);
    let (sign, point) = (if parts.sign == NEGATIVE { "-" } else { "" }, if places == 0 { "" } else { "." });
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A number as a server sends it.
    fn sent(text: &str) -> Vec<u8> {
        let (sign, rest) = text.strip_prefix('-').map_or((0, text), |rest| (NEGATIVE, rest));
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let padded = format!("{:0>1$}", whole, whole.len().div_ceil(4) * 4);
        let behind = format!("{:0<1$}", fraction, fraction.len().div_ceil(4) * 4);
        let mut digits: Vec<u16> = (padded.clone() + &behind)
            .as_bytes()
            .chunks(4)
            .map(|four| std::str::from_utf8(four).expect("digits").parse().expect("a digit"))
            .collect();
        let mut weight = (padded.len() / 4) as i16 - 1;
        while digits.first() == Some(&0) {
            digits.remove(0);
            weight -= 1;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            weight = 0;
        }
        let head = [digits.len() as u16, weight as u16, sign, fraction.len() as u16];
        head.into_iter().chain(digits).flat_map(u16::to_be_bytes).collect()
    }

    fn check(text: &str, precision: u8, scale: u8, expect: i128) {
        assert_eq!(short(&sent(text), precision, scale).expect("a number").ok(), Some(expect), "{text}");
        let long = long(&sent(text), precision.max(39), scale).expect("a number").ok();
        assert_eq!(long.map(|number| number.to_string()), Some(expect.to_string()), "{text}");
        assert_eq!(super::text(&parts(&sent(text)).expect("a number")).expect("written"), text);
    }

    #[test]
    fn numbers_are_read() {
        check("0.00", 15, 2, 0);
        check("1.10", 15, 2, 110);
        check("-0.01", 15, 2, -1);
        check("12345678.99", 15, 2, 1_234_567_899);
        check("120000", 15, 0, 120_000);
        check("-100000000", 9, 0, -100_000_000);
        check("0.000001", 6, 6, 1);
        check("0.00001", 6, 5, 1);
        check("99999999999999999999999999999999999999", 38, 0, 10i128.pow(38) - 1);
        check("999999999999999999999999999999999999.99", 38, 2, 10i128.pow(38) - 1);
        check("-9.9999999999999999999999999999999999999", 38, 37, -(10i128.pow(38) - 1));
    }

    #[test]
    fn what_does_not_fit_is_its_text() {
        let said = |value: &[u8], scale| short(value, 15, scale).expect("a number").err().map(|Unfit(text)| text);
        assert_eq!(said(&sent("1.1"), 2).as_deref(), Some("1.1"), "other places are another text");
        assert_eq!(said(&sent("1000000000000000"), 0).as_deref(), Some("1000000000000000"));
        assert_eq!(said(&[0, 0, 0, 0, 0xc0, 0, 0, 0], 2).as_deref(), Some("NaN"));
        assert_eq!(said(&[0, 0, 0, 0, 0xf0, 0, 0, 32], 2).as_deref(), Some("-Infinity"));
        assert!(short(&[0, 1, 0, 0, 0, 0, 0, 0], 15, 2).is_err() && short(&[0, 0], 15, 2).is_err());
    }

    proptest! {
        #[test]
        fn any_number_comes_back(number in any::<i64>(), scale in 0u8..18) {
            let digits = format!("{:0>1$}", number.unsigned_abs(), usize::from(scale) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
            let sign = if number < 0 { "-" } else { "" };
            let point = if scale == 0 { "" } else { "." };
            check(&format!("{sign}{whole}{point}{fraction}"), 38, scale, i128::from(number));
        }

        #[test]
        fn no_bytes_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..40), scale in 0u8..76) {
            let _ = short(&value, 38, scale.min(38));
            let _ = long(&value, 76, scale);
        }
    }
}
