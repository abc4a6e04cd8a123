//! A table of very many rows: the first backup, small changes, one row, restore. Datakeep captures the table; restic has the
//! file of the database, and its dump.

mod data;
mod goals;
mod texts;

use crate::args::Options;
use crate::large;
use crate::measure::Usage;
use crate::report::{self, Heading};
use crate::results::Results;
use crate::stage::{Stage, once};
use crate::tools::{self, Place, Tool};
use crate::verify;
use data::{COLUMNS, TABLE};
use goals::{COUNT, CSV, MOMENTS, RESTORE, ROW, dump_title, of_dump};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Options of this workload.
pub const OWN: &[&str] = &["--rows"];
/// What `--help` says of them.
pub const HELP: &str = "\
\x20 --rows N           how many (default 10000000; with --quick 50000)
";

/// The file in the folders of databases.
const FILE: &str = "table.db";
const DUMP_TIME: &str = "writing the dump";
/// A round takes up to so many times the bytes of the database: itself, its dump, what is stored.
const ROUND_TIMES: u64 = 8;

/// What is the same in all rounds.
struct Bench<'a> {
    stage: &'a Stage,
    rows: u64,
    /// The database as it was made.
    original: PathBuf,
}

/// A tool and its repositories.
struct Player<'a> {
    tool: &'a dyn Tool,
    place: Place,
    /// For the dumps, where the tool knows files only.
    of_dumps: Option<Place>,
}

/// Folders whose contents are backed up.
struct Round {
    number: usize,
    /// Holds the database and nothing else.
    folder: PathBuf,
    /// Holds its dump.
    dumps: PathBuf,
}

impl Round {
    fn database(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

/// The whole bench.
pub fn run(options: &Options) -> io::Result<bool> {
    let rows = options.number("--rows", 10_000_000, 50_000)?;
    let rounds = options.rounds(3);
    let stage = Stage::set(options, |name| ["datakeep", "restic"].contains(&name))?;
    let folder = once(&stage.work, &format!("table-{rows}"), |half| data::make(&half.join(FILE), rows))?;
    let bytes = verify::size(&folder, true)?.bytes;
    stage.open(bytes * ROUND_TIMES, bytes + bytes / 2)?;
    let bench = Bench { stage: &stage, rows, original: folder.join(FILE) };
    let mut results = Results::default();
    bench.titles(&mut results);
    bench.csv(&mut results)?;
    for round in 0..rounds {
        bench.round(round, &mut results)?;
    }
    goals::judge(&mut results);
    let data = format!(
        "a SQLite database of {:.0} MB: one table of {rows} rows and {COLUMNS} columns; warm cache; datakeep has the table, restic \
         the file and its dump",
        bytes as f64 / 1e6
    );
    let good = report::publish(&stage, &Heading { name: "tables", data, rounds }, &results)?;
    stage.close()?;
    Ok(good)
}

impl Bench<'_> {
    fn titles(&self, results: &mut Results) {
        MOMENTS.iter().for_each(|(name, title, ..)| results.row(name, title, 0));
        if self.stage.tools.iter().any(|tool| tool.tables().is_none()) {
            MOMENTS.iter().for_each(|(name, title, ..)| results.row(&of_dump(name), &dump_title(title), 0));
        }
        results.row(ROW, "one row by its key", 0);
        results.row(COUNT, "the first row, and how many there are", 0);
        results.row(RESTORE, "restore the last, to memory", 0);
    }

    /// What the first backup is held against.
    fn csv(&self, results: &mut Results) -> io::Result<()> {
        let begun = Instant::now();
        let bytes = texts::csv(&self.original, &self.stage.run.join("table.csv.zst"))?;
        results.figure(CSV, bytes as f64 / 1e6, "MB");
        results.figure("writing it", begun.elapsed().as_secs_f64(), "s");
        Ok(())
    }

    fn round(&self, number: usize, results: &mut Results) -> io::Result<()> {
        let named = |what: &str| self.stage.run.join(format!("{what}-{number}"));
        let round = Round { number, folder: named("database"), dumps: named("dump") };
        [&round.folder, &round.dumps].into_iter().try_for_each(fs::create_dir)?;
        fs::copy(&self.original, round.database())?;
        let players = self.stage.in_turn(number).into_iter().map(|tool| self.player(tool, number));
        let mut players = players.collect::<io::Result<Vec<_>>>()?;
        for (name, title, change, _) in MOMENTS {
            change.apply(&round.database(), self.rows)?;
            if players.iter().any(|player| player.of_dumps.is_some()) {
                let begun = Instant::now();
                texts::dump(&round.database(), &round.dumps.join("table.sql"))?;
                results.figure(DUMP_TIME, begun.elapsed().as_secs_f64(), "s");
            }
            verify::size(&round.folder, true)?;
            players.iter().try_for_each(|player| player.back_up(&round, (name, title), results))?;
            players.rotate_left(1);
        }
        players.iter().try_for_each(|player| self.look(player, &round, results))?;
        // The next round needs the space.
        let of_players = players.iter().map(|player| self.stage.folder(player.tool, number));
        of_players.chain([round.folder, round.dumps]).try_for_each(|folder| large::empty(&folder))
    }

    fn player<'t>(&self, tool: &'t dyn Tool, round: usize) -> io::Result<Player<'t>> {
        let folder = self.stage.folder(tool, round);
        let place = tools::prepare(tool, &folder, None)?;
        let of_dumps = match tool.tables() {
            Some(_) => None,
            None => Some(tools::prepare(tool, &folder.join("of-dumps"), None)?),
        };
        Ok(Player { tool, place, of_dumps })
    }

    /// Looks into the last backup, puts it back, and compares it with the database.
    fn look(&self, player: &Player<'_>, round: &Round, results: &mut Results) -> io::Result<()> {
        let (last, tool) = (MOMENTS[MOMENTS.len() - 1].0, player.tool.name());
        let log = player.place.private.join("look.log");
        let to = self.stage.memory.join(format!("{tool}-{}", round.number));
        let Some(tables) = player.tool.tables() else {
            let usage = tools::restore(player.tool, &player.place, (&round.folder, last), &to, &log)?;
            results.sample(RESTORE, tool, round.number, usage);
            let restored = verify::restored_root(&round.folder, &to);
            results.compared(tool, verify::differences(&round.folder, &restored)?);
            return fs::remove_dir_all(&to);
        };
        let key = data::key_from(&round.database(), self.rows / 2)?;
        for (work, key) in [(ROW, Some(key)), (COUNT, None)] {
            let usage = tools::written(&mut tables.rows(&player.place, last, TABLE, key)?, &log)?;
            results.sample(work, tool, round.number, usage);
        }
        fs::create_dir(&to)?;
        let restored = to.join(FILE);
        let usage = tools::written(&mut tables.restore(&player.place, last, &restored)?, &log)?;
        results.sample(RESTORE, tool, round.number, usage);
        results.compared(tool, texts::differences(&round.database(), &restored)?);
        fs::remove_dir_all(&to)
    }
}

impl Player<'_> {
    /// One backup of the database, and one of its dump where the tool knows files only.
    fn back_up(&self, round: &Round, (name, title): (&str, &str), results: &mut Results) -> io::Result<()> {
        let tool = self.tool.name();
        let what = match self.tool.tables() {
            Some(tables) => tables.location(&round.database()),
            None => round.folder.clone(),
        };
        let usage = self.run(&self.place, &what, name)?;
        results.sample(name, tool, round.number, usage);
        results.store(title, tool, round.number, self.place.size()?);
        if let Some(place) = &self.of_dumps {
            let usage = self.run(place, &round.dumps, name)?;
            results.sample(&of_dump(name), tool, round.number, usage);
            results.store(&dump_title(title), tool, round.number, place.size()?);
        }
        Ok(())
    }

    fn run(&self, place: &Place, what: &Path, tag: &str) -> io::Result<Usage> {
        tools::backup(self.tool, place, what, tag, &place.private.join(format!("{tag}.log")))
    }
}
