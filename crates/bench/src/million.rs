//! Very many small files: first and unchanged backup, beside what one thread needs to look at each of them.

use crate::args::Options;
use crate::data;
use crate::goal::Goal;
use crate::measure;
use crate::report::{self, Heading};
use crate::results::{Results, ratio};
use crate::stage::{Stage, once};
use crate::tools::{self, Place};
use crate::verify;
use std::io;
use std::process::Command;

/// Options of this workload.
pub const OWN: &[&str] = &["--files"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --files N          how many (default 1000000; with --quick 20000)
";

const FIRST: &str = "first";
const UNCHANGED: &str = "unchanged";
const FIND: &str = "find DIR -size +0, one thread";

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let count = options.number("--files", 1_000_000, 20_000)?;
    let rounds = options.rounds(3);
    let stage = Stage::set(options, |_| true)?;
    let tree = once(&stage.work, &format!("small-{count}"), |half| data::small_files(half, count).map(|_| ()))?;
    eprintln!("reading {} once", tree.display());
    let size = verify::size(&tree, true)?;
    stage.open(2 * size.bytes * (rounds * stage.tools.len()) as u64, 0)?;
    let mut results = Results::default();
    results.row(FIRST, "first backup", 0);
    results.row(UNCHANGED, "unchanged", 0);
    for round in 0..rounds {
        for tool in stage.in_turn(round) {
            let folder = stage.folder(tool, round);
            let place = tools::prepare(tool, &folder, None)?;
            let usage = tools::backup(tool, &place, &tree, FIRST, &folder.join("first.log"))?;
            results.sample(FIRST, tool.name(), round, usage);
            results.store("first backup", tool.name(), round, place.size()?);
        }
        // The anchor stands beside what it is compared with.
        let find = measure::run(Command::new("find").arg(&tree).args(["-size", "+0"]), &stage.run.join("find.log"))?;
        results.figure(FIND, find.wall_s, "s");
        for tool in stage.in_turn(round) {
            let folder = stage.folder(tool, round);
            let place = Place::create(&folder, None)?;
            let usage = tools::backup(tool, &place, &tree, UNCHANGED, &folder.join("unchanged.log"))?;
            results.sample(UNCHANGED, tool.name(), round, usage);
        }
    }
    judge(&mut results);
    let words = format!("{} files, {:.0} MB, a thousand to a folder, warm cache", size.files, size.bytes as f64 / 1e6);
    let good = report::publish(&stage, &Heading { name: "million", data: words, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

fn judge(results: &mut Results) {
    let unchanged = results.wall(UNCHANGED, "datakeep");
    let found = ratio(unchanged, results.figure_of(FIND));
    results.goals.push(Goal::at_most(format!("unchanged against {FIND}"), 0.7, found, "x"));
    results.goals.push(Goal::at_most("unchanged".to_owned(), 3.0, unchanged, "s"));
    results.goal_memory(150.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Usage;

    #[test]
    fn the_goal_is_a_share_of_the_walk_by_one_thread() {
        let mut results = Results::default();
        results.figure(FIND, 4.0, "s");
        results.sample(UNCHANGED, "datakeep", 0, Usage { wall_s: 2.0, ..Usage::default() });
        judge(&mut results);
        assert_eq!(results.goals[0].found, Some(0.5));
        assert!(results.is_good());
    }
}
