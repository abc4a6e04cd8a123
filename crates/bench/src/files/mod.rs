//! The rounds: every tool in turn, the order rotated, nothing on the disk deleted before the end.

use crate::args::{Options, Work};
use crate::kill::Kill;
use crate::measure::{self, Usage};
use crate::setup::Bench;
use crate::tools::{Place, Tool};
use crate::verify::{self, Size};
use std::fs;
use std::io;
use std::path::Path;

/// One measurement.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What was done.
    pub work: Work,
    /// By whom.
    pub tool: &'static str,
    /// In which round, from zero.
    pub round: usize,
    /// What it took.
    pub usage: Usage,
}

/// What the repository of a tool took after the first backup.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Whose.
    pub tool: &'static str,
    /// In which round, from zero.
    pub round: usize,
    /// How much.
    pub size: Size,
}

/// All measurements.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Times and memory.
    pub samples: Vec<Sample>,
    /// Sizes of repositories.
    pub stored: Vec<Stored>,
    /// What was wrong in restored trees.
    pub wrong: Vec<String>,
    /// Restores that were compared with the tree.
    pub verified: usize,
    /// Runs killed half way.
    pub kills: Vec<Kill>,
}

impl Results {
    /// One figure of all rounds of one work by one tool.
    pub fn figures(&self, work: Work, tool: &str, figure: impl Fn(&Usage) -> f64) -> Vec<f64> {
        let own = self.samples.iter().filter(|sample| sample.work == work && sample.tool == tool);
        own.map(|sample| figure(&sample.usage)).collect()
    }
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

/// Measures everything.
pub fn run(options: &Options, bench: &Bench) -> io::Result<Results> {
    let mut results = Results::default();
    for round in 0..options.rounds {
        let mut order: Vec<&dyn Tool> = bench.tools.iter().map(AsRef::as_ref).collect();
        let turn = round % order.len().max(1);
        order.rotate_left(turn);
        for &work in &options.works {
            for &tool in &order {
                let Some(usage) = Turn { bench, tool, round }.measure(work, &mut results)? else { continue };
                eprintln!(
                    "round {} {:<14} {:<9} {:>7.2} s {:>7.2} s CPU {:>5.0} MB",
                    round + 1,
                    work.name(),
                    tool.name(),
                    usage.wall_s,
                    usage.cpu_s,
                    usage.peak_process_bytes as f64 / 1e6
                );
                results.samples.push(Sample { work, tool: tool.name(), round, usage });
            }
        }
    }
    Ok(results)
}

/// Makes an empty repository; not measured.
pub fn prepare(tool: &dyn Tool, folder: &Path) -> io::Result<Place> {
    let place = Place::create(folder)?;
    for mut command in tool.prepare(&place) {
        measure::run(&mut command, &folder.join("prepare.log"))?;
    }
    rustix::fs::sync();
    Ok(place)
}

/// One tool in one round.
struct Turn<'a> {
    bench: &'a Bench,
    tool: &'a dyn Tool,
    round: usize,
}

impl Turn<'_> {
    /// Nothing when the tool cannot do it.
    fn measure(&self, work: Work, results: &mut Results) -> io::Result<Option<Usage>> {
        let folder = self.bench.run.join(format!("{}-{}", self.tool.name(), self.round));
        let log = folder.join(format!("{}.log", work.name()));
        match work {
            Work::First => {
                let place = prepare(self.tool, &folder)?;
                let usage = measure::run(&mut self.tool.backup(&place, &self.bench.tree, "first"), &log)?;
                rustix::fs::sync();
                let size = verify::size(&place.repository, false)?;
                results.stored.push(Stored { tool: self.tool.name(), round: self.round, size });
                Ok(Some(usage))
            }
            Work::Unchanged => {
                let place = Place::create(&folder)?;
                let usage = measure::run(&mut self.tool.backup(&place, &self.bench.tree, "again"), &log);
                rustix::fs::sync();
                usage.map(Some)
            }
            Work::Check => {
                let place = Place::create(&folder)?;
                self.tool.check(&place).map(|mut command| measure::run(&mut command, &log)).transpose()
            }
            Work::RestoreDisk => self.restore(&folder, &folder.join("restored"), &log, results).map(Some),
            Work::RestoreMemory => {
                let to = self.bench.memory.join(format!("{}-{}", self.tool.name(), self.round));
                let usage = self.restore(&folder, &to, &log, results)?;
                // The trap of deleted inodes is one of ext4; memory would not hold the trees of all rounds.
                fs::remove_dir_all(&to)?;
                Ok(Some(usage))
            }
        }
    }

    fn restore(&self, folder: &Path, to: &Path, log: &Path, results: &mut Results) -> io::Result<Usage> {
        fs::create_dir(to)?;
        let place = Place::create(folder)?;
        rustix::fs::sync();
        let usage = measure::run(&mut self.tool.restore(&place, &self.bench.tree, to), log)?;
        rustix::fs::sync();
        if self.round == 0 {
            let found = verify::differences(&self.bench.tree, &verify::restored_root(&self.bench.tree, to))?;
            results.verified += 1;
            results.wrong.extend(found.into_iter().map(|what| format!("{}: {what}", self.tool.name())));
        }
        Ok(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
