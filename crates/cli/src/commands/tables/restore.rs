//! `datakeep restore` of a snapshot of tables.

use super::backup::safe;
use super::difference::words;
use super::restore_row::RowJob;
use super::{connector_of, database_options, reader, sequences};
use crate::args::{OverwriteName, RestoreArgs};
use crate::errors::Failure;
use crate::open::App;
use crate::out::table;
use crate::phrases;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, signals, sizes, time};
use datakeep_connector::{Connector, Options, TableAction};
use datakeep_distribute::tables::{TablesPlan, TablesRequest, WhereItStands, plan_tables};
use datakeep_engine::{FirstDifference, Poured, Proof, TablesReader, pour, prove};
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_store::{Manifest, Repository};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct PlanJson {
    snapshot: String,
    target: String,
    whole: bool,
    tables: Vec<TableJson>,
}

#[derive(Serialize)]
struct TableJson {
    table: String,
    into: String,
    action: &'static str,
    rows: u64,
    standing_rows: Option<u64>,
    /// Indexes and triggers that only the table that stands there has.
    removed: Vec<String>,
}

#[derive(Serialize)]
struct ReportJson {
    snapshot: String,
    target: String,
    outcome: &'static str,
    tables: Vec<TableJson>,
    rows: u64,
    proof: &'static str,
    proven_tables: u64,
    proven_rows: u64,
    difference: Option<String>,
    verified: Vec<String>,
    losses: Vec<String>,
    duration_ms: u64,
}

/// Runs it.
pub fn run(
    app: &App,
    args: &RestoreArgs,
    repository: Arc<Repository>,
    (manifest, within): (&Manifest, Option<String>),
    workers: usize,
) -> Result<ExitCode, Failure> {
    let connector = connector_of(&args.to).ok_or_else(|| no_place(args))?;
    let to = args.to.to_str().unwrap_or_default();
    let request = request(args, within)?;
    let reader = reader(repository, manifest)?;
    signals::listen(&app.cancel)?;
    super::refuse_secret(&*connector, to)?;
    let options = database_options(&*connector, &args.database_option)?;
    let mut target = connector.open_table_target(to, &options, args.dry_run)?;
    let standing = target.look()?;
    let mut plan = plan_tables(&reader, standing.as_deref(), to, &request)?;
    sequences::note(&reader, &mut plan)?;
    if !args.key.is_empty() {
        drop(target);
        let job = RowJob { connector: &*connector, to, options: &options, manifest, reader: &reader, plan: &plan };
        return job.run(app, &args.key, args.dry_run);
    }
    if args.dry_run {
        // The target says what it would refuse.
        target.begin(&plan.job)?;
        return show_plan(app, manifest, to, &plan);
    }
    if !app.out.json {
        plan_rows(&plan).iter().try_for_each(|line| app.out.say(line))?;
    }
    let watch = Watch::new(&app.out);
    let context = app.context(&watch);
    let poured = pour(&reader, &mut *target, (&plan.job, &plan.tables), workers, &context);
    let poured = poured.inspect_err(|_| watch.finish())?;
    drop(target);
    let proof = match &poured.proof {
        Some(proof) => Ok(Some(proof.clone())),
        None => proven(&reader, &*connector, (to, &options), (&plan, workers), &context),
    };
    watch.finish();
    let proof = proof?;
    tell(app, (manifest, to), &plan, (&poured, proof.as_ref()), watch.elapsed_ns())?;
    app.tell_passed_damage(reader.repository(), [manifest]);
    let is_other = proof.is_some_and(|proof| proof.difference.is_some());
    Ok(match (is_other, poured.losses.is_empty()) {
        (true, _) => ExitCode::INTEGRITY,
        (false, false) => ExitCode::PARTIAL,
        (false, true) => ExitCode::OK,
    })
}

fn no_place(args: &RestoreArgs) -> Failure {
    let shown = datakeep_model::escape_for_terminal(args.to.as_encoded_bytes());
    Failure::new(ErrorKind::Target, tr!("tables cannot be restored to {shown}", "无法将表恢复到 {shown}"))
        .hint(tr!("name a database: --to sqlite:{shown}", "请指定数据库：--to sqlite:{shown}"))
}

fn request(args: &RestoreArgs, within: Option<String>) -> Result<TablesRequest, Failure> {
    super::refuse::restore_of_tables(args)?;
    let standing = match (args.overwrite, args.merge) {
        (None, false) => WhereItStands::Refuse,
        (None, true) => WhereItStands::Merge,
        (Some(OverwriteName::Always), false) => WhereItStands::Replace,
        _ => {
            return Err(Failure::usage(tr!(
                "of tables there is --overwrite always (made anew) and --merge (rows by key)",
                "对表只能用 --overwrite always（重建）或 --merge（按键合并行）"
            )));
        }
    };
    Ok(TablesRequest { tables: within.into_iter().collect(), into: args.into_table.clone(), standing })
}

fn word(action: TableAction) -> &'static str {
    match action {
        TableAction::Create => "create",
        TableAction::Replace => "replace",
        TableAction::Merge => "merge",
    }
}

fn tables_json(plan: &TablesPlan) -> Vec<TableJson> {
    let one = |planned: &datakeep_distribute::tables::PlannedTable| TableJson {
        table: planned.name.to_string(),
        into: planned.into.to_string(),
        action: word(planned.action),
        rows: planned.rows,
        standing_rows: planned.standing_rows,
        removed: removed(planned),
    };
    plan.planned.iter().map(one).collect()
}

fn removed(planned: &datakeep_distribute::tables::PlannedTable) -> Vec<String> {
    planned.removed.iter().map(|(kind, name)| format!("{kind} {name}")).collect()
}

fn plan_rows(plan: &TablesPlan) -> Vec<String> {
    let row = |planned: &datakeep_distribute::tables::PlannedTable| {
        let (rows, into) = (sizes::count(planned.rows), safe(&planned.into.to_string()));
        let standing = planned.standing_rows.map(sizes::count).unwrap_or_default();
        let what = match planned.action {
            TableAction::Create => tr!("create", "新建"),
            TableAction::Replace if !planned.removed.is_empty() => {
                let gone = safe(&removed(planned).join(", "));
                tr!(
                    "replace ({standing} rows stand there; goes without coming back: {gone})",
                    "替换（现有 {standing} 行；将被移除且不会恢复：{gone}）"
                )
            }
            TableAction::Replace => tr!("replace ({standing} rows stand there)", "替换（现有 {standing} 行）"),
            TableAction::Merge => tr!("merge ({standing} rows stand there)", "合并（现有 {standing} 行）"),
        };
        vec![into, tr!("{rows} rows", "{rows} 行"), what]
    };
    table(&plan.planned.iter().map(row).collect::<Vec<_>>(), &[1])
}

fn show_plan(app: &App, manifest: &Manifest, to: &str, plan: &TablesPlan) -> Result<ExitCode, Failure> {
    if app.out.json {
        let (snapshot, target) = (manifest.snapshot.id.to_hex(), to.to_string());
        let (whole, tables) = (plan.job.whole, tables_json(plan));
        app.out.document(&json::document("restore-plan", PlanJson { snapshot, target, whole, tables }))?;
        return Ok(ExitCode::OK);
    }
    plan_rows(plan).iter().try_for_each(|line| app.out.line(line))?;
    app.out.line(tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）"))?;
    Ok(ExitCode::OK)
}

/// What was written is captured again and compared; rows that were merged stand among others and are not.
fn proven(
    reader: &TablesReader,
    connector: &dyn Connector,
    (to, options): (&str, &Options),
    (plan, workers): (&TablesPlan, usize),
    context: &datakeep_engine::RunContext<'_>,
) -> Result<Option<Proof>, Failure> {
    let whole = plan.tables.iter().zip(&plan.job.tables).filter(|(_, job)| job.action != TableAction::Merge);
    let tables: Vec<_> = whole.map(|(table, job)| (table.clone(), job.into.clone())).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let mut source = connector.open_tables(to, options)?;
    Ok(Some(prove(reader, &mut *source, &tables, workers, context)?))
}

fn tell(
    app: &App,
    (manifest, to): (&Manifest, &str),
    plan: &TablesPlan,
    (poured, proof): (&Poured, Option<&Proof>),
    nanos: u64,
) -> Result<(), Failure> {
    // Rows that were merged stand among others: nothing was captured again, and nothing is said to be proven.
    let proof = proof.filter(|proof| proof.tables > 0 || proof.difference.is_some());
    let difference = proof.and_then(|proof| proof.difference.as_ref());
    let verdict = match (proof, difference) {
        (None, _) => "none",
        (Some(_), None) => "proven",
        (Some(_), Some(_)) => "different",
    };
    if app.out.json {
        return app.out.document(&json::document(
            "restore",
            ReportJson {
                snapshot: manifest.snapshot.id.to_hex(),
                target: to.to_string(),
                outcome: outcome(difference, poured),
                tables: tables_json(plan),
                rows: poured.rows,
                proof: verdict,
                proven_tables: proof.map_or(0, |proof| proof.tables),
                proven_rows: proof.map_or(0, |proof| proof.rows),
                difference: difference.map(words),
                verified: poured.verified.clone(),
                losses: poured.losses.clone(),
                duration_ms: nanos / 1_000_000,
            },
        ));
    }
    let (tables, rows, took) = (sizes::count(poured.tables), sizes::count(poured.rows), time::duration(nanos));
    app.out.say(tr!("{tables} tables, {rows} rows written in {took}", "写入 {tables} 张表、{rows} 行，用时 {took}"))?;
    for sentence in &poured.verified {
        app.out.say(safe(&phrases::spoken(sentence)))?;
    }
    tell_losses(app, &poured.losses);
    let (id, to) = (manifest.snapshot.id.short(), safe(to));
    match (proof, difference) {
        (_, Some(difference)) => {
            let what = safe(&words(difference));
            app.out.warn(tr!("NOT as it was captured: {what}", "与备份时不一致：{what}"));
            if poured.proof.is_some() {
                app.out.note(tr!("{to} was not made: what was written was removed", "未生成 {to}：写入的内容已删除"));
            }
            Ok(())
        }
        (Some(proof), None) => {
            let (tables, rows) = (sizes::count(proof.tables), sizes::count(proof.rows));
            app.out.say(tr!(
                "proven: {tables} tables, {rows} rows captured again from {to} are what snapshot {id} holds",
                "已证明：从 {to} 重新读取的 {tables} 张表、{rows} 行与备份集 {id} 完全一致"
            ))
        }
        (None, None) => app.out.say(tr!("snapshot {id} is restored in {to}", "备份集 {id} 已恢复到 {to}")),
    }
}

fn outcome(difference: Option<&FirstDifference>, poured: &Poured) -> &'static str {
    match (difference, poured.losses.is_empty()) {
        (Some(_), _) => "different",
        (None, false) => "partial",
        (None, true) => "complete",
    }
}

/// Losses in words, as warnings.
pub fn tell_losses(app: &App, losses: &[String]) {
    for sentence in losses {
        let shown = safe(&phrases::spoken(sentence));
        app.out.warn(tr!("lost: {shown}", "丢失：{shown}"));
    }
}
