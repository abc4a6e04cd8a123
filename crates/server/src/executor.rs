//! Runs are done by the same program a person would start, as a child: a task in, events out. The lease is prolonged while it
//! lives; who lost the lease ends the child and changes nothing more.

use crate::lines::Lines;
use crate::report::{Report, report};
use crate::scheduler;
use crate::state::App;
use crate::task::{Obstacle, Place, Subject, Task, task};
use datakeep_manage::control::ControlError;
use datakeep_manage::control::catalogue::Listed;
use datakeep_manage::control::events::RunEvent;
use datakeep_manage::control::objects::Kept;
use datakeep_manage::control::runs::{Ending, Lease, NewRun, Run, RunKind, RunState};
use datakeep_manage::{PolicySpec, RepositorySpec, SourceSpec};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(20);
/// How often it is prolonged.
const BEAT: Duration = Duration::from_secs(2);
/// How long a child may take to stop when it was asked.
const GRACE: Duration = Duration::from_secs(60);
/// How long a child may take to end after its output did; less than a lease lasts.
const SETTLE: Duration = Duration::from_secs(10);
/// How often somebody without work looks for some.
const LOOK: Duration = Duration::from_secs(1);
/// Most events of one run that are kept; progress replaces itself.
const MAX_EVENTS: i64 = 2000;
/// Longest event that is kept.
const MAX_EVENT_BYTES: usize = 16 << 10;

/// Does runs.
pub(crate) struct Executor {
    pub(crate) app: Arc<App>,
    pub(crate) program: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) holder: String,
    pub(crate) trouble: Arc<dyn Fn(&ControlError) + Send + Sync>,
}

/// What a child did.
enum Done {
    /// It ended, with this exit code.
    Ended(Option<i32>, Book),
    /// It could not be started.
    NotStarted(Obstacle),
    /// The lease was lost.
    Fenced,
}

/// What a child told.
#[derive(Default)]
struct Book {
    waiting: Vec<RunEvent>,
    progress: Option<(i64, String)>,
    seq: i64,
    last: Option<Value>,
}

impl Book {
    fn take(&mut self, line: &str, now_ms: i64) {
        let Ok(document) = serde_json::from_str::<Value>(line) else { return };
        let kind = document["type"].as_str().unwrap_or_default().to_string();
        if document.get("ts").is_none() {
            self.last = Some(document);
        } else if kind == "progress" {
            self.progress = Some((now_ms, line.to_string()));
        } else if line.len() <= MAX_EVENT_BYTES && self.seq < MAX_EVENTS {
            self.push(now_ms, kind, line.to_string());
        }
    }

    fn push(&mut self, at_ms: i64, kind: String, body: String) {
        self.seq += 1;
        self.waiting.push(RunEvent { seq: self.seq, at_ms, kind, body });
    }

    /// What is to be written down now.
    fn flush(&mut self) -> Vec<RunEvent> {
        // Hours of progress are not kept: half of the room is for what happens.
        if let Some((at_ms, body)) = self.progress.take().filter(|_| self.seq < MAX_EVENTS / 2) {
            self.push(at_ms, "progress".into(), body);
        }
        std::mem::take(&mut self.waiting)
    }
}

impl Executor {
    /// Claims runs and does them, one after another, until it is told to stop.
    pub(crate) async fn work(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.app.control.claim(&self.holder, self.app.now_ms(), self.until_ms()).await {
                Ok(Some(lease)) => self.perform(&lease, &stop).await,
                other => {
                    other.err().iter().for_each(|error| (self.trouble)(error));
                    let _ = timeout(LOOK, async {
                        tokio::select! { () = self.app.wake.notified() => {}, _ = stop.changed() => {} }
                    })
                    .await;
                }
            }
        }
    }

    fn until_ms(&self) -> i64 {
        self.app.now_ms().saturating_add(LEASE.as_millis() as i64)
    }

    async fn perform(&self, lease: &Lease, stop: &watch::Receiver<bool>) {
        let run = &lease.run;
        let done = match self.prepare(run, run.what.kind).await {
            Ok(task) => self.execute(lease, &task, stop, true).await,
            Err(obstacle) => Done::NotStarted(obstacle),
        };
        let (report, book) = match done {
            Done::Fenced => return,
            Done::NotStarted(obstacle) => (stopped_by(obstacle), Book::default()),
            Done::Ended(exit, book) => (report(run.what.kind, exit, book.last.as_ref()), book),
        };
        let is_well = matches!(report.ending.state, RunState::Complete | RunState::Partial);
        if is_well {
            self.catalogue(lease, &book, stop).await;
        }
        if self.end(lease, &report).await && is_well {
            self.follow(run).await;
        }
    }

    /// Reads what the run works on, and makes its command.
    async fn prepare(&self, run: &Run, kind: RunKind) -> Result<Task, Obstacle> {
        let failed = |error: ControlError| match error {
            ControlError::NotFound { .. } => {
                Obstacle { code: "not-found", message: error.to_string(), hint: "start a new run" }
            }
            other => Obstacle { code: "control", message: other.to_string(), hint: "retry it" },
        };
        let control = &self.app.control;
        let repository: Kept<RepositorySpec> = control.get(&run.what.repository).await.map_err(failed)?;
        let has_source = matches!(kind, RunKind::Backup | RunKind::Forget);
        let source: Option<Kept<SourceSpec>> =
            if has_source { Some(control.get(&run.what.source).await.map_err(failed)?) } else { None };
        let policy: Option<Kept<PolicySpec>> =
            if has_source { Some(control.get(&run.what.owner).await.map_err(failed)?) } else { None };
        // A run that waited, or is repeated, is of a policy as it was: what it keeps now is not meant for other snapshots.
        let is_its = |policy: &Kept<PolicySpec>| policy.body.protects(&run.what.source, &run.what.repository);
        if !policy.as_ref().is_none_or(is_its) {
            let message = "the policy does not protect this source in this repository any more".to_string();
            return Err(Obstacle { code: "policy-changed", message, hint: "start the policy anew" });
        }
        let verdicts =
            if kind == RunKind::Check { control.count_verdicts(&run.what.owner).await.map_err(failed)? } else { 0 };
        let slices = repository.body.check_slices.max(1);
        // Every check that came to a verdict moves on by one, and they go one after another: so many prove every byte.
        let slice = u32::try_from(verdicts % i64::from(slices)).unwrap_or(0) + 1;
        let (repository, policy) = (&repository.body, policy.as_ref().map(|policy| &policy.body));
        let subject = Subject { kind, repository, source: source.as_ref(), policy, slice };
        task(&subject, &Place { data: &self.data, environment: &self.environment })
    }

    /// Starts the command and listens to it until it has ended. With `is_told` its events are written down.
    async fn execute(&self, lease: &Lease, task: &Task, stop: &watch::Receiver<bool>, is_told: bool) -> Done {
        let mut command = Command::new(&self.program);
        command.args(&task.arguments).env_clear().envs(task.environment.iter().cloned()).current_dir(&self.data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let spawned = command.spawn().map_err(|error| error.to_string());
        let not_started = |message| Obstacle {
            code: "internal",
            message,
            hint: "look at the program and the data folder of the server",
        };
        let mut child = match spawned {
            Ok(child) => child,
            Err(message) => return Done::NotStarted(not_started(message)),
        };
        let Some(stdout) = child.stdout.take() else { return Done::NotStarted(not_started("no output".into())) };
        // Held open as long as the child lives: its end tells the child that we are gone.
        let _stdin = child.stdin.take();
        let (mut lines, mut book, mut beat) = (Lines::new(BufReader::new(stdout)), Book::default(), interval(BEAT));
        let (mut heard, mut asked) = (Instant::now(), None::<Instant>);
        loop {
            tokio::select! {
                line = lines.next() => match line {
                    Some(line) => book.take(&line, self.app.now_ms()),
                    None => break,
                },
                _ = beat.tick() => {
                    match self.beat(lease, &mut book, is_told).await {
                        Ok(is_asked) => {
                            heard = Instant::now();
                            if (is_asked || *stop.borrow()) && asked.is_none() {
                                terminate(&child);
                                asked = Some(heard);
                            }
                        }
                        Err(error) => {
                            if matches!(error, ControlError::Fenced) || heard.elapsed() >= LEASE {
                                let _ = child.kill().await;
                                return Done::Fenced;
                            }
                            (self.trouble)(&error);
                        }
                    }
                    if asked.is_some_and(|asked| asked.elapsed() > GRACE) {
                        let _ = child.start_kill();
                    }
                }
            }
        }
        let status = match timeout(SETTLE, child.wait()).await {
            Ok(status) => status.ok(),
            // It closed its output and stays: nothing more will come of it.
            Err(_) => child.kill().await.ok().and(None),
        };
        let _ = self.beat(lease, &mut book, is_told).await;
        Done::Ended(status.and_then(|status| status.code()), book)
    }

    async fn beat(&self, lease: &Lease, book: &mut Book, is_told: bool) -> Result<bool, ControlError> {
        let is_asked = self.app.control.heartbeat(&lease.run.what.id, lease.fence, self.until_ms()).await?;
        let events = book.flush();
        if is_told && !events.is_empty() {
            self.app.control.add_events(&lease.run.what.id, &events).await?;
        }
        Ok(is_asked)
    }

    /// Reads the repository's list of snapshots into the catalogue. What fails here is read at the next run.
    async fn catalogue(&self, lease: &Lease, book: &Book, stop: &watch::Receiver<bool>) {
        let own = match lease.run.what.kind {
            RunKind::Catalogue => book.last.clone(),
            RunKind::Backup | RunKind::Forget => match self.prepare(&lease.run, RunKind::Catalogue).await {
                Ok(task) => match self.execute(lease, &task, stop, false).await {
                    Done::Ended(Some(0), book) => book.last,
                    _ => None,
                },
                Err(_) => None,
            },
            RunKind::Gc | RunKind::Check => None,
        };
        let Some(list) =
            own.as_ref().filter(|list| list["type"] == "snapshots").and_then(|list| list["snapshots"].as_array())
        else {
            return;
        };
        let repository = &lease.run.what.repository;
        let listed: Vec<Listed> = list.iter().filter_map(|one| self.listed(repository, one)).collect();
        if let Err(error) = self.app.control.refresh(repository, &listed, self.app.now_ms()).await {
            (self.trouble)(&error);
        }
    }

    fn listed(&self, repository: &str, document: &Value) -> Option<Listed> {
        let text = |value: &Value| value.as_str().map(str::to_string);
        Some(Listed {
            repository: repository.to_string(),
            id: text(&document["id"])?,
            source: text(&document["source"])?,
            started: text(&document["started"])?,
            body: document.to_string(),
        })
    }

    /// Writes down how the run ended; says whether that was ours to say.
    async fn end(&self, lease: &Lease, report: &Report) -> bool {
        let began = Instant::now();
        loop {
            let id = &lease.run.what.id;
            match self.app.control.finish(id, lease.fence, &report.ending, &report.items, self.app.now_ms()).await {
                Ok(()) => return true,
                Err(ControlError::Fenced) => return false,
                Err(error) => (self.trouble)(&error),
            }
            if began.elapsed() >= LEASE {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// True where another policy, switched on or not, protects the same source in the same repository: what one keeps no longer the
    /// other may have promised, so that nothing is forgotten by itself.
    async fn is_promised_elsewhere(&self, run: &Run) -> bool {
        let Ok(all) = self.app.control.all::<PolicySpec>().await else { return true };
        let is_its = |other: &Kept<PolicySpec>| other.body.protects(&run.what.source, &run.what.repository);
        all.iter().any(|other| other.id != run.what.owner && is_its(other))
    }

    /// Behind a backup, retention: for the same slot, so at most once.
    async fn follow(&self, run: &Run) {
        if run.what.kind != RunKind::Backup {
            return;
        }
        let Ok(policy) = self.app.control.get::<PolicySpec>(&run.what.owner).await else { return };
        if policy.body.retention.is_none() || self.is_promised_elsewhere(run).await {
            return;
        }
        let now_ms = self.app.now_ms();
        let forget = NewRun { id: self.app.chance.id(now_ms), kind: RunKind::Forget, ..run.what.clone() };
        if let Err(error) = self.app.control.enqueue(&[forget], now_ms).await {
            (self.trouble)(&error);
        }
    }
}

fn stopped_by(obstacle: Obstacle) -> Report {
    let (code, message, hint) = (obstacle.code.to_string(), obstacle.message, obstacle.hint.to_string());
    let ending = Ending { state: RunState::Failed, code, message, hint, snapshot: None, summary: "null".into() };
    Report { ending, items: Vec::new() }
}

/// Asks a child to stop in good order.
fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // One that has ended meanwhile is asked in vain.
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}

/// Ends runs whose lease ran out, and queues what is due, until it is told to stop.
pub(crate) async fn keep_time(
    app: Arc<App>,
    trouble: Arc<dyn Fn(&ControlError) + Send + Sync>,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        let reaped = app.control.reap(app.now_ms()).await;
        reaped.err().iter().for_each(|error| trouble(error));
        match scheduler::tick(&app).await {
            Ok(queued) if queued > 0 => app.wake.notify_one(),
            Ok(_) => {}
            Err(error) => trouble(&error),
        }
        let _ = timeout(LOOK, stop.changed()).await;
    }
}
