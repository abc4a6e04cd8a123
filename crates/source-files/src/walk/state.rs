//! What walkers and consumer share: the directories between "known" and "consumed", and the frontier.

use super::list::{self, Chunk, Entry, Listing, Plan, Scope, SubDir};
use crate::dir::DirRef;
use crate::sys::lock;
use datakeep_model::{ItemPath, Loss};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Entries looked at and not yet consumed, beyond which walkers rest.
const MOST_READY: usize = 64 << 10;
/// Names listed and not yet looked at, beyond which walkers list no more directories.
const MOST_NAMES: usize = 256 << 10;
/// What a directory weighs besides its entries.
const DIRECTORY_WEIGHT: usize = 4;

pub(crate) type NodeId = u64;

/// A directory on its way through the walk.
pub(crate) struct Node {
    pub path: Arc<ItemPath>,
    dir: Arc<DirRef>,
    plan: Plan,
    pub listed: Option<Listed>,
}

/// A directory whose names are known.
pub(crate) struct Listed {
    pub listing: Arc<Listing>,
    pub losses: Vec<Loss>,
    /// Slices not yet consumed, the first one in front.
    slots: VecDeque<Slot>,
    consumed: usize,
    taken: usize,
    slice_count: usize,
    unfinished: usize,
    subdirs: Vec<Vec<SubDir>>,
    /// Subdirectories in order, once every slice is looked at.
    descent: VecDeque<SubDir>,
    /// Subdirectories that walkers have begun and the consumer has not reached.
    begun: VecDeque<NodeId>,
}

enum Slot {
    Waiting,
    Done(Vec<Entry>, Vec<Loss>),
}

/// A piece of work.
pub(crate) enum Job {
    List { id: NodeId, dir: Arc<DirRef>, path: Arc<ItemPath>, plan: Plan },
    Look { id: NodeId, listing: Arc<Listing>, path: Arc<ItemPath>, index: usize },
}

/// What the consumer finds when it looks at a directory.
pub(crate) enum Step {
    /// A slice is ready.
    Batch(Vec<Entry>, Vec<Loss>),
    /// Somebody is at work on it.
    Wait,
    /// Nobody is: the consumer does it.
    Do(Job),
    /// All slices are consumed; on to this subdirectory. True when there are more to come.
    Descend(NodeId),
    /// Nothing is left.
    Done,
}

#[derive(Default)]
pub(crate) struct State {
    nodes: HashMap<NodeId, Node>,
    frontier: BTreeMap<Vec<u8>, NodeId>,
    next_id: NodeId,
    ready: usize,
    unseen_names: usize,
    /// Walkers waiting for work, and the directory the consumer waits for: nobody else is woken.
    idle: usize,
    awaited: Option<NodeId>,
    pub is_stopped: bool,
    pub is_broken: bool,
}

pub(crate) struct Shared {
    pub scope: Scope,
    pub state: Mutex<State>,
    pub work: Condvar,
    pub progress: Condvar,
}

impl State {
    /// Puts the top directory in and returns its id.
    pub fn begin(&mut self, dir: Arc<DirRef>, path: ItemPath, plan: Plan) -> NodeId {
        let key = path.children_prefix();
        let id = self.insert(dir, path, plan);
        self.frontier.insert(key, id);
        id
    }

    fn insert(&mut self, dir: Arc<DirRef>, path: ItemPath, plan: Plan) -> NodeId {
        self.next_id += 1;
        self.nodes.insert(self.next_id, Node { path: Arc::new(path), dir, plan, listed: None });
        self.ready += DIRECTORY_WEIGHT;
        self.next_id
    }

    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// The first piece of work, unless too much is ready already.
    pub fn take_first(&mut self) -> Option<Job> {
        if self.ready >= MOST_READY {
            return None;
        }
        let (_, &id) = self.frontier.first_key_value()?;
        let is_look = self.nodes.get(&id)?.listed.as_ref().is_some_and(|listed| listed.has_slices());
        if !is_look && self.unseen_names >= MOST_NAMES {
            return None;
        }
        let (_, id) = self.frontier.pop_first()?;
        self.take(id, true)
    }

    /// Takes the next piece of work of a directory that is not in the frontier now, and puts it back if it has more.
    fn take(&mut self, id: NodeId, is_ahead: bool) -> Option<Job> {
        let node = self.nodes.get_mut(&id)?;
        let Some(listed) = node.listed.as_mut() else {
            let (dir, path, plan) = (Arc::clone(&node.dir), Arc::clone(&node.path), node.plan.clone());
            return Some(Job::List { id, dir, path, plan });
        };
        if listed.has_slices() {
            let index = listed.taken;
            listed.taken += 1;
            let job = Job::Look { id, listing: Arc::clone(&listed.listing), path: Arc::clone(&node.path), index };
            if listed.has_slices() {
                self.frontier.insert(node.path.children_prefix(), id);
            }
            return Some(job);
        }
        let subdir = listed.descent.pop_front()?;
        let (dir, plan) = subdir.open(&listed.listing.names);
        let path = subdir.path(&listed.listing.names, &node.path);
        self.offer_descent(id);
        let child = self.insert(dir, path, plan);
        if is_ahead && let Some(listed) = self.nodes.get_mut(&id).and_then(|node| node.listed.as_mut()) {
            listed.begun.push_back(child);
        }
        self.take(child, is_ahead)
    }

    /// Puts a directory into the frontier for its next subdirectory.
    fn offer_descent(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else { return };
        let Some(listed) = &node.listed else { return };
        if let Some(next) = listed.descent.front() {
            self.frontier.insert(next.path(&listed.listing.names, &node.path).children_prefix(), id);
        }
    }

    fn withdraw(&mut self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        let key = match &node.listed {
            Some(listed) if !listed.has_slices() => match listed.descent.front() {
                Some(next) => next.path(&listed.listing.names, &node.path).children_prefix(),
                None => return false,
            },
            _ => node.path.children_prefix(),
        };
        self.frontier.remove(&key).is_some()
    }

    pub fn finish_listing(&mut self, id: NodeId, listing: Listing, first: Option<Chunk>) {
        let count = listing.chunk_count();
        let mut listing = listing;
        let losses = std::mem::take(&mut listing.losses);
        self.unseen_names += listing.entry_count();
        let listed = Listed {
            listing: Arc::new(listing),
            losses,
            slots: (0..count).map(|_| Slot::Waiting).collect(),
            consumed: 0,
            taken: usize::from(first.is_some()),
            slice_count: count,
            unfinished: count,
            subdirs: (0..count).map(|_| Vec::new()).collect(),
            descent: VecDeque::new(),
            begun: VecDeque::new(),
        };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let has_slices = listed.has_slices();
        node.listed = Some(listed);
        if has_slices {
            self.frontier.insert(node.path.children_prefix(), id);
        }
        if let Some(chunk) = first {
            self.finish_look(id, 0, chunk);
        }
    }

    pub fn finish_look(&mut self, id: NodeId, index: usize, chunk: Chunk) {
        let Some(listed) = self.nodes.get_mut(&id).and_then(|node| node.listed.as_mut()) else { return };
        self.ready += chunk.entries.len();
        let seen = (listed.listing.entry_count() - index * list::CHUNK_ENTRIES).min(list::CHUNK_ENTRIES);
        self.unseen_names = self.unseen_names.saturating_sub(seen);
        if let Some(slot) = index.checked_sub(listed.consumed).and_then(|at| listed.slots.get_mut(at)) {
            *slot = Slot::Done(chunk.entries, chunk.losses);
        }
        listed.subdirs[index] = chunk.subdirs;
        listed.unfinished -= 1;
        if listed.unfinished == 0 {
            listed.descent = std::mem::take(&mut listed.subdirs).into_iter().flatten().collect();
            self.offer_descent(id);
        }
    }

    /// The consumer's next step in a directory.
    pub fn step(&mut self, id: NodeId) -> Step {
        let Some(listed) = self.nodes.get_mut(&id).map(|node| node.listed.as_mut()) else { return Step::Done };
        let Some(listed) = listed else { return self.claim(id) };
        if !listed.losses.is_empty() {
            return Step::Batch(Vec::new(), std::mem::take(&mut listed.losses));
        }
        match listed.slots.pop_front() {
            Some(Slot::Done(entries, losses)) => {
                listed.consumed += 1;
                self.ready -= entries.len();
                return Step::Batch(entries, losses);
            }
            Some(Slot::Waiting) => {
                listed.slots.push_front(Slot::Waiting);
                return if listed.taken <= listed.consumed { self.claim(id) } else { Step::Wait };
            }
            None => {}
        }
        if let Some(child) = listed.begun.pop_front() {
            return Step::Descend(child);
        }
        if listed.descent.is_empty() { Step::Done } else { self.claim(id) }
    }

    fn claim(&mut self, id: NodeId) -> Step {
        if !self.withdraw(id) {
            return Step::Wait;
        }
        match self.take(id, false) {
            Some(job) => Step::Do(job),
            None => Step::Done,
        }
    }

    /// True when the consumer needs nothing more of this directory but what it has begun: its last subdirectory.
    pub fn is_spent(&self, id: NodeId) -> bool {
        let listed = self.nodes.get(&id).and_then(|node| node.listed.as_ref());
        listed.is_some_and(|l| l.slots.is_empty() && l.begun.is_empty() && l.descent.is_empty())
    }

    pub fn remove(&mut self, id: NodeId) {
        if self.nodes.remove(&id).is_some() {
            self.ready -= DIRECTORY_WEIGHT;
        }
    }
}

impl Listed {
    fn has_slices(&self) -> bool {
        self.taken < self.slice_count
    }
}

impl Job {
    /// The directory whose state this changes.
    pub fn id(&self) -> NodeId {
        match self {
            Job::List { id, .. } | Job::Look { id, .. } => *id,
        }
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Waits until the state of directory `id` may have changed.
    pub fn wait_for<'a>(&self, mut state: MutexGuard<'a, State>, id: NodeId) -> MutexGuard<'a, State> {
        state.awaited = Some(id);
        self.progress.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes a walker if there is one to wake and something for it to do.
    pub fn offer(&self, state: &State) {
        if state.idle > 0 && state.ready < MOST_READY && !state.frontier.is_empty() {
            self.work.notify_one();
        }
    }

    /// Does a piece of work, without the lock, and files the result.
    pub fn run(&self, job: Job) {
        let id = job.id();
        let mut state = match job {
            Job::List { dir, path, plan, .. } => {
                let listing = list::list(&self.scope, &dir, &path, plan);
                let first = (listing.chunk_count() > 0).then(|| list::look(&self.scope, &listing, &path, 0));
                let mut state = self.lock();
                state.finish_listing(id, listing, first);
                state
            }
            Job::Look { listing, path, index, .. } => {
                let chunk = list::look(&self.scope, &listing, &path, index);
                let mut state = self.lock();
                state.finish_look(id, index, chunk);
                state
            }
        };
        if state.awaited == Some(id) {
            state.awaited = None;
            self.progress.notify_one();
        }
        self.offer(&state);
    }

    /// The life of a walker thread.
    pub fn walk(&self) {
        let mut state = self.lock();
        while !state.is_stopped {
            match state.take_first() {
                Some(job) => {
                    drop(state);
                    self.run(job);
                    state = self.lock();
                }
                None => {
                    state.idle += 1;
                    state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.idle -= 1;
                }
            }
        }
    }
}
