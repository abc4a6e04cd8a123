//! The golden repositories of every format version: made once, never edited, readable for ever. `v1` is what backups leave,
//! `v1-collected` what collections and a repair leave, so for `v2`; `v1-copied` what copies from `v1` leave, one of them
//! forgotten; `v2-records` what a repair of records leaves.

use crate::collect::{PATIENCE_MS, collect_done};
use crate::fixture::{self, Fixture, RECOVERY};
use crate::memory::Tree;
use crate::support::{NOW, assert_sound, open_with, restore_tree};
use datakeep_distribute::copy::{Copier, Pair, Standing, Wanted};
use datakeep_model::{ItemPath, Secret, SourceInfo, Whence, escape_for_terminal};
use datakeep_process::digest;
use datakeep_store::{Locked, Manifest, OsEntropy, RecoveryCode, Repository, Unlock};
use datakeep_store_blob::{BlobStore, LocalStore, MemoryStore};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const PASSWORD: &str = "golden";
/// The written form of [`RECOVERY`].
const RECOVERY_TEXT: &str = "CXQP8-RS35X-DRG7W-4SB37-DXV6C-AWKSB-41HPM-YS35Q";

const PLAIN: [&str; 2] = ["v1", "v2"];
const COLLECTED: [&str; 2] = ["v1-collected", "v2-collected"];
const COPIED: &str = "v1-copied";
const MENDED: &str = "v2-records";

fn folder(version: &str) -> PathBuf {
    datakeep_testkit::crates_folder().join("store/tests/golden").join(version)
}

/// One line per entry with everything that a restore brings back.
fn listing(tree: &Tree) -> String {
    let mut lines = String::new();
    for (key, thing) in tree {
        let path = ItemPath::from_key(key).unwrap();
        let m = &thing.meta;
        let link = thing.link.as_ref().map_or("-".into(), |text| escape_for_terminal(text));
        let xattr = |x: &datakeep_model::Xattr| format!("{}={}", escape_for_terminal(&x.name), digest(&x.value));
        let xattrs: Vec<String> = thing.xattrs.iter().map(xattr).collect();
        lines += &format!(
            "{path}\t{} {:04o} {}:{} {} bytes {}.{:09} rdev {}\t{link}\t[{}]\t{}\n",
            m.file_type.as_str(),
            m.mode,
            m.uid,
            m.gid,
            m.len_bytes,
            m.mtime.seconds,
            m.mtime.nanos,
            m.rdev,
            xattrs.join(" "),
            digest(&thing.body)
        );
    }
    lines
}

fn heading(manifest: &Manifest) -> String {
    let SourceInfo { kind, name, .. } = &manifest.snapshot.source;
    format!("snapshot {} of {kind} {name}, labels {:?}\n", manifest.snapshot.id, manifest.snapshot.tags)
}

/// Run by hand, once per version of the format: `cargo test -p datakeep-distribute --test it -- --ignored golden`.
#[test]
#[ignore = "writes the golden repository, which is made once and never again"]
fn make_the_golden_repository() {
    make("v2", &fixture::build(PASSWORD, 20_261_129));
}

/// As above, for what collections leave.
#[test]
#[ignore = "writes the golden repository, which is made once and never again"]
fn make_the_golden_collected_repository() {
    make("v2-collected", &fixture::build_collected(PASSWORD, 20_261_130));
}

/// As above, for what copies leave.
#[test]
#[ignore = "writes the golden repository, which is made once and never again"]
fn make_the_golden_copied_repository() {
    let from = open_with(golden("v1"), PASSWORD, Arc::new(OsEntropy)).unwrap();
    make(COPIED, &fixture::build_copied(&from, PASSWORD, 20_261_129));
}

/// As above, for what a repair of records leaves.
#[test]
#[ignore = "writes the golden repository, which is made once and never again"]
fn make_the_golden_mended_repository() {
    make(MENDED, &fixture::build_mended(PASSWORD, 20_261_131));
}

fn make(version: &str, fixture: &Fixture) {
    let place = folder(version).join("repository");
    assert!(!place.exists(), "the golden repository stands already and is never edited");
    for listed in fixture.store.list("").unwrap() {
        let path = place.join(&listed.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, fixture.store.read(&listed.name, u64::MAX).unwrap()).unwrap();
    }
    let repository = open_with(fixture.store.clone(), PASSWORD, Arc::new(OsEntropy)).unwrap();
    let (manifests, _) = repository.snapshots().unwrap();
    // What is listed is what was backed up, not what came back.
    let trees: &[&Tree] = if manifests.len() == 1 { &[&fixture.newer] } else { &[&fixture.older, &fixture.newer] };
    let mut oracle = String::new();
    for (manifest, tree) in manifests.iter().zip(trees) {
        oracle += &format!("{}{}\n", heading(manifest), listing(tree));
    }
    fs::write(folder(version).join("oracle.txt"), oracle).unwrap();
}

/// A copy in memory: nothing can write into the golden folder.
fn golden(version: &str) -> MemoryStore {
    let (from, into) = (LocalStore::new(&folder(version).join("repository")), MemoryStore::new());
    for listed in from.list("").unwrap() {
        into.tamper(&listed.name, Some(from.read(&listed.name, u64::MAX).unwrap()));
    }
    into
}

fn check(repository: &Repository, version: &str) {
    assert_eq!(repository.slot_warnings(), Vec::<String>::new());
    let verified = assert_sound(repository, "golden");
    assert_eq!((verified.snapshots, verified.undecided), (2, 1));
    compare(repository, version);
}

fn compare(repository: &Repository, version: &str) {
    let (manifests, faults) = repository.snapshots().unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let mut found = String::new();
    for manifest in &manifests {
        let (tree, report) = restore_tree(repository, manifest).unwrap();
        assert_eq!((report.tally.lost, report.companion_faults), (Vec::new(), Vec::new()));
        found += &format!("{}{}\n", heading(manifest), listing(&tree));
    }
    let oracle = fs::read_to_string(folder(version).join("oracle.txt")).unwrap();
    for (expected, found) in oracle.lines().zip(found.lines()) {
        assert_eq!(expected, found);
    }
    assert_eq!(oracle, found);
}

#[test]
fn the_golden_repository_opens_with_its_password() {
    for version in PLAIN {
        check(&open_with(golden(version), PASSWORD, Arc::new(OsEntropy)).unwrap(), version);
        assert!(open_with(golden(version), "not golden", Arc::new(OsEntropy)).is_err());
    }
}

#[test]
fn the_golden_repository_opens_with_its_recovery_code() {
    assert_eq!(RecoveryCode::encode(&RECOVERY), RECOVERY_TEXT);
    let code = Unlock::RecoveryCode(Secret::new(RECOVERY_TEXT.as_bytes().to_vec()));
    for version in PLAIN {
        let locked = Locked::find(Arc::new(golden(version))).unwrap();
        check(&locked.unlock(&code, Arc::new(OsEntropy), None).unwrap(), version);
    }
}

/// Backups go on in it, and take up what the interrupted run left.
#[test]
fn the_golden_repository_takes_a_new_snapshot() {
    for version in PLAIN {
        let repository = open_with(golden(version), PASSWORD, Arc::new(OsEntropy)).unwrap();
        let tree = fixture::third_tree();
        let mut source = crate::memory::TreeSource::new("fixture", &tree);
        let report = crate::support::run(&repository, &mut source, &crate::support::options()).unwrap();
        assert!(report.resumed.is_some(), "{version}");
        crate::support::assert_restores(&repository, &report.manifest.unwrap(), &tree, "golden and newer");
        assert_sound(&repository, "golden and newer");
    }
}

/// Moved frames, tombstones, copies, an index made again; and the round that waits goes on.
#[test]
fn the_golden_collected_repository_is_whole_and_collection_goes_on() {
    for version in COLLECTED {
        let store = golden(version);
        let open = || open_with(store.clone(), PASSWORD, Arc::new(OsEntropy)).unwrap();
        assert_sound(&open(), "golden");
        compare(&open(), version);
        // Readers of either version see the same as everybody else.
        let (all, _) = open().snapshots().unwrap();
        let (to_read, faults) = open().snapshots_to_read(None).unwrap();
        let ids = |manifests: &[Manifest]| manifests.iter().map(|m| m.snapshot.id).collect::<Vec<_>>();
        assert_eq!((ids(&to_read), faults.len()), (ids(&all), 0), "{version}");
        for _ in 0..2 {
            store.advance(2 * PATIENCE_MS);
            collect_done(&open(), 0);
            assert_sound(&open(), "golden, collected");
            compare(&open(), version);
        }
        let tree = fixture::third_tree();
        let mut source = crate::memory::TreeSource::new("fixture", &tree);
        let report = crate::support::run(&open(), &mut source, &crate::support::options()).unwrap();
        crate::support::assert_restores(&open(), &report.manifest.unwrap(), &tree, "golden and newer");
    }
}

/// Manifests with an origin, and the mark of a copy that was forgotten.
#[test]
fn the_golden_copied_repository_knows_where_it_comes_from() {
    let store = golden(COPIED);
    let from = open_with(golden("v1"), PASSWORD, Arc::new(OsEntropy)).unwrap();
    let to = open_with(store.clone(), PASSWORD, Arc::new(OsEntropy)).unwrap();
    assert_sound(&to, "golden");
    compare(&to, COPIED);
    let originals = from.snapshots().unwrap().0;
    let copy = to.snapshots().unwrap().0.remove(0);
    let origin = copy.snapshot.origin.clone().unwrap();
    let whence = Whence { repository: from.config().repository, snapshot: originals[1].snapshot.id };
    assert_eq!((origin.chain, origin.copied, origin.losses), (vec![whence], NOW, 0));
    let planned = Copier::new(Pair::new(&from, &to).unwrap()).unwrap().plan(&originals, Wanted::New).unwrap();
    let standings: Vec<Standing> = planned.iter().map(|planned| planned.standing).collect();
    assert_eq!(standings, [Standing::Forgotten, Standing::There { copy: copy.snapshot.id }]);
    collect_done(&to, 0);
    assert_sound(&to, "golden, collected");
    compare(&to, COPIED);
}

/// Second copies of decisions, and a reach object that was made again: collections walk the tree that it belongs to.
#[test]
fn the_golden_repository_of_records_is_whole_and_collection_goes_on() {
    let store = golden(MENDED);
    let open = || open_with(store.clone(), PASSWORD, Arc::new(OsEntropy)).unwrap();
    for (folder, count) in [("commits-copies/", 2), ("mended/", 1), ("reach/", 1), ("quarantine/", 4)] {
        assert_eq!(store.list(folder).unwrap().len(), count, "{folder}");
    }
    check(&open(), MENDED);
    // Without any register.
    for name in store.list("commits/").unwrap() {
        store.tamper(&name.name, None);
    }
    for found in [open().snapshots(), open().snapshots_to_read(None)] {
        let (manifests, faults) = found.unwrap();
        assert_eq!((manifests.len(), faults.len()), (2, 0));
    }
    store.advance(2 * PATIENCE_MS);
    assert_eq!(crate::repair::repaired(&open()).unwrap().decisions, 2);
    compare(&open(), MENDED);
    for _ in 0..2 {
        store.advance(2 * PATIENCE_MS);
        collect_done(&open(), 0);
        assert_sound(&open(), "golden, collected");
        compare(&open(), MENDED);
    }
}
