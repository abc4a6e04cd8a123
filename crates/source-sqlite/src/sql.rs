//! The few words of SQL that are written or read here.

/// A name as an identifier, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal, whatever is in it. SQL ends at a zero character: where one may be, bind a parameter instead.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The kind of a token as far as the head of a statement goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Word,
    Quoted,
    Dot,
    Other,
}

/// The `CREATE TABLE` statement with another name for its table, every other byte as it was; `None` when it is not such a
/// statement.
pub(crate) fn renamed_table(sql: &str, name: &str) -> Option<String> {
    let mut tokens = Tokens::new(sql);
    tokens.word("CREATE")?;
    tokens.word("TABLE")?;
    let mut first = tokens.next()?;
    if is_word(sql, first, "IF") {
        tokens.word("NOT")?;
        tokens.word("EXISTS")?;
        first = tokens.next()?;
    }
    if !matches!(first.0, Token::Word | Token::Quoted) {
        return None;
    }
    let (from, mut to) = (first.1, first.2);
    if let Some((Token::Dot, ..)) = tokens.next() {
        to = tokens.next().filter(|token| matches!(token.0, Token::Word | Token::Quoted))?.2;
    }
    Some(format!("{}{}{}", &sql[..from], quoted(name), &sql[to..]))
}

/// True for a statement that makes a `what` (`TABLE`, `INDEX`, `TRIGGER`).
pub(crate) fn creates(sql: &str, what: &str) -> bool {
    let mut tokens = Tokens::new(sql);
    let found = tokens.word("CREATE").and_then(|()| tokens.next());
    match found {
        Some(token) if is_word(sql, token, "UNIQUE") => tokens.word(what).is_some(),
        Some(token) => is_word(sql, token, what),
        None => false,
    }
}

/// True when the statement has this word, outside quotes and comments.
pub(crate) fn has_word(sql: &str, word: &str) -> bool {
    let mut tokens = Tokens::new(sql);
    while let Some(token) = tokens.next() {
        if is_word(sql, token, word) {
            return true;
        }
    }
    false
}

/// True for this word, whatever its case.
pub(crate) fn is_word(sql: &str, token: (Token, usize, usize), word: &str) -> bool {
    token.0 == Token::Word && sql[token.1..token.2].eq_ignore_ascii_case(word)
}

/// The tokens of a statement: kind, first byte, byte after the last.
pub(crate) struct Tokens<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    /// The byte after the last token.
    pub fn at(&self) -> usize {
        self.at
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let token = self.next()?;
        is_word(self.sql, token, word).then_some(())
    }

    pub fn next(&mut self) -> Option<(Token, usize, usize)> {
        self.skip_blank()?;
        let from = self.at;
        let rest = &self.sql[from..];
        let first = rest.chars().next()?;
        let (token, len) = match first {
            '"' | '`' | '\'' => (Token::Quoted, quoted_len(rest, first)?),
            '[' => (Token::Quoted, rest.find(']')? + 1),
            '.' => (Token::Dot, 1),
            _ if is_name_part(first) => (Token::Word, rest.find(|c| !is_name_part(c)).unwrap_or(rest.len())),
            other => (Token::Other, other.len_utf8()),
        };
        self.at = from + len;
        Some((token, from, self.at))
    }

    /// Passes white space and comments; `None` at the end.
    fn skip_blank(&mut self) -> Option<()> {
        loop {
            let rest = &self.sql[self.at..];
            let step = if rest.starts_with("--") {
                rest.find('\n')? + 1
            } else if let Some(comment) = rest.strip_prefix("/*") {
                comment.find("*/")? + 4
            } else if rest.starts_with([' ', '\t', '\n', '\r', '\x0c']) {
                1
            } else {
                return Some(());
            };
            self.at += step;
        }
    }
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
}

/// Bytes of the quoted name at the beginning, its quotes doubled within.
fn quoted_len(text: &str, quote: char) -> Option<usize> {
    let mut from = 1;
    loop {
        from += text[from..].find(quote)? + 1;
        if !text[from..].starts_with(quote) {
            return Some(from);
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_table_changes() {
        let check = |sql: &str, expect: &str| assert_eq!(renamed_table(sql, "n").as_deref(), Some(expect), "{sql}");
        check("CREATE TABLE t(t, x CHECK (t > 1))", "CREATE TABLE \"n\"(t, x CHECK (t > 1))");
        check("CREATE TABLE \"a\"\" (b\"(c)", "CREATE TABLE \"n\"(c)");
        check("CREATE TABLE [a \" ](c)", "CREATE TABLE \"n\"(c)");
        check("CREATE TABLE `a``b` (c)", "CREATE TABLE \"n\" (c)");
        check("CREATE TABLE 't' (c)", "CREATE TABLE \"n\" (c)");
        check("create /* TABLE x( */ table -- y\n if not exists main.über(c)", {
            "create /* TABLE x( */ table -- y\n if not exists \"n\"(c)"
        });
        check("CREATE TABLE main . \"t\"(c)", "CREATE TABLE \"n\"(c)");
        check("CREATE TABLE t AS SELECT 1", "CREATE TABLE \"n\" AS SELECT 1");
    }

    #[test]
    fn what_is_no_table_has_no_name_to_change() {
        assert!(creates("create/**/unique INDEX i ON t(a)", "INDEX") && creates("CREATE TABLE t(a)", "TABLE"));
        assert!(!creates("ATTACH 'x' AS y", "TABLE") && !creates("CREATE VIEW v AS SELECT 1", "TABLE"));
        for sql in
            ["", "CREATE VIEW v AS SELECT 1", "CREATE TABLE", "CREATE TABLE (", "CREATE TABLE \"x", "CREATE TABLE a.("]
        {
            assert_eq!(renamed_table(sql, "n"), None, "{sql}");
        }
    }

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
    }
}
