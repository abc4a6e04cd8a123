//! Writers, collectors and a reader at once, each stopped at any call to the store while the others go on. The code is
//! the product's own; only the store is played. One seed is one choice of keys, ids, content, turns, deaths and faults; a failing
//! seed prints how to repeat it. Within one actor threads of the product call the store in an order that no seed decides: a
//! failure that hangs on it comes in a share of the runs of its seed.

mod content;
mod copying;

use crate::collect::{collect, collect_options, forget, many_frames, pack_bytes};
use crate::held::Held;
use crate::support::{Chance, PASSWORD, XorShift, init_by, open, open_with, options, small, verify};
use content::{Content, TablesOnceIn};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::{CollectOptions, CollectOutcome, InitOptions, Manifest, Repository, StoreError};
use datakeep_store_blob::{BlobError, BlobStore, Listed, MemoryStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};

mod repairing;

/// What an actor does not get to see: a fault planted to prove that the harness finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blind {
    /// Nothing is hidden.
    Sees,
    /// Writers see no condemned list.
    WriterOfCondemned,
    /// Collectors see no session.
    CollectorOfSessions,
    /// Writers see no checkpoint when they look again before they acknowledge.
    WriterOfCheckpoints,
    /// Repairs read frames of content wrongly, always in the same way.
    RepairOfFrames,
}

/// Lets one actor at a time call the store, for as many calls as chance says.
struct Stage {
    state: Mutex<State>,
    changed: Condvar,
    stores: Vec<MemoryStore>,
}

struct State {
    random: XorShift,
    current: usize,
    left: u64,
    alive: Vec<bool>,
    /// Calls after which an actor dies.
    lives: Vec<u64>,
    calls: u64,
    /// Calls per kind, and how often chance struck there.
    kinds: BTreeMap<&'static str, u64>,
    deaths: u64,
    /// Calls that failed although the process lives.
    failures: u64,
    failed: Vec<bool>,
}

impl State {
    fn choose(&mut self) {
        let alive: Vec<usize> = (0..self.alive.len()).filter(|&actor| self.alive[actor]).collect();
        if alive.is_empty() {
            return;
        }
        self.current = alive[self.random.below(alive.len() as u64) as usize];
        // Mostly a few calls, now and then a long stretch.
        self.left = match self.random.below(4) {
            0 => 1,
            1 => 1 + self.random.below(6),
            2 => 1 + self.random.below(40),
            _ => 1 + self.random.below(400),
        };
    }
}

impl Stage {
    fn new(seed: u64, actors: usize, stores: &[MemoryStore]) -> Arc<Self> {
        let mut random = XorShift::new(seed);
        let lives = (0..actors).map(|_| if random.below(4) == 0 { random.below(300) } else { u64::MAX }).collect();
        let mut state = State {
            random,
            current: 0,
            left: 0,
            alive: vec![true; actors],
            lives,
            calls: 0,
            kinds: BTreeMap::new(),
            deaths: 0,
            failures: 0,
            failed: vec![false; actors],
        };
        state.choose();
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), stores: stores.to_vec() })
    }

    /// Waits for the actor's turn and makes the call while nobody else does.
    fn call<T>(
        &self,
        actor: usize,
        kind: &'static str,
        act: impl FnOnce() -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        let mut state = self.state.lock().unwrap();
        while state.alive[actor] && state.current != actor {
            state = self.changed.wait(state).unwrap();
        }
        let dead = || BlobError::Failed { operation: kind, name: "it".into(), detail: "the process is dead".into() };
        if !state.alive[actor] {
            return Err(dead());
        }
        state.calls += 1;
        *state.kinds.entry(kind).or_default() += 1;
        if state.lives[actor] == 0 {
            state.deaths += 1;
            // It may die before or after its call took effect.
            if state.random.below(2) == 0 {
                let _ = act();
            }
            state.alive[actor] = false;
            state.choose();
            self.changed.notify_all();
            return Err(dead());
        }
        state.lives[actor] = state.lives[actor].saturating_sub(u64::from(state.lives[actor] != u64::MAX));
        // The store's clock jumps: patience runs out at the worst moments.
        if state.random.below(60) == 0 {
            let jump = state.random.below(3000);
            self.stores.iter().for_each(|store| store.advance(jump));
        }
        // Now and then a call fails: before it took effect, or only its answer is lost.
        let result = match state.random.below(400) {
            fate @ 0..=1 => {
                state.failures += 1;
                state.failed[actor] = true;
                if fate == 1 {
                    let _ = act();
                }
                Err(BlobError::Failed { operation: kind, name: "it".into(), detail: "a passing fault".into() })
            }
            _ => act(),
        };
        state.left -= 1;
        if state.left == 0 {
            state.choose();
            self.changed.notify_all();
        }
        result
    }

    fn leave(&self, actor: usize) {
        let mut state = self.state.lock().unwrap();
        state.alive[actor] = false;
        if state.current == actor {
            state.choose();
        }
        self.changed.notify_all();
    }
}

/// An actor's way to the store.
struct Played {
    inner: MemoryStore,
    stage: Arc<Stage>,
    actor: usize,
    blind: Blind,
    deletions: Deletions,
}

/// Deletions of packs, and what says that they go, by actor.
type Deletions = Arc<Mutex<BTreeMap<usize, u64>>>;

impl Played {
    fn take_away(&self) {
        *self.deletions.lock().unwrap().entry(self.actor).or_default() += 1;
    }

    fn is_hidden(&self, name: &str) -> bool {
        match self.blind {
            Blind::Sees | Blind::RepairOfFrames => false,
            Blind::WriterOfCondemned => name.starts_with("condemned/"),
            Blind::CollectorOfSessions => name.starts_with("sessions/"),
            Blind::WriterOfCheckpoints => name.starts_with("checkpoints/"),
        }
    }
}

impl BlobStore for Played {
    fn location(&self) -> String {
        "a stage".into()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.stage.call(self.actor, "stage", || self.inner.stage(name, parts))
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.stage.call(self.actor, "barrier", || self.inner.barrier())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        if name.starts_with("condemned/") || name.starts_with("checkpoints/") {
            self.take_away();
        }
        self.stage.call(self.actor, "create", || self.inner.create(name, bytes))
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.stage.call(self.actor, "read", || self.inner.read(name, max_len_bytes))
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.stage.call(self.actor, "read_at", || {
            self.inner.read_at(name, offset_byte, buffer)?;
            // Behind the header of a pack, and not its end.
            if self.blind == Blind::RepairOfFrames && name.starts_with("data/") && offset_byte == 96 {
                buffer[0] ^= 1;
            }
            Ok(())
        })
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let hidden = self.is_hidden(name);
        self.stage.call(self.actor, "len", || if hidden { Ok(None) } else { self.inner.len_bytes(name) })
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.stage.call(self.actor, "age", || self.inner.age_ms(name))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let hidden = self.is_hidden(prefix);
        self.stage.call(self.actor, "list", || if hidden { Ok(Vec::new()) } else { self.inner.list(prefix) })
    }

    /// As of a bucket for some, as of a directory for the others, who must go by less.
    fn keeps_what_it_shows(&self) -> bool {
        self.actor.is_multiple_of(2)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        if name.starts_with("data/") || name.starts_with("meta/") {
            self.take_away();
        }
        self.stage.call(self.actor, "delete", || self.inner.delete(name))
    }
}

/// What must be true, kept by whoever does something.
#[derive(Default)]
struct Oracle {
    /// What was to be backed up, by the label of the run.
    attempts: BTreeMap<String, Held>,
    acknowledged: BTreeMap<SessionId, String>,
    forgotten: BTreeSet<SessionId>,
    faults: Vec<String>,
    /// Snapshots of tables that were acknowledged, and those that were read and compared.
    tables: [u64; 2],
}

struct World {
    store: MemoryStore,
    /// How often everybody does what they do: some faults need many rounds.
    length: usize,
    /// How often writers back up tables.
    tables: TablesOnceIn,
    stage: Arc<Stage>,
    oracle: Mutex<Oracle>,
    blind: Blind,
    harm: Mutex<repairing::Harm>,
    deletions: Deletions,
    chance: Arc<Chance>,
}

const SOME_TABLES: TablesOnceIn = TablesOnceIn(4);
const ONLY_TABLES: TablesOnceIn = TablesOnceIn(1);

/// Actors of this number and above repair.
const FIRST_REPAIRER: usize = 5;

impl World {
    fn new(store: &MemoryStore, length: usize, stage: &Arc<Stage>, (blind, chance): (Blind, &Arc<Chance>)) -> Self {
        let (oracle, harm) = (Mutex::default(), Mutex::default());
        Self {
            store: store.clone(),
            length,
            tables: SOME_TABLES,
            stage: stage.clone(),
            oracle,
            blind,
            harm,
            deletions: Deletions::default(),
            chance: chance.clone(),
        }
    }

    fn open(&self, actor: usize, is_writer: bool) -> Option<Arc<Repository>> {
        let sees = match self.blind {
            Blind::CollectorOfSessions => !is_writer,
            Blind::RepairOfFrames => actor >= FIRST_REPAIRER,
            _ => is_writer,
        };
        let blind = if sees { self.blind } else { Blind::Sees };
        open_with(self.played(actor, blind), PASSWORD, self.chance.of(actor)).ok()
    }

    fn played(&self, actor: usize, blind: Blind) -> Played {
        let (inner, stage) = (self.store.clone(), self.stage.clone());
        Played { inner, stage, actor, blind, deletions: self.deletions.clone() }
    }

    /// In long histories packs of many frames, so that some of them move.
    fn frames(&self) -> BackupOptions {
        let options = if self.length == 1 { options() } else { many_frames() };
        let group_window = Some(if self.length == 1 { 4 } else { 50 });
        BackupOptions { group_window, most_inline_len_bytes: 30, ..options }
    }

    fn fault(&self, text: String) {
        self.oracle.lock().unwrap().faults.push(text);
    }

    fn writer(&self, actor: usize, seed: u64) {
        let mut random = XorShift::new(seed);
        let mut content = Content::new(self.length > 1, &mut random);
        for number in 0..3 * self.length {
            let held = content.next(self.tables, &mut random);
            let label = format!("w{actor}-{number}");
            self.oracle.lock().unwrap().attempts.insert(label.clone(), held.clone());
            let Some(repository) = self.open(actor, true) else { return };
            let tags = vec![label.clone()];
            let one = BackupOptions { workers: 1, tags, progress_bytes: 2 << 10, ..self.frames() };
            // Files and tables of one name are two sources.
            let source = if random.below(3) == 0 { "shared".to_string() } else { format!("source {actor}") };
            let began = self.begin();
            match held.back_up(&repository, &source, &one) {
                Ok(manifest) => {
                    self.oracle.lock().unwrap().tables[0] += u64::from(matches!(held, Held::Tables(_)));
                    self.acknowledge(&began, manifest.snapshot.id, label);
                }
                // A run may be passed by or die; it must not claim anything then.
                Err(_) => continue,
            }
        }
    }

    fn collector(&self, actor: usize, seed: u64) {
        let mut random = XorShift::new(seed);
        for _ in 0..4 * self.length {
            let Some(repository) = self.open(actor, false) else { return };
            let Ok((manifests, _)) = repository.snapshots() else { continue };
            let most = if self.length == 1 { 1 } else { random.below(manifests.len().max(1) as u64) as usize };
            for _ in 0..most {
                if manifests.len() < 2 || random.below(3) == 0 {
                    break;
                }
                let manifest = &manifests[random.below(manifests.len() as u64 - 1) as usize];
                // Noted before: the mark may stand although its answer is lost.
                self.oracle.lock().unwrap().forgotten.insert(manifest.snapshot.id);
                let tombstone = datakeep_store::Tombstone {
                    forgotten: crate::support::NOW,
                    host: "here".into(),
                    reason: "played".into(),
                };
                let _ = repository.forget(manifest, &tombstone);
            }
            let most_unused_percent = [0, 30, 100][random.below(3) as usize];
            let options = CollectOptions {
                patience_ms: [0, 1000, 100_000][random.below(3) as usize],
                ..collect_options(most_unused_percent)
            };
            for _ in 0..3 {
                if random.below(2) == 0 && repository.give_up_sessions(&options).is_err() {
                    break;
                }
                let Ok(plan) = repository.plan_collection(&options) else { break };
                match repository.collect(&plan, &options, &mut |_| true) {
                    Ok(CollectOutcome::Waiting(_)) => {}
                    _ => break,
                }
            }
        }
    }

    fn reader(&self, actor: usize, seed: u64) {
        let mut random = XorShift::new(seed);
        for _ in 0..3 * self.length {
            let Some(repository) = self.open(actor, false) else { return };
            let Ok((manifests, _)) = repository.snapshots() else { continue };
            if manifests.is_empty() {
                continue;
            }
            let manifest = &manifests[random.below(manifests.len() as u64) as usize];
            self.stage.state.lock().unwrap().failed[actor] = false;
            let outcome = self.compare(&repository, manifest);
            let is_alive = {
                let state = self.stage.state.lock().unwrap();
                state.alive[actor] && !state.failed[actor]
            };
            let is_forgotten = self.oracle.lock().unwrap().forgotten.contains(&manifest.snapshot.id);
            // Of one that is not acknowledged yet it is not known whether it is hurt.
            if self.is_hurt(manifest.snapshot.id) || !self.must_be_whole(manifest.snapshot.id) {
                continue;
            }
            if let (Err(fault), true, false) = (outcome, is_alive, is_forgotten) {
                self.fault(format!("a reader: {fault}"));
            }
        }
    }

    fn compare(&self, repository: &Arc<Repository>, manifest: &Manifest) -> Result<(), String> {
        let label = manifest.snapshot.tags.first().cloned().unwrap_or_default();
        let expected = self.oracle.lock().unwrap().attempts[&label].clone();
        if let Some(what) = expected.differs(repository, manifest) {
            return Err(format!("{label}: {what}"));
        }
        self.oracle.lock().unwrap().tables[1] += u64::from(matches!(expected, Held::Tables(_)));
        Ok(())
    }
}

/// Plays one history; the answer is what was found wrong.
fn play(seed: u64, blind: Blind, tables: TablesOnceIn) -> (Vec<String>, [u64; 5], BTreeMap<&'static str, u64>) {
    let store = MemoryStore::new();
    let mut random = XorShift::new(seed);
    let length = if seed.is_multiple_of(8) { 5 } else { 1 };
    let pack_target_bytes = if length == 1 { small().pack_target_bytes } else { 20_000 };
    let chance = Arc::new(Chance::new(seed));
    init_by(store.clone(), &InitOptions { pack_target_bytes, ..small() }, chance.nobody());
    let (writers, collectors) = (2, 1 + random.below(2) as usize);
    let actors = writers + collectors + 1;
    let stage = Stage::new(random.next_u64(), actors, std::slice::from_ref(&store));
    let world = World { tables, ..World::new(&store, length, &stage, (blind, &chance)) };
    std::thread::scope(|scope| {
        for actor in 0..actors {
            let (world, seed) = (&world, random.next_u64());
            scope.spawn(move || {
                match actor {
                    0 | 1 => world.writer(actor, seed),
                    last if last == actors - 1 => world.reader(actor, seed),
                    _ => world.collector(actor, seed),
                }
                world.stage.leave(actor);
            });
        }
    });
    check_end(&world);
    let mut oracle = world.oracle.lock().unwrap();
    let (faults, [made, read]) = (std::mem::take(&mut oracle.faults), oracle.tables);
    let state = stage.state.lock().unwrap();
    (faults, [state.calls, state.deaths, state.failures, made, read], state.kinds.clone())
}

fn check_end(world: &World) {
    let repository = open(world.store.clone()).unwrap();
    let (manifests, faults) = repository.snapshots().unwrap();
    faults.iter().for_each(|fault| world.fault(format!("at the end: {fault}")));
    let visible: BTreeSet<SessionId> = manifests.iter().map(|m| m.snapshot.id).collect();
    let lost: Vec<String> = {
        let oracle = world.oracle.lock().unwrap();
        let kept = oracle.acknowledged.iter().filter(|(id, _)| !oracle.forgotten.contains(id));
        kept.filter(|(id, _)| !visible.contains(id)).map(|(_, label)| label.clone()).collect()
    };
    lost.into_iter().for_each(|label| world.fault(format!("{label} was acknowledged and is not there")));
    for manifest in &manifests {
        if let Err(fault) = world.compare(&repository, manifest) {
            world.fault(format!("at the end: {fault}"));
        }
    }
    if std::env::var("DATAKEEP_LOOK").is_ok_and(|look| look == "end") {
        for object in world.store.list("").unwrap() {
            println!("{} {}", object.name, object.len_bytes);
        }
        manifests.iter().for_each(|m| println!("visible {} {:?}", m.snapshot.id, m.snapshot.tags));
    }
    match verify(&repository) {
        Ok(verified) => {
            verified.faults.iter().for_each(|fault| world.fault(format!("check: {}: {}", fault.what, fault.error)));
        }
        Err(error) => world.fault(format!("check: {error}")),
    }
    manifests.iter().for_each(|manifest| forget(&repository, manifest));
    let outcomes = match collect_all(&world.store, 3) {
        Ok(outcomes) => outcomes,
        Err(error) => return world.fault(format!("the last collection: {error}")),
    };
    let left = pack_bytes(&world.store);
    if left > 0 {
        let objects: Vec<String> = world.store.list("").unwrap().into_iter().map(|object| object.name).collect();
        let more = collect_all(&world.store, 3);
        let later = pack_bytes(&world.store);
        world.fault(format!(
            "{left} bytes of packs stay although nothing uses them: {outcomes:?}; {objects:?}; \
             {later} bytes after three more collections: {more:?}"
        ));
    }
}

/// Collects again and again, long after everything else.
fn collect_all(store: &MemoryStore, times: usize) -> Result<Vec<CollectOutcome>, StoreError> {
    let one = |_| {
        store.advance(1_000_000);
        Ok(collect(&open(store.clone())?, &collect_options(0))?.1)
    };
    (0..times).map(one).collect()
}

fn base_seed() -> u64 {
    std::env::var("DATAKEEP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

fn histories(count: u64) -> ([u64; 5], BTreeMap<&'static str, u64>) {
    let base = base_seed();
    let (mut totals, mut kinds) = ([0; 5], BTreeMap::new());
    for seed in base..base + count {
        if std::env::var_os("DATAKEEP_LOOK").is_some() {
            println!("seed {seed}");
        }
        let (faults, made, by_kind) = play(seed, Blind::Sees, SOME_TABLES);
        totals.iter_mut().zip(made).for_each(|(total, one)| *total += one);
        by_kind.into_iter().for_each(|(kind, number)| *kinds.entry(kind).or_default() += number);
        assert_eq!(
            faults,
            Vec::<String>::new(),
            "again: DATAKEEP_SEED={seed} DATAKEEP_HISTORIES=1 cargo test -p datakeep-distribute --test it simulation"
        );
    }
    (totals, kinds)
}

#[test]
fn nobody_loses_anything_in_any_history() {
    let count = std::env::var("DATAKEEP_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(2000);
    let ([calls, deaths, failures, made, read], kinds) = histories(count);
    println!("{count} histories, {calls} calls to the store, {deaths} deaths, {failures} passing faults: {kinds:?}");
    println!("{made} snapshots of tables were acknowledged, {read} were read and compared");
    assert!(count < 100 || (deaths > 0 && failures > 0), "nothing went wrong in any history");
    assert!(count < 100 || (made > count / 4 && read > count / 4), "there are hardly any tables");
    for kind in ["stage", "barrier", "create", "read", "read_at", "len", "age", "list", "delete"] {
        assert!(count < 100 || kinds.contains_key(kind), "no history made a call of kind {kind}");
    }
}

/// Proof that the harness can find something: each planted fault is found within some histories, whether files are backed up
/// or tables.
#[test]
fn planted_faults_are_found() {
    for blind in [Blind::WriterOfCondemned, Blind::CollectorOfSessions, Blind::WriterOfCheckpoints] {
        for tables in [SOME_TABLES, ONLY_TABLES] {
            let found = (1..4000).find(|&seed| !play(seed, blind, tables).0.is_empty());
            println!("{blind:?}, {tables:?}: found with seed {found:?}");
            assert!(found.is_some(), "{blind:?} is not found, {tables:?}");
        }
    }
}
