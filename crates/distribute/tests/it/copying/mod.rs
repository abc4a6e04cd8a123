//! Copies in a second repository: the same in everything, whatever keys and parameters, at the cost of what changed.

mod damage;
mod history;
mod meanwhile;
mod nodes;
mod resuming;

use crate::fixture::{first_tree, fixture_options, second_tree, third_tree};
use crate::memory::{Changing, Failing, Tree, TreeSource, directory, file, key, tree};
use crate::round_trip::{Folder, bring, differences, keep, request};
use crate::support::{
    Ear, NOW, assert_restores, assert_sound, content_ids, init_with, open, open_with, options, restore_tree, run, small,
};
use datakeep_connector::{Cancel, FixedClock};
use datakeep_distribute::copy::{Compared, Copier, CopyPlan, CopyReport, Depth, Pair, Standing, Wanted, bytes_to_read};
use datakeep_distribute::{DistributeError, Overwrite};
use datakeep_engine::{BackupOptions, RunContext};
use datakeep_model::{LossCause, Origin, Snapshot, Timestamp, Whence};
use datakeep_store::{
    ChunkerParams, Entry, FrameDecoder, InitOptions, KeyRange, Manifest, OsEntropy, Part, Repository, Suite,
    content_parts,
};
use datakeep_store_blob::{BlobStore, MemoryStore};
use datakeep_testkit::{AwkwardTree, TreeOptions, random_bytes};
use std::sync::Arc;

pub const COPIED: Timestamp = Timestamp { seconds: NOW.seconds + 1_000_000, nanos: 9 };

/// Nothing of it as in [`small`].
pub fn other() -> InitOptions {
    InitOptions {
        version: datakeep_store::FormatVersion::default(),
        suite: Suite::ChaCha20Poly1305,
        chunker: ChunkerParams { min_bytes: 128, avg_bytes: 1024, max_bytes: 4096 },
        segment_mib: 2,
        tree_window: 5,
        pack_target_bytes: 2000,
    }
}

pub fn snapshots(repository: &Repository) -> Vec<Manifest> {
    let (manifests, faults) = repository.snapshots().unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    manifests
}

pub fn plan(from: &Arc<Repository>, to: &Arc<Repository>, wanted: Wanted) -> CopyPlan {
    Copier::new(Pair::new(from, to).unwrap()).unwrap().plan(&snapshots(from), wanted).unwrap()
}

pub fn copy_heard(
    (from, to): (&Arc<Repository>, &Arc<Repository>),
    manifest: &Manifest,
    (options, depth): (&BackupOptions, Depth),
    (ear, cancel): (&Ear, &Cancel),
) -> Result<CopyReport, DistributeError> {
    let context = RunContext { observer: ear, cancel, clock: &FixedClock(COPIED) };
    Copier::new(Pair::new(from, to)?)?.copy(manifest, options, depth, &context)
}

pub fn copy(from: &Arc<Repository>, to: &Arc<Repository>, manifest: &Manifest) -> Result<CopyReport, DistributeError> {
    copy_heard((from, to), manifest, (&options(), Depth::Content), (&Ear::default(), &Cancel::new()))
}

/// Copies what a plan says.
pub fn copy_planned(from: &Arc<Repository>, to: &Arc<Repository>, wanted: Wanted) -> Vec<CopyReport> {
    let planned = plan(from, to, wanted).into_iter().filter(|planned| planned.is_to_copy);
    planned.map(|planned| copy(from, to, &planned.manifest).unwrap()).collect()
}

fn entries(repository: &Repository, manifest: &Manifest) -> Vec<(Entry, Vec<u8>, Vec<datakeep_model::Xattr>)> {
    let mut decoder = FrameDecoder::new().unwrap();
    let mut cursor = repository.entries(manifest, KeyRange::default()).unwrap();
    let mut found = Vec::new();
    while let Some(entry) = cursor.next_entry().unwrap() {
        // Runs of holes are marked, so that a hole is not taken for zeros.
        let mut body = Vec::new();
        for part in content_parts(repository, &entry.content, &mut decoder).unwrap() {
            match part {
                Part::Hole(len_bytes) => body.extend(std::iter::repeat_n(0xfe, len_bytes as usize)),
                Part::Chunk(chunk) => {
                    let kind = datakeep_model::ChunkKind::Data;
                    body.extend(repository.read_chunk(kind, &chunk, &mut decoder).unwrap());
                }
            }
        }
        let xattrs = repository.attributes(&entry.attributes, &mut decoder).unwrap();
        found.push((entry, body, xattrs));
    }
    found
}

/// Everything is as in the original: all metadata of all entries, content with its holes, and what the snapshot says of
/// itself.
pub fn assert_copied(from: &Repository, original: &Manifest, to: &Repository, copy: &Manifest) {
    let (left, right) = (entries(from, original), entries(to, copy));
    assert_eq!(left.len(), right.len());
    for ((a, body, xattrs), (b, other_body, other_xattrs)) in left.iter().zip(&right) {
        assert_eq!((&a.key, &a.meta, &a.link_target), (&b.key, &b.meta, &b.link_target));
        assert_eq!((a.changed_while_read, xattrs), (b.changed_while_read, other_xattrs));
        assert!(body == other_body, "content of {:?}", a.key.escape_ascii());
    }
    let (was, is) = (&original.snapshot, &copy.snapshot);
    let counters = datakeep_model::Counters {
        new_bytes: is.counters.new_bytes,
        stored_bytes: is.counters.stored_bytes,
        chunks_new: is.counters.chunks_new,
        chunks_known: is.counters.chunks_known,
        ..was.counters
    };
    let mut chain = was.origin.as_ref().map(|origin| origin.chain.clone()).unwrap_or_default();
    chain.push(Whence { repository: from.config().repository, snapshot: was.id });
    let losses = was.origin.as_ref().map_or(0, |origin| origin.losses);
    let expected = Snapshot {
        id: is.id,
        epoch: is.epoch,
        parent: is.parent,
        root: is.root,
        counters,
        origin: Some(Origin { chain, copied: COPIED, losses }),
        ..was.clone()
    };
    assert_eq!(*is, expected);
}

/// A repository with the two trees of the fixture, the older labelled.
pub fn two_snapshots(store: &MemoryStore, options: &InitOptions) -> Arc<Repository> {
    let repository = init_with(store.clone(), options);
    for tree in [first_tree(), second_tree()] {
        run(&repository, &mut TreeSource::new("copied", &tree), &crate::support::options()).unwrap();
    }
    let older = snapshots(&repository).remove(0);
    repository.change_tags(&older, &|_| vec!["kept".into(), "hold:audit".into()]).unwrap();
    repository
}

#[test]
fn copies_are_the_same_whatever_the_parameters() {
    let plain = InitOptions { suite: Suite::Plain, tree_window: 9, ..small() };
    for (left, right) in [(small(), other()), (other(), small()), (small(), small()), (fixture_options(), plain)] {
        let slots = |options: &InitOptions, store: &MemoryStore| match options.suite {
            Suite::Plain => plain_repository(store, options),
            _ => init_with(store.clone(), options),
        };
        let (store, copies) = (MemoryStore::new(), MemoryStore::new());
        let from = two_snapshots(&store, &left);
        let to = slots(&right, &copies);
        let reports = copy_planned(&from, &to, Wanted::New);
        assert_eq!(reports.len(), 2);
        let to = open_with(copies, crate::support::PASSWORD, Arc::new(OsEntropy)).unwrap();
        let found = snapshots(&to);
        for ((original, copy), (report, tree)) in
            snapshots(&from).iter().zip(&found).zip(reports.iter().zip([first_tree(), second_tree()]))
        {
            assert_eq!((report.losses.as_slice(), report.compared.differences.as_slice()), (&[][..], &[][..]));
            assert_eq!(report.compared.entries, tree.len() as u64);
            assert_copied(&from, original, &to, copy);
            assert_restores(&to, copy, &tree, "copied");
        }
        assert_eq!(found[1].snapshot.parent, Some(found[0].snapshot.id));
        assert_sound(&to, "copied");
        assert_sound(&from, "copied from");
        assert!(plan(&from, &to, Wanted::All).iter().all(|planned| !planned.is_to_copy), "nothing is copied twice");
    }
}

/// Real files of every kind, by way of a second repository and out again.
#[test]
fn every_awkward_entry_comes_back_from_its_copy() {
    let (tree, into) = (Folder::new(), Folder::new());
    let wanted = TreeOptions { small_files: 200, depth: 40, large_hole: false, ..TreeOptions::default() };
    AwkwardTree::build(&tree.make(), &wanted).unwrap();
    let (from, to) = (init_with(MemoryStore::new(), &InitOptions::default()), init_with(MemoryStore::new(), &other()));
    let (original, _) = keep(&from, &tree.path());
    let report = copy(&from, &to, &original).unwrap();
    assert_eq!((report.losses, report.compared.differences), (Vec::new(), Vec::new()));
    assert_copied(&from, &original, &to, &report.copy);
    let restored = bring(&to, &report.copy, &into.path(), &request(&tree.path(), Overwrite::Refuse));
    assert_eq!(restored.tally.lost, []);
    assert_eq!(differences(&tree.path(), &into.path()), Vec::<String>::new());
    assert_sound(&to, "awkward copy");
    // It is to the next backup there what its original is here.
    let (_, unchanged) = keep(&to, &tree.path());
    assert_eq!((unchanged.counters.read_bytes, unchanged.counters.items_new), (0, 0));
}

fn plain_repository(store: &MemoryStore, options: &InitOptions) -> Arc<Repository> {
    let slot = datakeep_store::NewSlot {
        label: "open".into(),
        secret: datakeep_model::Secret::new(Vec::new()),
        kind: datakeep_store::SlotKind::Open,
        kdf: crate::support::KDF,
    };
    Arc::new(Repository::init(Arc::new(store.clone()), options, &[slot], Arc::new(OsEntropy), NOW).unwrap())
}

fn many_files(count: u64, len: usize) -> Tree {
    let mut things = tree([("d", directory(2))]);
    for number in 0..count {
        things.insert(key(&format!("d/{number:04}")), file(10 + number as i64, random_bytes(number, len)));
    }
    things
}

fn stored(store: &MemoryStore) -> u64 {
    store.list("").unwrap().iter().map(|listed| listed.len_bytes).sum()
}

#[test]
fn the_next_copy_costs_what_changed() {
    let (store, copies) = (MemoryStore::new(), MemoryStore::new());
    let (from, to) = (init_with(store, &small()), init_with(copies.clone(), &other()));
    let mut things = many_files(400, 3000);
    let take = |things: &Tree| run(&from, &mut TreeSource::new("costs", things), &options()).unwrap().manifest.unwrap();
    let first = take(&things);
    assert_eq!(copy(&from, &to, &first).unwrap().read_bytes, 1_200_000);

    things.insert(key("d/0007"), file(9000, random_bytes(9000, 3100)));
    things.insert(key("d/new"), file(9001, random_bytes(9001, 500)));
    things.remove(&key("d/0100"));
    // Only its metadata is another: its content is not read.
    let mut touched = things[&key("d/0200")].clone();
    (touched.meta.mode, touched.meta.ctime.seconds, touched.meta.inode) = (0o600, 9002, 4711);
    things.insert(key("d/0200"), touched);
    let second = take(&things);
    let planned = plan(&from, &to, Wanted::New).pop().unwrap();
    assert_eq!((planned.is_to_copy, planned.base), (true, Some(first.snapshot.id)));
    assert_eq!(bytes_to_read(&from, &second, Some(&first)).unwrap(), 3600);
    let before = stored(&copies);
    let report =
        copy_heard((&from, &to), &second, (&options(), Depth::Entries), (&Ear::default(), &Cancel::new())).unwrap();
    assert_eq!((report.read_bytes, report.counters.read_bytes, report.counters.new_bytes), (3600, 3600, 3600));
    let added = stored(&copies) - before;
    assert!(added < 30_000, "{added} bytes stored for 3600 that changed");
    assert_eq!(report.counters.items_unchanged, 400);
    assert_copied(&from, &second, &to, &report.copy);
    assert_restores(&to, &report.copy, &things, "second");
}

/// What a backup into the second repository has stored is not stored again, nor the other way round.
#[test]
fn copies_and_backups_share_what_is_stored() {
    let things = many_files(60, 5000);
    let source = || TreeSource::new("shared", &things);
    let (from, to) = (init_with(MemoryStore::new(), &small()), init_with(MemoryStore::new(), &other()));
    let original = run(&from, &mut source(), &options()).unwrap().manifest.unwrap();
    run(&to, &mut source(), &options()).unwrap();
    let report = copy(&from, &to, &original).unwrap();
    assert_eq!((report.counters.new_bytes, report.read_bytes), (0, 300_000));
    // The copy is as good a parent for a backup as a backup is.
    let report = run(&to, &mut source(), &options()).unwrap();
    assert_eq!((report.counters.read_bytes, report.counters.items_unchanged), (0, things.len() as u64));
    assert_restores(&to, &report.manifest.unwrap(), &things, "after a copy");
    assert_sound(&to, "shared");
}

#[test]
fn losses_and_marks_of_the_original_come_along() {
    let (from, to) = (init_with(MemoryStore::new(), &small()), init_with(MemoryStore::new(), &other()));
    let things = tree([("bad", file(3, "unreadable")), ("moving", file(4, "moves")), ("good", file(5, "good"))]);
    let after = datakeep_model::Meta { ctime: Timestamp::new(300, 0), ..things[&key("moving")].meta.clone() };
    let moving = Changing { thing: things[&key("moving")].clone(), after };
    let mut source = TreeSource::new("lossy", &things).with_handle("bad", Failing(LossCause::Denied));
    source = source.with_handle("moving", moving);
    let original = run(&from, &mut source, &options()).unwrap().manifest.unwrap();
    assert_eq!(original.snapshot.counters.losses, 1);
    for _ in 0..2 {
        let report = copy(&from, &to, &original).unwrap();
        assert_eq!((report.counters.losses, report.copy.snapshot.counters.losses), (0, 1));
        assert_copied(&from, &original, &to, &report.copy);
    }
    let marked = entries(&to, &snapshots(&to)[1]).into_iter().filter(|(entry, ..)| entry.changed_while_read);
    assert_eq!(marked.count(), 1);
}

/// Large content: several segments of either size, holes across their ends, lists of parts.
#[test]
fn large_contents_are_cut_anew() {
    let mut sparse = vec![0; 5 << 20];
    sparse[..100].fill(1);
    sparse[(3 << 20) - 70..(3 << 20) + 70].fill(2);
    let sparse = crate::memory::Thing { sparse: true, ..file(3, sparse) };
    let things = tree([
        ("sparse", sparse),
        ("large", file(4, random_bytes(4, 5_300_000))),
        ("zeros", file(5, vec![0; 300_000])),
        ("empty", file(6, "")),
    ]);
    for (left, right) in [(small(), other()), (other(), small()), (InitOptions::default(), small())] {
        let (from, to) = (init_with(MemoryStore::new(), &left), init_with(MemoryStore::new(), &right));
        let original = run(&from, &mut TreeSource::new("large", &things), &options()).unwrap().manifest.unwrap();
        let direct = run(&to, &mut TreeSource::new("direct", &things), &options()).unwrap().manifest.unwrap();
        let report = copy(&from, &to, &original).unwrap();
        assert_eq!(report.counters.new_bytes, 0, "cut as a backup cuts it");
        assert_copied(&from, &original, &to, &report.copy);
        let same = content_ids(&to, &report.copy) == content_ids(&to, &direct);
        assert!(same, "the same chunks");
        assert_restores(&to, &report.copy, &things, "large");
    }
}

/// The comparison can fail: another snapshot does not pass for the original of a copy.
#[test]
fn another_snapshot_does_not_pass_for_the_original() {
    let (from, to) = (two_snapshots(&MemoryStore::new(), &small()), init_with(MemoryStore::new(), &other()));
    let originals = snapshots(&from);
    let reports = copy_planned(&from, &to, Wanted::New);
    for depth in [Depth::Entries, Depth::Content] {
        assert_eq!(compared(&from, &to, (&originals[0], &reports[0].copy), depth).differences, Vec::<String>::new());
        let found = compared(&from, &to, (&originals[0], &reports[1].copy), depth).differences;
        assert!(found.len() >= 4, "{found:?}");
    }
    // The same outline and other bytes: only a comparison of content finds it.
    let from = init_with(MemoryStore::new(), &small());
    let one = |body: &str| {
        let things = tree([("f", file(3, body))]);
        run(&from, &mut TreeSource::new(body, &things), &options()).unwrap().manifest.unwrap()
    };
    let (right, wrong) = (one("aaaa"), one("aaab"));
    let copy = copy(&from, &to, &right).unwrap().copy;
    let compare = |depth: Depth| compared(&from, &to, (&wrong, &copy), depth).differences.len();
    assert_eq!((compare(Depth::Entries), compare(Depth::Content)), (0, 1));
}

fn compared(
    from: &Arc<Repository>,
    to: &Arc<Repository>,
    (original, copy): (&Manifest, &Manifest),
    depth: Depth,
) -> Compared {
    let (ear, cancel, clock) = (Ear::default(), Cancel::new(), FixedClock(NOW));
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    let copier = Copier::new(Pair::new(from, to).unwrap()).unwrap();
    copier.compare(original, copy.snapshot.id, (depth, 2), &context).unwrap().unwrap()
}

#[test]
fn a_repository_is_not_copied_to_itself() {
    let store = MemoryStore::new();
    let from = two_snapshots(&store, &small());
    for to in [open(store.clone()).unwrap(), open(store.fork()).unwrap()] {
        assert!(matches!(Pair::new(&from, &to), Err(DistributeError::Usage { .. })));
    }
}
