//! Statements that make a table whose columns change nothing that is put into them.

use crate::sql::{Token, Tokens, is_word};

/// Words with which a rule of a whole table begins.
const RULES_OF_TABLE: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
/// Words with which the rules of a column begin: its type ends before them.
const RULES_OF_COLUMN: [&str; 11] =
    ["CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"];

/// The `CREATE TABLE` statement without the types of its columns, and not strict; `None` where it cannot be told. The type of
/// the column that is the rowid (`kept`) and of computed ones stays. Everything else stays as it was, so that pages written
/// under one statement are those of the other.
pub(crate) fn without_types(sql: &str, kept: Option<&str>) -> Option<String> {
    let mut tokens = Tokens::new(sql);
    while tokens.next()?.0 != Token::Other {}
    if !sql[..tokens.at()].ends_with('(') {
        return None;
    }
    let mut cuts = Vec::new();
    loop {
        let first = tokens.next()?;
        let is_rule = RULES_OF_TABLE.iter().any(|word| is_word(sql, first, word));
        let (cut, is_computed, end) = item(&mut tokens, sql)?;
        let is_kept = kept.is_some_and(|kept| unquoted(&sql[first.1..first.2]).eq_ignore_ascii_case(kept));
        if !is_rule && !is_computed && !is_kept {
            cuts.push(cut);
        }
        if end == ")" {
            break;
        }
    }
    let mut bare = String::with_capacity(sql.len());
    let mut from = 0;
    for (start, end) in cuts {
        bare.push_str(&sql[from..start]);
        bare.push(' ');
        from = end;
    }
    bare.push_str(&sql[from..tokens.at()]);
    while let Some(token) = tokens.next() {
        if is_word(sql, token, "WITHOUT") {
            bare.push_str(" WITHOUT ROWID");
        }
    }
    Some(bare)
}

/// Passes what follows the name of a column up to its end: where its type stands, whether it is computed, and what ends it.
fn item<'s>(tokens: &mut Tokens<'s>, sql: &'s str) -> Option<((usize, usize), bool, &'s str)> {
    let start = tokens.at();
    let (mut type_end, mut is_in_type, mut is_computed, mut depth) = (start, true, false, 0);
    loop {
        let token = tokens.next()?;
        let text = &sql[token.1..token.2];
        if depth == 0 && matches!(text, "," | ")") && token.0 == Token::Other {
            return Some(((start, type_end), is_computed, text));
        }
        if depth == 0 && RULES_OF_COLUMN.iter().any(|word| is_word(sql, token, word)) {
            is_in_type = false;
            is_computed |= text.eq_ignore_ascii_case("AS");
        }
        match (token.0, text) {
            (Token::Other, "(") => depth += 1,
            (Token::Other, ")") => depth -= 1,
            _ => {}
        }
        if is_in_type {
            type_end = token.2;
        }
    }
}

/// A name without its quotes.
fn unquoted(name: &str) -> String {
    let quote = name.chars().next().unwrap_or_default();
    match quote {
        '"' | '`' | '\'' => name[1..name.len() - 1].replace(&format!("{quote}{quote}"), &quote.to_string()),
        '[' => name[1..name.len() - 1].to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_go_and_everything_else_stays() {
        let check = |sql: &str, kept: Option<&str>, expect: &str| {
            let bare = without_types(sql, kept);
            assert_eq!(bare.as_deref(), Some(expect), "{sql}");
            let place = rusqlite::Connection::open_in_memory().expect("a database");
            place.execute_batch(expect).expect("a statement");
        };
        check("CREATE TABLE t(a INTEGER, b)", None, "CREATE TABLE t(a , b )");
        check(
            "CREATE TABLE t(\"i d\" INTEGER PRIMARY KEY, p DECIMAL(10, 2) NOT NULL, CHECK (p > 0)) STRICT"
                .replace(" STRICT", "")
                .as_str(),
            Some("I D"),
            "CREATE TABLE t(\"i d\" INTEGER PRIMARY KEY, p  NOT NULL, CHECK (p > 0))",
        );
        check(
            "CREATE TABLE main.[t] (a unsigned big int DEFAULT (1), g TEXT AS (a || ','), s INT GENERATED ALWAYS AS (a) STORED, \
             PRIMARY KEY (a)) WITHOUT ROWID, STRICT"
                .replace("unsigned big int", "INT")
                .as_str(),
            None,
            "CREATE TABLE main.[t] (a  DEFAULT (1), g TEXT AS (a || ','), s INT GENERATED ALWAYS AS (a) STORED, PRIMARY KEY (a)) \
             WITHOUT ROWID",
        );
        assert_eq!(without_types("CREATE TABLE t AS SELECT 1", None), None);
        assert_eq!(without_types("CREATE TABLE t(a", None), None);
    }
}
