//! The consumer's side: batches in key order.

use super::list::{Entry, Plan, Scope};
use super::state::{NodeId, Shared, State, Step};
use crate::dir::{DirRef, Place};
use crate::handle::{Entry as HandleEntry, Env, FileHandle, Memory, Names};
use crate::sys::{self, Ident};
use datakeep_connector::{ConnectorError, Item, ItemBatch, ItemStream};
use datakeep_model::{ErrorKind, ItemPath, Meta};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// A walk under way. Dropping it stops the walkers.
pub(crate) struct Walk {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Directories from the top down to where the consumer is.
    stack: Vec<NodeId>,
    root: Option<ItemBatch>,
}

/// Tells the consumer when a walker ends by a panic, so that nobody waits for it.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().is_broken = true;
            self.0.progress.notify_one();
        }
    }
}

impl Walk {
    /// Starts walking from the root of the file system along `plan`, with `threads` walkers ahead of the consumer.
    pub fn start(scope: Scope, mut plan: Plan, threads: usize) -> Result<Self, ConnectorError> {
        let dir = DirRef::new(Place::Anchor { path: c"/".to_owned(), list: plan.is_whole });
        let env = Arc::clone(&scope.env);
        let looked = env.cache.fd(&dir).and_then(sys::look_fd);
        let meta = looked
            .map_err(|errno| ConnectorError::new(ErrorKind::Source, format!("cannot open `/`: {}", sys::words(errno))))?
            .meta;
        plan.device = meta.device;
        let shared = Arc::new(Shared {
            scope,
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let top = shared.lock().begin(Arc::clone(&dir), ItemPath::root(), plan);
        let root = Some(root_batch(dir, env, meta));
        let mut walk = Self { shared, threads: Vec::new(), stack: vec![top], root };
        for number in 0..threads {
            let guard = Guard(Arc::clone(&walk.shared));
            let spawned = std::thread::Builder::new().name(format!("walk-{number}")).spawn(move || guard.0.walk());
            match spawned {
                Ok(thread) => walk.threads.push(thread),
                // The consumer does what no walker does.
                Err(_) => break,
            }
        }
        Ok(walk)
    }

    fn advance(&mut self) -> Result<Option<ItemBatch>, ConnectorError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        while let Some(&id) = self.stack.last() {
            if state.is_broken {
                return Err(ConnectorError::new(ErrorKind::Internal, "a walker thread ended by a panic"));
            }
            match state.step(id) {
                Step::Batch(entries, losses) => {
                    let Some(node) = state.node(id) else { continue };
                    let path = Arc::clone(&node.path);
                    let names = node.listed.as_ref().map(|listed| Arc::clone(&listed.listing.names));
                    shared.offer(&state);
                    if entries.is_empty() && losses.is_empty() {
                        continue;
                    }
                    drop(state);
                    let items = names.map(|names| items(&names, entries)).unwrap_or_default();
                    return Ok(Some(ItemBatch { directory: (*path).clone(), items, losses }));
                }
                Step::Wait => state = shared.wait_for(state, id),
                Step::Do(job) => {
                    let child = job.id();
                    if child != id {
                        self.descend(&mut state, id, child);
                    }
                    drop(state);
                    shared.run(job);
                    state = shared.lock();
                }
                Step::Descend(child) => self.descend(&mut state, id, child),
                Step::Done => {
                    self.stack.pop();
                    state.remove(id);
                }
            }
        }
        Ok(None)
    }
}

impl Walk {
    /// Goes down into `child`. A directory that has nothing else left is let go of first, so that a deep chain of
    /// single directories does not pile up.
    fn descend(&mut self, state: &mut State, id: NodeId, child: NodeId) {
        if state.is_spent(id) {
            self.stack.pop();
            state.remove(id);
        }
        self.stack.push(child);
    }
}

impl ItemStream for Walk {
    fn next_batch(&mut self) -> Result<Option<ItemBatch>, ConnectorError> {
        match self.root.take() {
            Some(root) => Ok(Some(root)),
            None => self.advance(),
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A walker that panicked was reported by its guard.
            let _ = thread.join();
        }
    }
}

fn root_batch(dir: Arc<DirRef>, env: Arc<Env>, meta: Meta) -> ItemBatch {
    let handle = handle(HandleEntry::Directory { dir, env }, &meta);
    let item = Item { name: Vec::new(), meta, handle };
    ItemBatch { directory: ItemPath::root(), items: vec![item], losses: Vec::new() }
}

fn items(names: &Arc<Names>, entries: Vec<Entry>) -> Vec<Item> {
    let item = |entry: Entry| {
        let name = names.at(entry.offset).to_bytes().to_vec();
        let place = match entry.itself {
            Some(dir) => HandleEntry::Directory { dir, env: Arc::clone(&names.env) },
            None => HandleEntry::Named { names: Arc::clone(names), offset: entry.offset },
        };
        let handle = handle(place, &entry.meta);
        Item { name, meta: entry.meta, handle }
    };
    entries.into_iter().map(item).collect()
}

fn handle(entry: HandleEntry, meta: &Meta) -> Arc<FileHandle> {
    Arc::new(FileHandle {
        entry,
        ident: Ident::of(meta),
        file_type: meta.file_type,
        uid: meta.uid,
        memory: Memory::default(),
    })
}
