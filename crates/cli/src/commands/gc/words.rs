//! What `gc` says.

use super::consent;
use crate::args_gc::GcArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use crate::{json, sizes, time};
use datakeep_model::{ExitCode, escape_for_terminal};
use datakeep_store::{CollectPlan, Collected, OpenSession, PackUse};
use serde::Serialize;

/// A run without an end, in words.
pub fn session(open: &OpenSession) -> String {
    let (id, source) = (open.session.short(), escape_for_terminal(open.source.as_bytes()));
    let host = escape_for_terminal(open.host.as_bytes());
    let stored = sizes::bytes(open.stored_bytes);
    match open.quiet_ms {
        Some(quiet) => {
            let quiet = time::duration(quiet.saturating_mul(1_000_000));
            tr!(
                "{id} of {source} on {host} ({stored} stored, quiet for {quiet})",
                "{id}，来源 {source}，主机 {host}（已存 {stored}，静默 {quiet}）"
            )
        }
        None => {
            tr!("{id} of {source} on {host} ({stored} stored)", "{id}，来源 {source}，主机 {host}（已存 {stored}）")
        }
    }
}

fn bytes_of(packs: &[PackUse]) -> String {
    sizes::bytes(packs.iter().map(|pack| pack.len_bytes).sum())
}

/// The plan, and why what is not deleted stays.
pub fn plan(app: &App, plan: &CollectPlan, given_up: &[OpenSession]) -> Result<(), Failure> {
    if app.out.json || app.out.quiet {
        return Ok(());
    }
    for open in given_up {
        let open = session(open);
        app.out.say(tr!("given up as quiet for too long: {open}", "因静默过久而放弃：{open}"))?;
    }
    if plan.unfinished {
        app.out.say(tr!(
            "a collection was begun and not finished: it is finished now",
            "发现未完成的回收，现在继续完成"
        ))?;
    }
    let (snapshots, total) = (sizes::count(plan.snapshots), sizes::bytes(plan.total_bytes));
    app.out.say(tr!("snapshots: {snapshots}; packs: {total}", "备份集：{snapshots} 个；数据包：{total}"))?;
    let unused: u64 = plan.kept.iter().map(PackUse::unused_bytes).sum();
    let waste: u64 = plan.rewrite.iter().map(PackUse::unused_bytes).sum();
    let rows = [
        (plan.dead.len(), tr!("deleted: nobody uses them", "删除：无人使用"), bytes_of(&plan.dead)),
        (
            plan.rewrite.len(),
            {
                let waste = sizes::bytes(waste);
                tr!("rewritten: {waste} of them is unused", "重写：其中 {waste} 未使用")
            },
            bytes_of(&plan.rewrite),
        ),
        (
            plan.kept.len(),
            {
                let unused = sizes::bytes(unused);
                tr!("kept: {unused} unused is too little to rewrite them", "保留：未使用的 {unused} 不值得重写")
            },
            bytes_of(&plan.kept),
        ),
        (
            plan.undecided.len(),
            tr!("kept: of runs that have not ended", "保留：属于尚未结束的任务"),
            bytes_of(&plan.undecided),
        ),
    ];
    for (count, what, bytes) in rows.into_iter().filter(|(count, ..)| *count > 0) {
        let count = sizes::count(count as u64);
        app.out.say(tr!("  {bytes} in packs ({count}) {what}", "  {bytes}（{count} 个数据包）{what}"))?;
    }
    for open in &plan.open {
        let open = session(open);
        app.out.say(tr!("  not ended: {open}", "  尚未结束：{open}"))?;
    }
    if plan.is_empty() {
        app.out.say(tr!("nothing to free", "没有可释放的空间"))
    } else {
        let (deleted, share) = (sizes::bytes(plan.deleted_bytes()), consent::percent(plan));
        if plan.deleted_bytes() > 0 {
            app.out.say(tr!("deletes {deleted} of packs ({share} %)", "删除数据包 {deleted}（{share} %）"))?;
        }
        let freed = sizes::bytes(plan.freed_bytes());
        app.out.say(tr!("frees about {freed}", "约可释放 {freed}"))
    }
}

/// What was done.
pub fn done(app: &App, done: &Collected) -> Result<(), Failure> {
    if app.out.json || *done == Collected::default() {
        return Ok(());
    }
    let (packs, bytes) = (sizes::count(done.packs), sizes::bytes(done.pack_bytes));
    let (moved, records) = (sizes::bytes(done.moved_bytes), sizes::count(done.records));
    app.out.say(tr!(
        "deleted {packs} packs ({bytes}) and {records} records; {moved} written anew",
        "已删除 {packs} 个数据包（{bytes}）和 {records} 条记录；重写 {moved}"
    ))?;
    if done.rescued > 0 {
        let rescued = sizes::count(done.rescued);
        return app.out.say(tr!(
            "{rescued} packs stay: a snapshot that was published meanwhile uses them",
            "{rescued} 个数据包被保留：期间发布的备份集正在使用"
        ));
    }
    Ok(())
}

#[derive(Serialize)]
struct Packs {
    packs: u64,
    bytes: u64,
    unused_bytes: u64,
}

#[derive(Serialize)]
struct Open {
    session: String,
    source: String,
    host: String,
    stored_bytes: u64,
    quiet_ms: Option<u64>,
}

#[derive(Serialize)]
struct Gc {
    dry_run: bool,
    finished: bool,
    snapshots: u64,
    total_bytes: u64,
    free_bytes: u64,
    delete_percent: u64,
    max_delete_percent: u32,
    deleted: Packs,
    rewritten: Packs,
    kept_with_unused: Packs,
    kept_of_open_runs: Packs,
    open_runs: Vec<Open>,
    given_up: Vec<Open>,
    deleted_packs: u64,
    deleted_bytes: u64,
    deleted_records: u64,
    moved_bytes: u64,
    rescued_packs: u64,
}

fn packs(packs: &[PackUse]) -> Packs {
    Packs {
        packs: packs.len() as u64,
        bytes: packs.iter().map(|pack| pack.len_bytes).sum(),
        unused_bytes: packs.iter().map(PackUse::unused_bytes).sum(),
    }
}

fn open_runs(open: &[OpenSession]) -> Vec<Open> {
    let one = |open: &OpenSession| Open {
        session: open.session.to_hex(),
        source: open.source.clone(),
        host: open.host.clone(),
        stored_bytes: open.stored_bytes,
        quiet_ms: open.quiet_ms,
    };
    open.iter().map(one).collect()
}

/// The document of `--json`.
pub fn document(
    app: &App,
    plan: &CollectPlan,
    done: Option<&Collected>,
    given_up: &[OpenSession],
    args: &GcArgs,
) -> Result<ExitCode, Failure> {
    if !app.out.json {
        return Ok(ExitCode::OK);
    }
    let counted = done.cloned().unwrap_or_default();
    app.out.document(&json::document(
        "gc",
        Gc {
            dry_run: args.dry_run,
            finished: done.is_some(),
            snapshots: plan.snapshots,
            total_bytes: plan.total_bytes,
            free_bytes: plan.freed_bytes(),
            delete_percent: consent::percent(plan),
            max_delete_percent: args.max_delete,
            deleted: packs(&plan.dead),
            rewritten: packs(&plan.rewrite),
            kept_with_unused: packs(&plan.kept),
            kept_of_open_runs: packs(&plan.undecided),
            open_runs: open_runs(&plan.open),
            given_up: open_runs(given_up),
            deleted_packs: counted.packs,
            deleted_bytes: counted.pack_bytes,
            deleted_records: counted.records,
            moved_bytes: counted.moved_bytes,
            rescued_packs: counted.rescued,
        },
    ))?;
    Ok(ExitCode::OK)
}
