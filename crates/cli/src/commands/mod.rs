//! One file for each verb.

pub mod backup;
pub mod cat;
pub mod check;
pub mod completion;
pub mod config;
pub mod copy;
pub mod diff;
pub mod doctor;
pub mod drill;
pub mod find;
pub mod forget;
pub mod gc;
pub mod init;
pub mod key;
pub mod ls;
pub mod man;
pub mod repair;
pub mod restore;
pub mod scrub;
pub mod server;
pub mod show;
pub mod snapshots;
pub mod source;
pub mod sql;
pub mod stats;
pub mod tables;
pub mod tag;

#[cfg(test)]
mod fuzz;

use crate::args::{Cli, Verb};
use crate::errors::Failure;
use crate::open::App;
use datakeep_model::ExitCode;

/// Runs the verb.
pub fn run(app: &App, cli: &Cli) -> Result<ExitCode, Failure> {
    match &cli.verb {
        Verb::Init(args) => init::run(app, args),
        Verb::Backup(args) => backup::run(app, args),
        Verb::Snapshots(args) => snapshots::run(app, args),
        Verb::Show(args) => show::run(app, args),
        Verb::Ls(args) => ls::run(app, args),
        Verb::Find(args) => find::run(app, args),
        Verb::Cat(args) => cat::run(app, args),
        Verb::Diff(args) => diff::run(app, args),
        Verb::Rows(args) => tables::rows::run(app, args),
        Verb::Sql(args) => sql::run(app, args),
        Verb::Restore(args) => restore::run(app, args),
        Verb::Drill(args) => drill::run(app, args),
        Verb::Stats(args) => stats::run(app, args),
        Verb::Check(args) => check::run(app, args),
        Verb::Scrub(_) => scrub::run(app),
        Verb::Repair(args) => repair::run(app, args),
        Verb::Key(args) => key::run(app, args),
        Verb::Tag(args) => tag::run(app, args),
        Verb::Forget(args) => forget::run(app, args),
        Verb::Gc(args) => gc::run(app, args),
        Verb::Copy(args) => copy::run(app, args),
        Verb::Source(args) => source::run(app, args),
        Verb::Server(args) => server::run(app, args),
        Verb::Config(args) => config::run(app, args),
        Verb::Completion(args) => completion::run(app, args),
        Verb::Man(args) => man::run(app, args),
        Verb::Doctor(args) => doctor::run(app, args),
        Verb::Demo(args) => crate::demo::run(app, args),
    }
}
