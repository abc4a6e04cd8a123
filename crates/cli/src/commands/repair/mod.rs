//! `datakeep repair`: saves what is whole, sets aside what is damaged.

use super::check::FaultJson;
use super::gc::{LOOK_AGAIN, MAX_PLANS, leave_to_others, not_alone, patience_ms, words};
use crate::args_care::RepairArgs;
use crate::ask;
use crate::errors::Failure;
use crate::open::App;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, probing, signals, sizes};
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_store::{CollectOptions, OpenSession, RepairOutcome, RepairPlan, Repaired, Repository, StoreError};
use serde::Serialize;
use std::io::IsTerminal;
use std::sync::Arc;

#[derive(Serialize)]
struct PackJson {
    pack: String,
    len_bytes: u64,
    missing: bool,
    used_frames: u32,
    lost_frames: usize,
    snapshots: Vec<String>,
    detail: String,
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    finished: bool,
    packs: Vec<PackJson>,
    indexes: Vec<String>,
    checkpoints: Vec<String>,
    not_mended: Vec<FaultJson>,
    quarantined_packs: u64,
    rescued_packs: u64,
    replaced_indexes: u64,
    replaced_checkpoints: u64,
    moved_bytes: u64,
}

/// Runs it.
pub fn run(app: &App, args: &RepairArgs) -> Result<ExitCode, Failure> {
    let mut options = CollectOptions {
        most_unused_percent: 100,
        patience_ms: patience_ms(&args.patience)?,
        alone: false,
        now: app.now(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let repository = Arc::new(app.open()?);
    signals::listen(&app.cancel)?;
    if !args.dry_run {
        options.alone = probing::must_be_alone(app, &repository)?;
        leave_to_others(&repository, &options)?;
    }
    let work = Work { app, args, repository: &repository, options: &options };
    let plan = work.plan()?;
    tell_plan(app, &plan)?;
    if args.dry_run {
        return document(app, &plan, None, true);
    }
    if plan.is_empty() {
        return document(app, &plan, Some(&Repaired::default()), false);
    }
    consent(app, args.yes)?;
    match work.apply(plan)? {
        (plan, Some(done)) => {
            tell_done(app, &plan, &done)?;
            document(app, &plan, Some(&done), false)
        }
        (plan, None) => {
            document(app, &plan, None, false)?;
            Ok(ExitCode::BUSY)
        }
    }
}

struct Work<'a> {
    app: &'a App,
    args: &'a RepairArgs,
    repository: &'a Arc<Repository>,
    options: &'a CollectOptions,
}

impl Work<'_> {
    fn plan(&self) -> Result<RepairPlan, Failure> {
        let watch = Watch::new(&self.app.out);
        let listed = self.repository.blobs().list("").map_err(Failure::from)?;
        let packs = listed.iter().filter(|object| object.name.starts_with("data/") || object.name.starts_with("meta/"));
        watch.expect(packs.map(|object| object.len_bytes).sum());
        let plan = self.repository.plan_repair(&mut |bytes| {
            watch.advance(1, bytes);
            !self.app.cancel.is_cancelled()
        });
        watch.finish();
        self.check_cancelled()?;
        Ok(plan?)
    }

    /// Applies the plan; makes another when somebody else's round comes between. `None` when runs would have to be waited
    /// for and that is not wanted.
    fn apply(&self, mut plan: RepairPlan) -> Result<(RepairPlan, Option<Repaired>), Failure> {
        let (mut plans, mut told) = (1, false);
        loop {
            let outcome = self.repository.repair(&plan, self.options, &mut |_| !self.app.cancel.is_cancelled());
            match outcome {
                Ok(RepairOutcome::Done(done)) => return Ok((plan, Some(done))),
                // It was waited for, and the round that is finished is this plan's.
                Ok(RepairOutcome::Finished) if !plan.unfinished => {
                    let packs = plan.packs.len() as u64;
                    let (indexes, checkpoints) = (plan.indexes.len() as u64, plan.checkpoints.len() as u64);
                    let done = Repaired { packs, indexes, checkpoints, ..Repaired::default() };
                    return Ok((plan, Some(done)));
                }
                Ok(RepairOutcome::Finished) => {}
                Ok(RepairOutcome::Waiting(open)) if self.options.alone => return Err(not_alone(&open)),
                Ok(RepairOutcome::Waiting(open)) => {
                    if !std::mem::replace(&mut told, true) {
                        self.tell_waiting(&open);
                    }
                    if self.args.no_wait {
                        return Ok((plan, None));
                    }
                    self.check_cancelled()?;
                    self.app.cancel.wait(LOOK_AGAIN);
                    self.check_cancelled()?;
                    continue;
                }
                Err(StoreError::Busy { .. }) if !self.app.cancel.is_cancelled() && plans < MAX_PLANS => plans += 1,
                Err(error) => {
                    self.check_cancelled()?;
                    return Err(error.into());
                }
            }
            plan = self.plan()?;
            tell_plan(self.app, &plan)?;
        }
    }

    fn tell_waiting(&self, open: &[OpenSession]) {
        let list: Vec<String> = open.iter().map(words::session).collect();
        let (list, patience) = (list.join("; "), &self.args.patience);
        self.app.out.warn(tr!(
            "runs that may still use what is damaged: {list}; waiting until they end or have been quiet for {patience}",
            "以下任务可能仍在使用损坏的数据：{list}；将等待其结束或静默达到 {patience}"
        ));
    }

    fn check_cancelled(&self) -> Result<(), Failure> {
        if !self.app.cancel.is_cancelled() {
            return Ok(());
        }
        let message =
            tr!("stopped on request; the next repair goes on from here", "已按请求停止；下次 repair 将从此处继续");
        Err(Failure::new(ErrorKind::Cancelled, message))
    }
}

fn consent(app: &App, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let message = tr!("a repair changes the repository", "修复会改动仓库");
        let hint = tr!(
            "copy the repository if the disk is failing; look with --dry-run, then agree with --yes",
            "若磁盘正在损坏请先复制仓库；先用 --dry-run 查看，再用 --yes 确认"
        );
        return Err(Failure::usage(message).hint(hint));
    }
    ask::consent(&app.out, &tr!("repair it now? [y/N]", "现在修复？[y/N]"))
}

fn tell_plan(app: &App, plan: &RepairPlan) -> Result<(), Failure> {
    for fault in &plan.beyond {
        let (what, error) = (&fault.what, &fault.error);
        app.out.warn(tr!("cannot be mended yet: {what}: {error}", "暂时无法修复：{what}：{error}"));
    }
    if plan.unfinished {
        app.out.say(tr!(
            "a collection or repair was begun and not finished: it is finished first",
            "发现未完成的回收或修复，将首先完成"
        ))?;
    }
    for pack in &plan.packs {
        let (object, error) = (pack.object(), &pack.error);
        app.out.say(tr!("damaged: {object}: {error}", "损坏：{object}：{error}"))?;
        let (used, lost) = (pack.used_frames, pack.lost_frames.len());
        let whole = u64::from(used) - lost as u64;
        app.out.say(tr!(
            "  in use: {used} frames; {whole} of them are whole and are saved, {lost} are lost",
            "  使用中的帧 {used} 个；其中 {whole} 个完好将被保全，{lost} 个已丢失"
        ))?;
        if !pack.snapshots.is_empty() {
            let list: Vec<String> = pack.snapshots.iter().map(|id| id.short().to_string()).collect();
            let list = list.join(", ");
            app.out.say(tr!("  hurt snapshots: {list}", "  受影响的备份集：{list}"))?;
        }
    }
    for index in &plan.indexes {
        app.out.say(tr!("made again from packs: {index}", "由数据包重建：{index}"))?;
    }
    for checkpoint in &plan.checkpoints {
        app.out.say(tr!("made again from its other copy: {checkpoint}", "由另一份副本重建：{checkpoint}"))?;
    }
    if plan.is_empty() && plan.beyond.is_empty() {
        app.out.say(tr!("nothing to repair: every pack and every index is whole", "无需修复：所有数据包和索引完好"))?;
    }
    Ok(())
}

fn tell_done(app: &App, plan: &RepairPlan, done: &Repaired) -> Result<(), Failure> {
    let (packs, indexes) = (sizes::count(done.packs), sizes::count(done.indexes));
    let checkpoints = sizes::count(done.checkpoints);
    let moved = sizes::bytes(done.moved_bytes);
    app.out.say(tr!(
        "set aside in quarantine: {packs} packs; saved {moved}; made again: {indexes} indexes, {checkpoints} checkpoints",
        "已隔离 {packs} 个数据包；保全 {moved}；重建 {indexes} 个索引、{checkpoints} 个检查点"
    ))?;
    if done.rescued > 0 {
        let rescued = sizes::count(done.rescued);
        app.out.warn(tr!(
            "{rescued} packs stay, because a snapshot made meanwhile uses them: repair again",
            "{rescued} 个数据包因新备份集正在使用而保留：请再次修复"
        ));
    }
    if plan.packs.iter().any(|pack| !pack.lost_frames.is_empty()) {
        app.out.note(tr!(
            "  hint: back up now: what the source still has is stored again and older snapshots find it; then `datakeep check` names what stays lost",
            "  提示：请立即备份：数据源中仍有的内容会重新存储，旧备份集也能找到；之后 `datakeep check` 会列出仍丢失的内容"
        ));
    }
    Ok(())
}

/// Prints the document and tells the exit code: lost frames are losses, what cannot be mended is damage.
fn document(app: &App, plan: &RepairPlan, done: Option<&Repaired>, dry_run: bool) -> Result<ExitCode, Failure> {
    let is_lost = plan.packs.iter().any(|pack| !pack.lost_frames.is_empty());
    let code = match (plan.beyond.is_empty(), is_lost) {
        (false, _) => ExitCode::INTEGRITY,
        (_, true) => ExitCode::PARTIAL,
        _ => ExitCode::OK,
    };
    if !app.out.json {
        return Ok(code);
    }
    let counted = done.cloned().unwrap_or_default();
    let packs = plan.packs.iter().map(|pack| PackJson {
        pack: pack.object(),
        len_bytes: pack.len_bytes,
        missing: pack.is_missing,
        used_frames: pack.used_frames,
        lost_frames: pack.lost_frames.len(),
        snapshots: pack.snapshots.iter().map(|id| id.to_hex()).collect(),
        detail: pack.error.clone(),
    });
    let report = Report {
        dry_run,
        finished: done.is_some(),
        packs: packs.collect(),
        indexes: plan.indexes.clone(),
        checkpoints: plan.checkpoints.clone(),
        not_mended: plan.beyond.iter().map(FaultJson::from).collect(),
        quarantined_packs: counted.packs,
        rescued_packs: counted.rescued,
        replaced_indexes: counted.indexes,
        replaced_checkpoints: counted.checkpoints,
        moved_bytes: counted.moved_bytes,
    };
    app.out.document(&json::document("repair", report))?;
    Ok(code)
}
