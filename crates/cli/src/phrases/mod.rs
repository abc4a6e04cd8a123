//! What connectors say, in Chinese. They speak English alone, and know nothing of whom they speak to: here their sentences are known
//! by what is the same in all of one kind.
//!
//! In a pattern `{}` stands for a name or a value, which stays as it is, `{?}` for a sentence that is translated where it is
//! known, `{!}` for one that must be known. In the answer `{1}` is the first of them.

mod postgres;
mod sqlite;

use crate::words::{Lang, lang};

/// A pattern, and what it is in Chinese.
type Phrase = (&'static str, &'static str);

/// All that is known, one list a connector. The first that fits is taken: what is special stands before what is general.
const PHRASES: [&[Phrase]; 2] = [&postgres::PHRASES, &sqlite::PHRASES];

/// A sentence in Chinese; nothing where no pattern fits.
pub fn chinese(sentence: &str) -> Option<String> {
    PHRASES.into_iter().flatten().find_map(|phrase| said(sentence, phrase))
}

/// The sentence in the language in use, as far as it is known.
pub fn spoken(sentence: &str) -> String {
    match lang() {
        Lang::En => sentence.to_string(),
        Lang::Zh => chinese_or_same(sentence),
    }
}

/// The sentence in Chinese where it is known, else as it is.
pub fn chinese_or_same(sentence: &str) -> String {
    chinese(sentence).unwrap_or_else(|| sentence.to_string())
}

fn said(sentence: &str, (pattern, answer): &Phrase) -> Option<String> {
    let (mut pattern, mut rest) = (*pattern, sentence);
    let mut found: Vec<String> = Vec::new();
    loop {
        let Some(at) = pattern.find('{') else {
            return (rest == pattern).then(|| filled(answer, &found));
        };
        rest = rest.strip_prefix(&pattern[..at])?;
        let (slot, behind) = pattern[at..].split_once('}')?;
        // What stands behind up to the next slot; at the end of the pattern all that is left belongs to this one.
        let stop = &behind[..behind.find('{').unwrap_or(behind.len())];
        let len = match (stop.is_empty(), behind.contains('{')) {
            (true, _) => rest.len(),
            (false, true) => rest.find(stop)?,
            (false, false) => rest.len().checked_sub(stop.len()).filter(|&len| rest.get(len..) == Some(stop))?,
        };
        if len == 0 {
            return None;
        }
        let (value, after) = rest.split_at(len);
        found.push(match slot {
            "{!" => chinese(value)?,
            "{?" => chinese_or_same(value),
            _ => value.to_string(),
        });
        (pattern, rest) = (behind, after);
    }
}

/// The answer, with `{1}` and so on replaced by what was found: never within what was found.
fn filled(answer: &str, found: &[String]) -> String {
    let mut text = String::new();
    let mut rest = answer;
    while let Some((head, tail)) = rest.split_once('{') {
        text.push_str(head);
        let Some((number, behind)) = tail.split_once('}') else { break };
        let value = number.parse::<usize>().ok().and_then(|number| found.get(number.checked_sub(1)?));
        text.push_str(value.map_or("", String::as_str));
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_known_by_what_stands_around_names() {
        for (english, expected) in [
            ("cannot open /srv/a b.db", Some("无法打开 /srv/a b.db")),
            (
                "cannot open /srv/x.db: it is no SQLite database, or it is encrypted (file is not a database)",
                Some("无法打开 /srv/x.db：不是 SQLite 数据库，或已加密（file is not a database）"),
            ),
            ("cannot read table main.{1} of /a: disk I/O error", Some("无法读取 /a 的表 main.{1}：disk I/O error")),
            (
                "cannot merge into table t of /a.db: its columns are id, those captured are id, a; nothing was changed",
                Some("无法合并到 /a.db 的表 t：其列为 id，备份时的列为 id, a；未作任何修改"),
            ),
            ("t2 has another name than it had and came without index by_a", Some("t2 改了名称，因此不含 index by_a")),
            ("integrity_check found nothing wrong", Some("integrity_check 未发现问题")),
            ("run it again", Some("请重新运行")),
            ("run it again, somehow", None),
            ("nobody says: this", None),
            ("", None),
        ] {
            assert_eq!(chinese(english).as_deref(), expected, "{english}");
        }
        assert_eq!(chinese_or_same("plain"), "plain");
    }

    #[test]
    fn patterns_are_whole() {
        for (at, (pattern, answer)) in PHRASES.into_iter().flatten().enumerate() {
            let slots = pattern.matches('{').count();
            let example = pattern.replace("{}", "x").replace("{?}", "x").replace("{!}", "cannot open x");
            let answer_slots = (1..=slots).all(|number| answer.contains(&format!("{{{number}}}")));
            assert!(answer_slots && answer.matches('{').count() == slots, "{pattern}");
            let first = PHRASES.into_iter().flatten().position(|phrase| said(&example, phrase).is_some());
            assert_eq!(first, Some(at), "what is special stands first: {pattern}");
            assert!(!answer.is_ascii(), "{pattern}");
        }
    }
}
