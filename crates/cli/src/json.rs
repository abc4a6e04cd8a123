//! The JSON contract (`docs/json-output.md`): documents and events, converted by hand from the model.

use crate::errors::Failure;
use crate::time;
use datakeep_model::{
    Counters, ItemPath, Loss, LossNote, Mark, Origin, Outcome, SessionId, Snapshot, Whence, escape_for_terminal,
};
use serde::Serialize;

/// Version of the contract.
pub const VERSION: u32 = 1;

/// One line, without the newline.
pub fn to_line(value: &impl Serialize) -> String {
    // Only maps with keys that are no strings can fail, and there are none.
    serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"v\":1,\"type\":\"error\",\"message\":\"{error}\"}}"))
}

/// A document of a type: `v` and `type` stand before everything else.
#[derive(Serialize)]
pub struct Document<T> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

/// Makes a document.
pub fn document<T: Serialize>(kind: &'static str, body: T) -> Document<T> {
    Document { v: VERSION, kind, body }
}

/// Something that happened.
#[derive(Serialize)]
pub struct EventLine<T> {
    v: u32,
    ts: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

/// Makes an event.
pub fn event<T: Serialize>(kind: &'static str, now: datakeep_model::Timestamp, body: T) -> EventLine<T> {
    EventLine { v: VERSION, ts: time::utc(now), kind, body }
}

/// A failure.
#[derive(Serialize)]
pub struct ErrorDocument<'a> {
    v: u32,
    #[serde(rename = "type")]
    doc: &'static str,
    kind: &'static str,
    code: u8,
    retryable: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl<'a> ErrorDocument<'a> {
    /// From a failure.
    pub fn new(failure: &'a Failure) -> Self {
        Self {
            v: VERSION,
            doc: "error",
            kind: failure.kind.as_str(),
            code: failure.code().0,
            retryable: failure.kind.is_retryable(),
            message: &failure.message,
            detail: failure.detail.as_deref(),
            hint: failure.hint.as_deref(),
        }
    }
}

/// A path: the text itself when it is UTF-8; else escaped text, and the bytes in hexadecimal.
#[derive(Serialize)]
pub struct PathJson {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl PathJson {
    /// A path of a snapshot, with a leading slash.
    pub fn absolute(path: &ItemPath) -> Self {
        Self::of(&[b"/", path.as_bytes()].concat())
    }

    /// A path as seen from somewhere, without a leading slash.
    pub fn relative(path: &ItemPath) -> Self {
        Self::of(path.as_bytes())
    }

    /// Any bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { path: text.to_string(), path_hex: None },
            Err(_) => Self { path: escape_for_terminal(bytes), path_hex: Some(hex(bytes)) },
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A lost item.
#[derive(Serialize)]
pub struct LossJson {
    #[serde(flatten)]
    path: PathJson,
    cause: &'static str,
    detail: String,
}

impl LossJson {
    /// A loss of a restore: its path is as seen from the target.
    pub fn relative(loss: &Loss) -> Self {
        Self { path: PathJson::relative(&loss.path), ..Self::from(loss) }
    }
}

impl From<&Loss> for LossJson {
    fn from(loss: &Loss) -> Self {
        Self { path: PathJson::absolute(&loss.path), cause: loss.cause.as_str(), detail: loss.detail.clone() }
    }
}

impl From<&LossNote> for LossJson {
    fn from(loss: &LossNote) -> Self {
        Self { path: PathJson::absolute(&loss.path), cause: loss.cause.as_str(), detail: loss.detail.clone() }
    }
}

/// What a run did.
#[derive(Serialize)]
pub struct CountersJson {
    files: u64,
    directories: u64,
    others: u64,
    items_new: u64,
    items_changed: u64,
    items_unchanged: u64,
    items_removed: u64,
    len_bytes: u64,
    read_bytes: u64,
    new_bytes: u64,
    stored_bytes: u64,
    chunks_new: u64,
    chunks_known: u64,
    items_lost: u64,
}

impl From<&Counters> for CountersJson {
    fn from(c: &Counters) -> Self {
        Self {
            files: c.files,
            directories: c.directories,
            others: c.others,
            items_new: c.items_new,
            items_changed: c.items_changed,
            items_unchanged: c.items_unchanged,
            items_removed: c.items_removed,
            len_bytes: c.len_bytes,
            read_bytes: c.read_bytes,
            new_bytes: c.new_bytes,
            stored_bytes: c.stored_bytes,
            chunks_new: c.chunks_new,
            chunks_known: c.chunks_known,
            items_lost: c.losses,
        }
    }
}

/// How a run ended, as a stable word.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Partial => "partial",
    }
}

/// A snapshot in a list.
#[derive(Serialize)]
pub struct SnapshotJson {
    id: String,
    parent: Option<String>,
    source: String,
    source_kind: String,
    location: String,
    host: String,
    started: String,
    finished: String,
    mark: MarkJson,
    tags: Vec<String>,
    outcome: &'static str,
    #[serde(flatten)]
    counters: CountersJson,
    writer: String,
    origin: Option<OriginJson>,
}

/// Where a copy comes from.
#[derive(Serialize)]
struct OriginJson {
    repository: String,
    snapshot: String,
    copied: String,
    items_lost: u64,
    through: Vec<WhenceJson>,
}

#[derive(Serialize)]
struct WhenceJson {
    repository: String,
    snapshot: String,
}

impl OriginJson {
    /// The original, and what it came through on its way here.
    fn of(origin: &Origin) -> Option<Self> {
        let (first, through) = origin.chain.split_first()?;
        let step =
            |whence: &Whence| WhenceJson { repository: whence.repository.to_hex(), snapshot: whence.snapshot.to_hex() };
        let WhenceJson { repository, snapshot } = step(first);
        let (copied, through) = (time::utc(origin.copied), through.iter().map(step).collect());
        Some(Self { repository, snapshot, copied, items_lost: origin.losses, through })
    }
}

#[derive(Serialize)]
struct MarkJson {
    kind: &'static str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
}

impl From<&Snapshot> for SnapshotJson {
    fn from(s: &Snapshot) -> Self {
        let mark = match &s.mark {
            Mark::FileTime(time) => MarkJson { kind: "file-time", time: time::utc(*time), position: None },
            Mark::Stream(time) => MarkJson { kind: "stream", time: time::utc(*time), position: None },
            Mark::Position(time, position) => {
                MarkJson { kind: "position", time: time::utc(*time), position: Some(position.clone()) }
            }
        };
        Self {
            id: s.id.to_hex(),
            parent: s.parent.map(|id: SessionId| id.to_hex()),
            source: s.source.name.clone(),
            source_kind: s.source.kind.clone(),
            location: s.source.location.clone(),
            host: s.source.host.clone(),
            started: time::utc(s.started),
            finished: time::utc(s.finished),
            mark,
            tags: s.tags.clone(),
            outcome: outcome(s.outcome()),
            counters: (&s.counters).into(),
            writer: s.writer.clone(),
            origin: s.origin.as_ref().and_then(OriginJson::of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_every_byte() {
        let json = to_line(&PathJson::of(b"a\n\xff"));
        assert_eq!(json, r#"{"path":"a\\n\\xff","path_hex":"610aff"}"#);
        assert_eq!(to_line(&PathJson::of("中\n".as_bytes())), r#"{"path":"中\n"}"#);
    }
}
