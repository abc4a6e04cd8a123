//! A small repository with every kind of object: two snapshots with labels, a password and a recovery slot, an
//! interrupted run with its progress, packs of both classes, list pages and attribute chunks.

use crate::collect::{PATIENCE_MS, collect, collect_done, collect_options, forget};
use crate::memory::{self, Thing, Tree, TreeSource, directory, file, key, symlink};
use crate::support::{Ear, KDF, NOW, open_with, options, password_slot, run, small};
use datakeep_connector::{Cancel, FixedClock};
use datakeep_distribute::copy::{Copier, Depth, Pair};
use datakeep_engine::{BackupOptions, RunContext};
use datakeep_model::{FileType, Secret, Xattr};
use datakeep_store::{InitOptions, Manifest, NewSlot, Repository, SeededEntropy, SlotKind, Suite};
use datakeep_store_blob::{BlobStore, MemoryStore};
use datakeep_testkit::{random_bytes, text};
use std::sync::Arc;

/// The code of the recovery slot (in the written form: see `golden.rs`).
pub const RECOVERY: [u8; 20] = *b"golden recovery code";

/// The repository and what its snapshots hold.
pub struct Fixture {
    pub store: MemoryStore,
    pub password: &'static str,
    pub older: Tree,
    pub newer: Tree,
    pub newer_manifest: Manifest,
}

/// Every kind of entry and of content that a snapshot can hold.
pub fn first_tree() -> Tree {
    let mut tree = memory::tree([
        ("docs", directory(2)),
        ("docs/empty", file(3, "")),
        ("docs/letter", file(4, "Dear reader,\n")),
        ("docs/copy of letter", file(5, "Dear reader,\n")),
        ("docs/random", file(6, random_bytes(6, 2500))),
        ("docs/going", file(7, text(7, 900))),
        ("link", symlink(8, b"docs/letter")),
        ("pipe", memory::thing(FileType::Fifo, 9)),
        ("wide", directory(10)),
        ("many parts", many_parts(11)),
        ("attributes", with_attributes(12)),
    ]);
    let mut device = memory::thing(FileType::CharDevice, 13);
    device.meta.rdev = 0x103;
    tree.insert(key("device"), device);
    for number in 0..12 {
        tree.insert(key(&format!("wide/{number:02}")), file(20 + number, text(number as u64, 40)));
    }
    let twin = Thing {
        meta: datakeep_model::Meta { links: 2, ..tree[&key("wide/03")].meta.clone() },
        ..tree[&key("wide/03")].clone()
    };
    tree.insert(key("wide/03"), twin.clone());
    tree.insert(key("wide/twin of 03"), twin);
    tree
}

/// A file of more parts than an entry holds: data and holes in turn.
fn many_parts(tick: i64) -> Thing {
    let mut body = vec![0; 600 * 2 * memory::HOLE_BLOCK];
    body.chunks_mut(2 * memory::HOLE_BLOCK).for_each(|pair| pair[..memory::HOLE_BLOCK].fill(b'd'));
    Thing { sparse: true, ..file(tick, body) }
}

/// A file with more attributes than an entry holds, and a small one.
fn with_attributes(tick: i64) -> Thing {
    let xattr = |name: &str, value: Vec<u8>| Xattr { name: name.as_bytes().to_vec(), value };
    let xattrs = vec![xattr("user.large", vec![b'v'; 5000]), xattr("user.note", b"short".to_vec())];
    Thing { xattrs, ..file(tick, "attributes\n") }
}

/// The first tree a day later.
pub fn second_tree() -> Tree {
    let mut tree = first_tree();
    tree.remove(&key("docs/going"));
    tree.insert(key("docs/letter"), file(104, "Dear reader,\nit has changed.\n"));
    tree.insert(key("docs/new"), file(105, random_bytes(105, 700)));
    let mut noted = tree[&key("docs/random")].clone();
    (noted.meta.ctime.seconds, noted.xattrs) = (106, vec![Xattr { name: b"user.x".to_vec(), value: b"y".to_vec() }]);
    tree.insert(key("docs/random"), noted);
    tree
}

/// What the interrupted run was reading.
pub fn third_tree() -> Tree {
    let mut tree = second_tree();
    tree.insert(key("unfinished"), file(205, random_bytes(205, 1200)));
    tree.insert(key("unfinished too"), file(206, text(206, 600)));
    tree
}

fn repeatable(tags: &[&str]) -> BackupOptions {
    let tags = tags.iter().map(|&tag| tag.to_string()).collect();
    BackupOptions { workers: 1, frame_target_bytes: 700, progress_bytes: 512, tags, ..options() }
}

/// Packs of one frame.
pub fn fixture_options() -> InitOptions {
    InitOptions { pack_target_bytes: 300, ..small() }
}

/// A repository after collections and a repair, with every kind of object that they leave: a round that is over, one that
/// waits for a run, tombstones, moved frames, copies of checkpoints, an index that was made again.
///
/// Which frames share a pack depends a little on which thread comes first: where nothing has to move, others are tried.
pub fn build_collected(password: &'static str, seed: u64) -> Fixture {
    (0..20).find_map(|number| try_collected(password, seed + 1000 * number)).expect("frames have moved")
}

fn try_collected(password: &'static str, seed: u64) -> Option<Fixture> {
    let store = MemoryStore::new();
    let chance = |number: u64| Arc::new(SeededEntropy::new(seed + number));
    let options = InitOptions { pack_target_bytes: 2500, ..small() };
    Repository::init(Arc::new(store.clone()), &options, &[password_slot("main", password)], chance(0), NOW).unwrap();
    let open = |number: u64| open_with(store.clone(), password, chance(number)).unwrap();
    let (older, newer) = (first_tree(), second_tree());
    let back_up = |number: u64, mark: i64, tree: &Tree, tags: &[&str]| {
        let mark = datakeep_model::Timestamp::new(1_600_000_000 + mark, 0);
        let mut source = TreeSource { mark, ..TreeSource::new("fixture", tree) };
        run(&open(number), &mut source, &repeatable(tags)).unwrap().manifest.unwrap()
    };
    let first = back_up(1, 0, &older, &["first"]);
    let newer_manifest = back_up(2, 100, &newer, &["newest"]);
    let elsewhere = memory::tree([("other", file(300, text(300, 3000)))]);
    let other = run(&open(3), &mut TreeSource::new("other", &elsewhere), &repeatable(&[])).unwrap().manifest.unwrap();
    // An index object is damaged and made again.
    let object = store.list("index/").unwrap().remove(0).name;
    let mut bytes = store.read(&object, u64::MAX).unwrap();
    bytes[140] ^= 1;
    store.tamper(&object, Some(bytes));
    let maintenance = collect_options(0);
    let plan = open(4).plan_repair(&mut |_| true).unwrap();
    open(5).repair(&plan, &maintenance, &mut |_| true).unwrap();
    forget(&open(6), &first);
    if collect_done(&open(7), 0).moved_bytes == 0 {
        return None;
    }
    // The second round waits for a run that lives.
    forget(&open(8), &other);
    let info = datakeep_model::SourceInfo { name: "alive".into(), ..newer_manifest.snapshot.source.clone() };
    let alive = datakeep_store::SessionInfo { source: info, started: NOW };
    drop(datakeep_store::Writer::begin(open(9), &alive).unwrap());
    let outcome = collect(&open(10), &maintenance).unwrap().1;
    assert!(matches!(outcome, datakeep_store::CollectOutcome::Waiting(_)), "{outcome:?}");
    Some(Fixture { store, password, older, newer, newer_manifest })
}

/// A repository whose records have been repaired, with every kind of object that this leaves: second copies of decisions, a
/// reach object that was made again, a register and an intent in their place again, labels and what else was damaged in
/// quarantine.
pub fn build_mended(password: &'static str, seed: u64) -> Fixture {
    let fixture = build(password, seed);
    let open =
        |number: u64| open_with(fixture.store.clone(), password, Arc::new(SeededEntropy::new(seed + number))).unwrap();
    let (manifests, _) = open(10).snapshots().unwrap();
    let harm = |folder: &str, manifest: &Manifest| {
        let object = format!("{folder}/{:010}/{}", manifest.snapshot.epoch, manifest.snapshot.id);
        let mut bytes = fixture.store.read(&object, u64::MAX).unwrap();
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
        fixture.store.tamper(&object, Some(bytes));
    };
    harm("reach", &manifests[0]);
    harm("commits", &manifests[0]);
    harm("sessions", &manifests[0]);
    harm("commits-copies", &manifests[1]);
    fixture.store.advance(2 * PATIENCE_MS);
    let plan = open(11).plan_repair(&mut |_| true).unwrap();
    let outcome = open(12).repair(&plan, &collect_options(0), &mut |_| true).unwrap();
    assert!(matches!(outcome, datakeep_store::RepairOutcome::Done(done) if (done.reaches, done.decisions) == (1, 2)));
    fixture
}

/// A repository of other parameters that holds copies of what is in `from`, the oldest of which has been forgotten.
pub fn build_copied(from: &Arc<Repository>, password: &'static str, seed: u64) -> Fixture {
    let store = MemoryStore::new();
    let chance = |number: u64| Arc::new(SeededEntropy::new(seed + number));
    let options = InitOptions { pack_target_bytes: 900, tree_window: 4, suite: Suite::ChaCha20Poly1305, ..small() };
    Repository::init(Arc::new(store.clone()), &options, &[password_slot("main", password)], chance(0), NOW).unwrap();
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    let mut copies = Vec::new();
    for (number, manifest) in from.snapshots().unwrap().0.iter().enumerate() {
        let to = open_with(store.clone(), password, chance(1 + number as u64)).unwrap();
        let pair = Pair::new(from, &to).unwrap();
        copies
            .push(Copier::new(pair).unwrap().copy(manifest, &repeatable(&[]), Depth::Content, &context).unwrap().copy);
    }
    forget(&open_with(store.clone(), password, chance(9)).unwrap(), &copies[0]);
    let newer_manifest = copies.pop().unwrap();
    Fixture { store, password, older: first_tree(), newer: second_tree(), newer_manifest }
}

/// Makes the repository. The same seed gives the same keys and names.
pub fn build(password: &'static str, seed: u64) -> Fixture {
    let store = MemoryStore::new();
    let recovery = NewSlot {
        label: "recovery".into(),
        secret: Secret::new(RECOVERY.to_vec()),
        kind: SlotKind::Recovery,
        kdf: KDF,
    };
    let slots = [password_slot("main", password), recovery];
    let chance = || Arc::new(SeededEntropy::new(seed));
    Repository::init(Arc::new(store.clone()), &fixture_options(), &slots, chance(), NOW).unwrap();
    // Each opening draws from its own row: session names never meet.
    let open = |number: u64| open_with(store.clone(), password, Arc::new(SeededEntropy::new(seed + number))).unwrap();
    let (older, newer) = (first_tree(), second_tree());
    let one = open(1);
    let first = run(&one, &mut TreeSource::new("fixture", &older), &repeatable(&["first"])).unwrap();
    let older_manifest = first.manifest.unwrap();
    for label in ["kept", "seen"] {
        let add = |labels: &[String]| [labels, &[label.to_string()]].concat();
        one.change_tags(&older_manifest, &add).unwrap();
    }
    let two = open(2);
    let mut source =
        TreeSource { mark: datakeep_model::Timestamp::new(1_600_000_100, 0), ..TreeSource::new("fixture", &newer) };
    let newer_manifest = run(&two, &mut source, &repeatable(&[])).unwrap().manifest.unwrap();
    two.change_tags(&newer_manifest, &|_| vec!["newest".to_string()]).unwrap();
    let mut interrupted = TreeSource { fail_complete: true, ..TreeSource::new("fixture", &third_tree()) };
    run(&open(3), &mut interrupted, &repeatable(&[])).unwrap_err();
    Fixture { store, password, older, newer, newer_manifest }
}
