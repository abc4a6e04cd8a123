//! The words of a statement, as PostgreSQL's own scanner cuts them: quotes, dollar quotes and comments are never looked into.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    /// A name or a key word without quotes, or a number.
    Word,
    /// A name in quotes.
    Quoted,
    /// A text in quotes or dollar quotes, its prefix with it.
    Text,
    /// Any other single character.
    Other,
}

/// A token and its place: the first byte, and the one after the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub token: Token,
    pub from: usize,
    pub to: usize,
}

impl Place {
    /// Its bytes.
    pub fn of<'a>(&self, sql: &'a str) -> &'a str {
        &sql[self.from..self.to]
    }

    /// True for this key word, whatever its case.
    pub fn is_word(&self, sql: &str, word: &str) -> bool {
        self.token == Token::Word && self.of(sql).eq_ignore_ascii_case(word)
    }

    /// True for this single character.
    pub fn is_char(&self, sql: &str, character: &str) -> bool {
        self.token == Token::Other && self.of(sql) == character
    }

    /// The name that it writes; `None` when it writes none.
    pub fn name(&self, sql: &str) -> Option<String> {
        let text = self.of(sql);
        match self.token {
            Token::Quoted => Some(text.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\"")),
            Token::Word if !text.starts_with(|first: char| first.is_ascii_digit()) => Some(text.to_ascii_lowercase()),
            _ => None,
        }
    }
}

/// All tokens of a text. What does not end, ends with the text.
pub(crate) fn tokens(sql: &str) -> Vec<Place> {
    each(sql).collect()
}

/// As [`tokens`], cut as they are asked for.
pub(crate) fn each(sql: &str) -> impl Iterator<Item = Place> {
    std::iter::successors(next(sql, 0), |place| next(sql, place.to))
}

/// The token at or behind this byte; `None` at the end.
fn next(sql: &str, at: usize) -> Option<Place> {
    let from = at + blank_len(&sql[at..]);
    let rest = &sql[from..];
    let first = rest.chars().next()?;
    let (token, len) = match first {
        '\'' => (Token::Text, quoted_len(rest, '\'')),
        '"' => (Token::Quoted, quoted_len(rest, '"')),
        '$' => match dollar_len(rest) {
            Some(len) => (Token::Text, len),
            None => (Token::Other, 1),
        },
        _ if is_name_part(first) => word(rest),
        _ => (Token::Other, first.len_utf8()),
    };
    Some(Place { token, from, to: from + len })
}

/// A word, or what a letter before a quote begins.
fn word(rest: &str) -> (Token, usize) {
    let len = rest.find(|c| !is_name_part(c) && c != '$').unwrap_or(rest.len());
    let behind = &rest[len..];
    let is = |prefix: &str| rest[..len].eq_ignore_ascii_case(prefix);
    if behind.starts_with('\'') && is("E") {
        return (Token::Text, len + escaped_len(behind));
    }
    if behind.starts_with('\'') && (is("B") || is("X") || is("N")) {
        return (Token::Text, len + quoted_len(behind, '\''));
    }
    if is("U") && behind.starts_with("&'") {
        return (Token::Text, len + 1 + quoted_len(&behind[1..], '\''));
    }
    (Token::Word, len)
}

/// Bytes of white space and comments at the beginning.
fn blank_len(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        } else if rest.starts_with("/*") {
            comment_len(rest)
        } else if rest.starts_with([' ', '\t', '\n', '\r', '\x0b', '\x0c']) {
            1
        } else {
            return at;
        };
    }
}

/// Bytes of the comment at the beginning; comments nest.
fn comment_len(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let Some(step) = text[at..].find(['*', '/']) else { return text.len() };
        at += step;
        if text[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
        } else if text[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else {
            at += 1;
        }
    }
    at
}

/// Bytes of the quoted text at the beginning, its quotes doubled within.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(step) = text[at..].find(quote) {
        at += step + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// As [`quoted_len`], a character behind a backslash being none of the quotes.
fn escaped_len(text: &str) -> usize {
    let mut at = 1;
    while let Some(step) = text[at..].find(['\'', '\\']) {
        at += step + 1;
        let behind = &text[at..];
        if text[..at].ends_with('\\') {
            at += behind.chars().next().map_or(0, char::len_utf8);
        } else if behind.starts_with('\'') {
            at += 1;
        } else {
            return at;
        }
    }
    text.len()
}

/// Bytes of the dollar-quoted text at the beginning; `None` when none begins.
fn dollar_len(text: &str) -> Option<usize> {
    let tag = text[1..].find(|c| !is_name_part(c))? + 1;
    if !text[tag..].starts_with('$') || text[1..].starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let quote = &text[..=tag];
    Some(text[quote.len()..].find(quote).map_or(text.len(), |end| end + 2 * quote.len()))
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(sql: &str, expect: &[&str]) {
        let found: Vec<_> = tokens(sql).iter().map(|place| place.of(sql)).collect();
        assert_eq!(found, expect, "{sql}");
    }

    #[test]
    fn quotes_and_comments_are_not_looked_into() {
        check("a.\"b\"\".c\" -- d\n/* e /* f */ g */h", &["a", ".", "\"b\"\".c\"", "h"]);
        check("'it''s \\' || E'it\\'s' E''''", &["'it''s \\'", "|", "|", "E'it\\'s'", "E''''"]);
        check("AS $$ -- Name: x; 'y $$;", &["AS", "$$ -- Name: x; 'y $$", ";"]);
        check("$a$ $b$ $$ $a$ $1 x$y$z", &["$a$ $b$ $$ $a$", "$", "1", "x$y$z"]);
        check("U&'d\\0061' x'1f' B'0' numeric'1'", &["U&'d\\0061'", "x'1f'", "B'0'", "numeric", "'1'"]);
        check("'open", &["'open"]);
        check("a /* open", &["a"]);
        check("$$ open", &["$$ open"]);
        check("-- a comment", &[]);
    }

    #[test]
    fn names_are_read() {
        let name = |sql: &str| tokens(sql)[0].name(sql);
        assert_eq!(name("Orders").as_deref(), Some("orders"));
        assert_eq!(name("\"Or\"\"ders\"").as_deref(), Some("Or\"ders"));
        assert_eq!(name("über").as_deref(), Some("über"));
        assert_eq!((name("'a'"), name("1a")), (None, None));
    }

    proptest! {
        /// Tokens rise, lie within the text and at the borders of its characters, whatever the text is.
        #[test]
        fn any_text_is_cut(sql in "([a-zE'\"$\\\\/*\\- \n.;é]|\\PC){0,40}") {
            let mut at = 0;
            for place in tokens(&sql) {
                prop_assert!(at <= place.from && place.from < place.to);
                prop_assert!(!place.of(&sql).is_empty());
                at = place.to;
            }
        }
    }
}
