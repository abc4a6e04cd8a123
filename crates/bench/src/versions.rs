//! Many versions of one tree with small changes: time and space of each, and of forgetting half of them.

use crate::args::Options;
use crate::edits;
use crate::machine;
use crate::measure;
use crate::report::{self, Heading};
use crate::results::Results;
use crate::stage::Stage;
use crate::tools::{self, Place, Tool};
use crate::trees;
use crate::verify;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of this workload.
pub const OWN: &[&str] = &["--tree", "--versions"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --tree TREE        linux (default), second, or a folder; it is copied and the copy is changed
  --versions N       how many (default 20; with --quick 4)
";

const FIRST: &str = "first version";
const LATER: &str = "later version";
const RESTORE_FIRST: &str = "restore first";
const RESTORE_LAST: &str = "restore last";
const FORGET: &str = "forget half";
const RESTORE_KEPT: &str = "restore kept";

/// What is the same in all rounds.
struct Bench<'a> {
    stage: &'a Stage,
    /// The tree as it was: the first version.
    original: PathBuf,
    versions: u64,
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let versions = options.number("--versions", 20, 4)?;
    let rounds = options.rounds(3);
    let stage = Stage::set(options, |_| true)?;
    let tree = trees::tree(options.text("--tree").unwrap_or("linux"), &stage.work)?;
    let size = verify::size(&tree.path, true)?;
    let bytes = size.allocated_bytes.max(size.bytes);
    stage.open(bytes * (rounds * (stage.tools.len() + 1)) as u64, bytes + bytes / 2)?;
    let bench = Bench { stage: &stage, original: tree.path, versions };
    let mut results = Results::default();
    results.row(FIRST, "first version", 0);
    results.row(LATER, "each later version", 0);
    results.row(RESTORE_FIRST, "restore the first, to memory", 0);
    results.row(RESTORE_LAST, "restore the last, to memory", 0);
    results.row(FORGET, "forget the older half and give its space back", 0);
    results.row(RESTORE_KEPT, "restore the last after that, to memory", 0);
    for round in 0..rounds {
        bench.round(round, &mut results)?;
    }
    let data = format!(
        "{versions} versions of {}: {} files, {:.0} MB; 0.75 % of the files change from one to the next; warm cache",
        tree.origin,
        size.files,
        size.bytes as f64 / 1e6
    );
    let good = report::publish(&stage, &Heading { name: "versions", data, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

fn tag(version: u64) -> String {
    format!("v{version:03}")
}

impl Bench<'_> {
    fn round(&self, round: usize, results: &mut Results) -> io::Result<()> {
        let tree = self.stage.run.join(format!("tree-{round}"));
        machine::command_line(Command::new("cp").arg("-a").arg(&self.original).arg(&tree))?;
        let mut places: Vec<(&dyn Tool, Place)> = Vec::new();
        for tool in self.stage.in_turn(round) {
            places.push((tool, tools::prepare(tool, &self.stage.folder(tool, round), None)?));
        }
        for version in 1..=self.versions {
            if version > 1 {
                edits::apply(&tree, version)?;
                rustix::fs::sync();
            }
            for (tool, place) in &places {
                let log = place.private.join(format!("{}.log", tag(version)));
                let usage = tools::backup(*tool, place, &tree, &tag(version), &log)?;
                results.sample(if version == 1 { FIRST } else { LATER }, tool.name(), round, usage);
                if version == 1 || version == self.versions {
                    let after = if version == 1 { "first version" } else { "all versions" };
                    results.store(after, tool.name(), round, place.size()?);
                }
            }
            places.rotate_left(1);
        }
        for (work, version, truth) in [(RESTORE_FIRST, 1, &self.original), (RESTORE_LAST, self.versions, &tree)] {
            for (tool, place) in &places {
                self.restore(*tool, place, (&tree, &tag(version)), (work, truth, round), results)?;
            }
        }
        for (tool, place) in &places {
            self.forget(*tool, place, round, results)?;
            results.store("half of them forgotten", tool.name(), round, place.size()?);
        }
        for (tool, place) in &places {
            self.restore(*tool, place, (&tree, &tag(self.versions)), (RESTORE_KEPT, &tree, round), results)?;
        }
        Ok(())
    }

    fn forget(&self, tool: &dyn Tool, place: &Place, round: usize, results: &mut Results) -> io::Result<()> {
        let half = self.versions / 2;
        let gone: Vec<String> = (1..=half).map(tag).collect();
        let mut commands = tool.forget(place, &gone, (self.versions - half) as usize);
        let usage = measure::run_all(&mut commands, &place.private.join("forget.log"))?;
        results.sample(FORGET, tool.name(), round, usage);
        Ok(())
    }

    /// Restores into memory and compares with the version that it must be.
    fn restore(
        &self,
        tool: &dyn Tool,
        place: &Place,
        (tree, tag): (&Path, &str),
        (work, truth, round): (&str, &Path, usize),
        results: &mut Results,
    ) -> io::Result<()> {
        let to = self.stage.memory.join(format!("{}-{round}", tool.name()));
        let usage = tools::restore(tool, place, (tree, tag), &to, &place.private.join("restore.log"))?;
        results.sample(work, tool.name(), round, usage);
        results.compared(tool.name(), verify::differences(truth, &verify::restored_root(tree, &to))?);
        fs::remove_dir_all(&to)
    }
}
