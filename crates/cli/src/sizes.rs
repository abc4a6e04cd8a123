//! Sizes and counts for people.

/// Bytes with a binary unit: `1.4 GiB`.
pub fn bytes(len_bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if len_bytes < 1024 {
        return format!("{len_bytes} B");
    }
    let mut value = len_bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A size as people write it, or as it is shown to them: `17`, `2K`, `3MiB`, `1.5G`, `90.0 MiB`; units of 1024.
pub fn parse(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_uppercase();
    let number = number.trim_end_matches(' ');
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    let Some((whole, part)) = number.split_once('.').filter(|_| shift > 0) else {
        return number.parse::<u64>().ok()?.checked_mul(1 << shift);
    };
    let is_part = (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let part = part.parse::<u64>().ok().filter(|_| is_part)?;
    let below = (part << shift) / 10_u64.pow(u32::try_from(number.len() - whole.len() - 1).ok()?);
    whole.parse::<u64>().ok()?.checked_mul(1 << shift)?.checked_add(below)
}

/// A count with thousands set apart: `12 345`, four digits together.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A ratio such as `3.25`; `None` when there is nothing to divide by.
pub fn ratio(large: u64, small: u64) -> Option<f64> {
    (small > 0).then(|| large as f64 / small as f64)
}

/// How many columns a terminal needs for a text: wide characters count as two.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// East Asian wide and full-width blocks (Unicode Standard Annex 11, W and F, by block).
fn is_wide(character: char) -> bool {
    matches!(u32::from(character),
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!([parse("17"), parse("2K"), parse("3MiB"), parse("1gb")], [17, 2048, 3 << 20, 1 << 30].map(Some));
        assert_eq!([parse("1.5M"), parse("90.0 MiB"), parse("0.25 K")], [3 << 19, 90 << 20, 256].map(Some));
        for wrong in ["", "x", "-1", "1.5", "1.M", ".5M", "1.2.3M", "1.-5M", "1.0000000M", "99999999999T", "9e9G"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(count(1234), "1234");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(columns("仓库a"), 5);
    }
}
