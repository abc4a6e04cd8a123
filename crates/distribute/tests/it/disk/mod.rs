//! Power losses below the byte store. The product's own code works on a real folder; every change that the local store
//! makes to it is noted. For every point in that log, a model of a disk ([`model`]) says what a power loss at that point
//! may leave; each such state is opened, checked, restored, backed up to and collected ([`oracle`]).

mod explore;
mod model;
mod oracle;
mod record;
mod scenarios;

use crate::memory::TreeSource;
use crate::support::{PASSWORD, init_with, open, run, verify};
use datakeep_store_blob::{BlobStore, FaultPlan, FaultStore, MemoryStore};
use explore::{Played, explore_all, explore_some, play, seed};
use model::Tear;
use oracle::Told;
use record::{Afterwards, LeavesOut};
use scenarios::{Act, KILLED, SCENARIOS, World};

#[test]
fn a_power_loss_at_any_point_loses_nothing() {
    let (total, distinct) = explore_all(SCENARIOS);
    println!("power losses: {total} states, {distinct} distinct");
    assert!(total >= 20_000, "{total} states, {distinct} distinct");
}

#[test]
fn a_power_loss_after_a_killed_run_loses_nothing() {
    let (total, distinct) = explore_all(KILLED);
    println!("power losses after killed runs: {total} states, {distinct} distinct");
}

/// Proof that the harness can find something: a store that leaves out a sync is found out.
#[test]
fn planted_faults_are_found() {
    for leaves_out in [LeavesOut::SyncOfFiles, LeavesOut::SyncOfDirectories, LeavesOut::SyncOfNewDirectories] {
        for name in ["init", "first-backup", "collect"] {
            let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).expect("a scenario");
            let explored = explore_some(&play(scenario, leaves_out), usize::MAX, true);
            println!("{leaves_out:?} in {name}: {:?}", explored.failures.first());
            // Only the first backup of an epoch makes folders of which nothing later makes sure.
            let must_be_found = name != "collect" || leaves_out != LeavesOut::SyncOfNewDirectories;
            assert!(!must_be_found || !explored.failures.is_empty(), "{leaves_out:?} is not found in {name}");
        }
    }
}

/// A sync that fails, each in turn, and a file system that goes on or turns read only after it: what is acknowledged all
/// the same, and what the next run acknowledges on what it sees, survives a power loss.
#[test]
fn a_failed_sync_is_never_acknowledged() {
    let (mut failed, mut checked, mut faults) = (0, 0, Vec::new());
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.acts.len() == 1) {
        for afterwards in [Afterwards::GoesOn, Afterwards::ReadOnly] {
            for number in 0.. {
                let world = World::new(seed(), LeavesOut::Nothing);
                scenario.before.iter().for_each(|act| act(&world).unwrap());
                world.recorder.fail_sync(number, afterwards);
                let ended = scenario.acts[0](&world);
                let at_failure = Played::of(scenario.name, &world, world.recorder.len());
                if !world.recorder.mend() {
                    break;
                }
                failed += 1;
                let mut all = vec![at_failure];
                // A file system that turned read only has to be mounted anew, and then shows what is on the disk.
                if afterwards == Afterwards::GoesOn {
                    let next: Act = if scenario.name == "init" { scenario.acts[0] } else { scenarios::back_up_2 };
                    let _ = next(&world);
                    all.push(Played::of(scenario.name, &world, world.recorder.len()));
                }
                for played in all {
                    let explored = explore_some(&played, 16, true);
                    checked += explored.distinct;
                    let what = format!("{}, sync {number}, {afterwards:?}, {ended:?}", scenario.name);
                    let describe = |fault: String| {
                        let (fault, _) = fault.split_once("\n  again:").unwrap_or((&fault, ""));
                        let again = "cargo test -p datakeep-distribute --test it disk::a_failed_sync";
                        format!("{what}: {fault}\n  again: DATAKEEP_SEED={} {again}", seed())
                    };
                    faults.extend(explored.failures.into_iter().map(describe));
                }
            }
        }
    }
    println!("{failed} failed syncs, {checked} states");
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(failed > 50, "{failed}");
}

/// A file system that names what it has not got: torn packs of a run that died before anything referred to them are in
/// nobody's way. Check names them, since somebody ought to know of such a disk; a collection removes them.
#[test]
fn torn_packs_that_nobody_refers_to_are_in_nobodys_way() {
    let before = MemoryStore::new();
    let repository = init_with(before.clone(), &oracle::init_options(oracle::ONE_FRAME));
    let source = |number: usize| TreeSource::new("disk", oracle::numbered_tree(number));
    let report = run(&repository, &mut source(0), &scenarios::at_once()).unwrap();
    let mut expected = oracle::Expected::default();
    [Told::Made, Told::Opens(PASSWORD)].iter().for_each(|told| expected.hear(told));
    expected.hear(&Told::Kept(report.manifest.unwrap().snapshot.id, 0));
    let packs = |store: &MemoryStore| store.list("data/").unwrap();
    let dead = (0..).map(FaultPlan::CrashAfter).find_map(|plan| {
        let store = before.fork();
        let died = open(FaultStore::new(store.clone(), plan));
        let _ = died.map(|repository| run(&repository, &mut source(5), &scenarios::at_once()));
        (packs(&store).len() > packs(&before).len()).then_some(store)
    });
    let dead = dead.expect("a run that died with packs");
    for tear in [Tear::Cut(4), Tear::Nothing, Tear::Zeros] {
        let store = dead.fork();
        let torn: Vec<_> = packs(&store).into_iter().filter(|pack| !packs(&before).contains(pack)).collect();
        for pack in &torn {
            store.tamper(&pack.name, Some(tear.apply(&store.read(&pack.name, u64::MAX).unwrap())));
        }
        let faults = verify(&open(store.clone()).unwrap()).unwrap().faults;
        assert!(faults.iter().all(|fault| torn.iter().any(|pack| fault.what.contains(&pack.name))), "of nothing else");
        assert_eq!(oracle::go_on(&store, &expected), Ok(()));
    }
}

/// Checks one state again, as a failure prints it: `DATAKEEP_STATE=scenario:point:variant:events`. How the threads of a
/// run meet decides how often it records its progress, so the scenario is played until it has as many events.
#[test]
fn one_state() {
    let Ok(wanted) = std::env::var("DATAKEEP_STATE") else { return };
    let parts: Vec<&str> = wanted.split(':').collect();
    let [name, prefix, variant, events] = parts[..] else { panic!("scenario:point:variant:events, not {wanted}") };
    let [prefix, variant, events] = [prefix, variant, events].map(|number| number.parse::<usize>().unwrap());
    let scenario = SCENARIOS.iter().chain(KILLED).find(|scenario| scenario.name == name).expect("a scenario");
    let alike = (0..200).map(|_| play(scenario, LeavesOut::Nothing)).find(|played| played.events() == events);
    assert_eq!(alike.expect("a history of as many events").check_one(prefix, variant), None);
}
