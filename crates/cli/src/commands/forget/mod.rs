//! `datakeep forget`: a plan, then a question when it takes much, then the marks.

mod calendar;
mod document;
mod request;
mod words;

use crate::args_forget::ForgetArgs;
use crate::ask;
use crate::errors::Failure;
use crate::open::App;
use crate::sizes;
use crate::words::shell::quoted;
use crate::words::tr;
use datakeep_manage::{Past, Plan, decide, hold_of};
use datakeep_model::{ErrorKind, ExitCode, SessionId, Snapshot, escape_for_terminal};
use datakeep_store::{Manifest, Repository, Tombstone};
use jiff::tz::TimeZone;
use request::Request;
use std::collections::BTreeMap;
use std::io::IsTerminal;

/// Forgetting more than this many at once wants consent.
const MANY: usize = 20;

/// What is to be done, and what is needed to show it.
pub struct View<'a> {
    app: &'a App,
    plan: &'a Plan,
    snapshots: BTreeMap<SessionId, &'a Snapshot>,
    zone: &'a TimeZone,
    is_named: bool,
}

/// Runs it.
pub fn run(app: &App, args: &ForgetArgs) -> Result<ExitCode, Failure> {
    let zone = request::zone(args.time_zone.as_deref())?;
    let request = Request::new(app, args)?;
    let repository = app.open()?;
    let (manifests, unreadable) = app.snapshots(&repository)?;
    let plan = plan(app, &manifests, &request, &zone)?;
    let snapshots = manifests.iter().map(|m| (m.snapshot.id, &m.snapshot)).collect();
    let is_named = matches!(request, Request::Named(_));
    let view = View { app, plan: &plan, snapshots, zone: &zone, is_named };
    view.show(args)?;
    if !args.dry_run {
        refuse_unreadable(unreadable)?;
        view.consent(args.yes)?;
        let reason = args.reason.clone().unwrap_or_else(|| request.in_words());
        view.forget(&repository, &reason)?;
    }
    if app.out.json {
        app.out.document(&document::document(&view, args.dry_run))?;
    }
    Ok(if unreadable > 0 { ExitCode::INTEGRITY } else { ExitCode::OK })
}

fn plan(app: &App, manifests: &[Manifest], request: &Request, zone: &TimeZone) -> Result<Plan, Failure> {
    let history: Vec<Past> = manifests.iter().map(|m| Past::from(&m.snapshot)).collect();
    match request {
        Request::Named(names) => request::named(app, manifests, &history, names),
        Request::Rules { policy, scope, by } => {
            for source in &scope.sources {
                super::snapshots::must_be_source(manifests, source)?;
            }
            Ok(decide(&history, scope, *by, policy, zone))
        }
    }
}

/// A label that cannot be read may be a hold.
fn refuse_unreadable(unreadable: usize) -> Result<(), Failure> {
    if unreadable == 0 {
        return Ok(());
    }
    let message = tr!(
        "nothing is forgotten while snapshots or labels cannot be read: one of them may be a hold",
        "有备份集或标签无法读取时不会遗忘任何备份集：其中可能有锁定标签"
    );
    let hint = tr!(
        "see everything that is damaged: datakeep check --read-data",
        "查看全部损坏情况：datakeep check --read-data"
    );
    Err(Failure::new(ErrorKind::Integrity, message).hint(hint))
}

impl View<'_> {
    fn forgotten(&self) -> usize {
        self.plan.forgotten().count()
    }

    fn show(&self, args: &ForgetArgs) -> Result<(), Failure> {
        words::warn_about_dates(self);
        if self.app.out.json || self.app.out.quiet {
            return Ok(());
        }
        words::table(self)?;
        if args.calendar {
            calendar::show(self)?;
        }
        words::numbers(self, args.dry_run)
    }

    /// Asks, when much would be forgotten.
    fn consent(&self, yes: bool) -> Result<(), Failure> {
        let count = self.forgotten();
        if yes || (count <= MANY && !self.plan.groups.iter().any(datakeep_manage::Group::loses_most)) {
            return Ok(());
        }
        let all = sizes::count(self.plan.decisions().count() as u64);
        let count = sizes::count(count as u64);
        if !std::io::stdin().is_terminal() {
            let message = tr!("this would forget {count} of {all} snapshots", "将遗忘 {all} 个备份集中的 {count} 个");
            let hint = tr!("look with --dry-run, then agree with --yes", "先用 --dry-run 查看，再用 --yes 确认");
            return Err(Failure::usage(message).hint(hint));
        }
        let question = tr!("forget {count} of {all} snapshots? [y/N]", "遗忘 {all} 个备份集中的 {count} 个？[y/N]");
        ask::consent(&self.app.out, &question)
    }

    fn forget(&self, repository: &Repository, reason: &str) -> Result<(), Failure> {
        if self.forgotten() == 0 {
            return Ok(());
        }
        // A question may have stood for hours: somebody may have held one of them meanwhile.
        let (now, unreadable) = self.app.snapshots(repository)?;
        refuse_unreadable(unreadable)?;
        let now: BTreeMap<SessionId, &Manifest> = now.iter().map(|m| (m.snapshot.id, m)).collect();
        let doomed: Vec<&Manifest> = self.plan.forgotten().filter_map(|id| now.get(&id).copied()).collect();
        if let Some((held, label)) = doomed.iter().find_map(|m| Some((m, hold_of(&m.snapshot.tags)?))) {
            return Err(held_failure(held.snapshot.id, label));
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let tombstone = Tombstone { forgotten: self.app.now(), host, reason: reason.to_string() };
        for manifest in &doomed {
            repository.forget(manifest, &tombstone)?;
        }
        let count = sizes::count(doomed.len() as u64);
        self.app.out.say(tr!(
            "forgotten: {count}; the space is freed by: datakeep gc",
            "已遗忘 {count} 个；释放空间请运行：datakeep gc"
        ))
    }
}

/// A held snapshot stays, whoever names it.
fn held_failure(id: SessionId, label: &str) -> Failure {
    let (id, label) = (id.short(), escape_for_terminal(label.as_bytes()));
    let word = quoted(&label);
    let message = tr!("snapshot {id} is held by its label {label}", "备份集 {id} 已被标签 {label} 锁定");
    Failure::new(ErrorKind::Denied, message)
        .hint(tr!("to lift the hold: datakeep tag {id} --remove {word}", "解除锁定：datakeep tag {id} --remove {word}"))
}
