//! Damage at random moments, and repairs beside writers, collectors and a reader: stopped at any call, dying like everybody.
//!
//! What has a second copy, or can be made again, is damaged at will: reach and index objects, intents, one of the two
//! copies of a decision or a checkpoint. Nothing may be lost by that. In some histories packs are damaged, too: then a
//! snapshot that used none of them, and was made while none was in place, must stay whole, and a repair may not lessen
//! what comes out of the others.

use super::{Blind, Stage, World, base_seed};
use crate::collect::{collect, collect_options, forget, pack_bytes};
use crate::repair::restorable;
use crate::support::{Chance, XorShift, init_by, open, small, verify};
use datakeep_model::SessionId;
use datakeep_store::{CollectOptions, InitOptions, Manifest, RepairOutcome, RepairPlan, Repaired, Repository};
use datakeep_store_blob::{BlobStore, MemoryStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};

/// What was damaged, and whom it hurts.
#[derive(Default)]
pub(super) struct Harm {
    events: u64,
    /// Packs that were damaged, whether they are still in place or not.
    packs: BTreeSet<String>,
    /// Records of which one copy was damaged: the other stays whole.
    once: BTreeSet<String>,
    /// Snapshots that use, or may use, what was damaged of packs.
    hurt: BTreeSet<SessionId>,
    pub counts: BTreeMap<String, u64>,
}

impl Harm {
    pub fn count(&mut self, what: &str, number: u64) {
        *self.counts.entry(what.to_string()).or_default() += number;
    }

    fn is_in_place(&self, store: &MemoryStore) -> bool {
        self.packs.iter().any(|pack| store.len_bytes(pack).unwrap().is_some())
    }
}

/// How things stood when a run began.
pub(super) struct Began {
    events: u64,
    is_harmed: bool,
}

impl World {
    pub(super) fn harm(&self) -> MutexGuard<'_, Harm> {
        self.harm.lock().unwrap()
    }

    pub(super) fn begin(&self) -> Began {
        let harm = self.harm();
        Began { events: harm.events, is_harmed: harm.is_in_place(&self.store) }
    }

    /// Notes an acknowledged snapshot; one that may refer to a damaged pack is none that must be whole.
    pub(super) fn acknowledge(&self, began: &Began, id: SessionId, label: String) {
        let mut harm = self.harm();
        if began.is_harmed || (harm.events != began.events && !harm.packs.is_empty()) || harm.is_in_place(&self.store) {
            harm.hurt.insert(id);
        }
        self.oracle.lock().unwrap().acknowledged.insert(id, label);
    }

    pub(super) fn is_hurt(&self, id: SessionId) -> bool {
        self.harm().hurt.contains(&id)
    }

    /// False for a snapshot that nobody has acknowledged, once packs have been damaged.
    pub(super) fn must_be_whole(&self, id: SessionId) -> bool {
        self.harm().packs.is_empty() || self.oracle.lock().unwrap().acknowledged.contains_key(&id)
    }

    /// Damages something now and then.
    fn rust(&self, actor: usize, seed: u64, with_packs: bool) {
        let mut random = XorShift::new(seed);
        for _ in 0..2 + 3 * self.length {
            // Let the others go on: between two accidents everybody makes some calls.
            for _ in 0..random.below(12) {
                let _ = self.stage.call(actor, "age", || Ok(()));
            }
            let _ = self.stage.call(actor, "age", || {
                self.damage_something(&mut random, with_packs);
                Ok(())
            });
        }
    }

    fn damage_something(&self, random: &mut XorShift, with_packs: bool) {
        let folders: &[&str] = if with_packs {
            &["data/", "meta/", "reach/", "index/", "commits/", "commits-copies/"]
        } else {
            &["reach/", "index/", "commits/", "commits-copies/", "sessions/", "checkpoints/", "copies/", "mended/"]
        };
        let folder = match random.below(3) {
            // They are few.
            0 if !self.store.list("mended/").unwrap().is_empty() => "mended/",
            _ => folders[random.below(folders.len() as u64) as usize],
        };
        let objects = self.store.list(folder).unwrap();
        if objects.is_empty() {
            return;
        }
        let object = objects[random.below(objects.len() as u64) as usize].name.clone();
        let mut harm = self.harm();
        if !self.may_be_damaged(folder, &object, &mut harm) {
            return;
        }
        let mut bytes = self.store.read(&object, u64::MAX).unwrap();
        let is_pack = folder == "data/" || folder == "meta/";
        // That a copy of a checkpoint or an intent is missing is no damage that could be told at any moment.
        let may_go = !["sessions/", "checkpoints/", "copies/", "mended/"].contains(&folder);
        if bytes.is_empty() {
            return;
        }
        let kept = match random.below(6) {
            0 if may_go => None,
            1 => Some(bytes[..random.below(bytes.len() as u64) as usize].to_vec()),
            _ => {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
                Some(bytes)
            }
        };
        self.store.tamper(&object, kept);
        harm.events += 1;
        harm.count(&format!("damaged {folder}"), 1);
        if is_pack {
            self.note_pack(&object, &mut harm);
        }
    }

    /// False for what has no second copy now, or of which the other was damaged.
    fn may_be_damaged(&self, folder: &str, object: &str, harm: &mut Harm) -> bool {
        let rest = object.strip_prefix(folder).unwrap_or_default();
        let exists = |other: &str| self.store.len_bytes(&format!("{other}{rest}")).unwrap().is_some();
        let (key, has_other) = match folder {
            "commits/" => (format!("decision {rest}"), exists("commits-copies/")),
            "commits-copies/" => (format!("decision {rest}"), exists("commits/")),
            "checkpoints/" => (format!("checkpoint {rest}"), exists("copies/")),
            "copies/" => (format!("checkpoint {rest}"), exists("checkpoints/")),
            // The intent of a snapshot can be made again.
            "sessions/" => (format!("intent {rest}"), exists("commits-copies/")),
            _ => return true,
        };
        has_other && harm.once.insert(key)
    }

    /// Notes a damaged pack and the snapshots that use it, wherever its frames came from.
    fn note_pack(&self, object: &str, harm: &mut Harm) {
        harm.packs.insert(object.to_string());
        let without = self.store.fork();
        without.tamper(object, None);
        let acknowledged: BTreeSet<SessionId> = self.oracle.lock().unwrap().acknowledged.keys().copied().collect();
        let found = open(without).ok().and_then(|repository| {
            let there = repository.pack_list().ok()?;
            let manifests = repository.snapshots().ok()?.0;
            Some((repository, there, manifests))
        });
        let Some((repository, there, manifests)) = found else {
            harm.hurt.extend(acknowledged);
            return;
        };
        let visible: BTreeMap<SessionId, &Manifest> = manifests.iter().map(|m| (m.snapshot.id, m)).collect();
        // Frames of anybody may be on their way there: once the round is over, it is all that is left of them.
        let is_of_snapshot = manifests.iter().any(|m| object.contains(&m.snapshot.id.to_hex()));
        let mut is_home = false;
        for id in &acknowledged {
            let id = *id;
            let missing = visible.get(&id).map(|manifest| {
                repository.reach(manifest).and_then(|reach| repository.missing_live_packs(&there, &reach))
            });
            match missing {
                Some(Ok(missing)) if !missing.iter().any(|pack| pack == object) => continue,
                Some(Ok(_)) => is_home = true,
                // Whoever cannot be looked at may use it, and that says nothing of the others.
                _ => {}
            }
            harm.hurt.insert(id);
        }
        if !is_of_snapshot && !is_home {
            harm.hurt.extend(acknowledged);
        }
    }

    fn repairer(&self, actor: usize, seed: u64) {
        let mut random = XorShift::new(seed);
        for _ in 0..3 * self.length {
            let Some(repository) = self.open(actor, false) else { return };
            let options =
                CollectOptions { patience_ms: [0, 1000, 100_000][random.below(3) as usize], ..collect_options(100) };
            for _ in 0..3 {
                let Ok(plan) = repository.plan_repair(&mut |_| true) else { break };
                let before = self.what_comes_out(actor);
                let outcome = repository.repair(&plan, &options, &mut |_| random.below(20) > 0);
                self.compare_with_before(before, &plan);
                match outcome {
                    Ok(RepairOutcome::Done(done)) => {
                        self.count_done(&plan, &done);
                        break;
                    }
                    Ok(RepairOutcome::Finished) => self.harm().count("rounds finished", 1),
                    Ok(RepairOutcome::Waiting(_)) => {}
                    Err(_) => {
                        self.harm().count("repairs that failed", 1);
                        break;
                    }
                }
            }
        }
    }

    fn count_done(&self, plan: &RepairPlan, done: &Repaired) {
        let mut harm = self.harm();
        for (what, number) in [
            ("repairs", 1),
            ("packs set aside", done.packs),
            ("indexes made again", done.indexes),
            ("reaches made again", done.reaches),
            ("decisions made again", done.decisions),
            ("intents made again", done.intents),
            ("checkpoints made again", done.checkpoints),
            ("reaches that keep everything", plan.reaches.iter().filter(|reach| reach.keeps_all).count() as u64),
        ] {
            harm.count(what, number);
        }
    }

    /// What comes out of acknowledged snapshots now, while everybody else stands still. `None` when a round of somebody
    /// else's stands: a repair that finishes it deletes for that one.
    fn what_comes_out(&self, actor: usize) -> Option<Before> {
        let mut found = None;
        let _ = self.stage.call(actor, "age", || {
            let newest = |folder: &str| self.store.list(folder).unwrap().last().map(|object| object.name.clone());
            let epoch = |name: Option<String>| name.and_then(|name| name.rsplit('/').next()?.parse::<u64>().ok());
            let stands = epoch(newest("condemned/")) > epoch(newest("checkpoints/"));
            if !stands && let Ok(repository) = open(self.store.clone()) {
                let (events, foreign) = (self.harm().events, self.foreign_deletions(actor));
                let objects = self.objects();
                found = Some(Before { actor, events, foreign, objects, out: restorable(&repository) });
            }
            Ok(())
        });
        found
    }

    /// Packs that others have deleted, or said to go: with a pack that no snapshot uses goes what a hurt one has found there.
    fn foreign_deletions(&self, actor: usize) -> u64 {
        let deletions = self.deletions.lock().unwrap();
        deletions.iter().filter(|(who, _)| **who != actor).map(|(_, number)| number).sum()
    }

    /// The names of all objects.
    fn objects(&self) -> BTreeSet<String> {
        self.store.list("").unwrap().into_iter().map(|object| object.name).collect()
    }

    fn compare_with_before(&self, before: Option<Before>, plan: &RepairPlan) {
        let Some(before) = before else { return };
        // Everybody stands still: nobody makes a call while this does not return. The dead look, too.
        let _held = self.stage.state.lock().unwrap();
        let is_comparable = |world: &Self| {
            world.harm().events == before.events && world.foreign_deletions(before.actor) == before.foreign
        };
        if !is_comparable(self) {
            return;
        }
        let Ok(repository) = open(self.store.clone()) else { return };
        let after = restorable(&repository);
        self.harm().count("comparisons", 1);
        let oracle = self.oracle.lock().unwrap();
        let must_stay = |id: &SessionId| oracle.acknowledged.contains_key(id) && !oracle.forgotten.contains(id);
        let gone =
            before.out.iter().find(|((id, key), body)| must_stay(id) && after.get(&(*id, key.clone())) != Some(body));
        let gone = gone.map(|((id, key), _)| format!("{} of {id}", String::from_utf8_lossy(key)));
        drop(oracle);
        if let Some(gone) = gone {
            let (now, indexes) = (self.objects(), &plan.indexes);
            let went: Vec<_> = before.objects.difference(&now).collect();
            let came: Vec<_> = now.difference(&before.objects).collect();
            let (planned, harmed): (Vec<_>, _) = (plan.packs.iter().map(|pack| pack.object()).collect(), self.harm());
            self.fault(format!(
                "a repair: {gone} could be restored before; planned {planned:?} {indexes:?}, went {went:?}, came {came:?}, \
                 damaged {:?}",
                harmed.packs
            ));
        }
    }
}

struct Before {
    actor: usize,
    events: u64,
    foreign: u64,
    objects: BTreeSet<String>,
    out: crate::repair::Restorable,
}

/// Plays one history; what was found wrong, and counts.
fn play(seed: u64, blind: Blind) -> (Vec<String>, BTreeMap<String, u64>) {
    let store = MemoryStore::new();
    let mut random = XorShift::new(seed);
    let length = if seed.is_multiple_of(8) { 3 } else { 1 };
    let with_packs = random.below(2) == 0;
    let pack_target_bytes = if length == 1 { small().pack_target_bytes } else { 20_000 };
    let chance = Arc::new(Chance::new(seed));
    init_by(store.clone(), &InitOptions { pack_target_bytes, ..small() }, chance.nobody());
    let repairers = 1 + random.below(2) as usize;
    // Two writers, a collector, repairers, a reader, and what damages.
    let actors = 5 + repairers;
    let stage = Stage::new(random.next_u64(), actors, std::slice::from_ref(&store));
    let world = World::new(&store, length, &stage, (blind, &chance));
    std::thread::scope(|scope| {
        for actor in 0..actors {
            let (world, seed) = (&world, random.next_u64());
            scope.spawn(move || {
                match actor {
                    0 | 1 => world.writer(actor, seed),
                    2 => world.collector(actor, seed),
                    3 => world.reader(actor, seed),
                    4 => world.rust(actor, seed, with_packs),
                    _ => world.repairer(actor, seed),
                }
                world.stage.leave(actor);
            });
        }
    });
    check_end(&world, with_packs);
    let state = stage.state.lock().unwrap();
    let mut harm = world.harm();
    harm.count("deaths", state.deaths);
    harm.count("calls", state.calls);
    harm.count("passing faults", state.failures);
    (std::mem::take(&mut world.oracle.lock().unwrap().faults), std::mem::take(&mut harm.counts))
}

/// Repairs whatever is left to be repaired.
fn repair_all(world: &World) -> Result<(), String> {
    for _ in 0..8 {
        world.store.advance(1_000_000);
        let repository = open(world.store.clone()).map_err(|error| format!("it does not open: {error}"))?;
        let plan = repository.plan_repair(&mut |_| true).map_err(|error| format!("plan: {error}"))?;
        if plan.is_blind() {
            return Err(format!("cannot be mended: {:?} {:?}", plan.beyond, plan.lost));
        }
        if plan.is_empty() {
            return Ok(());
        }
        match repository.repair(&plan, &collect_options(100), &mut |_| true) {
            Ok(RepairOutcome::Waiting(open)) => return Err(format!("waits for {open:?}")),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("there is always something left to repair".to_string())
}

fn check_end(world: &World, with_packs: bool) {
    if let Err(error) = repair_all(world) {
        return world.fault(format!("the last repair: {error}"));
    }
    let repository = open(world.store.clone()).unwrap();
    let (manifests, faults) = repository.snapshots().unwrap();
    faults.iter().for_each(|fault| world.fault(format!("at the end: {fault}")));
    look_at_snapshots(world, &repository, &manifests);
    let verified = verify(&repository).unwrap();
    if !with_packs {
        for fault in &verified.faults {
            let session = fault.what.rsplit('/').next().unwrap_or_default();
            let listed = world.store.list("").unwrap().into_iter().map(|object| object.name);
            let beside: Vec<String> = listed.filter(|name| name.contains(session)).collect();
            world.fault(format!("check: {}: {}, beside {beside:?}", fault.what, fault.error));
        }
    }
    world.store.advance(1_000_000);
    match open(world.store.clone()).map(|repository| collect(&repository, &collect_options(0))) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) | Err(error) => return world.fault(format!("a collection after the last repair: {error}")),
    }
    let repository = open(world.store.clone()).unwrap();
    look_at_snapshots(world, &repository, &repository.snapshots().unwrap().0);
    manifests.iter().for_each(|manifest| forget(&repository, manifest));
    for _ in 0..3 {
        world.store.advance(1_000_000);
        if let Err(error) = collect(&open(world.store.clone()).unwrap(), &collect_options(0)) {
            return world.fault(format!("the last collection: {error}"));
        }
    }
    let left = pack_bytes(&world.store);
    if left > 0 {
        world.fault(format!("{left} bytes of packs stay although nothing uses them"));
    }
}

/// Every acknowledged snapshot is there, hurt or not; those that are not hurt are whole.
fn look_at_snapshots(world: &World, repository: &Arc<Repository>, manifests: &[Manifest]) {
    let visible: BTreeSet<SessionId> = manifests.iter().map(|manifest| manifest.snapshot.id).collect();
    let kept: Vec<(SessionId, String)> = {
        let oracle = world.oracle.lock().unwrap();
        let kept = oracle.acknowledged.iter().filter(|(id, _)| !oracle.forgotten.contains(id));
        kept.map(|(id, label)| (*id, label.clone())).collect()
    };
    for (id, label) in &kept {
        if !visible.contains(id) {
            world.fault(format!("{label} was acknowledged and is not there"));
        }
    }
    let acknowledged: BTreeSet<SessionId> = kept.into_iter().map(|(id, _)| id).collect();
    for manifest in manifests.iter().filter(|manifest| acknowledged.contains(&manifest.snapshot.id)) {
        if world.is_hurt(manifest.snapshot.id) {
            world.harm().count("hurt snapshots", 1);
            continue;
        }
        world.harm().count("whole snapshots", 1);
        if let Err(fault) = world.compare(repository, manifest) {
            world.fault(format!("at the end: {fault}"));
        }
    }
}

#[test]
fn repair_beside_everybody_lessens_nothing_in_any_history() {
    let count = std::env::var("DATAKEEP_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(1000_u64);
    let base = base_seed();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for seed in base..base + count {
        let (faults, made) = play(seed, Blind::Sees);
        made.into_iter().for_each(|(what, number)| *counts.entry(what).or_default() += number);
        assert_eq!(
            faults,
            Vec::<String>::new(),
            "again: DATAKEEP_SEED={seed} DATAKEEP_HISTORIES=1 cargo test -p datakeep-distribute --test it repairing"
        );
    }
    println!("{count} histories: {counts:?}");
    let all = [
        "damaged data/",
        "damaged meta/",
        "damaged reach/",
        "damaged index/",
        "damaged commits/",
        "damaged commits-copies/",
        "damaged sessions/",
        "damaged checkpoints/",
        "damaged copies/",
        "damaged mended/",
        "repairs",
        "packs set aside",
        "indexes made again",
        "reaches made again",
        "reaches that keep everything",
        "decisions made again",
        "intents made again",
        "checkpoints made again",
        "comparisons",
        "rounds finished",
        "repairs that failed",
        "hurt snapshots",
        "whole snapshots",
        "deaths",
        "passing faults",
    ];
    for what in all {
        assert!(count < 100 || counts.get(what).is_some_and(|number| *number > 0), "{what}: it never happened");
    }
}

/// Proof that the harness can find something.
#[test]
fn a_planted_fault_of_a_repair_is_found() {
    let found = (1..2000).find(|&seed| !play(seed, Blind::RepairOfFrames).0.is_empty());
    println!("a repair that takes what is whole for damaged: found with seed {found:?}");
    assert!(found.is_some());
}
