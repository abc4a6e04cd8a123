//! What is measured of the table, and the goals of the design for it.

use super::data::Change;
use crate::goal::Goal;
use crate::results::{Results, ratio};

/// The backups, in order: the name of each, what people read, what changes before it, and the most that Datakeep may store
/// for it, in percent of the first.
pub const MOMENTS: [(&str, &str, Change, Option<f64>); 5] = [
    ("first", "first backup", Change::None, None),
    ("unchanged", "unchanged", Change::None, None),
    ("updates", "1 % of rows, 3 columns updated", Change::Updates, Some(0.5)),
    ("mixed", "1 % of rows updated in all columns, deleted, added", Change::Mixed, Some(1.5)),
    ("append", "1 % of rows added at the end", Change::Append, Some(1.1)),
];
/// The row of one key.
pub const ROW: &str = "row";
/// The first row, and how many there are.
pub const COUNT: &str = "count";
/// The last backup put back.
pub const RESTORE: &str = "restore";
/// Size of the table as CSV through zstd.
pub const CSV: &str = "the table as CSV through zstd 3";

/// The most that an unchanged table may add, in bytes.
const UNCHANGED_BYTES: f64 = 4096.0;
/// The most of the compressed CSV that the first backup may take.
const OF_CSV: f64 = 0.75;
const MEMORY_MB: f64 = 512.0;
const ROW_S: f64 = 1.0;

/// The name of a work on a dump.
pub fn of_dump(work: &str) -> String {
    format!("{work}-dump")
}

/// What people read of a work on a dump.
pub fn dump_title(title: &str) -> String {
    format!("{title}: its dump")
}

/// Bytes that the backup of a moment has added, by the sizes before and after.
fn added(results: &Results, at: usize, tool: &str) -> Option<f64> {
    let stored = |at: usize| results.stored_bytes(MOMENTS[at].1, tool);
    match at.checked_sub(1) {
        None => stored(at),
        Some(before) => Some(stored(at)? - stored(before)?),
    }
}

/// All goals, met or missed or not measured.
pub fn judge(results: &mut Results) {
    let mut goals = Vec::new();
    let first = added(results, 0, "datakeep");
    let csv = results.figure_of(CSV).map(|mb| mb * 1e6);
    goals.push(Goal::at_most(format!("stored against {CSV}"), OF_CSV, ratio(first, csv), "x"));
    for (at, (name, _, _, limit)) in MOMENTS.into_iter().enumerate() {
        let added = added(results, at, "datakeep");
        if name == "unchanged" {
            goals.push(Goal::at_most("stored for unchanged".to_owned(), UNCHANGED_BYTES, added, "B"));
        }
        if let Some(limit) = limit {
            let share = ratio(added, first).map(|share| share * 100.0);
            goals.push(Goal::at_most(format!("stored for {name}, of the first"), limit, share, "%"));
        }
    }
    goals.push(Goal::at_most("one row by its key".to_owned(), ROW_S, results.wall(ROW, "datakeep"), "s"));
    results.goals.extend(goals);
    results.goal_memory(MEMORY_MB);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Usage;
    use crate::verify::Size;

    #[test]
    fn what_a_moment_adds_is_judged() {
        let mut results = Results::default();
        results.figure(CSV, 1.0, "MB");
        for ((_, title, _, _), bytes) in MOMENTS.into_iter().zip([740_000, 744_096, 744_100, 754_100, 764_100]) {
            results.store(title, "datakeep", 0, Size { bytes, ..Size::default() });
        }
        results.sample(ROW, "datakeep", 0, Usage { wall_s: 1.5, ..Usage::default() });
        judge(&mut results);
        let met: Vec<Option<bool>> = results.goals.iter().map(Goal::met).collect();
        assert_eq!(met, [true, true, true, true, false, false, true].map(Some), "{:?}", results.goals);
    }
}
