//! What became of each snapshot, in words and as a document.

use crate::args_copy::CopyArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::out::Style;
use crate::words::tr;
use crate::{json, losses, sizes, time};
use datakeep_distribute::DistributeError;
use datakeep_distribute::copy::{Compared, CopyReport, Depth, Pair, PlannedCopy, Standing};
use datakeep_model::{ErrorKind, ExitCode, Loss, SessionId, Snapshot, escape_for_terminal};
use serde::Serialize;
use std::time::Instant;

/// What became of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Copied now; with losses where some are counted.
    Copied,
    /// Would be copied.
    WouldCopy,
    /// There already.
    There,
    /// There already, lacking something.
    TherePartial,
    /// Was there and has been forgotten there.
    Forgotten,
    /// Came from there, and is there no more.
    CameFromThere,
    /// Its tree cannot be read.
    Refused,
    /// Was forgotten while it was copied.
    Gone,
    /// The copy is not what the original is.
    Differs,
}

/// One snapshot and what became of it.
#[derive(Serialize)]
pub struct Done {
    snapshot: String,
    source: String,
    source_kind: String,
    host: String,
    started: String,
    /// What became of it.
    pub state: State,
    copy: Option<String>,
    /// Lost by this copy, not counting what the original lacks.
    pub items_lost: u64,
    len_bytes: u64,
    /// Read from the first repository, or to be read.
    pub read_bytes: u64,
    new_bytes: u64,
    stored_bytes: u64,
    compared_bytes: u64,
    resumed: Option<String>,
    #[serde(serialize_with = "losses_json")]
    pub losses: Vec<Loss>,
    differences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip)]
    own: Snapshot,
    #[serde(skip)]
    copy_id: Option<SessionId>,
    #[serde(skip)]
    is_compared: bool,
}

fn losses_json<S: serde::Serializer>(losses: &[Loss], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(losses.iter().map(json::LossJson::from))
}

impl Done {
    /// As planned, nothing done yet.
    pub fn new(planned: &PlannedCopy) -> Self {
        let snapshot = &planned.manifest.snapshot;
        let (state, copy, items_lost) = match planned.standing {
            Standing::There { copy } => (State::There, Some(copy), 0),
            Standing::Partial { copy, losses } => (State::TherePartial, Some(copy), losses),
            Standing::Forgotten => (State::Forgotten, None, 0),
            Standing::CameFromThere => (State::CameFromThere, None, 0),
            Standing::Missing => (State::WouldCopy, None, 0),
        };
        Self {
            snapshot: snapshot.id.to_hex(),
            source: snapshot.source.name.clone(),
            source_kind: snapshot.source.kind.clone(),
            host: snapshot.source.host.clone(),
            started: time::utc(snapshot.started),
            state,
            copy: copy.map(|id| id.to_hex()),
            items_lost,
            len_bytes: snapshot.counters.len_bytes,
            read_bytes: 0,
            new_bytes: 0,
            stored_bytes: 0,
            compared_bytes: 0,
            resumed: None,
            losses: Vec::new(),
            differences: Vec::new(),
            detail: None,
            own: snapshot.clone(),
            copy_id: copy,
            is_compared: false,
        }
    }

    /// It was copied.
    pub fn copied(self, report: CopyReport) -> Self {
        let id = report.copy.snapshot.id;
        let done = Self {
            state: State::Copied,
            copy: Some(id.to_hex()),
            items_lost: report.counters.losses,
            read_bytes: report.read_bytes,
            new_bytes: report.counters.new_bytes,
            stored_bytes: report.counters.stored_bytes,
            resumed: report.resumed.map(|id| id.to_hex()),
            losses: report.losses,
            copy_id: Some(id),
            ..self
        };
        done.compared(report.compared)
    }

    /// It was compared.
    pub fn compared(self, compared: Compared) -> Self {
        let state = if compared.differences.is_empty() { self.state } else { State::Differs };
        let is_compared = compared.depth == Depth::Content;
        Self { state, is_compared, compared_bytes: compared.compared_bytes, differences: compared.differences, ..self }
    }

    /// It could not be copied.
    pub fn refused(self, error: &DistributeError) -> Self {
        let state = if error.kind() == ErrorKind::NotFound { State::Gone } else { State::Refused };
        Self { state, detail: Some(error.to_string()), ..self }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    from: String,
    to: String,
    dry_run: bool,
    verify: bool,
    snapshots_copied: usize,
    items_lost: u64,
    unreadable: usize,
    read_bytes: u64,
    stored_bytes: u64,
    duration_ms: u64,
    snapshots: &'a [Done],
}

/// All of it.
pub struct Report<'a> {
    app: &'a App,
    pair: Pair<'a>,
    args: &'a CopyArgs,
    unreadable: usize,
    started: Instant,
    done: Vec<Done>,
}

impl<'a> Report<'a> {
    /// Of nothing yet. `unreadable` snapshots of the first repository could not be looked at.
    pub fn new(app: &'a App, pair: Pair<'a>, args: &'a CopyArgs, unreadable: usize) -> Self {
        Self { app, pair, args, unreadable, started: Instant::now(), done: Vec::new() }
    }

    /// Notes and tells what became of a snapshot.
    pub fn add(&mut self, done: Done) -> Result<(), Failure> {
        if done.state == State::Copied && !self.app.out.json {
            losses::tell(self.app, &done.losses, done.items_lost, false);
        }
        self.tell(&done)?;
        self.done.push(done);
        Ok(())
    }

    fn tell(&self, done: &Done) -> Result<(), Failure> {
        let out = &self.app.out;
        let (id, when) = (done.own.id.short(), time::local(done.own.started));
        let source = escape_for_terminal(done.source.as_bytes());
        let copy = done.copy_id.map(|id| id.short()).unwrap_or_default();
        let [read, stored] = [done.read_bytes, done.stored_bytes].map(sizes::bytes);
        let is_named = !self.args.snapshots.is_empty();
        match done.state {
            State::Copied => {
                let state = losses::state(done.items_lost);
                let compared = self.compared(done);
                out.say(tr!(
                    "{id} of {source}, {when} -> {copy}: {state}; {read} read, {stored} stored{compared}",
                    "{source} 的 {id}，{when} -> {copy}：{state}；读取 {read}，写入 {stored}{compared}"
                ))
            }
            State::WouldCopy => out.say(tr!(
                "{id} of {source}, {when}: would be copied; {read} to read",
                "{source} 的 {id}，{when}：将被复制；需读取 {read}"
            )),
            State::There if is_named => {
                let compared = self.compared(done);
                out.say(tr!(
                    "{id} of {source}, {when}: is there as {copy}{compared}",
                    "{source} 的 {id}，{when}：已存在，编号 {copy}{compared}"
                ))
            }
            State::TherePartial => {
                let lost = sizes::count(done.items_lost);
                out.say(tr!(
                    "{id} of {source}, {when}: is there as {copy}, with {lost} items lost; name it to try again: datakeep copy {id}",
                    "{source} 的 {id}，{when}：已存在，编号 {copy}，丢失 {lost} 项；重试请指定编号：datakeep copy {id}"
                ))
            }
            State::Refused => {
                let detail = done.detail.as_deref().unwrap_or_default();
                out.warn(tr!(
                    "{id} of {source}, {when} is not copied, its tree cannot be read: {detail}",
                    "{source} 的 {id}，{when} 未复制，其目录树无法读取：{detail}"
                ));
                Ok(())
            }
            State::Gone => out.say(tr!(
                "{id} of {source}, {when}: forgotten meanwhile",
                "{source} 的 {id}，{when}：复制期间已被遗忘"
            )),
            State::Differs => {
                out.warn(tr!(
                    "the copy {copy} of {id} is not what the original is: do not rely on it",
                    "{id} 的副本 {copy} 与原备份集不一致：请勿依赖它"
                ));
                done.differences.iter().for_each(|difference| out.note(format!("  {difference}")));
                Ok(())
            }
            State::There | State::Forgotten | State::CameFromThere => Ok(()),
        }
    }

    fn compared(&self, done: &Done) -> String {
        if !done.is_compared {
            return String::new();
        }
        let compared = sizes::bytes(done.compared_bytes);
        tr!("; {compared} read back and the same", "；已回读并核对 {compared}，完全一致")
    }

    /// The summary and the exit code.
    pub fn end(self) -> Result<ExitCode, Failure> {
        let count = |state: State| self.done.iter().filter(|done| done.state == state).count();
        let copied =
            count(State::Copied) + self.done.iter().filter(|d| d.state == State::Differs && d.stored_bytes > 0).count();
        let lost: u64 = self.done.iter().filter(|d| d.state != State::TherePartial).map(|done| done.items_lost).sum();
        let sum = |of: fn(&Done) -> u64| self.done.iter().map(of).fold(0, u64::saturating_add);
        let (read_bytes, stored_bytes) = (sum(|done| done.read_bytes), sum(|done| done.stored_bytes));
        let nanos = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if self.app.out.json {
            self.app.out.document(&json::document(
                "copy",
                Document {
                    from: self.pair.from.config().repository.to_hex(),
                    to: self.pair.to.config().repository.to_hex(),
                    dry_run: self.args.dry_run,
                    verify: self.args.verify,
                    snapshots_copied: copied,
                    items_lost: lost,
                    unreadable: self.unreadable,
                    read_bytes,
                    stored_bytes,
                    duration_ms: nanos / 1_000_000,
                    snapshots: &self.done,
                },
            ))?;
        } else {
            self.summary((copied, read_bytes, stored_bytes, nanos), &count)?;
        }
        let is_partial = lost > 0 || self.unreadable > 0 || count(State::Refused) > 0;
        Ok(match count(State::Differs) {
            0 if is_partial => ExitCode::PARTIAL,
            0 => ExitCode::OK,
            _ => ExitCode::CHECK_FAILED,
        })
    }

    fn summary(
        &self,
        (copied, read, stored, nanos): (usize, u64, u64, u64),
        count: &dyn Fn(State) -> usize,
    ) -> Result<(), Failure> {
        let out = &self.app.out;
        let [read, stored] = [read, stored].map(sizes::bytes);
        let number = |count: usize| sizes::count(count as u64);
        let there = number(count(State::There) + count(State::TherePartial));
        let left = count(State::Forgotten) + count(State::CameFromThere);
        if left > 0 {
            let left = number(left);
            out.say(tr!(
                "left out: {left}, which the other repository had and has forgotten; --all copies them as well",
                "未复制 {left} 个：目标仓库曾经有并已遗忘；--all 可一并复制"
            ))?;
        }
        if self.args.dry_run {
            let would = number(count(State::WouldCopy));
            return out.say(tr!(
                "to copy: {would}, about {read} to read; there already: {there}; nothing was written (--dry-run)",
                "待复制 {would} 个，约需读取 {read}；已存在 {there} 个；未写入任何内容（--dry-run）"
            ));
        }
        let (took, copied) = (time::duration(nanos), number(copied));
        let text = tr!(
            "copied: {copied}, there already: {there}; {read} read, {stored} stored; {took}",
            "已复制 {copied} 个，已存在 {there} 个；读取 {read}，写入 {stored}；用时 {took}"
        );
        out.say_painted(out.styled(Style::Bold, &text))
    }
}
