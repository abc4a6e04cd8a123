//! Playing scenarios, and checking every state that a power loss may leave of them.

use super::model::{DiskModel, Objects};
use super::oracle::{self, Expected};
use super::record::{Event, LeavesOut};
use super::scenarios::{Act, Scenario, World};
use datakeep_store_blob::MemoryStore;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Threads that check states.
const THREADS: usize = 2;

/// A scenario that has been played.
pub struct Played {
    name: &'static str,
    events: Vec<Event>,
    /// Power losses from this point on.
    first_prefix: usize,
}

/// One state to check.
pub struct State {
    prefix: usize,
    variant: usize,
    told: usize,
    objects: Objects,
}

/// What is known of a scenario in the end.
pub struct Explored {
    prefixes: usize,
    /// Points and variants.
    total: usize,
    /// Those that differ in what is seen or in what was told.
    pub distinct: usize,
    pub failures: Vec<String>,
}

pub fn seed() -> u64 {
    std::env::var("DATAKEEP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

pub fn play(scenario: &Scenario, leaves_out: LeavesOut) -> Played {
    let world = World::new(seed(), leaves_out);
    let act = |act: &Act| act(&world).unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
    scenario.before.iter().for_each(act);
    let first_prefix = world.recorder.len();
    scenario.acts.iter().for_each(act);
    Played::of(scenario.name, &world, first_prefix)
}

impl Played {
    /// What has happened to a world.
    pub fn of(name: &'static str, world: &World, first_prefix: usize) -> Self {
        Self { name, events: world.recorder.events(), first_prefix }
    }

    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// What is wrong with one state, if anything.
    pub fn check_one(&self, prefix: usize, variant: usize) -> Option<String> {
        let (disk, expected, told) = self.at(prefix);
        let (_, objects) = self.variants(&disk, prefix).swap_remove(variant);
        objects.iter().for_each(|(name, file, tear)| {
            println!("{name} {} {tear:?}", disk.bytes(*file, *tear).len());
        });
        let what = self.check(&disk, &expected, &objects).err()?;
        Some(self.describe(&State { prefix, variant, told, objects }, &what))
    }

    /// The disk after the first changes, and what was told by then.
    fn at(&self, prefix: usize) -> (DiskModel, Expected, usize) {
        let (mut disk, mut expected) = (DiskModel::new(), Expected::default());
        let mut heard = 0;
        for event in &self.events[..prefix] {
            disk.play(event);
            if let Event::Told(told) = event {
                expected.hear(told);
                heard += 1;
            }
        }
        (disk, expected, heard)
    }

    /// Variants of a point, always in the same order.
    fn variants(&self, disk: &DiskModel, prefix: usize) -> Vec<(Vec<bool>, Objects)> {
        let fates = disk.fates(seed() ^ (prefix as u64) << 20);
        let states = |fate: Vec<bool>| disk.states(&fate).into_iter().map(move |objects| (fate.clone(), objects));
        fates.into_iter().flat_map(states).collect()
    }

    /// All states, each once, and how many there were with repetitions.
    fn states(&self) -> (Vec<State>, usize) {
        let (mut seen, mut states, mut total) = (HashSet::new(), Vec::new(), 0);
        for prefix in self.first_prefix..=self.events.len() {
            let (disk, _, told) = self.at(prefix);
            for (variant, (_, objects)) in self.variants(&disk, prefix).into_iter().enumerate() {
                total += 1;
                let mut hasher = DefaultHasher::new();
                (told, &objects).hash(&mut hasher);
                if seen.insert(hasher.finish()) {
                    states.push(State { prefix, variant, told, objects });
                }
            }
        }
        (states, total)
    }

    fn check(&self, disk: &DiskModel, expected: &Expected, objects: &Objects) -> Result<(), String> {
        let store = MemoryStore::new();
        for (name, file, tear) in objects {
            store.tamper(name, Some(disk.bytes(*file, *tear)));
        }
        let checked = std::panic::catch_unwind(|| oracle::check(&store, expected));
        checked.unwrap_or_else(|_| Err("a panic, see above".into()))
    }

    /// What went wrong, and how to see it again.
    fn describe(&self, state: &State, what: &str) -> String {
        let (disk, _, _) = self.at(state.prefix);
        let (fate, _) = &self.variants(&disk, state.prefix)[state.variant];
        let (last, lost) = (&self.events[..state.prefix].last(), disk.lost(fate));
        format!(
            "{what}\n  after {last:?}\n  with these lost: {lost:?}\n  again: DATAKEEP_SEED={} DATAKEEP_STATE={}:{}:{}:{} \
             cargo test -p datakeep-distribute --test it disk::one_state -- --nocapture",
            seed(),
            self.name,
            state.prefix,
            state.variant,
            self.events.len()
        )
    }
}

/// Checks all states.
fn explore(played: &Played) -> Explored {
    explore_some(played, usize::MAX, false)
}

/// Checks so many states, spread evenly; stops after the first failure when that is enough.
pub fn explore_some(played: &Played, most: usize, stop_early: bool) -> Explored {
    let (mut states, total) = played.states();
    let step = states.len().div_ceil(most).max(1);
    states = states.into_iter().step_by(step).collect();
    let (next, stopped, failures) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    // Files never change but by growing, so the whole log's disk has the bytes of all points.
    let (disk, _, _) = played.at(played.events.len());
    let work = || {
        let mut expected = (usize::MAX, Expected::default());
        while let Some(state) = states.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            if expected.0 != state.told {
                expected = (state.told, played.at(state.prefix).1);
            }
            if let Err(what) = played.check(&disk, &expected.1, &state.objects) {
                failures.lock().unwrap().push(played.describe(state, &what));
                stopped.store(stop_early, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    let prefixes = played.events.len() + 1 - played.first_prefix;
    Explored { prefixes, total, distinct: states.len(), failures: failures.into_inner().unwrap() }
}

pub fn explore_all(scenarios: &[Scenario]) -> (usize, usize) {
    let (mut total, mut distinct, mut failed) = (0, 0, Vec::new());
    for scenario in scenarios {
        let started = std::time::Instant::now();
        let explored = explore(&play(scenario, LeavesOut::Nothing));
        println!(
            "{}: {} points, {} states, {} distinct, {:.1} s, {} fail",
            scenario.name,
            explored.prefixes,
            explored.total,
            explored.distinct,
            started.elapsed().as_secs_f32(),
            explored.failures.len()
        );
        total += explored.total;
        distinct += explored.distinct;
        failed.extend(explored.failures.into_iter().take(3).map(|what| format!("{}: {what}", scenario.name)));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    (total, distinct)
}
