//! Copiers among the others: from one played repository to another of other keys and parameters, while writers, a
//! collector and a reader work on the first, and a collector that forgets, and now and then a writer and a reader, on the
//! second. All are on one stage.

use super::{Blind, Stage, World, base_seed, check_end};
use crate::copying::other;
use crate::support::{Chance, Ear, NOW, PASSWORD, XorShift, init_by, open_with, small};
use datakeep_connector::{Cancel, FixedClock};
use datakeep_distribute::DistributeError;
use datakeep_distribute::copy::{Copier, CopyReport, Depth, Pair, Wanted};
use datakeep_engine::{BackupOptions, RunContext};
use datakeep_model::{ContentKind, ErrorKind, Whence};
use datakeep_store::{InitOptions, Manifest, Repository};
use datakeep_store_blob::{FaultPlan, FaultStore, MemoryStore};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug)]
enum Role {
    Writer,
    Collector,
    Reader,
    Copier,
    WriterThere,
    CollectorThere,
    ReaderThere,
}

/// Who works on the two repositories: six always, up to three more now and then.
fn cast(random: &mut XorShift) -> Vec<Role> {
    let always = [Role::Writer, Role::Writer, Role::Collector, Role::Reader, Role::Copier, Role::CollectorThere];
    let more = [Role::Copier, Role::WriterThere, Role::ReaderThere].into_iter().filter(|_| random.below(3) == 0);
    always.into_iter().chain(more).collect()
}

/// What copiers came to.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    copied: u64,
    /// Copies of tables.
    tables: u64,
    /// Copies that took up what a copier had left that died.
    resumed: u64,
    /// Copies that shared an earlier copy.
    based: u64,
    failed: u64,
    /// Originals and copies that were forgotten and collected under a copier's hands.
    gone: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.copied += other.copied;
        self.tables += other.tables;
        self.resumed += other.resumed;
        self.based += other.based;
        self.failed += other.failed;
        self.gone += other.gone;
    }
}

/// Whose sight is taken from copiers and from whoever collects what they make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Planted {
    source: Blind,
    target: Blind,
}

const NOTHING: Planted = Planted { source: Blind::Sees, target: Blind::Sees };

/// The two repositories.
struct Two {
    first: World,
    second: World,
    planted: Planted,
    tally: Mutex<Tally>,
}

impl Two {
    fn play(&self, role: Role, actor: usize, seed: u64) {
        match role {
            Role::Writer => self.first.writer(actor, seed),
            Role::Collector => self.first.collector(actor, seed),
            Role::Reader => self.first.reader(actor, seed),
            Role::Copier => self.copier(actor, seed),
            Role::WriterThere => self.second.writer(actor, seed),
            Role::CollectorThere => self.second.collector(actor, seed),
            Role::ReaderThere => self.second.reader(actor, seed),
        }
        self.first.stage.leave(actor);
    }

    /// Every round is a process of its own, and every other process dies between two changes of what it makes.
    fn open(&self, actor: usize, random: &mut XorShift) -> Option<(Arc<Repository>, Arc<Repository>)> {
        let at = random.below(60);
        let plan = match random.below(4) {
            0 => FaultPlan::CrashBefore(at),
            1 => FaultPlan::CrashAfter(at),
            _ => FaultPlan::Count,
        };
        let blind = match self.planted.target {
            Blind::CollectorOfSessions => Blind::Sees,
            blind => blind,
        };
        let source = self.first.played(actor, self.planted.source);
        let target = self.second.played(actor, blind);
        let chance = || self.first.chance.of(actor);
        let source = open_with(source, PASSWORD, chance()).ok()?;
        Some((source, open_with(FaultStore::new(target, plan), PASSWORD, chance()).ok()?))
    }

    fn copier(&self, actor: usize, seed: u64) {
        let mut random = XorShift::new(seed);
        for _ in 0..4 * self.first.length {
            let Some((from, to)) = self.open(actor, &mut random) else { continue };
            let Ok(mut copier) = Copier::new(Pair::new(&from, &to).unwrap()) else { continue };
            let Ok((manifests, _)) = from.snapshots() else { continue };
            let wanted = [Wanted::New, Wanted::New, Wanted::All, Wanted::Named][random.below(4) as usize];
            let depth = [Depth::Entries, Depth::Content][random.below(2) as usize];
            let Ok(plan) = copier.plan(&manifests, wanted) else { continue };
            for planned in plan.iter().filter(|planned| planned.is_to_copy) {
                self.copy(&mut copier, &from, &planned.manifest, (actor, depth));
            }
        }
    }

    fn copy(&self, copier: &mut Copier<'_>, from: &Repository, original: &Manifest, (actor, depth): (usize, Depth)) {
        let label = original.snapshot.tags.first().cloned().unwrap_or_default();
        let held = self.first.oracle.lock().unwrap().attempts[&label].clone();
        self.second.oracle.lock().unwrap().attempts.insert(label.clone(), held);
        self.first.stage.state.lock().unwrap().failed[actor] = false;
        let options = BackupOptions { workers: 1, progress_bytes: 2 << 10, ..self.first.frames() };
        let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
        let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
        let result = copier.copy(original, &options, depth, &context);
        self.count(&result);
        match result {
            Ok(report) => {
                let whence = Whence { repository: from.config().repository, snapshot: original.snapshot.id };
                self.judge(&label, whence, &report);
                self.second.oracle.lock().unwrap().acknowledged.insert(report.copy.snapshot.id, label);
            }
            // Nothing is damaged in this world: what is gone was forgotten and collected, and that is what is to be said.
            Err(error) if error.kind() == ErrorKind::Integrity => {
                if !self.first.stage.state.lock().unwrap().failed[actor] {
                    self.second.fault(format!("a copier of {label}: {error}"));
                }
            }
            Err(_) => {}
        }
    }

    fn count(&self, result: &Result<CopyReport, DistributeError>) {
        let one = match result {
            Ok(report) => Tally {
                copied: 1,
                tables: (report.copy.snapshot.content == ContentKind::Tables).into(),
                resumed: report.resumed.is_some().into(),
                based: report.copy.snapshot.parent.is_some().into(),
                ..Tally::default()
            },
            Err(error) => Tally { failed: 1, gone: (error.kind() == ErrorKind::NotFound).into(), ..Tally::default() },
        };
        self.tally.lock().unwrap().add(one);
    }

    /// What a copier says of a copy that it acknowledges.
    fn judge(&self, label: &str, whence: Whence, report: &CopyReport) {
        let differences = &report.compared.differences;
        if !report.losses.is_empty() || !differences.is_empty() {
            self.second.fault(format!("a copier of {label}: lost {:?}, differs in {differences:?}", report.losses));
        }
        let chain = report.copy.snapshot.origin.as_ref().map(|origin| origin.chain.clone()).unwrap_or_default();
        if chain != [whence] {
            self.second.fault(format!("a copy of {label} says that it comes from {chain:?}"));
        }
    }
}

/// Plays one history; the answer is what was found wrong.
fn play(seed: u64, planted: Planted) -> (Vec<String>, [u64; 3], Tally) {
    let stores = [MemoryStore::new(), MemoryStore::new()];
    let mut random = XorShift::new(seed);
    let length = if seed.is_multiple_of(8) { 5 } else { 1 };
    let chance = Arc::new(Chance::new(seed));
    for (store, options) in stores.iter().zip([small(), other()]) {
        let pack_target_bytes = if length == 1 { options.pack_target_bytes } else { 20_000 };
        init_by(store.clone(), &InitOptions { pack_target_bytes, ..options }, chance.nobody());
    }
    let roles = cast(&mut random);
    let stage = Stage::new(random.next_u64(), roles.len(), &stores);
    let world = |store: &MemoryStore, blind: Blind| World::new(store, length, &stage, (blind, &chance));
    let (first, second) = (world(&stores[0], Blind::Sees), world(&stores[1], planted.target));
    let two = Two { first, second, planted, tally: Mutex::default() };
    std::thread::scope(|scope| {
        for (actor, &role) in roles.iter().enumerate() {
            let (two, seed) = (&two, random.next_u64());
            scope.spawn(move || two.play(role, actor, seed));
        }
    });
    let mut faults = Vec::new();
    for (place, world) in [("here", &two.first), ("there", &two.second)] {
        check_end(world);
        let found = std::mem::take(&mut world.oracle.lock().unwrap().faults);
        faults.extend(found.into_iter().map(|fault| format!("{place}: {fault}")));
    }
    let state = stage.state.lock().unwrap();
    (faults, [state.calls, state.deaths, state.failures], *two.tally.lock().unwrap())
}

#[test]
fn every_copy_is_whole_in_any_history() {
    let count = std::env::var("DATAKEEP_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(400);
    let (base, mut totals, mut tally) = (base_seed(), [0; 3], Tally::default());
    for seed in base..base + count {
        let (faults, made, one) = play(seed, NOTHING);
        totals.iter_mut().zip(made).for_each(|(total, one)| *total += one);
        tally.add(one);
        let again = "cargo test -p datakeep-distribute --test it simulation::copying";
        assert_eq!(faults, Vec::<String>::new(), "again: DATAKEEP_SEED={seed} DATAKEEP_HISTORIES=1 {again}");
    }
    let [calls, deaths, failures] = totals;
    println!("{count} histories, {calls} calls to the stores, {deaths} deaths, {failures} passing faults: {tally:?}");
    let Tally { copied, tables, resumed, based, failed, gone } = tally;
    assert!(count < 100 || [copied, tables, resumed, based, failed, gone, deaths].iter().all(|&number| number > 0));
}

/// Proof that the harness can find something: each planted fault is found within some histories.
#[test]
fn planted_faults_of_copies_are_found() {
    let of_target = [Blind::WriterOfCondemned, Blind::CollectorOfSessions, Blind::WriterOfCheckpoints];
    let planted = of_target.map(|target| Planted { target, ..NOTHING });
    for planted in planted.into_iter().chain([Planted { source: Blind::WriterOfCheckpoints, ..NOTHING }]) {
        let found = (1..4000).find(|&seed| !play(seed, planted).0.is_empty());
        println!("{planted:?}: found with seed {found:?}");
        assert!(found.is_some(), "{planted:?} is not found");
    }
}
