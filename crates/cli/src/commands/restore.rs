//! `datakeep restore`.

use crate::args::{OverwriteName, RestoreArgs};
use crate::ask;
use crate::commands::tables;
use crate::errors::Failure;
use crate::losses;
use crate::memory::Memory;
use crate::open::App;
use crate::progress::{Watch, action_word};
use crate::words::tr;
use crate::{json, place, signals, sizes, time};
use datakeep_connector::{Connector, Options, Target};
use datakeep_distribute::{Overwrite, RestorePlan, RestoreReport, RestoreRequest, Selection, plan, restore};
use datakeep_engine::BackupOptions;
use datakeep_model::{ExitCode, ItemPath, escape_for_terminal};
use datakeep_source_files::FilesConnector;
use datakeep_store::{Manifest, Repository};
use serde::Serialize;
use std::io::IsTerminal;
use std::sync::Arc;

#[derive(Serialize)]
struct PlanJson {
    snapshot: String,
    target: String,
    items_create: u64,
    items_overwrite: u64,
    items_metadata: u64,
    items_skip: u64,
    items_delete: u64,
    content_bytes: u64,
    delete: Vec<json::PathJson>,
}

#[derive(Serialize)]
struct ReportJson {
    snapshot: String,
    target: String,
    outcome: &'static str,
    items_created: u64,
    items_overwritten: u64,
    items_metadata: u64,
    items_skipped: u64,
    items_deleted: u64,
    items_lost: u64,
    items_damaged: u64,
    snapshot_items_lost: u64,
    written_bytes: u64,
    kept_bytes: u64,
    duration_ms: u64,
    losses: Vec<json::LossJson>,
    repository_faults: Vec<String>,
}

fn workers(app: &App, args: &RestoreArgs, repository: &Repository) -> Result<usize, Failure> {
    let usual = || BackupOptions::default().workers.max(repository.blobs().reads_at_once());
    Memory::of(&app.settings).for_readers(args.workers.map_or_else(usual, usize::from))
}

/// Tables at the same time: a server does most of the work, and other things besides.
fn usual_tables_at_once() -> usize {
    BackupOptions::default().workers.clamp(1, 4)
}

/// Runs it.
pub fn run(app: &App, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let to = args.to.to_str().ok_or_else(|| Failure::usage(tr!("the target must be UTF-8", "恢复目标必须是 UTF-8")))?;
    let selection = Selection::new(&args.include, &args.exclude)?;
    let repository = Arc::new(app.open_to_read()?);
    let (name, _) = place::split(&args.place)?;
    let (manifests, unreadable) = app.snapshots_to_read(&repository, &name)?;
    if let Some((manifest, within)) = tables::find(app, &manifests, &args.place)? {
        let wanted = args.workers.map_or_else(usual_tables_at_once, usize::from);
        let workers = Memory::of(&app.settings).for_restored_tables(wanted)?;
        return tables::restore::run(app, args, repository.clone(), (manifest, within), workers);
    }
    tables::refuse::restore_of_files(args)?;
    let (manifest, place) = place::resolve(app, &repository, &manifests, &args.place)?;
    let request = RestoreRequest {
        place: place.path,
        selection,
        overwrite: overwrite(args),
        delete: args.delete,
        workers: workers(app, args, &repository)?,
    };
    signals::listen(&app.cancel)?;
    let target = FilesConnector::new().open_target(to, &options(args), args.dry_run)?;
    let job = Job { app, repository: &repository, manifest, target: &*target, to, request: &request };
    if args.dry_run {
        return job.show_plan();
    }
    let delete = if args.delete { job.confirmed_deletions(args.yes)? } else { Vec::new() };
    job.restore(&delete, unreadable)
}

fn overwrite(args: &RestoreArgs) -> Overwrite {
    match args.overwrite {
        // What is to be removed stands there: the wish to make it equal is said already.
        None if args.delete => Overwrite::Changed,
        None => Overwrite::Refuse,
        Some(OverwriteName::Never) => Overwrite::Never,
        Some(OverwriteName::Changed) => Overwrite::Changed,
        Some(OverwriteName::Newer) => Overwrite::Newer,
        Some(OverwriteName::Always) => Overwrite::Always,
    }
}

fn options(args: &RestoreArgs) -> Options {
    let switches = [
        ("owner", args.owner),
        ("setuid", args.setuid),
        ("devices", args.devices),
        ("system", args.system),
        ("no-xattrs", args.no_xattrs),
        ("fsync", args.fsync),
    ];
    let on = switches.into_iter().filter(|(_, on)| *on);
    on.map(|(name, _)| (name.to_string(), vec!["true".to_string()])).collect()
}

struct Job<'a> {
    app: &'a App,
    repository: &'a Repository,
    manifest: &'a Manifest,
    target: &'a dyn Target,
    to: &'a str,
    request: &'a RestoreRequest,
}

impl Job<'_> {
    fn plan(&self, watch: &Watch<'_>) -> Result<RestorePlan, Failure> {
        let context = self.app.context(watch);
        Ok(plan(self.repository, self.manifest, self.target, self.to, self.request, &context)?)
    }

    fn show_plan(&self) -> Result<ExitCode, Failure> {
        let mut watch = Watch::new(&self.app.out);
        watch.is_relative = true;
        let plan = self.plan(&watch)?;
        watch.finish();
        let out = &self.app.out;
        if out.json {
            out.document(&json::document(
                "restore-plan",
                PlanJson {
                    snapshot: self.manifest.snapshot.id.to_hex(),
                    target: self.to.to_string(),
                    items_create: plan.create,
                    items_overwrite: plan.overwrite,
                    items_metadata: plan.metadata_only,
                    items_skip: plan.skip,
                    items_delete: plan.delete.len() as u64,
                    content_bytes: plan.content_bytes,
                    delete: plan.delete.iter().map(json::PathJson::relative).collect(),
                },
            ))?;
            return Ok(ExitCode::OK);
        }
        for path in &plan.delete {
            out.line(format!("{}  {}", action_word("delete"), escape_for_terminal(path.as_bytes())))?;
        }
        let [create, overwrite, metadata, skip] =
            [plan.create, plan.overwrite, plan.metadata_only, plan.skip].map(sizes::count);
        let (delete, content) = (sizes::count(plan.delete.len() as u64), sizes::bytes(plan.content_bytes));
        out.line(tr!(
            "would create {create}, overwrite {overwrite}, set metadata of {metadata}, skip {skip}, delete {delete}; {content} of content",
            "将新建 {create}，覆盖 {overwrite}，仅设属性 {metadata}，跳过 {skip}，删除 {delete}；内容 {content}"
        ))?;
        out.line(tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）"))?;
        Ok(ExitCode::OK)
    }

    /// What is to be removed, once a person or --yes agreed.
    fn confirmed_deletions(&self, yes: bool) -> Result<Vec<ItemPath>, Failure> {
        let silent = crate::out::Out::new(&crate::args::Common { quiet: true, ..Default::default() }, false);
        let delete = self.plan(&Watch::new(&silent))?.delete;
        if delete.is_empty() || yes {
            return Ok(delete);
        }
        let count = sizes::count(delete.len() as u64);
        let to = self.to;
        for path in delete.iter().take(20) {
            self.app.out.note(format!("{}  {}", action_word("delete"), escape_for_terminal(path.as_bytes())));
        }
        let question = tr!("remove {count} items in {to}? [y/N]", "删除 {to} 中的 {count} 个条目？[y/N]");
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage(tr!(
                "--delete would remove {count} items in {to}",
                "--delete 将删除 {to} 中的 {count} 个条目"
            ))
            .hint(tr!("look with --dry-run, then agree with --yes", "先用 --dry-run 查看，再用 --yes 确认")));
        }
        ask::consent(&self.app.out, &question).map(|()| delete)
    }

    fn restore(&self, delete: &[ItemPath], unreadable: usize) -> Result<ExitCode, Failure> {
        let mut watch = Watch::new(&self.app.out);
        watch.is_relative = true;
        if self.request.place.is_root() || self.manifest.snapshot.roots.iter().all(|r| r.is_within(&self.request.place))
        {
            watch.expect(self.manifest.snapshot.counters.len_bytes);
        }
        let context = self.app.context(&watch);
        let report = restore(self.repository, self.manifest, self.target, self.to, self.request, delete, &context);
        watch.finish();
        let report = report?;
        self.tell(&report, watch.elapsed_ns())?;
        let tally = &report.tally;
        Ok(if tally.damaged > 0 || !report.companion_faults.is_empty() || unreadable > 0 {
            ExitCode::INTEGRITY
        } else if tally.losses > 0 {
            ExitCode::PARTIAL
        } else {
            ExitCode::OK
        })
    }

    fn tell(&self, report: &RestoreReport, nanos: u64) -> Result<(), Failure> {
        let (out, tally, to) = (&self.app.out, &report.tally, self.to);
        if out.json {
            return out.document(&json::document("restore", self.report_json(report, nanos)));
        }
        losses::tell(self.app, &tally.lost, tally.losses, true);
        if !report.companion_faults.is_empty() {
            let verdict = if tally.damaged > 0 {
                tr!("the repository is damaged:", "仓库已损坏：")
            } else {
                tr!(
                    "everything that was restored is proven, and the repository is damaged elsewhere:",
                    "已恢复的内容均通过验证，但仓库其他部分已损坏："
                )
            };
            out.warn(verdict);
            report.companion_faults.iter().for_each(|fault| out.note(format!("  {fault}")));
            out.note(tr!("  see everything: datakeep check --read-data", "  查看全部：datakeep check --read-data"));
        }
        let [created, overwritten, metadata, skipped, deleted] =
            [tally.created, tally.overwritten, tally.metadata_only, tally.skipped, tally.deleted].map(sizes::count);
        out.say(tr!(
            "created {created}, overwrote {overwritten}, set metadata of {metadata}, skipped {skipped}, deleted {deleted}",
            "新建 {created}，覆盖 {overwritten}，仅设属性 {metadata}，跳过 {skipped}，删除 {deleted}"
        ))?;
        self.say_what_is_proven(report, nanos)?;
        let (id, state, to) =
            (self.manifest.snapshot.id.short(), losses::state(tally.losses), escape_for_terminal(to.as_bytes()));
        out.say(tr!("snapshot {id} is restored in {to}: {state}", "备份集 {id} 已恢复到 {to}：{state}"))?;
        if let lost @ 1.. = self.manifest.snapshot.counters.losses {
            let lost = sizes::count(lost);
            out.warn(tr!(
                "the snapshot itself is partial: {lost} lost or imperfect when it was made; see them: datakeep show {id}",
                "该备份集本身不完整：生成时有 {lost} 项丢失或不完整；查看：datakeep show {id}"
            ));
        }
        Ok(())
    }

    /// Only what was written or compared is proven; what was left is named.
    fn say_what_is_proven(&self, report: &RestoreReport, nanos: u64) -> Result<(), Failure> {
        let (out, tally, took) = (&self.app.out, &report.tally, time::duration(nanos));
        if tally.created + tally.overwritten > 0 {
            let written = sizes::bytes(tally.written_bytes);
            let rate = sizes::bytes((tally.written_bytes as f64 / (nanos.max(1) as f64 / 1e9)) as u64);
            out.say(tr!(
                "{written} written in {took}, {rate}/s; every byte of it was proven",
                "写入 {written}，用时 {took}，{rate}/s；写入的每个字节均通过验证"
            ))?;
        } else {
            out.say(tr!("no content was written ({took})", "未写入任何内容（{took}）"))?;
        }
        let left = sizes::count(tally.skipped);
        match self.request.overwrite {
            _ if tally.skipped == 0 => Ok(()),
            Overwrite::Never => out.say(tr!(
                "{left} items stood there and were kept, whatever they hold",
                "{left} 个条目已存在，原样保留，未比较内容"
            )),
            Overwrite::Changed | Overwrite::Newer => out.say(tr!(
                "{left} items were left by size and time; their content was not read (--overwrite always does)",
                "{left} 个条目因大小和时间相同（或较新）而跳过，未读取其内容（--overwrite always 会全部重写）"
            )),
            Overwrite::Refuse | Overwrite::Always => Ok(()),
        }
    }

    fn report_json(&self, report: &RestoreReport, nanos: u64) -> ReportJson {
        let tally = &report.tally;
        let is_whole = tally.losses == 0;
        ReportJson {
            snapshot: self.manifest.snapshot.id.to_hex(),
            target: self.to.to_string(),
            outcome: if is_whole { "complete" } else { "partial" },
            items_created: tally.created,
            items_overwritten: tally.overwritten,
            items_metadata: tally.metadata_only,
            items_skipped: tally.skipped,
            items_deleted: tally.deleted,
            items_lost: tally.losses,
            items_damaged: tally.damaged,
            snapshot_items_lost: self.manifest.snapshot.counters.losses,
            written_bytes: tally.written_bytes,
            kept_bytes: tally.kept_bytes,
            duration_ms: nanos / 1_000_000,
            losses: tally.lost.iter().map(json::LossJson::relative).collect(),
            repository_faults: report.companion_faults.clone(),
        }
    }
}
