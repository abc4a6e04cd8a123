//! The commit and collection protocol, explored exhaustively (`README.md` beside this file).

mod codec;
mod collector;
mod explore;
mod finish;
mod invariants;
mod reader;
mod scope;
mod state;
mod step;
mod words;
mod worlds;
mod writer;

use explore::{Outcome, explore};
use scope::{Change, Model, Scope};
use state::State;
use std::time::Instant;
use worlds::{LARGE, LARGE_FOR_VARIANTS, MUTANTS, NORMAL, VARIANTS};

/// Set to `large`, this variable adds the large worlds.
const VARIABLE: &str = "DATAKEEP_MODEL";

/// Explores and says how much that was.
fn run(scope: Scope, change: Option<Change>) -> Outcome {
    let model = Model { scope, change };
    let started = Instant::now();
    let outcome = explore(&model);
    let what = change.map_or("the protocol".to_owned(), |change| format!("{change:?}"));
    println!(
        "{what:<22} in {:<36} {:>9} states, {:>7} at rest, {:>2} steps deep, {:.1} s",
        format!("\"{}\":", scope.name),
        outcome.states,
        outcome.at_rest,
        outcome.depth,
        started.elapsed().as_secs_f64()
    );
    if let Some(found) = &outcome.counterexample {
        println!("    {}", found.violation);
        println!("        begin        with {}", words::beginning(&State::first(&model)));
        found.trace.iter().for_each(|line| println!("        {line}"));
    }
    outcome
}

fn hold(change: Option<Change>, scopes: &[Scope]) -> usize {
    let mut states = 0;
    for scope in scopes {
        let outcome = run(*scope, change);
        assert!(outcome.counterexample.is_none(), "not safe in \"{}\", see above", scope.name);
        states += outcome.states;
    }
    states
}

#[test]
fn protocol_holds() {
    let states = hold(None, NORMAL);
    println!("{states} states, every one of them good");
    assert!(states >= 100_000);
}

#[test]
fn large_worlds() {
    if !std::env::var(VARIABLE).is_ok_and(|value| value == "large") {
        println!("NOT RUN: the large worlds; set {VARIABLE}=large (minutes, some GB of memory; build with --release)");
        return;
    }
    let states = hold(None, LARGE);
    println!("{states} states, every one of them good");
    assert!(states >= 5_000_000);
    let mut changes: Vec<Change> = VARIANTS.iter().map(|(change, _)| *change).collect();
    changes.dedup();
    // Where listings are one step, their order cannot matter.
    changes.retain(|change| *change != Change::IntentsBeforePacks);
    for change in changes {
        hold(Some(change), LARGE_FOR_VARIANTS);
    }
}

#[test]
fn broken_protocols_are_caught() {
    for (change, scope) in MUTANTS {
        // Data must get lost: that a mutant makes no progress counts only where nothing else is wrong with it.
        let scope = Scope { progress: *change == Change::KeepOrphans, ..*scope };
        let outcome = run(scope, Some(*change));
        assert!(outcome.counterexample.is_some(), "nobody notices {change:?}");
    }
}

#[test]
fn variants_hold() {
    for (change, scope) in VARIANTS {
        hold(Some(*change), &[*scope]);
    }
}
