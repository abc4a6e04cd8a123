//! Questions before something is changed that cannot be taken back.

use crate::errors::Failure;
use crate::out::{Out, clean};
use crate::words::tr;
use datakeep_model::ErrorKind;
use std::io::{BufRead, Write};

/// Asks on the terminal for a word that nobody types by habit; anything else is a failure of kind cancelled.
pub fn typed(out: &Out, question: &str, expected: &str) -> Result<(), Failure> {
    let answer = answer(out, question)?;
    if answer.trim().trim_end_matches('%').trim_end() == expected { Ok(()) } else { Err(unchanged()) }
}

/// Asks on the terminal; anything but a yes is a failure of kind cancelled, and nothing has been changed. The caller has
/// looked whether there is a terminal.
pub fn consent(out: &Out, question: &str) -> Result<(), Failure> {
    let answer = answer(out, question)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes" | "是") {
        return Ok(());
    }
    Err(unchanged())
}

fn answer(out: &Out, question: &str) -> Result<String, Failure> {
    out.flush()?;
    let _ = write!(std::io::stderr(), "{} ", clean(question));
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    Ok(answer)
}

fn unchanged() -> Failure {
    Failure::new(ErrorKind::Cancelled, tr!("nothing was changed", "未做任何修改"))
}
