//! From where the store is called, and what was played there.

use super::{Stage, Sum};
use datakeep_store_blob::{CallSite, FaultKind, Operation};
use std::collections::BTreeSet;

/// Every place from which the scenarios must call the store, by operation.
const EXPECTED: &[(Operation, &[&str])] = &[
    (Operation::Stage, &["data", "index", "meta", "reach"]),
    (Operation::Barrier, &[""]),
    (
        Operation::Create,
        &[
            "checkpoints",
            "commits",
            "commits-copies",
            "commits-forgotten",
            "condemned",
            "config",
            "config-keys",
            "copies",
            "mended",
            "origins",
            "progress",
            "quarantine",
            "sessions",
            "tags",
        ],
    ),
    (
        Operation::Read,
        &[
            "checkpoints",
            "commits",
            "commits-copies",
            "commits-forgotten",
            "condemned",
            "config",
            "config-keys",
            "copies",
            "data",
            "index",
            "mended",
            "progress",
            "quarantine",
            "reach",
            "sessions",
            "tags",
        ],
    ),
    (Operation::ReadAt, &["data", "meta"]),
    (Operation::ReadTail, &["data", "meta"]),
    (Operation::ListBetween, &["c", "commits-copies"]),
    (
        Operation::Len,
        &[
            "checkpoints",
            "commits",
            "commits-copies",
            "commits-forgotten",
            "condemned",
            "config",
            "copies",
            "data",
            "index",
            "mended",
            "progress",
            "quarantine",
            "reach",
            "sessions",
            "tags",
        ],
    ),
    (Operation::Age, &["data", "sessions"]),
    (
        Operation::List,
        &[
            "",
            "checkpoints",
            "commits",
            "commits-copies",
            "commits-forgotten",
            "condemned",
            "config-keys",
            "copies",
            "data",
            "index",
            "mended",
            "meta",
            "origins",
            "progress",
            "quarantine",
            "reach",
            "sessions",
            "tags",
        ],
    ),
    (
        Operation::Delete,
        &[
            "checkpoints",
            "commits",
            "commits-copies",
            "commits-forgotten",
            "condemned",
            "config-keys",
            "copies",
            "data",
            "index",
            "mended",
            "meta",
            "progress",
            "reach",
            "sessions",
            "tags",
        ],
    ),
    (Operation::Settle, &["checkpoints", "commits", "commits-copies", "data", "meta"]),
    (Operation::ClearLeftovers, &[""]),
];

fn expected() -> BTreeSet<CallSite> {
    let one = |&(operation, folders): &(Operation, &'static [&'static str])| {
        folders.iter().map(move |folder| CallSite { operation, folder: folder.to_string() })
    };
    EXPECTED.iter().flat_map(one).collect()
}

fn found(stages: &[Stage]) -> BTreeSet<CallSite> {
    stages.iter().flat_map(|stage| stage.calls.keys().cloned()).collect()
}

fn shown(site: &CallSite) -> String {
    let folder = if site.folder.is_empty() { "(all)" } else { &site.folder };
    format!("{} {folder}", site.operation.name())
}

/// One row per site, one column per kind; a dash where the kind cannot happen.
pub fn print(stages: &[Stage], sum: &Sum) {
    let header: String = FaultKind::ALL.iter().map(|kind| format!(" {:>11}", kind.name())).collect();
    println!("{:24}{header}", "call site");
    for site in found(stages) {
        let cell = |kind: &FaultKind| match kind.applies_to(site.operation) {
            Ok(()) => sum.cells.get(&(site.clone(), *kind)).copied().unwrap_or(0).to_string(),
            Err(_) => "-".to_string(),
        };
        let row: String = FaultKind::ALL.iter().map(|kind| format!(" {:>11}", cell(kind))).collect();
        println!("{:24}{row}", shown(&site));
    }
    let calls: u64 = stages.iter().flat_map(|stage| stage.calls.values()).sum();
    let all: usize = stages.iter().map(|stage| stage.strikes().len()).sum();
    println!("{} scenarios make {calls} calls from {} sites: {all} cases", stages.len(), found(stages).len());
    let (played, missed) = (sum.successes + sum.failures, sum.missed);
    println!(
        "{played} cases played in {} cells: {} succeeded, {} failed cleanly; {missed} calls were not made this time; \
         {} went wrong",
        sum.cells.len(),
        sum.successes,
        sum.failures,
        sum.wrong.len()
    );
}

/// Of a hundred cases, so many may not come about: a run of several threads makes a call more or less than the one before.
const MOST_MISSED_PERCENT: u64 = 5;

/// Every site that is expected is there and no other; every fault that can happen at one was played there, and nearly every
/// case was.
pub fn assert_complete(stages: &[Stage], sum: &Sum) {
    let cases = sum.successes + sum.failures + sum.missed;
    let missed = sum.missed;
    assert!(missed * 100 <= cases * MOST_MISSED_PERCENT, "{missed} of {cases} cases did not come about");
    let (expected, found) = (expected(), found(stages));
    let missing: Vec<String> = expected.difference(&found).map(shown).collect();
    assert!(missing.is_empty(), "no scenario calls the store from {missing:?}");
    let new: Vec<String> = found.difference(&expected).map(shown).collect();
    assert!(new.is_empty(), "the store is called from {new:?}: add it to the expected sites");
    let is_played = |site: &CallSite, kind: FaultKind| sum.cells.contains_key(&(site.clone(), kind));
    for site in &expected {
        for kind in FaultKind::ALL.into_iter().filter(|kind| kind.applies_to(site.operation).is_ok()) {
            assert!(is_played(site, kind), "{} never met {}", shown(site), kind.name());
        }
    }
}
