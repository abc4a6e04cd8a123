//! The `datakeep` command: verbs, words, colours, exit codes.
//!
//! The only part of the program that prints, reads the environment and knows user directories. Each verb has a file in
//! [`commands`]; a run goes `args` -> [`config`] -> [`open`] -> verb -> `json` or words -> exit code.

mod args;
mod args_around;
mod args_care;
mod args_copy;
mod args_drill;
mod args_forget;
mod args_gc;
mod args_rows;
mod args_server;
mod args_source;
mod args_sql;
mod args_store;
mod ask;
mod commands;
mod config;
mod config_file;
mod demo;
mod errors;
mod faults;
mod heap;
mod help;
mod items;
mod json;
mod losses;
mod memory;
mod open;
mod out;
mod phrases;
mod place;
mod probing;
mod progress;
mod secrets;
mod signals;
mod sizes;
mod sources;
mod stores;
mod time;
mod words;

use args::Cli;
use clap::FromArgMatches;
use config::Settings;
use datakeep_connector::{Cancel, SystemClock};
use datakeep_model::ExitCode;
use errors::Failure;
use open::App;
use out::Out;
use std::ffi::OsString;

fn main() -> std::process::ExitCode {
    heap::give_back_large_buffers();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    words::set(config::early_language(&arguments));
    allow_many_files();
    std::process::ExitCode::from(start(&arguments).0)
}

/// Large files are restored in pieces, each with a file open: the soft limit goes up to the hard one.
fn allow_many_files() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    // Refused at worst; then the old limit holds.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
}

fn start(arguments: &[OsString]) -> ExitCode {
    let parsed = help::command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => run(&cli),
        Err(error) => words::usage::tell(&error, arguments),
    }
}

fn run(cli: &Cli) -> ExitCode {
    let early = Out::new(&cli.common, std::env::var_os("NO_COLOR").is_none() && !cli.common.no_color);
    let settings = match Settings::resolve(&cli.common) {
        Ok(settings) => settings,
        Err(failure) => return end(&early, &failure),
    };
    words::set(settings.language.value);
    let out = Out::new(&cli.common, settings.colour.value);
    let app = App { settings, out, cancel: Cancel::new(), clock: SystemClock };
    let outcome = commands::run(&app, cli);
    let flushed = app.out.flush();
    match (outcome, flushed) {
        (Ok(code), Ok(())) => code,
        (Ok(code), Err(failure)) if failure.is_quiet => code,
        (Err(failure), _) | (Ok(_), Err(failure)) => end(&app.out, &failure),
    }
}

fn end(out: &Out, failure: &Failure) -> ExitCode {
    out.failure(failure);
    failure.code()
}
