//! Dates that cannot be right.
//!
//! A snapshot is compared with the newest one of its source that is there when it is made. When it is dated long before
//! that one, a clock was wrong: its own, or the other's. Nobody can tell which, so its date decides nothing.

use crate::past::Past;
use datakeep_model::{SessionId, Timestamp};
use std::collections::BTreeMap;

/// Clocks of hosts, and of one host before and after it is set, differ; by more than a day something is wrong.
const SLACK_S: i64 = 86_400;

/// Who showed that a snapshot is dated behind, for each that was looked at.
type Judged = BTreeMap<SessionId, Option<SessionId>>;

/// For every snapshot that is dated behind, the one that shows it.
pub(crate) fn dated_behind(history: &[Past]) -> BTreeMap<SessionId, SessionId> {
    let by_id: BTreeMap<SessionId, &Past> = history.iter().map(|past| (past.id, past)).collect();
    let mut judged = Judged::new();
    for past in history {
        // From the eldest down, so that a parent is judged before its child.
        for one in line(past, &by_id, &mut judged).into_iter().rev() {
            let reference = reference(one, &by_id, &judged);
            let is_behind = |other: &&Past| is_long_before(one.started, other.started);
            judged.insert(one.id, reference.filter(is_behind).map(|other| other.id));
        }
    }
    judged.into_iter().filter_map(|(id, witness)| Some((id, witness?))).collect()
}

/// The snapshot and its parents, as far as they are there and not judged yet. Parents in a circle, which no honest
/// repository has, say nothing about each other: they are judged to be in order.
fn line<'h>(past: &'h Past, by_id: &BTreeMap<SessionId, &'h Past>, judged: &mut Judged) -> Vec<&'h Past> {
    let (mut path, mut place) = (Vec::new(), BTreeMap::new());
    let mut next = Some(past);
    while let Some(one) = next.filter(|one| !judged.contains_key(&one.id)) {
        if let Some(begin) = place.insert(one.id, path.len()) {
            judged.extend(path.drain(begin..).map(|one: &Past| (one.id, None)));
            break;
        }
        path.push(one);
        next = one.parent.and_then(|parent| by_id.get(&parent).copied());
    }
    path
}

/// What the date is measured by: the parent, or when that is dated behind itself, what showed it.
fn reference<'h>(past: &Past, by_id: &BTreeMap<SessionId, &'h Past>, judged: &Judged) -> Option<&'h Past> {
    let parent = past.parent?;
    let reference = judged.get(&parent)?.unwrap_or(parent);
    by_id.get(&reference).copied()
}

fn is_long_before(time: Timestamp, other: Timestamp) -> bool {
    other.seconds.saturating_sub(time.seconds) > SLACK_S
}
