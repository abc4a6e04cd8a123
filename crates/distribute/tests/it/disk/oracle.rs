//! What was promised to the user, and whether a repository keeps it after a power loss.

use crate::collect::{PATIENCE_MS, collect, collect_options};
use crate::memory::{self, Tree, TreeSource, directory, file, key};
use crate::repair::repaired;
use crate::support::{NOW, PASSWORD, init_with, open_with, options, password_slot, restore_tree, run, small, verify};
use datakeep_engine::BackupOptions;
use datakeep_model::SessionId;
use datakeep_store::{CollectOutcome, InitOptions, Manifest, OsEntropy, Repository};
use datakeep_store_blob::{BlobStore, MemoryStore};
use datakeep_testkit::random_bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

pub const OTHER_PASSWORD: &str = "another one";
const PASSWORDS: [&str; 2] = [PASSWORD, OTHER_PASSWORD];

/// Where the run that follows a power loss finds its tree.
const NEXT: usize = 9;

/// Something that the user was told, or is about to be told.
#[derive(Clone, Debug)]
pub enum Told {
    /// The repository is made.
    Made,
    /// A backup was acknowledged.
    Kept(SessionId, usize),
    /// A snapshot is being forgotten, and was.
    Forgets(SessionId),
    Forgot(SessionId),
    /// Labels are being changed, and were.
    Labels,
    Labelled(SessionId, Vec<String>),
    /// From now on this password must open the repository, may, must not.
    Opens(&'static str),
    MayOpen(&'static str),
    MustNotOpen(&'static str),
    /// Damage was done, and was repaired.
    Damaged,
    Repaired,
}

/// All that was told so far.
#[derive(Clone, Default)]
pub struct Expected {
    is_made: bool,
    kept: BTreeMap<SessionId, usize>,
    gone: BTreeSet<SessionId>,
    labels: Option<(SessionId, Vec<String>)>,
    must_open: BTreeSet<&'static str>,
    must_not_open: BTreeSet<&'static str>,
    is_damaged: bool,
}

impl Expected {
    pub fn hear(&mut self, told: &Told) {
        match told {
            Told::Made => self.is_made = true,
            Told::Kept(id, tree) => drop(self.kept.insert(*id, *tree)),
            Told::Forgets(id) => drop(self.kept.remove(id)),
            Told::Forgot(id) => drop(self.gone.insert(*id)),
            Told::Labels => self.labels = None,
            Told::Labelled(id, labels) => self.labels = Some((*id, labels.clone())),
            Told::Opens(password) => {
                self.must_open.insert(password);
                self.must_not_open.remove(password);
            }
            Told::MayOpen(password) => {
                self.must_open.remove(password);
                self.must_not_open.remove(password);
            }
            Told::MustNotOpen(password) => {
                self.must_open.remove(password);
                self.must_not_open.insert(password);
            }
            Told::Damaged => self.is_damaged = true,
            Told::Repaired => self.is_damaged = false,
        }
    }
}

/// Few files, of which some change from number to number.
pub fn numbered_tree(number: usize) -> &'static Tree {
    static TREES: OnceLock<Vec<Tree>> = OnceLock::new();
    let make = |number: u64| {
        let mut tree = memory::tree([("d", directory(2)), ("d/e", directory(3))]);
        for place in 0..7 {
            let seed = place + 100 * ((number + place % 3) / 3);
            let name = ["f", "d/f", "d/e/f"][place as usize % 3];
            tree.insert(key(&format!("{name}{place}")), file(10 + seed as i64, random_bytes(seed, 500)));
        }
        tree
    };
    &TREES.get_or_init(|| (0..=NEXT as u64).map(make).collect())[number]
}

/// Packs of one frame, and several of them from few bytes; or packs of several frames, so that some of these move.
pub fn init_options(pack_target_bytes: u32) -> InitOptions {
    InitOptions { pack_target_bytes, ..small() }
}

pub const ONE_FRAME: u32 = 300;
pub const SEVERAL_FRAMES: u32 = 2000;

pub fn few_bytes() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 700, progress_bytes: 1 << 10, ..options() }
}

pub fn said<T>(result: Result<T, impl std::fmt::Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn ensure(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

/// Looks at what a power loss left, and goes on with it: every promise is kept, the next backup and the next collection
/// work, and every promise is still kept.
pub fn check(store: &MemoryStore, expected: &Expected) -> Result<(), String> {
    let Some(repository) = open_any(store, expected)? else { return begin_again(store) };
    if expected.is_damaged {
        check_snapshots(&repository, expected, &[])?;
        said(repaired(&repository))?;
    }
    let repository = reopen(store)?;
    check_snapshots(&repository, expected, &[])?;
    check_sound(&repository)?;
    go_on(store, expected)
}

/// The next backup and the next collection work, and every promise is kept after them.
pub fn go_on(store: &MemoryStore, expected: &Expected) -> Result<(), String> {
    let repository = reopen(store)?;
    let next = run(&repository, &mut TreeSource::new("disk", numbered_tree(NEXT)), &few_bytes());
    let manifest = next.map_err(|error| format!("the next backup: {error}"))?.manifest.ok_or("no manifest")?;
    let made = [(manifest.snapshot.id, NEXT)];
    check_snapshots(&*reopen(store)?, expected, &made)?;
    store.advance(10 * PATIENCE_MS);
    match collect(&reopen(store)?, &collect_options(0)) {
        Ok((_, CollectOutcome::Done(_))) => {}
        Ok((_, CollectOutcome::Waiting(open))) => return Err(format!("the next collection waits for {open:?}")),
        Err(error) => return Err(format!("the next collection: {error}")),
    }
    let fresh = reopen(store)?;
    check_snapshots(&fresh, expected, &made).map_err(|what| format!("after a collection: {what}"))?;
    check_sound(&fresh).map_err(|what| format!("after a collection: {what}"))
}

/// The repository, opened with a password that opens it; none is fine only while `init` has not ended.
fn open_any(store: &MemoryStore, expected: &Expected) -> Result<Option<Arc<Repository>>, String> {
    let mut opened = None;
    for password in PASSWORDS {
        match open_with(store.clone(), password, Arc::new(OsEntropy)) {
            Ok(_) if expected.must_not_open.contains(password) => {
                return Err(format!("{password:?} was taken away and opens the repository"));
            }
            Ok(repository) => opened = Some(repository),
            Err(error) if expected.must_open.contains(password) => {
                return Err(format!("{password:?} does not open the repository: {error}"));
            }
            Err(_) => {}
        }
    }
    ensure(opened.is_some() || !expected.is_made, || "no password opens the repository".into())?;
    Ok(opened)
}

fn reopen(store: &MemoryStore) -> Result<Arc<Repository>, String> {
    let open = |password| open_with(store.clone(), password, Arc::new(OsEntropy));
    said(open(PASSWORD).or_else(|_| open(OTHER_PASSWORD)))
}

/// An `init` that did not end leaves nothing in the way of the next.
fn begin_again(store: &MemoryStore) -> Result<(), String> {
    let slot = password_slot("main", PASSWORD);
    let made = Repository::init(Arc::new(store.clone()), &init_options(ONE_FRAME), &[slot], Arc::new(OsEntropy), NOW);
    said(made).map_err(|error| format!("init cannot be done again: {error}"))?;
    check_sound(&*reopen(store)?)
}

fn check_sound(repository: &Repository) -> Result<(), String> {
    ensure(repository.slot_warnings().is_empty(), || format!("slots: {:?}", repository.slot_warnings()))?;
    let verified = said(verify(repository))?;
    let fault = verified.faults.first().map(|fault| format!("check finds {}: {}", fault.what, fault.error));
    fault.map_or(Ok(()), Err)
}

/// What was acknowledged is there and right; what else is seen is whole; what was forgotten is gone.
fn check_snapshots(repository: &Repository, expected: &Expected, made: &[(SessionId, usize)]) -> Result<(), String> {
    let (manifests, faults) = said(repository.snapshots())?;
    ensure(faults.is_empty(), || format!("snapshots: {faults:?}"))?;
    let found: BTreeMap<SessionId, &Manifest> = manifests.iter().map(|m| (m.snapshot.id, m)).collect();
    let kept = expected.kept.keys().chain(made.iter().map(|(id, _)| id));
    for id in kept {
        ensure(found.contains_key(id), || format!("snapshot {id} was acknowledged and is gone"))?;
    }
    for id in &expected.gone {
        ensure(!found.contains_key(id), || format!("snapshot {id} was forgotten and is there"))?;
    }
    if let Some((id, labels)) = &expected.labels {
        let tags = found.get(id).map(|manifest| &manifest.snapshot.tags);
        ensure(tags.is_none_or(|tags| tags == labels), || format!("labels {labels:?} were set, and are {tags:?}"))?;
    }
    for (id, manifest) in found {
        let number = expected.kept.get(&id).copied().or(made.iter().find(|made| made.0 == id).map(|made| made.1));
        check_restores(repository, manifest, number).map_err(|what| format!("snapshot {id}: {what}"))?;
    }
    Ok(())
}

/// Restores and compares; a snapshot that was not acknowledged may be of any tree, as long as it is whole.
fn check_restores(repository: &Repository, manifest: &Manifest, number: Option<usize>) -> Result<(), String> {
    let (found, report) = said(restore_tree(repository, manifest))?;
    ensure(report.tally.losses == 0, || format!("lost {:?}", report.tally.lost))?;
    let difference = |number: usize| memory::first_difference(numbered_tree(number), &found);
    match number {
        Some(number) => difference(number).map_or(Ok(()), Err),
        None => ensure((0..=NEXT).any(|number| difference(number).is_none()), || "it is no tree that ever was".into()),
    }
}

/// A new repository.
pub fn init(
    blobs: impl BlobStore + 'static,
    entropy: Arc<dyn datakeep_store::Entropy>,
    pack_target_bytes: u32,
) -> Result<(), String> {
    let slot = password_slot("main", PASSWORD);
    said(Repository::init(Arc::new(blobs), &init_options(pack_target_bytes), &[slot], entropy, NOW))?;
    Ok(())
}

/// The harness' own repository keeps its promises.
#[test]
fn a_repository_that_nothing_happened_to_passes() {
    let store = MemoryStore::new();
    let repository = init_with(store.clone(), &init_options(ONE_FRAME));
    let report = run(&repository, &mut TreeSource::new("disk", numbered_tree(0)), &few_bytes()).unwrap();
    let mut expected = Expected::default();
    [Told::Made, Told::Opens(PASSWORD)].iter().for_each(|told| expected.hear(told));
    expected.hear(&Told::Kept(report.manifest.unwrap().snapshot.id, 0));
    assert_eq!(check(&store.fork(), &expected), Ok(()));
    let pack = store.list("data/").unwrap().remove(0).name;
    store.tamper(&pack, None);
    assert!(check(&store, &expected).is_err());
}
