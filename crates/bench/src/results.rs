//! What was measured, in one form for all workloads.

use crate::goal::Goal;
use crate::measure::Usage;
use crate::verify::Size;
use serde_json::{Map, Value};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name in samples.
    pub work: String,
    /// What people read.
    pub title: String,
    /// Bytes that go through, where a speed says more than a time; else 0.
    pub bytes: u64,
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What was done.
    pub work: String,
    /// By whom.
    pub tool: &'static str,
    /// In which round, from zero.
    pub round: usize,
    /// What it took.
    pub usage: Usage,
}

/// What the repository of a tool took at some moment.
#[derive(Clone, Debug)]
pub struct Stored {
    /// After what.
    pub after: String,
    /// Whose.
    pub tool: &'static str,
    /// In which round, from zero.
    pub round: usize,
    /// How much.
    pub size: Size,
}

/// A figure that belongs to the machine or to the run and to no tool.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// How much of it.
    pub value: f64,
    /// The unit.
    pub unit: &'static str,
}

/// All measurements.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// What the table shows, in this order.
    pub rows: Vec<Row>,
    /// Times and memory.
    pub samples: Vec<Sample>,
    /// Sizes of repositories.
    pub stored: Vec<Stored>,
    /// Other figures; those of one name are of several rounds.
    pub figures: Vec<Figure>,
    /// What was wrong in restored trees, or could not be measured.
    pub wrong: Vec<String>,
    /// Restores that were compared with the tree.
    pub verified: usize,
    /// The goals, judged.
    pub goals: Vec<Goal>,
    /// What else goes into the raw figures.
    pub more: Map<String, Value>,
}

impl Results {
    /// Adds a row to the table.
    pub fn row(&mut self, work: &str, title: &str, bytes: u64) {
        self.rows.push(Row { work: work.to_owned(), title: title.to_owned(), bytes });
    }

    /// Takes a measurement and tells of it.
    pub fn sample(&mut self, work: &str, tool: &'static str, round: usize, usage: Usage) {
        eprintln!(
            "round {} {work:<14} {tool:<9} {:>7.2} s {:>7.2} s CPU {:>5.0} MB",
            round + 1,
            usage.wall_s,
            usage.cpu_s,
            usage.peak_process_bytes as f64 / 1e6
        );
        self.samples.push(Sample { work: work.to_owned(), tool, round, usage });
    }

    /// Takes the size of a repository.
    pub fn store(&mut self, after: &str, tool: &'static str, round: usize, size: Size) {
        self.stored.push(Stored { after: after.to_owned(), tool, round, size });
    }

    /// Takes another figure and tells of it.
    pub fn figure(&mut self, what: &str, value: f64, unit: &'static str) {
        eprintln!("{what}: {value:.2} {unit}");
        self.figures.push(Figure { what: what.to_owned(), value, unit });
    }

    /// Takes what comparing a restored tree has found.
    pub fn compared(&mut self, tool: &str, differences: Vec<String>) {
        self.verified += 1;
        self.wrong.extend(differences.into_iter().map(|what| format!("{tool}: {what}")));
    }

    /// One figure of all rounds of one work by one tool.
    pub fn of(&self, work: &str, tool: &str, figure: impl Fn(&Usage) -> f64) -> Vec<f64> {
        let own = self.samples.iter().filter(|sample| sample.work == work && sample.tool == tool);
        own.map(|sample| figure(&sample.usage)).collect()
    }

    /// Median wall time of one work by one tool, seconds.
    pub fn wall(&self, work: &str, tool: &str) -> Option<f64> {
        median(&self.of(work, tool, |usage| usage.wall_s))
    }

    /// Most memory that one process of a tool held in any run, in MB.
    pub fn peak_mb(&self, tool: &str) -> Option<f64> {
        let own = self.samples.iter().filter(|sample| sample.tool == tool);
        own.map(|sample| sample.usage.peak_process_bytes as f64 / 1e6).reduce(f64::max)
    }

    /// Median bytes in the repository of a tool at a moment.
    pub fn stored_bytes(&self, after: &str, tool: &str) -> Option<f64> {
        let own = self.stored.iter().filter(|stored| stored.tool == tool && stored.after == after);
        median(&own.map(|stored| stored.size.bytes as f64).collect::<Vec<_>>())
    }

    /// Median of the figures of one name.
    pub fn figure_of(&self, what: &str) -> Option<f64> {
        let same = self.figures.iter().filter(|figure| figure.what == what);
        median(&same.map(|figure| figure.value).collect::<Vec<_>>())
    }

    /// Adds a goal: the median of `work` by Datakeep over that of a rival.
    pub fn goal_against(&mut self, work: &str, rival: &str, limit: f64) {
        let found = ratio(self.wall(work, "datakeep"), self.wall(work, rival));
        self.goals.push(Goal::at_most(format!("{work} against {rival}"), limit, found, "x"));
    }

    /// Adds the goal for Datakeep's memory.
    pub fn goal_memory(&mut self, limit_mb: f64) {
        let peak = self.peak_mb("datakeep");
        self.goals.push(Goal::at_most("peak memory of any run".to_owned(), limit_mb, peak, "MB"));
    }

    /// True when nothing was wrong and no goal was missed.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.goals.iter().all(|goal| goal.met() != Some(false))
    }
}

/// One over the other, when both are there.
pub fn ratio(over: Option<f64>, under: Option<f64>) -> Option<f64> {
    Some(over? / under?)
}

/// The middle of some figures; nothing when there are none.
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn figures_of_one_name_are_one_figure() {
        let mut results = Results::default();
        results.figure("find", 2.0, "s");
        results.figure("find", 4.0, "s");
        assert_eq!(results.figure_of("find"), Some(3.0));
        assert_eq!(results.figure_of("tar"), None);
        assert!(results.is_good());
        results.goal_against("first", "restic", 1.0);
        assert!(results.is_good(), "a goal that was not measured was not missed");
        results.compared("restic", vec!["a is missing".to_owned()]);
        assert!(!results.is_good());
    }
}
