//! What became of a command, from its exit code and its last document.

use datakeep_manage::control::runs::{Ending, RunItem, RunKind, RunState};
use serde_json::Value;

/// Most lost items that are written down one by one: the snapshot counts them all.
const MAX_ITEMS: usize = 10_000;
/// Longest text of one field that is kept, in characters.
const MAX_TEXT: usize = 4096;
/// Largest final document that is kept whole.
const MAX_SUMMARY_BYTES: usize = 64 << 10;

/// How a run ended, and what it lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// For the run.
    pub ending: Ending,
    /// For its items.
    pub items: Vec<RunItem>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().chars().take(MAX_TEXT).collect()
}

/// Judges a command. `exit` is its exit code, `None` when a signal ended it; `last` its last document.
///
/// A backup is never complete without the name of its snapshot, nor a look at the catalogue without a list, whatever its exit code
/// says.
pub fn report(kind: RunKind, exit: Option<i32>, last: Option<&Value>) -> Report {
    let nothing = Value::Null;
    let document = last.unwrap_or(&nothing);
    let is_error = document["type"] == "error";
    let snapshot = document["snapshot"].as_str().filter(|_| !is_error).map(str::to_string);
    let is_proven = match kind {
        RunKind::Backup => snapshot.is_some(),
        RunKind::Catalogue => document["type"] == "snapshots",
        RunKind::Forget | RunKind::Gc | RunKind::Check => true,
    };
    let state = match exit {
        Some(0) if is_proven && !is_error => RunState::Complete,
        Some(3) if is_proven && !is_error => RunState::Partial,
        Some(130) => RunState::Cancelled,
        _ => RunState::Failed,
    };
    let (code, message, hint) = words(state, exit, document, is_error);
    let ending = Ending { state, code, message, hint, snapshot, summary: summary(document) };
    Report { ending, items: if is_error { Vec::new() } else { items(document) } }
}

fn words(state: RunState, exit: Option<i32>, document: &Value, is_error: bool) -> (String, String, String) {
    let own = |code: &str, message: &str, hint: &str| (code.to_string(), message.to_string(), hint.to_string());
    if is_error {
        return (text(&document["kind"]), text(&document["message"]), text(&document["hint"]));
    }
    match (state, exit) {
        (RunState::Complete, _) => own("ok", "", ""),
        (RunState::Partial, _) => own("partial", "items were lost", "see the items of this run"),
        (RunState::Cancelled, _) => own("cancelled", "it was stopped", "retry it; what was stored is used again"),
        (_, Some(4)) => own("check-failed", "the check could not be done as a whole", "see the summary of this run"),
        (_, Some(15)) => {
            own("integrity", "stored bytes are damaged", "run datakeep repair, and restore from a copy what it names")
        }
        (_, None) => own("killed", "a signal ended it", "look at the memory of the machine, then retry it"),
        (_, Some(0 | 3)) => own("no-evidence", "it ended well and did not say what came of it", "retry it"),
        (_, Some(code)) => {
            (format!("exit-{code}"), "it ended without a document".into(), "look at the log of the server".into())
        }
    }
}

fn items(document: &Value) -> Vec<RunItem> {
    let losses = document["losses"].as_array().into_iter().flatten().take(MAX_ITEMS);
    losses
        .map(|loss| RunItem { path: text(&loss["path"]), cause: text(&loss["cause"]), detail: text(&loss["detail"]) })
        .collect()
}

/// The document without what is kept apart.
fn summary(document: &Value) -> String {
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        for apart in ["losses", "snapshots"] {
            fields.remove(apart);
        }
    }
    let text = document.to_string();
    if text.len() <= MAX_SUMMARY_BYTES { text } else { "null".to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn endings_need_evidence() {
        let whole = json!({"v": 1, "type": "backup", "snapshot": "ab", "losses": []});
        let state = |exit, last: Option<&Value>| report(RunKind::Backup, exit, last).ending.state;
        assert_eq!(state(Some(0), Some(&whole)), RunState::Complete);
        assert_eq!(state(Some(3), Some(&whole)), RunState::Partial);
        assert_eq!(state(Some(0), None), RunState::Failed);
        assert_eq!(state(Some(0), Some(&json!({"type": "backup", "snapshot": null}))), RunState::Failed);
        assert_eq!(state(None, Some(&whole)), RunState::Failed);
        assert_eq!(state(Some(130), None), RunState::Cancelled);
        assert_eq!(report(RunKind::Catalogue, Some(0), None).ending.code, "no-evidence");
        assert_eq!(report(RunKind::Gc, Some(0), Some(&json!({"type": "gc"}))).ending.state, RunState::Complete);
        assert_eq!(report(RunKind::Check, Some(15), Some(&json!({"type": "check"}))).ending.code, "integrity");
    }

    #[test]
    fn errors_keep_their_kind_and_items_their_cause() {
        let error = json!({"type": "error", "kind": "wrong-key", "code": 12, "message": "m", "hint": "h"});
        let ending = report(RunKind::Backup, Some(12), Some(&error)).ending;
        assert_eq!((ending.code.as_str(), ending.message.as_str(), ending.hint.as_str()), ("wrong-key", "m", "h"));
        let partial =
            json!({"type": "backup", "snapshot": "ab", "losses": [{"path": "/a", "cause": "denied", "detail": "d"}]});
        let report = report(RunKind::Backup, Some(3), Some(&partial));
        assert_eq!(report.items, [RunItem { path: "/a".into(), cause: "denied".into(), detail: "d".into() }]);
        assert!(!report.ending.summary.contains("denied"));
    }
}
