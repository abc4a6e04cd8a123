//! A wrapper that stores ahead: staging returns at once while threads send, and a barrier waits for all of it.
//!
//! What [`BlobStore::stage`] promises is due only at the barrier, so one caller can keep several uploads going. Removals
//! go the same way: they are due at the barrier, too, and whoever looks at the store through this handle waits until they
//! are done. Bytes and jobs under way are bounded; who wants to stage more waits for room.

use crate::{BlobError, BlobStore, Listed};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How much may be under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Threads, and so calls at once.
    pub threads: usize,
    /// Bytes that wait or are being sent. One object may be larger: then it is alone.
    pub waiting_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { threads: 4, waiting_bytes: 64 << 20 }
    }
}

/// Removals that may wait.
const WAITING_REMOVALS: usize = 1024;

enum Job {
    Store {
        name: String,
        bytes: Arc<Vec<u8>>,
    },
    /// To be created when every [`Job::Store`] before it is done.
    Create {
        name: String,
        bytes: Vec<u8>,
    },
    Remove {
        name: String,
    },
}

impl Job {
    fn len_bytes(&self) -> u64 {
        match self {
            Job::Store { bytes, .. } => bytes.len() as u64,
            Job::Create { bytes, .. } => bytes.len() as u64,
            Job::Remove { .. } => 0,
        }
    }
}

#[derive(Default)]
struct State {
    /// What waits, in the order in which it came.
    jobs: VecDeque<(u64, Job)>,
    next_number: u64,
    /// Numbers of the [`Job::Store`]s under way.
    storing: BTreeSet<u64>,
    /// Jobs that wait or are under way.
    stores: usize,
    removals: usize,
    waiting_bytes: u64,
    /// The first failure since the last barrier.
    failed: Option<BlobError>,
    is_closing: bool,
}

struct Shared<S> {
    inner: S,
    state: Mutex<State>,
    /// Something is to be done.
    work: Condvar,
    /// Something has been done.
    done: Condvar,
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, on: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        on.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that stages and removes in the background.
pub struct AheadStore<S: BlobStore + 'static> {
    shared: Arc<Shared<S>>,
    bounds: Bounds,
    threads: Vec<JoinHandle<()>>,
}

impl<S: BlobStore + 'static> AheadStore<S> {
    /// Wraps `inner`. Where no thread can be started, everything is done at once.
    pub fn new(inner: S, bounds: Bounds) -> Self {
        let shared = Arc::new(Shared { inner, state: Mutex::default(), work: Condvar::new(), done: Condvar::new() });
        let start = |number: usize| {
            let shared = shared.clone();
            std::thread::Builder::new().name(format!("store-{number}")).spawn(move || work(&shared)).ok()
        };
        let threads = (0..bounds.threads).map_while(start).collect();
        Self { shared, bounds, threads }
    }

    fn enqueue(&self, job: Job) -> Result<(), BlobError> {
        let shared = &self.shared;
        if self.threads.is_empty() {
            return run(&shared.inner, job);
        }
        let mut state = shared.lock();
        loop {
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            let has_room = match &job {
                Job::Store { .. } | Job::Create { .. } => {
                    state.stores == 0 || state.waiting_bytes + job.len_bytes() <= self.bounds.waiting_bytes
                }
                Job::Remove { .. } => state.removals < WAITING_REMOVALS,
            };
            if has_room {
                break;
            }
            state = shared.wait(&shared.done, state);
        }
        match &job {
            Job::Store { .. } | Job::Create { .. } => state.stores += 1,
            Job::Remove { .. } => state.removals += 1,
        }
        state.waiting_bytes += job.len_bytes();
        let number = state.next_number;
        state.next_number += 1;
        state.jobs.push_back((number, job));
        shared.work.notify_all();
        Ok(())
    }

    /// What this handle has removed is gone for whoever looks through it.
    fn settled(&self) -> &S {
        let mut state = self.shared.lock();
        while state.removals > 0 {
            state = self.shared.wait(&self.shared.done, state);
        }
        &self.shared.inner
    }
}

fn run<S: BlobStore>(store: &S, job: Job) -> Result<(), BlobError> {
    match job {
        Job::Store { name, bytes } => store.stage_shared(&name, bytes),
        Job::Create { name, bytes } => store.create(&name, &bytes),
        Job::Remove { name } => store.delete(&name),
    }
}

impl State {
    /// The first job that may begin.
    fn next(&mut self) -> Option<(u64, Job)> {
        let mut is_held_back = false;
        let first = self.jobs.iter().position(|(number, job)| match job {
            Job::Create { .. } => {
                let waits = is_held_back || self.storing.first().is_some_and(|storing| storing < number);
                // What comes behind a creation may overtake it, but no creation another.
                is_held_back |= waits;
                !waits
            }
            Job::Store { .. } | Job::Remove { .. } => true,
        })?;
        self.jobs.remove(first)
    }
}

/// Does jobs until the handle goes.
fn work<S: BlobStore>(shared: &Shared<S>) {
    let mut state = shared.lock();
    loop {
        let Some((number, job)) = state.next() else {
            if state.is_closing && state.jobs.is_empty() {
                return;
            }
            state = shared.wait(&shared.work, state);
            continue;
        };
        let (is_removal, len_bytes) = (matches!(job, Job::Remove { .. }), job.len_bytes());
        if matches!(job, Job::Store { .. }) {
            state.storing.insert(number);
        }
        // Nothing that was staged may be relied on after a failure, so nothing more is sent; what is to go may go.
        let is_moot = !is_removal && (state.failed.is_some() || state.is_closing);
        drop(state);
        let outcome = if is_moot { Ok(()) } else { run(&shared.inner, job) };
        state = shared.lock();
        state.storing.remove(&number);
        state.waiting_bytes -= len_bytes;
        match is_removal {
            true => state.removals -= 1,
            false => state.stores -= 1,
        }
        if let Err(error) = outcome {
            state.failed.get_or_insert(error);
        }
        // A creation may have waited for this.
        shared.work.notify_all();
        shared.done.notify_all();
    }
}

impl<S: BlobStore + 'static> Drop for AheadStore<S> {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<S: BlobStore + 'static> BlobStore for AheadStore<S> {
    fn location(&self) -> String {
        self.shared.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.stage_shared(name, Arc::new(parts.concat()))
    }

    fn stage_shared(&self, name: &str, bytes: Arc<Vec<u8>>) -> Result<(), BlobError> {
        self.enqueue(Job::Store { name: name.to_string(), bytes })
    }

    fn create_after_staged(&self, name: &str, bytes: Vec<u8>) -> Result<(), BlobError> {
        self.enqueue(Job::Create { name: name.to_string(), bytes })
    }

    fn barrier(&self) -> Result<(), BlobError> {
        let mut state = self.shared.lock();
        while state.stores + state.removals > 0 {
            state = self.shared.wait(&self.shared.done, state);
        }
        let failed = state.failed.take();
        drop(state);
        match failed {
            Some(error) => Err(error),
            None => self.shared.inner.barrier(),
        }
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.settled().create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.settled().read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.settled().read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.settled().len_bytes(name)
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.settled().age_ms(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.settled().list(prefix)
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        self.settled().read_tail(name, max_len_bytes)
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        self.settled().list_between(from, to)
    }

    fn read_along_bytes(&self) -> u64 {
        self.shared.inner.read_along_bytes()
    }

    fn keeps_what_it_shows(&self) -> bool {
        self.shared.inner.keeps_what_it_shows()
    }

    fn reads_at_once(&self) -> usize {
        self.shared.inner.reads_at_once()
    }

    fn settle(&self, prefix: &str) -> Result<(), BlobError> {
        self.settled().settle(prefix)
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        self.settled().clear_leftovers()
    }

    fn drop_folder(&self, name: &str) {
        self.settled().drop_folder(name);
    }

    fn hold_reserve(&self, len_bytes: u64) {
        self.shared.inner.hold_reserve(len_bytes);
    }

    fn release_reserve(&self) {
        self.shared.inner.release_reserve();
    }

    fn lend_reserve(&self) {
        self.shared.inner.lend_reserve();
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.enqueue(Job::Remove { name: name.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Makes what is staged visible at once, as object stores do; counts how many calls are under way.
    #[derive(Clone, Default)]
    struct Counting {
        memory: MemoryStore,
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        bad: Option<&'static str>,
    }

    impl BlobStore for Counting {
        fn location(&self) -> String {
            "counting".into()
        }
        fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            std::thread::yield_now();
            let outcome = match self.bad {
                Some(bad) if bad == name => {
                    Err(BlobError::Failed { operation: "write", name: name.into(), detail: "as told".into() })
                }
                _ => self.memory.create(name, &parts.concat()),
            };
            self.now.fetch_sub(1, Ordering::SeqCst);
            outcome
        }
        fn barrier(&self) -> Result<(), BlobError> {
            Ok(())
        }
        fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
            self.memory.create(name, bytes)
        }
        fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
            self.memory.read(name, max_len_bytes)
        }
        fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
            self.memory.read_at(name, offset_byte, buffer)
        }
        fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
            self.memory.len_bytes(name)
        }
        fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
            self.memory.age_ms(name)
        }
        fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
            self.memory.list(prefix)
        }
        fn delete(&self, name: &str) -> Result<(), BlobError> {
            self.memory.delete(name)
        }
    }

    #[test]
    fn a_store_that_works_ahead_conforms() {
        for threads in [0, 1, 4] {
            let bounds = Bounds { threads, waiting_bytes: 1000 };
            crate::conformance::check(&mut || Box::new(AheadStore::new(Counting::default(), bounds)));
        }
    }

    #[test]
    fn everything_is_there_after_a_barrier_and_never_too_much_under_way() {
        let counting = Counting::default();
        let store = AheadStore::new(counting.clone(), Bounds { threads: 4, waiting_bytes: 3000 });
        for number in 0..500 {
            store.stage(&format!("a/{number}"), &[&[7; 1000]]).expect("staged");
            assert!(store.shared.lock().waiting_bytes <= 3000);
        }
        store.barrier().expect("durable");
        assert_eq!(counting.memory.list("a/").expect("listed").len(), 500);
        assert!(counting.most.load(Ordering::SeqCst) <= 4);
        store.stage("large", &[&[0; 10_000]]).expect("alone, it may be larger");
        for number in 0..500 {
            store.delete(&format!("a/{number}")).expect("noted");
        }
        assert_eq!(store.list("a/").expect("listed"), [], "whoever looks sees no more of them");
        store.barrier().expect("durable");
    }

    #[test]
    fn a_failure_is_told_by_the_barrier_and_ends_what_was_staged() {
        let counting = Counting { bad: Some("bad"), ..Counting::default() };
        let store = AheadStore::new(counting, Bounds { threads: 2, waiting_bytes: 100 });
        store.stage("good", &[&[0; 10]]).expect("staged");
        store.stage("bad", &[&[0; 10]]).expect("not known yet");
        let told = (0..1000).find_map(|number| store.stage(&format!("more/{number}"), &[&[0; 10]]).err());
        assert!(told.is_none_or(|error| error.to_string().contains("as told")));
        assert!(store.barrier().is_err_and(|error| error.to_string().contains("as told")));
        store.stage("after", &[b"x"]).expect("staged");
        store.barrier().expect("the failure has been told");
        assert_eq!(store.read("after", 9).expect("read"), b"x");
    }

    #[test]
    fn what_speaks_of_what_was_staged_is_created_after_it() {
        for round in 0..200 {
            let counting = Counting { bad: (round % 2 == 1).then_some("a/7"), ..Counting::default() };
            let store = AheadStore::new(counting.clone(), Bounds { threads: 4, waiting_bytes: 1 << 20 });
            for number in 0..10 {
                let staged = store.stage(&format!("a/{number}"), &[&[7; 100]]);
                let noted = store.create_after_staged(&format!("b/{number}"), vec![number]);
                assert!(counting.bad.is_some() || (staged.is_ok() && noted.is_ok()));
                // Whenever one is seen, everything before it is there.
                let listed = counting.memory.list("").expect("listed");
                let has = |name: &str| listed.iter().any(|object| object.name == name);
                for seen in (0..10).filter(|seen| has(&format!("b/{seen}"))) {
                    assert!((0..=seen).all(|before| has(&format!("a/{before}"))), "{listed:?}");
                }
            }
            assert_eq!(store.barrier().is_ok(), counting.bad.is_none());
            let noted = counting.memory.list("b/").expect("listed").len();
            assert!(if counting.bad.is_some() { noted <= 7 } else { noted == 10 }, "{noted}");
        }
    }

    #[test]
    fn a_handle_that_goes_leaves_nothing_running() {
        let counting = Counting::default();
        let store = AheadStore::new(counting.clone(), Bounds::default());
        for number in 0..100 {
            store.stage(&format!("a/{number}"), &[b"x"]).expect("staged");
        }
        drop(store);
        assert_eq!(counting.now.load(Ordering::SeqCst), 0);
    }
}
