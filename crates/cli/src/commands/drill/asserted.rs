//! Assertions: what a restored database must answer.

use crate::args_drill::DrillArgs;
use crate::errors::Failure;
use crate::time;
use crate::words::tr;
use datakeep_connector::{Cancel, Connector, Options};
use datakeep_model::{ErrorKind, escape_for_terminal};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// A file of assertions may be so long, in bytes.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// One assertion.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assertion {
    /// For people.
    name: Option<String>,
    /// A statement with one value.
    sql: String,
    /// The value; without it, it must be true.
    expected: Option<String>,
}

/// What came of an assertion.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Asserted {
    /// For people, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The statement.
    pub sql: String,
    /// What it had to answer.
    pub expected: String,
    /// What it answered; `None` for null or when it failed.
    pub found: Option<String>,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it holds.
    pub holds: bool,
}

/// The assertions that were given, and how long each may take.
pub fn given(args: &DrillArgs) -> Result<(Vec<Assertion>, Duration), Failure> {
    let mut all = Vec::new();
    for text in &args.assert {
        let Some((sql, expected)) = text.rsplit_once('=') else {
            let shown = escape_for_terminal(text.as_bytes());
            return Err(Failure::usage(tr!("--assert {shown}: no value is expected", "--assert {shown}：没有期望值"))
                .hint(tr!(
                    "write SQL=EXPECTED, such as 'SELECT count(*) FROM orders=4000', or a condition with --assert-true",
                    "请写成 SQL=期望值，如 'SELECT count(*) FROM orders=4000'；条件请用 --assert-true"
                )));
        };
        let (sql, expected) = (sql.trim().to_string(), Some(expected.trim().to_string()));
        all.push(Assertion { name: None, sql, expected });
    }
    all.extend(args.assert_true.iter().map(|sql| Assertion { name: None, sql: sql.clone(), expected: None }));
    if let Some(path) = &args.assert_file {
        all.extend(read(path)?);
    }
    let patience = time::parse_duration_ms(&args.assert_timeout).filter(|&ms| ms > 0).ok_or_else(|| {
        let shown = escape_for_terminal(args.assert_timeout.as_bytes());
        Failure::usage(tr!("--assert-timeout: `{shown}` is no span of time", "--assert-timeout：`{shown}` 不是时长"))
            .hint(tr!("such as 30s or 5m", "例如 30s 或 5m"))
    })?;
    Ok((all, Duration::from_millis(patience)))
}

fn read(path: &Path) -> Result<Vec<Assertion>, Failure> {
    let shown = escape_for_terminal(path.as_os_str().as_encoded_bytes());
    let failed = |error: &std::io::Error| Failure::io(tr!("cannot read {shown}", "无法读取 {shown}"), error);
    let len_bytes = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if len_bytes > FILE_MAX_BYTES {
        return Err(Failure::usage(tr!("{shown} is too long for a file of assertions", "断言文件 {shown} 过大")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    parse_assertions(&text).map_err(|what| {
        Failure::usage(tr!("{shown} is no file of assertions", "{shown} 不是断言文件")).detail(what).hint(tr!(
            "write [[assert]] with sql = \"...\", and expected = \"...\" where it is no condition",
            "请写 [[assert]]，其中 sql = \"...\"；若非条件，再写 expected = \"...\""
        ))
    })
}

/// The assertions of a text, or what is wrong with it.
pub(in crate::commands) fn parse_assertions(text: &str) -> Result<Vec<Assertion>, String> {
    let file = DeTable::parse(text).map_err(|error| error.to_string())?;
    let mut assertions = Vec::new();
    for (key, value) in file.get_ref() {
        let (true, DeValue::Array(tables)) = (key.get_ref() == "assert", value.get_ref()) else {
            return Err(format!("`{}` is not known here", key.get_ref()));
        };
        for table in tables.iter() {
            let DeValue::Table(table) = table.get_ref() else { return Err("`assert` holds no tables".into()) };
            assertions.push(assertion(table)?);
        }
    }
    Ok(assertions)
}

fn assertion(table: &DeTable<'_>) -> Result<Assertion, String> {
    let mut assertion = Assertion::default();
    for (key, value) in table {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            _ => return Err(format!("`{}` wants a text", key.get_ref())),
        };
        match &**key.get_ref() {
            "name" => assertion.name = Some(text),
            "sql" => assertion.sql = text,
            "expected" => assertion.expected = Some(text),
            other => return Err(format!("`{other}` is not known in [[assert]]; known: name, sql, expected")),
        }
    }
    if assertion.sql.trim().is_empty() { Err("an [[assert]] has no sql".into()) } else { Ok(assertion) }
}

/// Asks them all.
pub fn ask(
    assertions: &[Assertion],
    connector: &dyn Connector,
    (location, options): (&str, &Options),
    patience: Duration,
    cancel: &Cancel,
) -> Result<Vec<Asserted>, Failure> {
    let mut asserted = Vec::new();
    for assertion in assertions {
        if cancel.is_cancelled() {
            return Err(Failure::new(ErrorKind::Cancelled, tr!("stopped on request", "已按请求停止")));
        }
        let answer = connector.ask(location, options, &assertion.sql, patience);
        asserted.push(judge(assertion, answer.map_err(|error| error.message)));
    }
    Ok(asserted)
}

/// Null equals nothing.
fn judge(assertion: &Assertion, answer: Result<Option<String>, String>) -> Asserted {
    let (found, error) = match answer {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error)),
    };
    let holds = match (&assertion.expected, &found) {
        (_, None) => false,
        (Some(expected), Some(found)) => expected == found,
        (None, Some(found)) => ["t", "true", "1"].contains(&found.as_str()),
    };
    let expected = assertion.expected.clone().unwrap_or_else(|| "true".into());
    Asserted { name: assertion.name.clone(), sql: assertion.sql.clone(), expected, found, error, holds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_slips_are_told() {
        let found =
            parse_assertions("[[assert]]\nname = 'n'\nsql = 'SELECT 1'\nexpected = 1\n[[assert]]\nsql = 'SELECT true'");
        let found = found.expect("a file");
        assert_eq!((found.len(), found[0].expected.as_deref(), &found[1].expected), (2, Some("1"), &None));
        for (text, words) in [
            ("[[assert]]\nsqll = ''", "sqll"),
            ("[[assert]]\nname = 'x'", "no sql"),
            ("assert = 1", "not known"),
            ("[[asert]]\nsql = 'x'", "asert"),
            ("[[assert", "TOML"),
        ] {
            let what = parse_assertions(text).expect_err(text);
            assert!(what.contains(words), "{text}: {what}");
        }
    }

    #[test]
    fn values_are_compared_as_text_and_null_is_nothing() {
        let holds = |expected: Option<&str>, found: Option<&str>| {
            let (sql, expected) = ("SELECT 1".to_string(), expected.map(str::to_string));
            judge(&Assertion { name: None, sql, expected }, Ok(found.map(str::to_string))).holds
        };
        assert!(holds(Some("3"), Some("3")) && !holds(Some("3"), Some("4")) && !holds(Some(""), None));
        assert!(holds(None, Some("t")) && holds(None, Some("1")) && !holds(None, Some("f")) && !holds(None, None));
    }
}
