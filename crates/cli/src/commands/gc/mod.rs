//! `datakeep gc`: frees what no snapshot uses.

use crate::args_gc::GcArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::progress::Watch;
use crate::time;
use crate::words::tr;
use crate::{probing, signals};
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_store::{
    CollectOptions, CollectOutcome, CollectPlan, CollectStep, Collected, OpenSession, Repository, StoreError,
};
use std::sync::Arc;
use std::time::Duration;

mod consent;
pub(super) mod words;

/// How long to sleep between two looks at runs that are waited for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A plan is made anew so often when other collections come between.
pub(super) const MAX_PLANS: usize = 5;

/// Runs it.
pub fn run(app: &App, args: &GcArgs) -> Result<ExitCode, Failure> {
    let mut options = CollectOptions {
        most_unused_percent: args.max_unused,
        patience_ms: patience_ms(&args.patience)?,
        alone: false,
        now: app.now(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let repository = Arc::new(app.open()?);
    signals::listen(&app.cancel)?;
    let (mut given_up, mut ended) = (Vec::new(), Vec::new());
    if !args.dry_run {
        options.alone = probing::must_be_alone(app, &repository)?;
        ended = give_up_ended(app, &repository, args)?;
        leave_to_others(&repository, &options)?;
        given_up = repository.give_up_sessions(&options)?;
    }
    let plan = repository.plan_collection(&options)?;
    if args.dry_run {
        words::plan(app, &plan, &given_up)?;
        return words::document(app, &plan, None, &given_up, args);
    }
    words::plan(app, &plan, &given_up)?;
    given_up.splice(..0, ended);
    consent::consent(app, &plan, args)?;
    let gc = Gc { app, args, repository: &repository, options: &options };
    match gc.collect(plan)? {
        (plan, Some(done)) => {
            words::done(app, &done)?;
            words::document(app, &plan, Some(&done), &given_up, args)
        }
        (plan, None) => {
            words::document(app, &plan, None, &given_up, args)?;
            Ok(ExitCode::BUSY)
        }
    }
}

/// Gives up the runs of which somebody says that their processes are gone.
fn give_up_ended(app: &App, repository: &Repository, args: &GcArgs) -> Result<Vec<OpenSession>, Failure> {
    let mut ended = Vec::new();
    for name in &args.ended {
        let open = repository.give_up_ended(name)?;
        let shown = words::session(&open);
        app.out
            .say(tr!("given up, as its process is said to be gone: {shown}", "按声明其进程已不存在，放弃：{shown}"))?;
        ended.push(open);
    }
    Ok(ended)
}

/// Where a collection must be alone, it does not begin while anybody has no end: neither age nor patience counts.
pub(super) fn leave_to_others(repository: &Repository, options: &CollectOptions) -> Result<(), Failure> {
    if !options.alone {
        return Ok(());
    }
    match repository.sessions_in_the_way()?.as_slice() {
        [] => Ok(()),
        open => Err(not_alone(open)),
    }
}

pub(super) fn not_alone(open: &[OpenSession]) -> Failure {
    let list: Vec<String> = open.iter().map(words::session).collect();
    let (list, first) = (list.join("; "), open.first().map(|run| run.session.to_hex()).unwrap_or_default());
    let message = tr!(
        "on this store nothing may be collected while a run has no end: {list}",
        "在该存储上，有任务尚未结束时不能回收：{list}"
    );
    Failure::new(ErrorKind::Busy, message).hint(tr!(
        "let it end and run this again; if its process is gone for certain: datakeep gc --ended {first}; why this store needs that: datakeep doctor store",
        "请等它结束后重新运行；若确定其进程已不存在：datakeep gc --ended {first}；该存储为何如此：datakeep doctor store"
    ))
}

struct Gc<'a> {
    app: &'a App,
    args: &'a GcArgs,
    repository: &'a Arc<Repository>,
    options: &'a CollectOptions,
}

impl Gc<'_> {
    /// Applies the plan; makes another when somebody else's round comes between. `None` when runs would have to be
    /// waited for and that is not wanted.
    fn collect(&self, mut plan: CollectPlan) -> Result<(CollectPlan, Option<Collected>), Failure> {
        let watch = Watch::new(&self.app.out);
        watch.expect(2 * plan.rewrite.iter().map(|pack| pack.len_bytes).sum::<u64>() + plan.freed_bytes());
        let mut plans = 1;
        let mut told = false;
        let mut agreed_bytes = plan.deleted_bytes();
        loop {
            let outcome = self.repository.collect(&plan, self.options, &mut |step| self.tick(&watch, step));
            match outcome {
                Ok(CollectOutcome::Done(done)) => {
                    watch.finish();
                    return Ok((plan, Some(done)));
                }
                Ok(CollectOutcome::Waiting(open)) if self.options.alone => {
                    watch.finish();
                    return Err(not_alone(&open));
                }
                Ok(CollectOutcome::Waiting(open)) => {
                    if self.args.no_wait {
                        watch.finish();
                        self.tell_waiting(&open);
                        return Ok((plan, None));
                    }
                    if !std::mem::replace(&mut told, true) {
                        self.tell_waiting(&open);
                    }
                    self.check_cancelled()?;
                    self.app.cancel.wait(LOOK_AGAIN);
                    self.check_cancelled()?;
                }
                Err(StoreError::Busy { .. }) if !self.app.cancel.is_cancelled() && plans < MAX_PLANS => plans += 1,
                Err(error) => {
                    watch.finish();
                    self.check_cancelled()?;
                    return Err(error.into());
                }
            }
            plan = self.repository.plan_collection(self.options)?;
            // What was agreed to is not what another collection has made of it. A round that stands has its list.
            if !plan.unfinished && plan.deleted_bytes() > agreed_bytes {
                consent::consent(self.app, &plan, self.args)?;
                agreed_bytes = plan.deleted_bytes();
            }
        }
    }

    fn tick(&self, watch: &Watch<'_>, step: CollectStep) -> bool {
        match step {
            CollectStep::Moving(bytes) | CollectStep::Deleting(bytes) => watch.advance(1, bytes),
            CollectStep::NoRoom => self.app.out.warn(tr!(
                "the store is full: nothing is moved, only packs that nobody uses are deleted",
                "存储已满：不移动数据，只删除无人使用的数据包"
            )),
            CollectStep::Condemned | CollectStep::Checkpointed => {}
        }
        !self.app.cancel.is_cancelled()
    }

    fn tell_waiting(&self, open: &[OpenSession]) {
        let list: Vec<String> = open.iter().map(words::session).collect();
        let list = list.join("; ");
        let patience = &self.args.patience;
        self.app.out.warn(tr!(
            "runs that may still use what is to go: {list}; waiting until they end or have been quiet for {patience}",
            "以下任务可能仍在使用待删除的数据：{list}；将等待其结束或静默达到 {patience}"
        ));
        self.app.out.note(tr!(
            "  hint: if they were killed, gc --patience 1m waits less: giving up a run that lives costs it time and nothing else; --no-wait comes back at once",
            "  提示：若任务已被终止，可用 gc --patience 1m 缩短等待：误弃仍在运行的任务只会让它多花时间；--no-wait 立即返回"
        ));
    }

    fn check_cancelled(&self) -> Result<(), Failure> {
        if !self.app.cancel.is_cancelled() {
            return Ok(());
        }
        let message = tr!("stopped on request; the next gc goes on from here", "已按请求停止；下次 gc 将从此处继续");
        Err(Failure::new(ErrorKind::Cancelled, message))
    }
}

/// See [`time::parse_duration_ms`].
pub(super) fn patience_ms(text: &str) -> Result<u64, Failure> {
    time::parse_duration_ms(text).ok_or_else(|| {
        let shown = datakeep_model::escape_for_terminal(text.as_bytes());
        let message = tr!("`{shown}` is no span of time", "`{shown}` 不是有效的时长");
        Failure::usage(message).hint(tr!("write 90s, 10m, 1h or 2d", "请写成 90s、10m、1h 或 2d"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_read() {
        for (text, expected) in [("0", 0), ("90s", 90_000), ("10m", 600_000), ("1h", 3_600_000), ("2d", 172_800_000)] {
            assert_eq!(patience_ms(text).ok(), Some(expected), "{text}");
        }
        for text in ["", "h", "1w", "-1s", "1.5h", "99999999999999999999d", "9999999999999999999d"] {
            assert!(patience_ms(text).is_err(), "{text}");
        }
    }
}
