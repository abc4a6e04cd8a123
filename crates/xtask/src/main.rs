//! Chores of the workspace: `cargo xtask tidy` checks how the house is built, `cargo xtask soak` keeps at it.
//!
//! `./x` is the door people use; this binary is what it calls.

mod soak;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask CHORE

  tidy                     check the forbidden arrows, file lengths, translations and texts of this workspace
  tidy --fingerprint WORD  print the fingerprint under which a word can be forbidden
  soak [--seconds N] [--seed S] [--plant]
                           all commands at once on one repository, with kills and a full disk (an hour, any seed)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["tidy"] => tidy::run(),
        ["tidy", "--fingerprint", word] => {
            println!("{:#018x}", tidy::texts::fingerprint(word));
            return ExitCode::SUCCESS;
        }
        ["soak", rest @ ..] => soak::run(rest),
        _ => {
            eprint!("unknown chore: {}\n\n{HELP}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
