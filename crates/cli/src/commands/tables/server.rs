//! `datakeep backup` of all databases of a server: each is a source of its own.

use super::backup::{one_of_several, safe};
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::out::table;
use crate::words::tr;
use datakeep_connector::{Connector, Options, Part};
use datakeep_engine::BackupOptions;
use datakeep_model::{ErrorKind, ExitCode, SessionId, SourceInfo};
use datakeep_store::Repository;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Serialize)]
struct Summary {
    outcome: &'static str,
    databases: Vec<DatabaseJson>,
}

#[derive(Serialize)]
struct DatabaseJson {
    database: String,
    source: String,
    snapshot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson>,
}

#[derive(Serialize)]
struct ErrorJson {
    kind: &'static str,
    code: u8,
    message: String,
}

/// What became of one database.
struct Ended<'a> {
    part: &'a Part,
    source: String,
    outcome: Result<Option<SessionId>, Failure>,
}

/// Backs all of them up. One that fails does not keep the others from it, and the code says that it did.
pub fn run(
    app: &App,
    connector: &dyn Connector,
    repository: &Arc<Repository>,
    parts: &[Part],
    options: &BackupOptions,
) -> Result<ExitCode, Failure> {
    check_names(parts)?;
    let mut all = Vec::new();
    for part in parts {
        let source = source_name(part);
        let outcome = one(app, connector, repository, part, &source, options);
        if let Err(failure) = &outcome {
            // What is wrong with the repository, or was asked for, is wrong with all of them.
            if !is_of_one(failure.kind) {
                return outcome.map(|_| ExitCode::OK);
            }
            if !app.out.json {
                let name = safe(&part.name);
                app.out.warn(tr!("{name} was not backed up:", "{name} 未能备份："));
                app.out.failure(failure);
            }
        }
        all.push(Ended { part, source, outcome });
    }
    let code = code(&all);
    if app.out.json {
        let outcome = if code == ExitCode::OK { "complete" } else { "partial" };
        let databases = all.iter().map(DatabaseJson::of).collect();
        app.out.document(&json::document("backup-all", Summary { outcome, databases }))?;
    } else {
        summary(app, &all)?;
    }
    Ok(code)
}

fn one(
    app: &App,
    connector: &dyn Connector,
    repository: &Arc<Repository>,
    part: &Part,
    source: &str,
    options: &BackupOptions,
) -> Result<Option<SessionId>, Failure> {
    let mut given: Options = part.options.clone();
    given.insert("name".to_string(), vec![source.to_string()]);
    let mut opened = connector.open_tables(&part.location, &given)?;
    one_of_several(app, &mut *opened, repository, options)
}

/// The database's name; behind the name that was given, where one was.
fn source_name(part: &Part) -> String {
    let own = SourceInfo::to_name(&part.name);
    match part.options.get("name").and_then(|names| names.first()) {
        Some(given) => format!("{given}-{own}"),
        None => own,
    }
}

/// Refuses two databases under one name: each would be compared with the other, and forgotten for it.
fn check_names(parts: &[Part]) -> Result<(), Failure> {
    let mut seen = BTreeMap::new();
    for part in parts {
        let source = source_name(part);
        if let Some(other) = seen.insert(source.clone(), part) {
            let (one, two, source) = (safe(&other.name), safe(&part.name), safe(&source));
            return Err(Failure::usage(tr!(
                "{one} and {two} would both be the source {source}",
                "{one} 和 {two} 将同为数据源 {source}"
            ))
            .hint(tr!(
                "back each of them up by itself, with a name: --source NAME",
                "请分别备份，并指定名称：--source 名称"
            )));
        }
    }
    Ok(())
}

/// True for what may be wrong with one database and not with the next.
fn is_of_one(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::Busy | ErrorKind::Source | ErrorKind::Denied | ErrorKind::Incompatible
    )
}

/// Partial where some failed; where all did, what the first failed with.
fn code(all: &[Ended<'_>]) -> ExitCode {
    let mut failures = all.iter().filter_map(|ended| ended.outcome.as_ref().err());
    match (failures.next(), all.iter().any(|ended| ended.outcome.is_ok())) {
        (None, _) => ExitCode::OK,
        (Some(_), true) => ExitCode::PARTIAL,
        (Some(first), false) => first.code(),
    }
}

fn summary(app: &App, all: &[Ended<'_>]) -> Result<(), Failure> {
    let row = |ended: &Ended<'_>| {
        let state = match &ended.outcome {
            Ok(Some(id)) => tr!("snapshot {}", "备份集 {}", id.short()),
            Ok(None) => tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）"),
            Err(_) => tr!("failed", "失败"),
        };
        vec![safe(&ended.part.name), safe(&ended.source), state]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    table(&rows, &[]).iter().try_for_each(|line| app.out.say(line))?;
    let (done, count) = (all.iter().filter(|ended| ended.outcome.is_ok()).count(), all.len());
    app.out.say(tr!("{done} of {count} backed up", "已备份 {done} 个，共 {count} 个"))
}

impl DatabaseJson {
    fn of(ended: &Ended<'_>) -> Self {
        let error = ended.outcome.as_ref().err().map(|failure| ErrorJson {
            kind: failure.kind.as_str(),
            code: failure.code().0,
            message: failure.message.clone(),
        });
        Self {
            database: ended.part.name.clone(),
            source: ended.source.clone(),
            snapshot: ended.outcome.as_ref().ok().copied().flatten().map(|id| id.to_hex()),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_databases_of_one_name_are_refused() {
        let part = |name: &str| Part { name: name.into(), location: String::new(), options: Options::new() };
        assert!(check_names(&["a", "b", "globals"].map(part)).is_ok());
        assert!(check_names(&["a", "globals", "globals"].map(part)).is_err());
    }
}
