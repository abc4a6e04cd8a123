//! What of a captured schema may be printed as a statement.
//!
//! SQLite reads the first statement of a text in `sqlite_schema` and ignores the rest, so a database that somebody made for it
//! holds texts that do something else when they are run: another statement, or, for the shell `sqlite3`, a command at the
//! beginning of a line. A text is printed only when it is one `CREATE` of its kind and nothing else, for SQLite and for the
//! shell.

use std::ops::Range;

/// What the kinds of objects are called in their statements; all others are not printed.
const KINDS: [(&str, &str); 4] = [("table", "TABLE"), ("index", "INDEX"), ("view", "VIEW"), ("trigger", "TRIGGER")];
/// All signs of a statement of a schema. Others begin a parameter, or nothing that SQLite knows.
const SIGNS: &str = "(),;+-*/%<>=!&|~.";

const OTHER_KIND: &str = "its statement is no CREATE of its kind";
const MORE: &str = "its statement is not one alone";
const BROKEN: &str = "its statement cannot be read";
const COMMAND: &str = "a line of its statement is a command to the shell sqlite3";

/// The kind of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token {
    Word,
    Quoted,
    Sign(char),
}

/// A captured statement that is what it seems.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Statement<'s> {
    /// `TABLE`, `INDEX`, `VIEW`, `TRIGGER`.
    pub kind: &'static str,
    sql: &'s str,
    /// From the name of what it makes to its last token: SQLite keeps this as it is.
    pub body: &'s str,
    /// True when it ends in a comment that only the end of a line ends.
    is_open: bool,
}

impl<'s> Statement<'s> {
    /// The statement of an object of this kind; else why it is none that can be printed.
    pub(super) fn read(kind: &str, sql: &'s str) -> Result<Self, &'static str> {
        let kind = keyword(kind).ok_or(OTHER_KIND)?;
        // SQLite itself begins them all so. A comment before would be another statement's end to some programs.
        if !sql.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("CREATE")) {
            return Err(OTHER_KIND);
        }
        let mut tokens = Tokens { sql, at: 0, is_open: false };
        let name = tokens.head(kind)?;
        let end = tokens.read_end(kind, &name)?;
        Ok(Self { kind, sql, body: &sql[name.start..end], is_open: tokens.is_open })
    }

    /// It with its end. A comment at its end must not swallow that.
    pub(super) fn terminated(&self) -> String {
        let end = if self.is_open { "\n;" } else { ";" };
        format!("{}{end}", self.sql)
    }
}

/// The word for a kind of objects in their statements.
pub(super) fn keyword(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(known, _)| *known == kind).map(|(_, word)| *word)
}

/// The module of a virtual table, in lower case.
pub(super) fn module_of(sql: &str) -> Option<String> {
    let mut tokens = Tokens { sql, at: 0, is_open: false };
    while let Ok(Some(token)) = tokens.next() {
        if tokens.is_word(&token, "USING") {
            let (_, place) = tokens.next().ok()??;
            return Some(sql[place].trim_matches(['"', '`', '[', ']', '\'']).to_ascii_lowercase());
        }
    }
    None
}

/// The columns of an index, when they are columns and nothing else; `None` when expressions or conditions are among them.
pub(super) fn index_columns(sql: &str) -> Option<Vec<String>> {
    let mut tokens = Tokens { sql, at: 0, is_open: false };
    tokens.head("INDEX").ok()?;
    tokens.expect("ON").ok()?;
    tokens.some().ok()?;
    let mut columns = Vec::new();
    let mut before = tokens.some().ok().filter(|token| token.0 == Token::Sign('('))?;
    while let Some(token) = tokens.next().ok()? {
        let (is_first, is_name) = (matches!(before.0, Token::Sign('(' | ',')), !matches!(token.0, Token::Sign(_)));
        match token.0 {
            _ if is_first && is_name => columns.push(unquoted(&sql[token.1.clone()])?),
            Token::Word if ["ASC", "DESC", "COLLATE"].iter().any(|word| tokens.is_word(&token, word)) => {}
            _ if tokens.is_word(&before, "COLLATE") && is_name => {}
            Token::Sign(',') if !is_first => {}
            Token::Sign(')') if !is_first => return matches!(tokens.next(), Ok(None)).then_some(columns),
            _ => return None,
        }
        before = token;
    }
    None
}

/// A name without its quotes; `None` for a text, which may be no name.
fn unquoted(name: &str) -> Option<String> {
    let within = || name.get(1..name.len().saturating_sub(1));
    match name.chars().next()? {
        '\'' => None,
        '[' => within().map(str::to_owned),
        quote @ ('"' | '`') => within().map(|name| name.replace(&format!("{quote}{quote}"), &quote.to_string())),
        _ => Some(name.to_owned()),
    }
}

/// The tokens of a text, with their places.
struct Tokens<'s> {
    sql: &'s str,
    at: usize,
    is_open: bool,
}

type Found = (Token, Range<usize>);

impl Tokens<'_> {
    /// Passes `CREATE kind IF NOT EXISTS schema.`; the place of the name.
    fn head(&mut self, kind: &str) -> Result<Range<usize>, &'static str> {
        self.expect("CREATE")?;
        let mut token = self.some()?;
        if kind == "INDEX" && self.is_word(&token, "UNIQUE") {
            token = self.some()?;
        }
        if !self.is_word(&token, kind) {
            return Err(OTHER_KIND);
        }
        let mut name = self.some()?;
        if self.is_word(&name, "IF") {
            self.expect("NOT")?;
            self.expect("EXISTS")?;
            name = self.some()?;
        }
        let after = self.at;
        if matches!(self.next()?, Some((Token::Sign('.'), _))) {
            name = self.some()?;
        } else {
            self.at = after;
        }
        if matches!(name.0, Token::Sign(_)) { Err(OTHER_KIND) } else { Ok(name.1) }
    }

    /// Passes the rest; where its last token ends. A trigger is the only one with statements inside: it ends at the first `END`
    /// that follows a semicolon.
    fn read_end(&mut self, kind: &str, name: &Range<usize>) -> Result<usize, &'static str> {
        let (mut end, mut is_first, mut follows, mut is_done) = (name.end, true, false, false);
        while let Some(token) = self.next()? {
            if is_done || (kind != "TRIGGER" && token.0 == Token::Sign(';')) {
                return Err(MORE);
            }
            // A table that is made of a query would run it.
            if is_first && kind == "TABLE" && token.0 != Token::Sign('(') {
                return Err(OTHER_KIND);
            }
            is_done = follows && self.is_word(&token, "END");
            follows = token.0 == Token::Sign(';');
            (end, is_first) = (token.1.end, false);
        }
        if is_first || (kind == "TRIGGER" && !is_done) { Err(BROKEN) } else { Ok(end) }
    }

    fn is_word(&self, token: &Found, word: &str) -> bool {
        token.0 == Token::Word && self.sql[token.1.clone()].eq_ignore_ascii_case(word)
    }

    fn some(&mut self) -> Result<Found, &'static str> {
        self.next()?.ok_or(BROKEN)
    }

    fn expect(&mut self, word: &str) -> Result<(), &'static str> {
        let token = self.some()?;
        if self.is_word(&token, word) { Ok(()) } else { Err(OTHER_KIND) }
    }

    fn next(&mut self) -> Result<Option<Found>, &'static str> {
        self.skip_blank()?;
        let (from, rest) = (self.at, &self.sql[self.at..]);
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (token, len) = match first {
            '"' | '`' | '\'' => (Token::Quoted, quoted_len(rest, first).ok_or(BROKEN)?),
            '[' => (Token::Quoted, rest.find(']').ok_or(BROKEN)? + 1),
            first if SIGNS.contains(first) => (Token::Sign(first), 1),
            // A parameter may hold quotes that begin nothing.
            '$' => return Err(BROKEN),
            first if is_name_part(first) => (Token::Word, rest.find(|c| !is_name_part(c)).unwrap_or(rest.len())),
            _ => return Err(BROKEN),
        };
        // SQLite ends at a zero character, and the shell at another place.
        if rest[..len].contains('\0') {
            return Err(BROKEN);
        }
        self.at = from + len;
        let found = (token, from..self.at);
        if self.is_command(&found) { Err(COMMAND) } else { Ok(Some(found)) }
    }

    /// The shell takes `/` and `go` alone in a line for the end of a statement, and what follows for another one.
    fn is_command(&self, token: &Found) -> bool {
        let is_end = token.0 == Token::Sign('/') || self.is_word(token, "go");
        let before = self.sql[..token.1.start].rsplit('\n').next().unwrap_or_default();
        let after = self.sql[token.1.end..].split('\n').next().unwrap_or_default().trim();
        let is_last = after.is_empty() || after.starts_with("--") || after.starts_with("/*");
        is_end && is_last && before.trim().is_empty()
    }

    /// Passes white space and comments. A comment that nothing ends ends with the text.
    fn skip_blank(&mut self) -> Result<(), &'static str> {
        loop {
            let rest = &self.sql[self.at..];
            let step = if rest.starts_with("--") {
                let end = rest.find('\n');
                self.is_open = end.is_none();
                end.map_or(rest.len(), |end| end + 1)
            } else if let Some(comment) = rest.strip_prefix("/*") {
                comment.find("*/").ok_or(BROKEN)? + 4
            } else if rest.starts_with([' ', '\t', '\n', '\r', '\x0c']) {
                1
            } else {
                return Ok(());
            };
            if rest[..step].contains('\0') {
                return Err(BROKEN);
            }
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

    fn body(kind: &str, sql: &str) -> String {
        Statement::read(kind, sql).unwrap_or_else(|why| panic!("{why}: {sql}")).body.to_owned()
    }

    #[test]
    fn statements_of_a_schema_are_read() {
        assert_eq!(body("table", "CREATE TABLE t(a, \"b;\" DEFAULT 'x;\n.y')"), "t(a, \"b;\" DEFAULT 'x;\n.y')");
        assert_eq!(body("table", "CREATE TABLE IF NOT EXISTS main.[t;](a) -- ;"), "[t;](a)");
        assert_eq!(body("index", "create unique index i ON t(a -- ;\n) WHERE a->>'$.x' > 1.5e-3"), {
            "i ON t(a -- ;\n) WHERE a->>'$.x' > 1.5e-3"
        });
        assert_eq!(body("view", "CREATE VIEW v AS SELECT 6\n / 2, a$b FROM t /* ; */"), {
            "v AS SELECT 6\n / 2, a$b FROM t"
        });
        let trigger = "CREATE TRIGGER x AFTER INSERT ON t WHEN CASE WHEN 1 THEN 2 END BEGIN SELECT 1; SELECT 2;\nEND";
        assert_eq!(body("trigger", trigger), trigger["CREATE TRIGGER ".len()..]);
    }

    #[test]
    fn what_is_more_than_a_statement_is_refused() {
        let why = |kind: &str, sql: &str| Statement::read(kind, sql).map(|_| ()).expect_err("no statement");
        assert_eq!(why("view", "CREATE VIEW v AS SELECT 1;\n.shell touch x\nSELECT 1"), MORE);
        assert_eq!(why("trigger", "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END; SELECT 1; END"), MORE);
        assert_eq!(why("trigger", "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1;"), BROKEN);
        assert_eq!(why("table", "CREATE TABLE t AS SELECT writefile('x', 'y')"), OTHER_KIND);
        assert_eq!(why("view", "CREATE TABLE t(a)"), OTHER_KIND);
        assert_eq!(why("view;\n.shell", "CREATE VIEW v AS SELECT 1"), OTHER_KIND);
        assert_eq!(why("view", "-- x\nCREATE VIEW v AS SELECT 1"), OTHER_KIND);
        assert_eq!(why("view", "CREATE VIEW v AS SELECT\ngo\n.shell touch FROM t go"), COMMAND);
        assert_eq!(why("view", "CREATE VIEW v AS SELECT 1\n\t/ -- x\n.5"), COMMAND);
        for text in ["$a(');\n.shell x --')", "'", "\"", "/* x", "'a\0b'", "{", "1 \0"] {
            assert_eq!(why("view", &format!("CREATE VIEW v AS SELECT {text}")), BROKEN, "{text}");
        }
    }

    #[test]
    fn only_an_open_comment_needs_a_line_of_its_own() {
        let end = |sql: &str| Statement::read("view", sql).expect("a statement").terminated().split_off(sql.len());
        assert_eq!(end("CREATE VIEW \"a--b\" AS SELECT 1"), ";");
        assert_eq!(end("CREATE VIEW v AS SELECT 1 -- x\n"), ";");
        assert_eq!(end("CREATE VIEW v AS SELECT 1 -- x\n+ 2"), ";");
        assert_eq!(end("CREATE VIEW v AS SELECT 1 -- x"), "\n;");
    }

    #[test]
    fn plain_columns_of_an_index_are_known() {
        let of = |sql: &str| index_columns(&format!("CREATE UNIQUE INDEX i ON t{sql}")).map(|names| names.join("|"));
        let plain = of("(a, \"b\"\"c\" COLLATE NOCASE DESC,[x\"z] ASC)");
        assert_eq!(plain.as_deref(), Some("a|b\"c|x\"z"));
        for other in ["(a + 1)", "((a))", "(lower(a))", "(a) WHERE b", "(a, 'b')", "(a", "()", "(a,)"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_virtual_table_says_its_module() {
        assert_eq!(module_of("CREATE VIRTUAL TABLE \"using\" USING \"FTS5\"(a)").as_deref(), Some("fts5"));
        assert_eq!(module_of("CREATE TABLE t(a)"), None);
    }
}
