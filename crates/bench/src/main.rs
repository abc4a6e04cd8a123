//! `datakeep-bench files`: first backup, unchanged backup, size, restore and memory of Datakeep, bupstash and restic on
//! one tree of files, measured in turn in one run. Called by `./x bench files`.

mod args;
mod goals;
mod kill;
mod machine;
mod measure;
mod report;
mod rounds;
mod setup;
mod tools;
mod verify;

use args::Options;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = match arguments.split_first() {
        Some((first, rest)) if first == "files" && !rest.iter().any(|word| word == "--help") => Options::parse(rest),
        None | Some(_) => {
            print!("{}", args::HELP);
            let asked = arguments.iter().any(|word| word == "--help" || word == "help");
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    let outcome = match options {
        Ok(options) => files(&options),
        Err(error) => {
            eprintln!("error: {error}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole bench. The answer is false when a goal was missed or a restored tree was wrong.
fn files(options: &Options) -> io::Result<bool> {
    let bench = setup::prepare(options)?;
    let mut results = rounds::run(options, &bench)?;
    if let Some(datakeep) = bench.tools.iter().find(|tool| tool.name() == "datakeep").filter(|_| options.kill) {
        match kill::run(&bench, datakeep.as_ref()) {
            Ok(kills) => results.kills = kills,
            Err(error) => results.wrong.push(format!("the kill half way could not be measured: {error}")),
        }
    }
    let goals = goals::judge(&results);
    print!("{}", report::text(&bench, options, &results, &goals));
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(&bench, options, &results, &goals).to_string() + "\n")?;
    }
    setup::clean(options, &bench)?;
    Ok(results.wrong.is_empty() && goals.iter().all(|goal| goal.met != Some(false)))
}
