//! `datakeep source`.

use crate::args_source::{SourceArgs, SourceGrantsArgs, SourceVerb};
use crate::commands::tables;
use crate::errors::Failure;
use crate::open::App;
use crate::out::clean;
use crate::words::tr;
use crate::{json, phrases};
use datakeep_connector::{MissingRight, Role, Statement};
use datakeep_model::{ErrorKind, ExitCode, escape_for_terminal};
use serde::Serialize;

#[derive(Serialize)]
struct GrantsJson<'a> {
    role: &'a str,
    statements: Vec<StatementJson<'a>>,
}

#[derive(Serialize)]
struct StatementJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    comment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sql: &'a str,
}

#[derive(Serialize)]
struct RightsJson<'a> {
    role: &'a str,
    missing: Vec<MissingJson<'a>>,
}

#[derive(Serialize)]
struct MissingJson<'a> {
    right: &'a str,
    remedy: &'a str,
    needed: bool,
}

/// Runs it.
pub fn run(app: &App, args: &SourceArgs) -> Result<ExitCode, Failure> {
    match &args.verb {
        SourceVerb::Grants(args) => grants(app, args),
    }
}

fn grants(app: &App, args: &SourceGrantsArgs) -> Result<ExitCode, Failure> {
    let opened = tables::opened(&args.location, &args.database_option)?;
    if args.check {
        let (role, missing) = opened.connector.missing_rights(&opened.location, &opened.options)?;
        return tell_missing(app, &role, &missing);
    }
    let role = Role { name: &args.role, is_narrow: args.per_schema };
    let statements = opened.connector.grants(&opened.location, &opened.options, &role)?;
    tell(app, &args.role, &statements)?;
    Ok(ExitCode::OK)
}

/// A script: what a person should know stands in comments.
fn tell<'s>(app: &App, role: &'s str, statements: &'s [Statement]) -> Result<(), Failure> {
    if app.out.json {
        let one = |statement: &'s Statement| {
            let Statement { comment, sql } = statement;
            StatementJson { comment, sql }
        };
        return app.out.document(&json::document(
            "grants",
            GrantsJson { role, statements: statements.iter().map(one).collect() },
        ));
    }
    for statement in statements {
        if !statement.comment.is_empty() {
            app.out.line(format!("-- {}", clean(&phrases::spoken(&statement.comment))))?;
        }
        if !statement.sql.is_empty() {
            // A name may hold anything, and in a script it must stay what it is.
            app.out.raw(format!("{};\n", statement.sql).as_bytes())?;
        }
    }
    Ok(())
}

fn tell_missing<'s>(app: &App, role: &'s str, missing: &'s [MissingRight]) -> Result<ExitCode, Failure> {
    let is_denied = missing.iter().any(|right| right.is_needed);
    let code = if is_denied { ErrorKind::Denied.exit_code() } else { ExitCode::OK };
    if app.out.json {
        let one = |right: &'s MissingRight| {
            let MissingRight { what, remedy, is_needed } = right;
            MissingJson { right: what, remedy, needed: *is_needed }
        };
        app.out.document(&json::document("rights", RightsJson { role, missing: missing.iter().map(one).collect() }))?;
        return Ok(code);
    }
    for right in missing {
        let (what, remedy) = (phrases::spoken(&right.what), &right.remedy);
        app.out.line(match right.is_needed {
            true => tr!("missing: {what}; {remedy};", "缺少：{what}；{remedy};"),
            false => tr!("not captured without: {what}; {remedy};", "缺少则不纳入备份：{what}；{remedy};"),
        })?;
    }
    let role = escape_for_terminal(role.as_bytes());
    app.out.say(match (missing.is_empty(), is_denied) {
        (true, _) => tr!("the role {role} may read everything", "角色 {role} 可读取全部内容"),
        (false, true) => tr!("the role {role} cannot back this database up", "角色 {role} 无法备份该数据库"),
        (false, false) => tr!("the role {role} may read every table", "角色 {role} 可读取所有表"),
    })?;
    Ok(code)
}
