//! First backup, unchanged backup, check, restores, size, and a kill half way, on one tree of files.
//!
//! Every tool in turn, the order rotated, nothing on the disk deleted before the end.

mod goals;
mod kill;
mod works;

use crate::args::Options;
use crate::measure::{self, Usage};
use crate::report::{self, Heading};
use crate::results::Results;
use crate::stage::Stage;
use crate::tools::{self, Place, Tool};
use crate::trees;
use crate::verify::{self, Size};
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use works::{Wanted, Work};

/// Options of this workload.
pub const OWN: &[&str] = &["--tree", "--only"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --tree TREE        linux (default), second (documentation, pictures, fonts and programs), or a folder
  --only LIST        of: first,unchanged,check,restore-tmpfs,restore-ext4,kill
";

/// The tree and the tools.
struct Bench<'a> {
    stage: &'a Stage,
    tree: PathBuf,
    tree_size: Size,
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let wanted = Wanted::from(options)?;
    let rounds = options.rounds(5);
    let stage = Stage::set(options, |_| true)?;
    let tree = trees::tree(options.text("--tree").unwrap_or("linux"), &stage.work)?;
    eprintln!("reading {} once", tree.path.display());
    let tree_size = verify::size(&tree.path, true)?;
    let bench = Bench { stage: &stage, tree: tree.path, tree_size };
    bench.open(&wanted, rounds)?;
    let mut results = bench.rounds(&wanted, rounds)?;
    if let Some(datakeep) = stage.tools.iter().find(|tool| tool.name() == "datakeep").filter(|_| wanted.kill) {
        match kill::run(&bench, datakeep.as_ref()) {
            Ok(kills) => bench.take(&mut results, &kills),
            Err(error) => results.wrong.push(format!("the kill half way could not be measured: {error}")),
        }
    }
    goals::judge(&mut results);
    let data =
        format!("{}: {} files, {:.0} MB, warm cache", tree.origin, tree_size.files, tree_size.bytes as f64 / 1e6);
    let good = report::publish(&stage, &Heading { name: "files", data, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

impl Bench<'_> {
    fn open(&self, wanted: &Wanted, rounds: usize) -> io::Result<()> {
        let tree = self.tree_size.allocated_bytes.max(self.tree_size.bytes);
        let kept = if wanted.works.contains(&Work::RestoreDisk) { 2 * tree } else { tree };
        let memory = if wanted.works.contains(&Work::RestoreMemory) { tree + tree / 2 } else { 0 };
        self.stage.open(kept * (rounds * self.stage.tools.len() + 4) as u64, memory)
    }

    fn rounds(&self, wanted: &Wanted, rounds: usize) -> io::Result<Results> {
        let mut results = Results::default();
        for work in &wanted.works {
            results.row(work.name(), &work.title(&self.stage.disk), 0);
        }
        for round in 0..rounds {
            for &work in &wanted.works {
                for tool in self.stage.in_turn(round) {
                    let turn = Turn { bench: self, tool, round };
                    let Some(usage) = turn.measure(work, &mut results)? else { continue };
                    results.sample(work.name(), tool.name(), round, usage);
                }
            }
        }
        Ok(results)
    }

    /// Kills as figures, in percent of the tree.
    fn take(&self, results: &mut Results, kills: &[kill::Kill]) {
        let percent = |bytes: u64| bytes as f64 * 100.0 / self.tree_size.bytes as f64;
        for kill in kills {
            let what = |by: &str| format!("{} {}, {by}", goals::AGAIN, kill.moment);
            if let Some(told) = kill.told_bytes {
                results.figure(&what(goals::BY_ITSELF), percent(told), "%");
            }
            results.figure(&what(goals::BY_KERNEL), percent(kill.counted_bytes), "%");
        }
        let raw = kills.iter().map(|kill| {
            json!({
                "moment": kill.moment, "before_bytes": kill.before_bytes, "tree_bytes": self.tree_size.bytes,
                "told_read_bytes": kill.told_bytes, "rchar_bytes": kill.counted_bytes,
            })
        });
        results.more.insert("kills".to_owned(), raw.collect());
    }
}

/// One tool in one round.
struct Turn<'a> {
    bench: &'a Bench<'a>,
    tool: &'a dyn Tool,
    round: usize,
}

impl Turn<'_> {
    /// Nothing when the tool cannot do it.
    fn measure(&self, work: Work, results: &mut Results) -> io::Result<Option<Usage>> {
        let (tool, tree) = (self.tool, self.bench.tree.as_path());
        let folder = self.bench.stage.folder(tool, self.round);
        let log = folder.join(format!("{}.log", work.name()));
        match work {
            Work::First => {
                let place = tools::prepare(tool, &folder, None)?;
                let usage = tools::backup(tool, &place, tree, "first", &log)?;
                results.store("first backup", tool.name(), self.round, place.size()?);
                Ok(Some(usage))
            }
            Work::Unchanged => tools::backup(tool, &Place::create(&folder, None)?, tree, "again", &log).map(Some),
            Work::Check => {
                let place = Place::create(&folder, None)?;
                tool.check(&place).map(|mut command| measure::run(&mut command, &log)).transpose()
            }
            Work::RestoreDisk => self.restore(&folder, &folder.join("restored"), &log, results).map(Some),
            Work::RestoreMemory => {
                let to = self.bench.stage.memory.join(format!("{}-{}", tool.name(), self.round));
                let usage = self.restore(&folder, &to, &log, results)?;
                // The trap of deleted inodes is one of ext4; memory would not hold the trees of all rounds.
                fs::remove_dir_all(&to)?;
                Ok(Some(usage))
            }
        }
    }

    fn restore(&self, folder: &Path, to: &Path, log: &Path, results: &mut Results) -> io::Result<Usage> {
        let (tool, tree) = (self.tool, self.bench.tree.as_path());
        let place = Place::create(folder, None)?;
        let usage = tools::restore(tool, &place, (tree, "first"), to, log)?;
        if self.round == 0 {
            results.compared(tool.name(), verify::differences(tree, &verify::restored_root(tree, to))?);
        }
        Ok(usage)
    }
}
