//! Statements asked for one by one.

use super::give::Giver;
use super::turns::Turns;
use super::with_engine::statements;
use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use datakeep_distribute_sql::SqlEngine;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Statements that are remembered.
const REMEMBERED: usize = 1000;

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "WITH",
    "AS",
    "DISTINCT",
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "BETWEEN",
    "LIKE",
    "IS NULL",
    "IS NOT NULL",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "UNION ALL",
    "EXCEPT",
    "INTERSECT",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "SET datakeep.as_of =",
    "diff(",
    "history(",
];

/// Completes names and words; a statement ends with a semicolon.
struct Help {
    names: Vec<String>,
}

impl Completer for Help {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let start = line[..at]
            .rfind(|c: char| !is_part(c))
            .map_or(0, |found| found + line[found..].chars().next().map_or(1, char::len_utf8));
        let begun = &line[start..at];
        // Behind a point only the last part of a name is completed.
        let (start, begun) = match begun.rfind('.') {
            Some(point) if !self.names.iter().any(|name| name.starts_with(begun)) => {
                (start + point + 1, &begun[point + 1..])
            }
            _ => (start, begun),
        };
        let lower = begun.to_lowercase();
        let fits = |word: &&str| !lower.is_empty() && word.to_lowercase().starts_with(&lower);
        let names = self.names.iter().map(String::as_str).filter(fits).map(quoted);
        let words = WORDS.iter().copied().filter(fits).map(str::to_string);
        Ok((start, names.chain(words).take(200).collect()))
    }
}

/// As it must be written in a statement.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_string()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

impl Hinter for Help {
    type Hint = String;
}

impl Highlighter for Help {}

impl Validator for Help {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim_end();
        let is_whole = text.is_empty() || text.ends_with(';') || is_word(text);
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Helper for Help {}

fn is_word(text: &str) -> bool {
    matches!(text.trim(), "quit" | "exit" | "\\q" | "help" | "?" | "\\?")
}

/// Where statements are remembered between calls.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("datakeep").join("sql-history"))
}

/// Asks until there is nothing more. A statement that fails or is stopped is told, and the next is asked for.
pub fn ask(app: &App, engine: &mut SqlEngine, giver: &mut Giver<'_>, turns: &Turns) -> Result<(), Failure> {
    let failed = |error: &ReadlineError| {
        Failure::usage(tr!("cannot read from the terminal", "无法从终端读取")).detail(error.to_string())
    };
    let config =
        Config::builder().max_history_size(REMEMBERED).map_err(|error| failed(&error))?.auto_add_history(true).build();
    let mut editor: Editor<Help, DefaultHistory> = Editor::with_config(config).map_err(|error| failed(&error))?;
    editor.set_helper(Some(Help { names: engine.known_names() }));
    let file = history_file();
    if let Some(file) = &file {
        // There is none at first.
        let _ = editor.load_history(file);
    }
    app.out.inform(tr!(
        "Statements end with ; and may go over several lines. Tab completes, help explains, Ctrl-D leaves.",
        "语句以 ; 结尾，可写多行。Tab 补全，help 查看说明，Ctrl-D 退出。"
    ));
    loop {
        let line = match turns.wait(|| editor.readline("datakeep> ")) {
            Some(Ok(line)) => line,
            Some(Err(ReadlineError::Interrupted)) => continue,
            None | Some(Err(ReadlineError::Eof)) => break,
            Some(Err(error)) => return Err(failed(&error)),
        };
        remember(&mut editor, file.as_deref());
        match line.trim() {
            "" => continue,
            "quit" | "exit" | "\\q" => break,
            "help" | "?" | "\\?" => explain(app).and_then(|()| app.out.flush())?,
            text => {
                if let Err(failure) = statements(engine, giver, text, &turns.next()) {
                    app.out.failure(&failure);
                }
                app.out.flush()?;
            }
        }
    }
    Ok(())
}

/// At once, because whoever asks may be ended at any time. Statements may hold values: only their owner reads them.
fn remember(editor: &mut Editor<Help, DefaultHistory>, file: Option<&std::path::Path>) {
    let Some(file) = file else { return };
    let Some(folder) = file.parent() else { return };
    let made = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::File::options().append(true).create(true).mode(0o600).open(file))
        .and_then(|mut file| file.flush());
    if made.is_ok() {
        // Whoever cannot be remembered is typed again.
        let _ = editor.append_history(file);
    }
}

fn explain(app: &App) -> Result<(), Failure> {
    app.out.line(tr!(
        "orders                              a table of the newest snapshot\n\
         shop.main.orders                    with its source and schema\n\
         \"shop@2026-03-01\".main.orders       as of a time; SET datakeep.as_of = '2026-03-01'; for all names\n\
         'docs/2026.csv'                     a CSV, JSON or Parquet file in a snapshot of files\n\
         diff('orders', 'OLD', 'NEW')        rows that differ between two snapshots\n\
         history('orders', 42)               all versions of one row\n\
         datakeep.snapshots, .tables, .columns, .statistics   what is known\n\
         quit                                leave",
        "orders                              最新备份集中的表\n\
         shop.main.orders                    带数据源和模式\n\
         \"shop@2026-03-01\".main.orders       某一时间的表；SET datakeep.as_of = '2026-03-01'; 对所有名称生效\n\
         'docs/2026.csv'                     文件备份集中的 CSV、JSON 或 Parquet 文件\n\
         diff('orders', '旧', '新')          两个备份集之间不同的行\n\
         history('orders', 42)               一行的所有版本\n\
         datakeep.snapshots、.tables、.columns、.statistics   已知的信息\n\
         quit                                退出"
    ))
}
