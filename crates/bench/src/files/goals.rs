//! The goals of the design, judged: Datakeep against the rivals of the same run.

use crate::args::Work;
use crate::rounds::{Results, median};

/// One goal.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is measured.
    pub what: String,
    /// The most it may be.
    pub limit: f64,
    /// What it is; nothing when it was not measured.
    pub found: Option<f64>,
    /// Whether it was reached; nothing when it was not measured.
    pub met: Option<bool>,
    /// The unit of both.
    pub unit: &'static str,
}

impl Goal {
    fn new(what: String, limit: f64, found: Option<f64>, unit: &'static str) -> Self {
        Self { what, limit, found, met: found.map(|found| found <= limit), unit }
    }
}

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

/// All goals, met or missed or not measured.
pub fn judge(results: &Results) -> Vec<Goal> {
    let wall = |work, tool: &str| median(&results.figures(work, tool, |usage| usage.wall_s));
    let ratio = |own: Option<f64>, rival: Option<f64>| Some(own? / rival?);
    let mut goals: Vec<Goal> = Vec::new();
    for (work, rival, limit) in RATIOS {
        let found = ratio(wall(*work, "datakeep"), wall(*work, rival));
        goals.push(Goal::new(format!("{} against {rival}", work.name()), *limit, found, "x"));
    }
    let rivals = ["bupstash", "restic"].into_iter().filter_map(|rival| wall(Work::RestoreDisk, rival));
    let fastest = rivals.reduce(f64::min);
    let found = ratio(wall(Work::RestoreDisk, "datakeep"), fastest);
    goals.push(Goal::new("restore-ext4 against the faster rival".to_owned(), 0.85, found, "x"));
    let found = ratio(stored(results, "datakeep"), stored(results, "bupstash"));
    goals.push(Goal::new("stored against bupstash".to_owned(), 1.0, found, "x"));
    let peaks = results.samples.iter().filter(|sample| sample.tool == "datakeep");
    let peak = peaks.map(|sample| sample.usage.peak_process_bytes as f64 / 1e6).reduce(f64::max);
    goals.push(Goal::new("peak memory of any run".to_owned(), MEMORY_MB, peak, "MB"));
    if results.kills.is_empty() {
        goals.push(Goal::new("read again after a kill half way".to_owned(), AGAIN_PERCENT, None, "%"));
    }
    for kill in &results.kills {
        let percent = |bytes: u64| bytes as f64 * 100.0 / kill.tree_bytes as f64;
        let what = |by: &str| format!("read again after a kill at {}, {by}", kill.moment);
        goals.push(Goal::new(what("by its own count"), AGAIN_PERCENT, kill.told_bytes.map(percent), "%"));
        goals.push(Goal::new(what("by the kernel's"), AGAIN_PERCENT, Some(percent(kill.counted_bytes)), "%"));
    }
    goals
}

/// Median bytes in the repository of a tool after its first backup.
pub fn stored(results: &Results, tool: &str) -> Option<f64> {
    let own = results.stored.iter().filter(|stored| stored.tool == tool);
    median(&own.map(|stored| stored.size.bytes as f64).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kill::Kill;
    use crate::measure::Usage;
    use crate::rounds::Sample;

    fn sample(work: Work, tool: &'static str, wall_s: f64) -> Sample {
        let usage = Usage { wall_s, peak_process_bytes: 160_000_000, ..Usage::default() };
        Sample { work, tool, round: 0, usage }
    }

    fn met(results: &Results, start: &str) -> Option<bool> {
        judge(results).into_iter().find(|goal| goal.what.starts_with(start)).and_then(|goal| goal.met)
    }

    #[test]
    fn goals_are_met_missed_or_open() {
        let mut results = Results::default();
        assert!(judge(&results).iter().all(|goal| goal.met.is_none()));
        results.samples.push(sample(Work::First, "datakeep", 4.0));
        results.samples.push(sample(Work::First, "bupstash", 8.0));
        results.samples.push(sample(Work::First, "restic", 10.0));
        assert_eq!(met(&results, "first against bupstash"), Some(true));
        assert_eq!(met(&results, "first against restic"), Some(false));
        assert_eq!(met(&results, "peak memory"), Some(false));
        let kill = Kill { moment: "half", before_bytes: 5, tree_bytes: 100, told_bytes: Some(55), counted_bytes: 56 };
        results.kills.push(kill);
        assert_eq!(met(&results, "read again after a kill at half, by its own"), Some(true));
        assert_eq!(met(&results, "read again after a kill at half, by the kernel"), Some(false));
    }

    #[test]
    fn the_faster_rival_counts_on_the_disk() {
        let mut results = Results::default();
        for (tool, wall) in [("datakeep", 8.0), ("bupstash", 13.0), ("restic", 9.0)] {
            results.samples.push(sample(Work::RestoreDisk, tool, wall));
        }
        assert_eq!(met(&results, "restore-ext4"), Some(false));
    }
}
