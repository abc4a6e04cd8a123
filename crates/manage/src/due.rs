//! What is to be started now, and what should have come and did not. Pure: the present is a parameter.

use crate::schedule::{CatchUp, Schedule};
use std::collections::BTreeMap;

/// Whoever looks, looks at least once a minute: what is this late was missed.
const GRACE_S: i64 = 60;
/// How long a run may take before its absence is worth a word, where no recovery point objective says so.
const USUAL_LEN_S: i64 = 3600;

/// A schedule with a name and a beginning.
#[derive(Clone, Copy, Debug)]
pub struct Timetable<'a> {
    /// What is scheduled; slots are counted by it.
    pub id: &'a str,
    /// When.
    pub schedule: &'a Schedule,
    /// Slots at or before this second were never asked for.
    pub since_s: i64,
}

/// One slot that is due.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot {
    /// Of what.
    pub id: String,
    /// Its time by the schedule, in seconds since 1970: with `id` it is unique.
    pub slot_s: i64,
}

/// The slots to be started at `now_s`, at most one of each timetable, given the last slot of each that was started.
///
/// A clock that is put back starts nothing again, and one that is put forward starts each timetable once.
pub fn due(timetables: &[Timetable<'_>], last: &BTreeMap<String, i64>, now_s: i64) -> Vec<Slot> {
    timetables.iter().filter_map(|one| due_of(one, last.get(one.id).copied(), now_s)).collect()
}

fn due_of(table: &Timetable<'_>, last: Option<i64>, now_s: i64) -> Option<Slot> {
    let floor = last.map_or(table.since_s, |last| last.max(table.since_s));
    let slot_s = newest_started(table, floor, now_s)?;
    let late_s = now_s - (slot_s + table.schedule.jitter_of(table.id, slot_s));
    let spec = table.schedule.spec();
    let is_open = spec.window_s.is_none_or(|window_s| late_s <= i64::from(window_s));
    let is_fresh = spec.catch_up == CatchUp::Latest || late_s <= GRACE_S;
    (is_open && is_fresh).then(|| Slot { id: table.id.to_string(), slot_s })
}

/// The newest slot behind the floor whose start has come. Jitter may hold back the newest ones, never by more than its length.
fn newest_started(table: &Timetable<'_>, floor: i64, now_s: i64) -> Option<i64> {
    let mut at = now_s;
    loop {
        let slot_s = table.schedule.newest_at(at).filter(|&slot_s| slot_s > floor)?;
        if slot_s + table.schedule.jitter_of(table.id, slot_s) <= now_s {
            return Some(slot_s);
        }
        at = slot_s - 1;
    }
}

/// Since when a source is overdue that must have a snapshot no older than `rpo_s`, in seconds since 1970; `None` when all is as it
/// should be. `newest_s` is when the newest snapshot began, `since_s` when somebody first asked for one.
pub fn too_old(since_s: i64, newest_s: Option<i64>, rpo_s: u64, now_s: i64) -> Option<i64> {
    let deadline = newest_s.unwrap_or(since_s).saturating_add_unsigned(rpo_s);
    (now_s > deadline).then_some(deadline)
}

/// Since when a timetable is overdue, in seconds since 1970; `None` when all is as it should be. It is computed from what is
/// not there, so it does not depend on anything having run or failed.
///
/// `newest_s` is when the newest snapshot began.
pub fn overdue(table: &Timetable<'_>, newest_s: Option<i64>, now_s: i64) -> Option<i64> {
    let spec = table.schedule.spec();
    let allowed = i64::from(spec.jitter_s) + i64::from(spec.window_s.unwrap_or(0)) + USUAL_LEN_S;
    let newest_due = table.schedule.newest_at(now_s.saturating_sub(allowed));
    let slot_s =
        newest_due.filter(|&slot_s| slot_s > table.since_s && newest_s.is_none_or(|newest_s| newest_s < slot_s))?;
    let deadline = slot_s.saturating_add(allowed);
    (now_s > deadline).then_some(deadline)
}
