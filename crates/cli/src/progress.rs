//! Listens to runs: a bar on a terminal, events as JSON, warnings and items in words.

use crate::json::{self, LossJson, PathJson};
use crate::losses;
use crate::out::Out;
use crate::sizes;
use crate::words::tr;
use datakeep_connector::{Clock, SystemClock};
use datakeep_model::{Event, ItemPath, Observer, Phase, Snapshot, SourceInfo, escape_for_terminal};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::json as value;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Redraws a second, and events of progress a second.
const HERTZ: u8 = 10;

/// Listens to one run.
pub struct Watch<'a> {
    out: &'a Out,
    bar: Option<ProgressBar>,
    started: Instant,
    items: AtomicU64,
    bytes: AtomicU64,
    losses: AtomicU64,
    last_tick: AtomicU64,
    expected_bytes: AtomicU64,
    /// True when paths are as seen from the target of a restore.
    pub is_relative: bool,
    /// What is backed up.
    pub source: Option<SourceInfo>,
}

fn bar(quiet: bool) -> Option<ProgressBar> {
    if quiet || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(HERTZ));
    bar.set_style(spinner());
    Some(bar)
}

fn size(state: &ProgressState, w: &mut dyn std::fmt::Write) {
    let _ = w.write_str(&sizes::bytes(state.pos()));
}

fn total(state: &ProgressState, w: &mut dyn std::fmt::Write) {
    let _ = w.write_str(&sizes::bytes(state.len().unwrap_or(0)));
}

fn rate(state: &ProgressState, w: &mut dyn std::fmt::Write) {
    let _ = write!(w, "{}/s", sizes::bytes(state.per_sec() as u64));
}

fn with_keys(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("size", size).with_key("total", total).with_key("rate", rate).progress_chars("=> ")
}

fn spinner() -> ProgressStyle {
    with_keys("{spinner} {msg}  {size}  {rate}  {elapsed}")
}

fn measured() -> ProgressStyle {
    with_keys("[{bar:28}] {percent:>3}%  {msg}  {size} / ~{total}  {rate}  {eta}")
}

impl<'a> Watch<'a> {
    /// Listens; draws when there is a terminal to draw on.
    pub fn new(out: &'a Out) -> Self {
        Self {
            bar: bar(out.quiet || out.json),
            out,
            started: Instant::now(),
            items: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            last_tick: AtomicU64::new(0),
            expected_bytes: AtomicU64::new(0),
            is_relative: false,
            source: None,
        }
    }

    /// True when somebody looks: an estimate of the work is worth its price.
    pub fn is_seen(&self) -> bool {
        self.bar.is_some() || self.out.events
    }

    /// The work ahead, as far as it is known.
    pub fn expect(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.expected_bytes.store(bytes, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_style(measured());
        }
    }

    /// Nanoseconds since the run began.
    pub fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Work was done.
    pub fn advance(&self, items: u64, bytes: u64) {
        let items = self.items.fetch_add(items, Ordering::Relaxed) + items;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.is_seen() || !self.is_due() {
            return;
        }
        if let Some(bar) = &self.bar {
            let shown = sizes::count(items);
            if bar.length().is_some_and(|len| len < bytes) {
                bar.unset_length();
                bar.set_style(spinner());
            }
            bar.set_message(tr!("{shown} items", "{shown} 个条目"));
            bar.set_position(bytes);
        }
        if self.out.events {
            let expected_bytes = self.expected_bytes.load(Ordering::Relaxed);
            let losses = self.losses.load(Ordering::Relaxed);
            let expected_bytes = (expected_bytes > 0).then_some(expected_bytes);
            self.emit(
                "progress",
                value!({"items": items, "bytes": bytes, "expected_bytes": expected_bytes, "items_lost": losses}),
            );
        }
    }

    /// One caller in a tenth of a second is told yes.
    fn is_due(&self) -> bool {
        let now = self.elapsed_ns() / (1_000_000_000 / u64::from(HERTZ)) + 1;
        let last = self.last_tick.load(Ordering::Relaxed);
        now != last && self.last_tick.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn emit(&self, kind: &'static str, body: serde_json::Value) {
        // Whoever reads the events may be gone; the run goes on.
        let _ = self.out.document(&json::event(kind, SystemClock.now(), body)).and_then(|()| self.out.flush());
    }

    /// Prints above the bar.
    fn aside(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn path(&self, path: &ItemPath) -> String {
        if self.is_relative { losses::relative(path) } else { path.to_string() }
    }

    fn previous(&self, snapshot: &Snapshot) {
        // What the last snapshot of the source held is a fair guess at what this one will.
        self.expect(snapshot.counters.len_bytes);
        if let Some(source) = &self.source {
            self.aside(|| warn_of_another(self.out, snapshot, source));
        }
    }

    fn phase(&self, phase: Phase) {
        if self.out.events {
            self.emit("phase", value!({"phase": phase.as_str()}));
        }
    }

    fn item(&self, path: &ItemPath, file_type: &'static str, action: &'static str, len_bytes: u64) {
        if self.out.events {
            let path = if self.is_relative { PathJson::relative(path) } else { PathJson::absolute(path) };
            let mut body = serde_json::to_value(path).unwrap_or_default();
            body["file_type"] = file_type.into();
            body["action"] = action.into();
            body["len_bytes"] = len_bytes.into();
            return self.emit("item", body);
        }
        let shown = self.path(path);
        self.aside(|| self.out.note(format!("{}  {shown}", action_word(action))));
    }
}

/// What is done with an item, in the language in use.
pub fn action_word(action: &str) -> String {
    match action {
        "new" => tr!("new      ", "新增"),
        "changed" => tr!("changed  ", "变化"),
        "unchanged" => tr!("unchanged", "未变"),
        "removed" => tr!("removed  ", "移除"),
        "create" => tr!("create   ", "新建"),
        "overwrite" => tr!("overwrite", "覆盖"),
        "update" => tr!("update   ", "更新"),
        "metadata" => tr!("metadata ", "属性"),
        "skip" => tr!("skip     ", "跳过"),
        "delete" => tr!("delete   ", "删除"),
        other => other.to_string(),
    }
}

/// Names are derived from the last part of a path: two directories with one name would quietly become one history.
fn warn_of_another(out: &Out, newest: &Snapshot, info: &SourceInfo) {
    let parts = |location: &str| location.split(", ").map(str::to_string).collect::<BTreeSet<_>>();
    let before = &newest.source;
    if before.host == info.host && parts(&before.location) == parts(&info.location) {
        return;
    }
    let safe = |text: &str| escape_for_terminal(text.as_bytes());
    let [name, host, location] = [&info.name, &before.host, &before.location].map(|text| safe(text));
    out.warn(tr!(
        "the newest snapshot of source {name} is of {location} on {host}, and this one will be compared with it",
        "数据源 {name} 的最新备份集来自 {host} 上的 {location}，本次将与其比较"
    ));
    out.note(tr!(
        "  hint: if these are two sources, give each a name of its own: --source NAME",
        "  提示：如果是两个不同的数据源，请分别命名：--source 名称"
    ));
}

impl Observer for Watch<'_> {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Phase(phase) => self.phase(*phase),
            Event::Expect { bytes, .. } => self.expect(*bytes),
            Event::Previous(snapshot) => self.previous(snapshot),
            Event::Progress { items, bytes } => self.advance(*items, *bytes),
            Event::Item { path, file_type, action, len_bytes } => {
                self.item(path, file_type.as_str(), action, *len_bytes);
            }
            Event::Loss(loss) => {
                self.losses.fetch_add(1, Ordering::Relaxed);
                if self.out.events {
                    let told = if self.is_relative { LossJson::relative(loss) } else { LossJson::from(*loss) };
                    self.emit("loss", serde_json::to_value(told).unwrap_or_default());
                }
            }
            Event::Warning(text) => {
                if self.out.events {
                    self.emit("warning", value!({"message": text}));
                }
                self.aside(|| self.out.warn(text));
            }
        }
    }

    fn wants_items(&self) -> bool {
        self.out.verbose
    }
}
