//! `datakeep repair`: saves what is whole, sets aside what is damaged.

use super::check::FaultJson;
use super::gc::{self, LOOK_AGAIN, MAX_PLANS, leave_to_others, not_alone, patience_ms};
use crate::args_care::RepairArgs;
use crate::ask;
use crate::errors::Failure;
use crate::open::App;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, probing, signals, time};
use datakeep_model::{ErrorKind, ExitCode, SessionId};
use datakeep_store::{
    CollectOptions, LabelsLost, LostSnapshot, MendedReach, OpenSession, RepairOutcome, RepairPlan, Repaired,
    Repository, StoreError,
};
use serde::Serialize;
use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::Arc;
use words::{tell_done, tell_plan};

mod words;

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
struct ReachJson {
    object: String,
    snapshot: String,
    keeps_all: bool,
}

#[derive(Serialize)]
struct LabelsJson {
    snapshot: String,
    labels: Vec<String>,
}

#[derive(Serialize)]
struct LostJson {
    snapshot: String,
    source: String,
    host: String,
    started: Option<String>,
    given_up: bool,
    detail: String,
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    finished: bool,
    packs: Vec<PackJson>,
    indexes: Vec<String>,
    unindexed_packs: Vec<String>,
    checkpoints: Vec<String>,
    records: Vec<String>,
    reaches: Vec<ReachJson>,
    labels: Vec<LabelsJson>,
    lost_snapshots: Vec<LostJson>,
    not_mended: Vec<FaultJson>,
    quarantined_packs: u64,
    rescued_packs: u64,
    replaced_indexes: u64,
    replaced_checkpoints: u64,
    replaced_reaches: u64,
    replaced_decisions: u64,
    replaced_intents: u64,
    given_up_snapshots: u64,
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
    let work = Work { app, args, repository: &repository, options: &options, given_up: RefCell::new(None) };
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
    /// What is to be given up, as the first plan has named it: a later one gives up nothing else.
    given_up: RefCell<Option<Vec<SessionId>>>,
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
        let mut plan = plan?;
        self.give_up(&mut plan)?;
        Ok(plan)
    }

    /// Notes what the owner agrees to lose: only snapshots that the first plan says are lost.
    fn give_up(&self, plan: &mut RepairPlan) -> Result<(), Failure> {
        if self.given_up.borrow().is_none() {
            let named: Result<Vec<SessionId>, Failure> =
                self.args.give_up.iter().map(|wanted| lost_by_name(plan, wanted)).collect();
            *self.given_up.borrow_mut() = Some(named?);
        }
        for id in self.given_up.borrow().iter().flatten() {
            // Where it is lost no more it has been given up by the round before this one.
            plan.give_up(*id);
        }
        Ok(())
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
                    let is_indexed_anew = !plan.indexes.is_empty() || !plan.unindexed.is_empty();
                    let indexes = plan.indexes.len().max(usize::from(is_indexed_anew)) as u64;
                    let checkpoints = plan.checkpoints.len() as u64;
                    let reaches = plan.reaches.len() as u64;
                    let decisions = plan.decisions.len() as u64;
                    let given_up = plan.lost.iter().filter(|lost| lost.is_given_up).count() as u64;
                    let (intents, labels) = (plan.intents_remade() as u64, plan.labels.len() as u64);
                    let named = Repaired { packs, indexes, checkpoints, reaches, ..Repaired::default() };
                    let done = Repaired { decisions, given_up, intents, labels, ..named };
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
        let list: Vec<String> = open.iter().map(gc::words::session).collect();
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

/// The one lost snapshot whose id begins so.
fn lost_by_name(plan: &RepairPlan, wanted: &str) -> Result<SessionId, Failure> {
    let fits = |id: &SessionId| !wanted.is_empty() && id.to_hex().starts_with(wanted);
    let fitting: Vec<SessionId> = plan.lost.iter().map(|lost| lost.snapshot).filter(fits).collect();
    match fitting.as_slice() {
        [one] => Ok(*one),
        _ => Err(no_such_loss(wanted, fitting.len())),
    }
}

fn no_such_loss(wanted: &str, fitting: usize) -> Failure {
    let shown = datakeep_model::escape_for_terminal(wanted.as_bytes());
    let message = match fitting {
        0 => tr!("no snapshot is lost whose id begins with `{shown}`", "没有编号以 `{shown}` 开头的已丢失备份集"),
        _ => {
            tr!("`{shown}` names {fitting} of the snapshots that are lost", "`{shown}` 对应 {fitting} 个已丢失的备份集")
        }
    };
    Failure::new(ErrorKind::NotFound, message).hint(tr!(
        "`datakeep repair --dry-run` names them; to remove a snapshot that can be read use `datakeep forget`",
        "用 `datakeep repair --dry-run` 查看；要删除可读取的备份集请用 `datakeep forget`"
    ))
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

/// Prints the document and tells the exit code: lost frames are losses, what cannot be mended is damage.
fn document(app: &App, plan: &RepairPlan, done: Option<&Repaired>, dry_run: bool) -> Result<ExitCode, Failure> {
    let is_lost = plan.packs.iter().any(|pack| !pack.lost_frames.is_empty())
        || plan.reaches.iter().any(|reach| reach.keeps_all)
        || !plan.lost.is_empty();
    let is_left = plan.is_blind() || !plan.beyond.is_empty();
    let code = match (is_left, is_lost) {
        (true, _) => ExitCode::INTEGRITY,
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
        unindexed_packs: plan.unindexed.clone(),
        checkpoints: plan.checkpoints.clone(),
        records: plan.records(),
        reaches: plan.reaches.iter().map(reach_json).collect(),
        labels: plan.labels.iter().map(labels_json).collect(),
        lost_snapshots: plan.lost.iter().map(lost_json).collect(),
        not_mended: plan.beyond.iter().map(FaultJson::from).collect(),
        quarantined_packs: counted.packs,
        rescued_packs: counted.rescued,
        replaced_indexes: counted.indexes,
        replaced_checkpoints: counted.checkpoints,
        replaced_reaches: counted.reaches,
        replaced_decisions: counted.decisions,
        replaced_intents: counted.intents,
        given_up_snapshots: counted.given_up,
        moved_bytes: counted.moved_bytes,
    };
    app.out.document(&json::document("repair", report))?;
    Ok(code)
}

fn reach_json(reach: &MendedReach) -> ReachJson {
    ReachJson { object: reach.object.clone(), snapshot: reach.snapshot.to_hex(), keeps_all: reach.keeps_all }
}

fn labels_json(lost: &LabelsLost) -> LabelsJson {
    LabelsJson { snapshot: lost.snapshot.to_hex(), labels: lost.labels.clone() }
}

fn lost_json(lost: &LostSnapshot) -> LostJson {
    LostJson {
        snapshot: lost.snapshot.to_hex(),
        source: lost.source.clone(),
        host: lost.host.clone(),
        started: lost.started.map(time::utc),
        given_up: lost.is_given_up,
        detail: lost.error.clone(),
    }
}
