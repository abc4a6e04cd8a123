//! The most memory that a program held. The kernel counts what the process that starts a program holds as held by that program,
//! and tests in this one may hold much: whoever measures does so in a process that does nothing else.

use std::process::Command;
use wait4::Wait4;

/// Set in the process that measures, or holds so many MiB.
const MEASURING: &str = "DATAKEEP_TEST_MEASURES";
/// The test that holds memory when it is told to.
const HOLDER: &str = "peak::a_program_that_holds_memory";

/// The most memory that a program held. It must end well.
pub fn of(command: &mut Command) -> u64 {
    let end = command.spawn().unwrap().wait4().unwrap();
    assert!(end.status.success(), "{command:?}");
    end.rusage.maxrss
}

/// Runs the rest of the test of this name in a process of its own.
pub fn by_itself(name: &str, measure: impl FnOnce()) {
    match std::env::var_os(MEASURING) {
        Some(_) => measure(),
        None => assert!(test(name, "measure").status().unwrap().success(), "see above"),
    }
}

fn test(name: &str, what: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(MEASURING, what);
    command
}

/// Proof that the measure can find something: a program that holds more than is allowed, and one that does not.
pub fn try_the_measure(most_bytes: u64) {
    let too_much = (most_bytes >> 20) + 10;
    let [much, little] = [too_much, 10].map(|mebibytes| of(&mut test(HOLDER, &mebibytes.to_string())));
    assert!(much > most_bytes && little < most_bytes / 2, "{much} and {little} bytes");
}

/// Takes as much memory as it is told to, and touches all of it.
#[test]
fn a_program_that_holds_memory() {
    let told = std::env::var(MEASURING).unwrap_or_default();
    let bytes = vec![1_u8; told.parse().unwrap_or(1_usize) << 20];
    assert_eq!(std::hint::black_box(&bytes).iter().map(|&byte| usize::from(byte)).sum::<usize>(), bytes.len());
}
