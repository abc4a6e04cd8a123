//! `datakeep completion`.

use crate::args_around::{CompletionArgs, Shell};
use crate::errors::Failure;
use crate::help;
use crate::open::App;
use clap_complete::shells;
use datakeep_model::ExitCode;

/// Runs it.
pub fn run(app: &App, args: &CompletionArgs) -> Result<ExitCode, Failure> {
    let (mut command, mut script) = (help::command(), Vec::new());
    match args.shell {
        Shell::Bash => clap_complete::generate(shells::Bash, &mut command, "datakeep", &mut script),
        Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, "datakeep", &mut script),
        Shell::Fish => clap_complete::generate(shells::Fish, &mut command, "datakeep", &mut script),
    }
    app.out.raw(&script)?;
    Ok(ExitCode::OK)
}
