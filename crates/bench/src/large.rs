//! Large files: new and incompressible, all content known, new and compressible; beside what the machine can do.

use crate::args::Options;
use crate::data::Kind;
use crate::goal::Goal;
use crate::limits;
use crate::measure::Usage;
use crate::report::{self, Heading};
use crate::results::{Results, ratio};
use crate::stage::{Stage, once};
use crate::tools::{self, Place, Tool};
use crate::verify;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Options of this workload.
pub const OWN: &[&str] = &["--mib"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --mib N            size of each large file in MiB (default 4096; with --quick 64)
";

const NOISE: &str = "new-noise";
const KNOWN: &str = "known";
const PROSE: &str = "new-prose";
const LIMIT_CUT: &str = "limit of cutting and hashing, all cores";
const LIMIT_ZSTD: &str = "limit of compressing, all cores";

/// Folders that hold one large file each.
struct Data {
    noise: PathBuf,
    /// The noise once more, under another name.
    known: PathBuf,
    prose: PathBuf,
    file_bytes: u64,
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let mib = options.number("--mib", 4096, 64)?;
    let rounds = options.rounds(3);
    let stage = Stage::set(options, |_| true)?;
    let data = data(&stage.work, mib)?;
    // What a round has measured is emptied before the next.
    stage.open(2 * data.file_bytes * stage.tools.len() as u64, 0)?;
    let mut results = Results::default();
    results.row(NOISE, "new, incompressible", data.file_bytes);
    results.row(KNOWN, "all content known", data.file_bytes);
    results.row(PROSE, "new, compressible", data.file_bytes);
    for round in 0..rounds {
        for work in [NOISE, KNOWN, PROSE] {
            // Just before what they are the limits of: the machine's speed drifts.
            if work != NOISE {
                let seconds = if options.quick { 0.2 } else { 3.0 };
                let limits = limits::measure(seconds, &stage.run.join("limits.log"))?;
                results.figure(LIMIT_CUT, limits.cut_and_hash / 1e6, "MB/s");
                results.figure(LIMIT_ZSTD, limits.compress / 1e6, "MB/s");
            }
            for tool in stage.in_turn(round) {
                let usage = measure(&stage, tool, round, work, &data, &mut results)?;
                results.sample(work, tool.name(), round, usage);
            }
        }
        for tool in stage.in_turn(round) {
            empty(&stage.folder(tool, round))?;
        }
    }
    judge(&mut results, data.file_bytes);
    let words = format!("files of {mib} MiB, warm cache");
    let good = report::publish(&stage, &Heading { name: "large", data: words, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

fn data(work: &Path, mib: u64) -> io::Result<Data> {
    let file_bytes = mib << 20;
    let folder = once(work, &format!("large-{mib}"), |half| {
        for (name, kind, seed) in [("noise", Kind::Noise, 1), ("prose", Kind::Prose, 2)] {
            fs::create_dir(half.join(name))?;
            kind.write(&half.join(name).join("large.bin"), seed, file_bytes)?;
        }
        // Another path and another name: no tool can tell by its notes that it has seen this file.
        fs::create_dir(half.join("known"))?;
        fs::hard_link(half.join("noise/large.bin"), half.join("known/same-again.bin"))
    })?;
    verify::size(&folder, true)?;
    Ok(Data { noise: folder.join("noise"), known: folder.join("known"), prose: folder.join("prose"), file_bytes })
}

fn measure(
    stage: &Stage,
    tool: &dyn Tool,
    round: usize,
    work: &str,
    data: &Data,
    results: &mut Results,
) -> io::Result<Usage> {
    let folder = stage.folder(tool, round);
    let (tree, title) = match work {
        NOISE => (&data.noise, "new, incompressible"),
        KNOWN => (&data.known, "all content known"),
        _ => (&data.prose, "new, compressible"),
    };
    let place = if work == NOISE { tools::prepare(tool, &folder, None)? } else { Place::create(&folder, None)? };
    let usage = tools::backup(tool, &place, tree, work, &folder.join(format!("{work}.log")))?;
    let size = place.size()?;
    let before = results.stored.iter().rev().find(|stored| stored.tool == tool.name() && stored.round == round);
    let before = before.map_or(0, |stored| stored.size.bytes);
    results.store(title, tool.name(), round, size);
    // A tool that had not to read it was not measured; one that stored it again did not know it.
    if work == KNOWN && size.bytes > before + data.file_bytes / 10 {
        results.wrong.push(format!("{} stored known content again: {} bytes", tool.name(), size.bytes - before));
    }
    if work == KNOWN && usage.read_bytes < data.file_bytes {
        results.wrong.push(format!("{} did not read the known file: {} bytes", tool.name(), usage.read_bytes));
    }
    Ok(usage)
}

fn judge(results: &mut Results, file_bytes: u64) {
    let percent = |work: &str, limit: &str| {
        let speed = results.wall(work, "datakeep").map(|wall_s| file_bytes as f64 / 1e6 / wall_s);
        ratio(speed, results.figure_of(limit)).map(|share| share * 100.0)
    };
    let (known, prose) = (percent(KNOWN, LIMIT_CUT), percent(PROSE, LIMIT_ZSTD));
    let what = |work: &str, limit: &str| format!("{work}: share of the {limit}");
    results.goals.push(Goal::at_least(what("all content known", LIMIT_CUT), 70.0, known, "%"));
    results.goals.push(Goal::at_least(what("new, compressible", LIMIT_ZSTD), 85.0, prose, "%"));
    results.goal_memory(150.0);
}

/// Takes the bytes of all files below a folder and leaves the files: space is needed, and deleted inodes would make the
/// next files slow.
pub fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            empty(&entry.path())?;
        } else if kind.is_file() {
            rustix::fs::chmod(entry.path(), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)?;
            fs::OpenOptions::new().write(true).open(entry.path())?.set_len(0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_file_is_the_noise_under_another_name() {
        let work = tempfile::tempdir().expect("a temporary folder");
        let data = data(work.path(), 1).expect("made");
        let noise = fs::read(data.noise.join("large.bin")).expect("read");
        assert_eq!(noise.len() as u64, data.file_bytes);
        assert_eq!(noise, fs::read(data.known.join("same-again.bin")).expect("read"));
        empty(&data.prose).expect("emptied");
        assert_eq!(fs::read(data.prose.join("large.bin")).expect("it is there"), b"");
    }

    #[test]
    fn shares_are_of_the_limits_of_the_same_run() {
        let mut results = Results::default();
        results.figure(LIMIT_CUT, 2000.0, "MB/s");
        let usage = Usage { wall_s: 1.0, ..Usage::default() };
        results.sample(KNOWN, "datakeep", 0, usage);
        judge(&mut results, 1_500_000_000);
        assert_eq!(results.goals[0].found, Some(75.0));
        assert_eq!((results.goals[0].met(), results.goals[1].met()), (Some(true), None));
    }
}
