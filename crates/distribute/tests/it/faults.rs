//! Every call to the store goes wrong once, in each of twelve ways. What is done at the time succeeds all the same, and
//! then all it promises is true; or it fails cleanly: nothing visible is lost, and doing it again succeeds. It never says
//! that it has succeeded when it has not.
//!
//! Every call of every scenario is played with every kind that can happen there; nothing is sampled. A failure prints the
//! one command that repeats it.

mod acts;
mod between;
mod copying;
mod judge;
mod liar;
mod prepare;
mod sites;
mod tables;

use crate::crash::{LooseStore, Survival, loose};
use acts::{Aim, SCENARIOS, Scenario, Told, collect_elsewhere};
use datakeep_store_blob::strike::LONG_MS;
use datakeep_store_blob::{BlobStore, CallSite, FaultKind, MemoryStore, Operation, Strike, StrikeLog, StrikeStore};
use judge::{Verdict, ensure, look, look_later};
use liar::{Liar, Lie};
use prepare::{Prepared, chance, draw_from};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Rows of chance of a seed: one half for what is prepared, the other for what is played.
const ROWS: u64 = 1 << 20;

/// What an act works with: the fault, and around it whoever lies about it.
type Backend = Liar<StrikeStore<LooseStore>>;

fn backend(store: &MemoryStore, strike: Option<Strike>, lie: Lie) -> (Backend, Arc<StrikeLog>) {
    // What is staged may be seen before the barrier, or not: both are played.
    let is_seen = strike.as_ref().is_some_and(|strike| strike.nth % 2 == 1);
    let survival = if is_seen { Survival::Everything } else { Survival::Nothing };
    // While a call stalls, another host gives up whatever does not move, and collects.
    let (world, entropy) = (store.clone(), chance());
    let meanwhile = move || {
        world.advance(LONG_MS);
        let world: Arc<dyn BlobStore> = Arc::new(world.clone());
        let _ = collect_elsewhere(&world, entropy.clone());
    };
    let inner = StrikeStore::new(loose(store, survival), strike, Box::new(meanwhile));
    let log = inner.log();
    (Liar { inner, lie }, log)
}

/// A scenario with its repository, and how often it calls the store from where.
struct Stage {
    scenario: &'static Scenario,
    seed: u64,
    prepared: Prepared,
    calls: BTreeMap<CallSite, u64>,
}

impl Stage {
    fn new(scenario: &'static Scenario, seed: u64) -> Self {
        draw_from(seed * ROWS);
        let prepared = (scenario.prepare)();
        let (honest, log) = backend(&prepared.store.fork(), None, Lie::None);
        let told = (scenario.act)(&prepared, honest);
        assert_eq!(told.is_ok(), scenario.aim != Aim::Find, "{} without a fault: {:?}", scenario.name, told.err());
        Self { scenario, seed, prepared, calls: log.calls() }
    }

    /// Every fault that can happen here.
    fn strikes(&self) -> Vec<Strike> {
        let mut strikes = Vec::new();
        for (site, &count) in &self.calls {
            for kind in FaultKind::ALL.into_iter().filter(|kind| kind.applies_to(site.operation).is_ok()) {
                strikes.extend((0..count).map(|nth| Strike { site: site.clone(), nth, kind }));
            }
        }
        strikes
    }

    /// Plays the scenario with a fault. An error is what the product did wrong.
    fn play(&self, strike: &Strike, lie: Lie) -> Result<Played, String> {
        draw_from(self.seed * ROWS + ROWS / 2);
        let store = self.prepared.store.fork();
        let (backend, log) = backend(&store, Some(strike.clone()), lie);
        let result = (self.scenario.act)(&self.prepared, backend);
        let played = Played { has_struck: log.has_struck(), is_success: result.is_ok() };
        self.judge(&store, strike, &result).map_err(|wrong| {
            let told = result.map_or_else(|error| format!("failed with {error:?}"), |_| "told success".to_string());
            format!("{told}, and {wrong}")
        })?;
        Ok(played)
    }

    fn judge(&self, store: &MemoryStore, strike: &Strike, result: &Result<Told, String>) -> Verdict {
        let (scenario, prepared) = (self.scenario, &self.prepared);
        let untouched = Told::default();
        look(scenario, prepared, store, result.as_ref().unwrap_or(&untouched))?;
        if scenario.aim == Aim::Find {
            ensure(result.is_err(), || "there is damage".to_string())?;
        }
        if matches!(scenario.aim, Aim::Find | Aim::Look) && strike.kind != FaultKind::Stalled {
            let (before, after) = (prepared.store.list(""), store.list(""));
            ensure(before.ok() == after.ok(), || "whoever only looks has changed something".to_string())?;
        }
        let Err(error) = result else { return look_later(scenario, prepared, store, result.as_ref().unwrap()) };
        self.again(store, error)
    }

    /// Doing it again without a fault succeeds.
    fn again(&self, store: &MemoryStore, error: &str) -> Verdict {
        let (scenario, prepared) = (self.scenario, &self.prepared);
        let (honest, _) = backend(store, None, Lie::None);
        let told = match (scenario.act)(prepared, honest) {
            Err(_) if scenario.aim == Aim::Find => return Ok(()),
            // The first has made it: it opens, which was looked at before.
            Err(again) if scenario.aim == Aim::Begin && again.contains("is not empty") => return Ok(()),
            Err(again) => return Err(format!("a second time fails: {again} (after {error})")),
            Ok(told) => told,
        };
        look(scenario, prepared, store, &told).map_err(|wrong| format!("after a second time: {wrong}"))?;
        look_later(scenario, prepared, store, &told).map_err(|wrong| format!("later, after a second time: {wrong}"))
    }

    /// The command that plays it again.
    fn command(&self, strike: &Strike) -> String {
        let Strike { site, nth, kind } = strike;
        let call = format!("{}/{}/{nth}", site.operation.name(), site.folder);
        let case = format!("{}:{call}:{}", self.scenario.name, kind.name());
        format!(
            "DATAKEEP_SEED={} DATAKEEP_FAULT={case} cargo test -p datakeep-distribute --test it faults::every_call",
            self.seed
        )
    }
}

/// What came of a case that went as it should.
struct Played {
    has_struck: bool,
    is_success: bool,
}

/// What all cases together came to.
#[derive(Default)]
struct Sum {
    /// Cases per kind and site.
    cells: BTreeMap<(CallSite, FaultKind), u64>,
    successes: u64,
    failures: u64,
    /// Calls that were not made this time: runs of several threads differ a little.
    missed: u64,
    wrong: Vec<String>,
}

/// Plays every case on all cores, or as many as it takes to find something wrong.
fn play_all(stages: &[Stage], lie: Lie) -> Sum {
    let of = |stage| Stage::strikes(stage).into_iter().map(move |strike| (stage, strike));
    let cases: Vec<(&Stage, Strike)> = stages.iter().flat_map(of).collect();
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Sum::default()));
    let is_enough = || lie != Lie::None && !sum.lock().unwrap().wrong.is_empty();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((stage, strike)) =
                    cases.get(next.fetch_add(1, Ordering::SeqCst)).filter(|_| !is_enough())
                {
                    let played = catch_unwind(AssertUnwindSafe(|| stage.play(strike, lie)))
                        .unwrap_or_else(|_| Err("it panicked".to_string()));
                    note(&mut sum.lock().unwrap(), stage, strike, played);
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

fn note(sum: &mut Sum, stage: &Stage, strike: &Strike, played: Result<Played, String>) {
    match played {
        Err(wrong) => sum.wrong.push(format!("{wrong}\n    again: {}", stage.command(strike))),
        Ok(played) if !played.has_struck => sum.missed += 1,
        Ok(played) => {
            *sum.cells.entry((strike.site.clone(), strike.kind)).or_default() += 1;
            *if played.is_success { &mut sum.successes } else { &mut sum.failures } += 1;
        }
    }
}

fn seed() -> u64 {
    std::env::var("DATAKEEP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

fn stages() -> Vec<Stage> {
    SCENARIOS.iter().map(|scenario| Stage::new(scenario, seed())).collect()
}

fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

/// The case of `DATAKEEP_FAULT`: scenario, operation, folder, number of the call, kind.
fn wanted_case(text: &str) -> Option<(Stage, Strike)> {
    let mut parts = text.split(':');
    let scenario = scenario(parts.next()?)?;
    let mut call = parts.next()?.split('/');
    let (operation, folder, nth) = (call.next()?, call.next()?, call.next()?);
    let operation = Operation::ALL.into_iter().find(|known| known.name() == operation)?;
    let kind = parts.next()?;
    let kind = FaultKind::ALL.into_iter().find(|known| known.name() == kind)?;
    let site = CallSite { operation, folder: folder.to_string() };
    Some((Stage::new(scenario, seed()), Strike { site, nth: nth.parse().ok()?, kind }))
}

#[test]
fn every_call_that_goes_wrong_once_is_no_false_success() {
    if let Ok(text) = std::env::var("DATAKEEP_FAULT") {
        let (stage, strike) = wanted_case(&text).expect("scenario:operation/folder/number:kind");
        let played = stage.play(&strike, Lie::None).unwrap_or_else(|wrong| panic!("{wrong}"));
        return println!("{text}: struck {}, success {}", played.has_struck, played.is_success);
    }
    let stages = stages();
    let sum = play_all(&stages, Lie::None);
    sites::print(&stages, &sum);
    assert!(sum.wrong.is_empty(), "{} cases went wrong:\n{}", sum.wrong.len(), sum.wrong.join("\n"));
    sites::assert_complete(&stages, &sum);
}

/// Where in the end of a pack a bit turns, decides what comes of it: many places are tried.
#[test]
fn an_altered_digest_is_not_written_down() {
    let is_altered = |strike: &Strike| {
        matches!(strike.site.operation, Operation::ReadAt | Operation::ReadTail) && strike.kind == FaultKind::Altered
    };
    for (seed, name) in (1..=16).flat_map(|seed| [(seed, "resumed-backup"), (seed, "repair-an-index")]) {
        let stage = Stage::new(scenario(name).unwrap(), seed);
        for strike in stage.strikes().iter().filter(|strike| is_altered(strike)) {
            let played = stage.play(strike, Lie::None);
            assert!(played.is_ok(), "{:?}\n    again: {}", played.err(), stage.command(strike));
        }
    }
}

/// The scenario is what its name says: the run opens another session and decides twice.
#[test]
fn a_run_is_passed_by() {
    let stage = Stage::new(scenario("backup-passed-by").unwrap(), 1);
    let site = |folder: &str| CallSite { operation: Operation::Create, folder: folder.to_string() };
    let created = |folder: &str| stage.calls.get(&site(folder)).copied().unwrap_or(0);
    assert_eq!(created("sessions"), 3, "the run, the collector's, and the run again");
    assert!(created("commits") >= 4, "given up, tried, decided: {}", created("commits"));
}

/// Proof that the harness can find something: whoever swallows an error is found out.
#[test]
fn swallowed_errors_are_found() {
    let stages = stages();
    for lie in [Lie::Barrier, Lie::Commits, Lie::Forgotten, Lie::Delete] {
        let sum = play_all(&stages, lie);
        let (wrong, cases) = (sum.wrong, sum.successes + sum.failures + sum.missed);
        println!("{lie:?}: found after {cases} cases: {}", wrong.first().map_or("not at all", String::as_str));
        assert!(!wrong.is_empty(), "{lie:?} is not found");
    }
}
