//! Numbers and times as people read them, and texts that cannot become markup.

/// A span in the two largest units it has.
pub(crate) fn span(seconds: i64, is_chinese: bool) -> String {
    let units: [(i64, &str, &str); 4] =
        [(86_400, "d", " 天"), (3600, "h", " 小时"), (60, "min", " 分钟"), (1, "s", " 秒")];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (len, english, chinese) in units {
        let count = left / len;
        left %= len;
        if count > 0 && parts.len() < 2 {
            parts.push(if is_chinese { format!("{count}{chinese}") } else { format!("{count} {english}") });
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { if is_chinese { "0 秒".into() } else { "0 s".into() } } else { parts.join(" ") }
}

/// A size in binary units.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = (0..units.len() - 1).take_while(|power| bytes >> (10 * (power + 1)) > 0).count();
    if power == 0 {
        format!("{bytes} B")
    } else {
        format!("{:.1} {}", bytes as f64 / (1u64 << (10 * power)) as f64, units[power])
    }
}

/// An instant in UTC, to the second.
pub(crate) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// A text that a robot's markdown cannot read as a link, a mention, code or a new line.
pub(crate) fn plain(text: &str) -> String {
    let replaced = |letter: char| match letter {
        '[' => '(',
        ']' => ')',
        '<' => '‹',
        '>' => '›',
        '`' => '\'',
        letter if letter.is_control() => ' ',
        letter => letter,
    };
    text.chars().map(replaced).collect()
}

/// No more than so many bytes, cut between letters, with an ellipsis where something was cut.
pub(crate) fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_string();
    }
    let mut end = max_bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_people() {
        assert_eq!((span(90_061, false), span(59, true)), ("1 d 1 h".to_string(), "59 秒".to_string()));
        assert_eq!(
            (span(86_400, false), span(-5, false), span(86_460, false)),
            ("1 d".into(), "0 s".into(), "1 d".into())
        );
        assert_eq!((size(1023), size(1536), size(u64::MAX)), ("1023 B".into(), "1.5 KiB".into(), "16.0 EiB".into()));
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn texts_are_cut_between_letters_and_hold_no_markup() {
        assert_eq!(cut("备份备份", 7), "备…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(plain("[a](b)<@all>\n`c`"), "(a)(b)‹@all› 'c'");
    }
}
