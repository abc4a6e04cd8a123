//! `datakeep-bench WORKLOAD`: Datakeep beside its rivals on the same data, in turn, in one run; or beside what the machine
//! can do. Called by `./x bench`.

mod args;
mod child;
mod data;
mod edits;
mod files;
mod goal;
mod install;
mod large;
mod limits;
mod lookups;
mod machine;
mod measure;
mod million;
mod platform;
mod report;
mod results;
mod s3;
mod stage;
mod tables;
mod tools;
mod trees;
mod verify;
mod versions;

use args::{Options, wrong};
use std::io;
use std::process::ExitCode;

/// One bench.
struct Workload {
    name: &'static str,
    what: &'static str,
    /// Its own options.
    own: &'static [&'static str],
    help: &'static str,
    /// Answers false when a goal was missed or something restored was wrong.
    run: fn(&Options) -> io::Result<bool>,
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "files",
        what: "a tree of files: first, unchanged, check, restore, size, a kill half way",
        own: files::OWN,
        help: files::HELP,
        run: files::run,
    },
    Workload {
        name: "large",
        what: "large files: new, known, compressible, beside the limits of this machine",
        own: large::OWN,
        help: large::HELP,
        run: large::run,
    },
    Workload {
        name: "million",
        what: "a million small files: first and unchanged",
        own: million::OWN,
        help: million::HELP,
        run: million::run,
    },
    Workload {
        name: "versions",
        what: "twenty versions of a tree: time, size, restore, forgetting half of them",
        own: versions::OWN,
        help: versions::HELP,
        run: versions::run,
    },
    Workload {
        name: "s3",
        what: "backup and restore through a store that speaks S3",
        own: s3::OWN,
        help: s3::HELP,
        run: s3::run,
    },
    Workload {
        name: "lookups",
        what: "looking chunks up among ten million",
        own: lookups::OWN,
        help: lookups::HELP,
        run: lookups::run,
    },
    Workload {
        name: "tables",
        what: "a table of ten million rows: first, unchanged, changed, one row, restore; beside restic on the file and a dump",
        own: tables::OWN,
        help: tables::HELP,
        run: tables::run,
    },
    Workload {
        name: "platform",
        what: "the server with 100,000 snapshots and a million runs: lists, memory, 200 clients at once",
        own: platform::OWN,
        help: platform::HELP,
        run: platform::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some((lookups::CHILD, rest)) => return end(lookups::child(rest).map(|()| true)),
        Some((s3::CHILD, rest)) => return end(s3::child(rest).map(|()| true)),
        Some((limits::CHILD, rest)) => return end(limits::child(rest).map(|()| true)),
        _ => {}
    }
    let asked = |word: &String| word == "--help" || word == "help";
    let chosen = arguments.first().and_then(|name| WORKLOADS.iter().find(|workload| workload.name == name));
    match chosen {
        Some(workload) if !arguments.iter().any(asked) => end(run(workload, &arguments[1..])),
        Some(workload) => {
            print!("datakeep-bench {} [OPTIONS]\n{}\n\n{}{}", workload.name, workload.what, workload.help, args::HELP);
            ExitCode::SUCCESS
        }
        None => {
            println!("datakeep-bench WORKLOAD [OPTIONS] (WORKLOAD --help: its options)\n");
            WORKLOADS.iter().for_each(|workload| println!("  {:<10} {}", workload.name, workload.what));
            if arguments.iter().any(asked) { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
    }
}

fn run(workload: &Workload, arguments: &[String]) -> io::Result<bool> {
    if cfg!(debug_assertions) {
        return Err(wrong("this is a debug build: nothing that it measured would mean anything".to_owned()));
    }
    (workload.run)(&Options::parse(arguments, workload.own)?)
}

fn end(outcome: io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            let mistyped = error.kind() == io::ErrorKind::InvalidInput;
            ExitCode::from(if mistyped { 2 } else { 1 })
        }
    }
}
