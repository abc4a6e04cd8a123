//! The goals of the design for this workload: Datakeep against the rivals of the same run.

use super::works::Work;
use crate::goal::Goal;
use crate::results::{Results, ratio};

const RATIOS: &[(Work, &str, f64)] = &[
    (Work::First, "bupstash", 0.55),
    (Work::First, "restic", 0.33),
    (Work::Unchanged, "bupstash", 0.6),
    (Work::RestoreMemory, "bupstash", 0.6),
    (Work::Check, "restic", 0.5),
];

/// The most a run may hold in memory, in MB.
const MEMORY_MB: f64 = 150.0;
/// The most of the tree that may be read again after a kill half way, in percent.
const AGAIN_PERCENT: f64 = 55.0;

/// How the figures of kills begin and end.
pub const AGAIN: &str = "read again after a kill at";
/// Of the run itself.
pub const BY_ITSELF: &str = "by its own count";
/// Of proc(5).
pub const BY_KERNEL: &str = "by the kernel's";
/// When runs are killed.
pub const MOMENTS: [&str; 2] = ["half of the time", "half of the bytes"];

/// All goals, met or missed or not measured.
pub fn judge(results: &mut Results) {
    for (work, rival, limit) in RATIOS {
        results.goal_against(work.name(), rival, *limit);
    }
    let disk = Work::RestoreDisk.name();
    let rivals = ["bupstash", "restic", "borg", "rustic"].into_iter().filter_map(|rival| results.wall(disk, rival));
    let found = ratio(results.wall(disk, "datakeep"), rivals.reduce(f64::min));
    results.goals.push(Goal::at_most(format!("{disk} against the fastest rival"), 0.85, found, "x"));
    let stored = |tool| results.stored_bytes("first backup", tool);
    let found = ratio(stored("datakeep"), stored("bupstash"));
    results.goals.push(Goal::at_most("stored against bupstash".to_owned(), 1.0, found, "x"));
    results.goal_memory(MEMORY_MB);
    for moment in MOMENTS {
        for by in [BY_ITSELF, BY_KERNEL] {
            let what = format!("{AGAIN} {moment}, {by}");
            let found = results.figure_of(&what);
            results.goals.push(Goal::at_most(what, AGAIN_PERCENT, found, "%"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Usage;

    fn sample(results: &mut Results, work: Work, tool: &'static str, wall_s: f64) {
        let usage = Usage { wall_s, peak_process_bytes: 160_000_000, ..Usage::default() };
        results.sample(work.name(), tool, 0, usage);
    }

    fn met(results: &Results, start: &str) -> Option<bool> {
        let mut judged = Results { goals: Vec::new(), ..results.clone() };
        judge(&mut judged);
        judged.goals.iter().find(|goal| goal.what.starts_with(start)).expect("a goal").met()
    }

    #[test]
    fn goals_are_met_missed_or_open() {
        let mut results = Results::default();
        assert_eq!(met(&results, "first against bupstash"), None);
        assert_eq!(met(&results, "read again after a kill at half of the time, by its own"), None);
        sample(&mut results, Work::First, "datakeep", 4.0);
        sample(&mut results, Work::First, "bupstash", 8.0);
        sample(&mut results, Work::First, "restic", 10.0);
        assert_eq!(met(&results, "first against bupstash"), Some(true));
        assert_eq!(met(&results, "first against restic"), Some(false));
        assert_eq!(met(&results, "peak memory"), Some(false));
        results.figure(&format!("{AGAIN} half of the time, {BY_ITSELF}"), 55.0, "%");
        results.figure(&format!("{AGAIN} half of the time, {BY_KERNEL}"), 55.1, "%");
        assert_eq!(met(&results, "read again after a kill at half of the time, by its own"), Some(true));
        assert_eq!(met(&results, "read again after a kill at half of the time, by the kernel"), Some(false));
    }

    #[test]
    fn the_fastest_rival_counts_on_the_disk() {
        let mut results = Results::default();
        for (tool, wall) in [("datakeep", 8.0), ("bupstash", 13.0), ("restic", 9.0), ("borg", 30.0)] {
            sample(&mut results, Work::RestoreDisk, tool, wall);
        }
        assert_eq!(met(&results, "restore-ext4"), Some(false));
    }
}
