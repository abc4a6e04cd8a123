//! Stores that go away in the middle: for a while, for good, and with credentials that end.

use super::Remote;
use crate::world::files;
use datakeep_testkit::random_bytes;
use datakeep_testkit_s3::{Dialect, Fault, Operation, Refusal, Rule, S3Server, VersityGw};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

/// Twelve files of so many MiB. A server inside this process holds what is sent to it, and the programs that this process
/// starts count that as memory of their own: little there.
fn with_large_files(remote: &Remote, mib: usize) {
    for number in 0..12 {
        fs::write(remote.world.tree().join(format!("large-{number}")), random_bytes(number, mib << 20)).unwrap();
    }
}

/// Packs that a server has.
fn packs(server: &VersityGw) -> usize {
    within(server, "data").len()
}

/// Objects that a server has in a folder of the repository.
fn within(server: &VersityGw, folder: &str) -> Vec<PathBuf> {
    let is_within = |path: &PathBuf| path.components().any(|part| part.as_os_str() == folder);
    files(&server.store()).into_iter().filter(is_within).collect()
}

/// Whether a server has a record of progress that a run can be taken up from.
fn has_first_record(server: &VersityGw) -> bool {
    let is_first = |path: &PathBuf| path.to_string_lossy().ends_with("-0");
    within(server, "progress").iter().any(is_first)
}

#[test]
fn a_server_that_is_killed_in_mid_upload_and_comes_back_is_waited_for() {
    let mut server = VersityGw::start();
    let remote = Remote::new(server.endpoint());
    with_large_files(&remote, 6);
    let mut command = remote.command();
    command.args(["backup", &remote.world.text("tree"), "-o", "patience=2m"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while packs(&server) < 2 {
        std::thread::yield_now();
    }
    for _ in 0..3 {
        server.kill9();
        server.restart();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    remote.run(&["check", "--read-data"]).expect(0);
    remote.expect_restored("tree", "out");
}

#[test]
fn a_server_that_stays_away_ends_the_run_and_the_next_goes_on() {
    let mut server = VersityGw::start();
    let remote = Remote::new(server.endpoint());
    with_large_files(&remote, 6);
    let mut command = remote.command();
    command.args(["backup", &remote.world.text("tree"), "-o", "patience=1s", "-o", "timeout=5s"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Packs alone are found by nobody: the next run goes on from the records of progress, up to the first that is
    // missing. Several are on their way at once, so the first to arrive need not be number 0.
    while !has_first_record(&server) {
        std::thread::yield_now();
    }
    server.kill9();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(14), "{words}");
    assert!(words.contains("what was stored so far is used"), "{words}");
    server.restart();
    remote.run(&["check", "--read-data"]).expect(0);
    assert_eq!(remote.run(&["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().len(), 0);
    let again = remote.run(&["backup", &remote.world.text("tree"), "--json"]).expect(0).json();
    let stored = again["stored_bytes"].as_u64().or_else(|| again["counters"]["stored_bytes"].as_u64());
    assert!(stored.is_none_or(|bytes| bytes < 70 << 20), "all of it was stored again: {again}");
    remote.run(&["check", "--read-data"]).expect(0);
    remote.expect_restored("tree", "out");
}

#[test]
fn credentials_that_expire_in_the_middle_end_the_run_and_nothing_is_lost() {
    let server = S3Server::start(Dialect::strict());
    let remote = Remote::new(server.endpoint());
    with_large_files(&remote, 4);
    let expired = Fault::Instead(Refusal::expired_token());
    server.inject(Rule::on(Operation::PutObject, expired).under("backups/one/data/").after(2).always());
    let said = remote.backup().expect(16);
    said.err_has("credentials for the store have expired").err_has("what was stored so far is used");
    server.clear_faults();
    remote.backup().expect(0).out_has("complete");
    remote.run(&["check", "--read-data"]).expect(0);
    remote.expect_restored("tree", "out");
}

#[test]
fn a_store_that_denies_in_the_middle_publishes_nothing() {
    let server = S3Server::start(Dialect::strict());
    let remote = Remote::new(server.endpoint());
    let denied = Fault::Instead(Refusal::access_denied());
    server.inject(Rule::on(Operation::PutObject, denied).under("backups/one/commits/").always());
    remote.backup().expect(16).err_has("refused");
    server.clear_faults();
    assert_eq!(remote.run(&["snapshots", "--json"]).expect(0).json()["snapshots"].as_array().unwrap().len(), 0);
    remote.backup().expect(0);
    remote.run(&["check", "--read-data"]).expect(0);
}

#[test]
fn a_store_full_of_hiccups_is_used_to_the_end() {
    let server = S3Server::start(Dialect { page_len: 5, ..Dialect::strict() });
    let remote = Remote::new(server.endpoint());
    with_large_files(&remote, 2);
    let faults = [
        Fault::ResetBefore,
        Fault::LostAnswer,
        Fault::Instead(Refusal::internal_error()),
        Fault::Instead(Refusal::slow_down()),
        Fault::Twice,
        Fault::CutBody { sixteenths: 5 },
        Fault::Instead(Refusal::bad_gateway()),
    ];
    for (number, fault) in (0..60).zip(faults.into_iter().cycle()) {
        server.inject(Rule::nth(3 + 5 * number, fault));
    }
    remote.backup().expect(0).out_has("complete");
    remote.run(&["check", "--read-data"]).expect(0);
    remote.expect_restored("tree", "out");
    let struck = server.requests().iter().filter(|request| request.fault.is_some()).count();
    assert!(struck > 10, "{struck}");
}
