//! Real files in, real files out: every attribute, every way of overwriting, every way of choosing.

use crate::support::{assert_sound, everything, init_with, options, restore_to, run};
use datakeep_connector::{Connector, Options, Source, Target};
use datakeep_distribute::{ChangeKind, Overwrite, RestoreReport, RestoreRequest, Selection, compare};
use datakeep_engine::{BackupOptions, BackupReport};
use datakeep_model::ItemPath;
use datakeep_source_files::FilesConnector;
use datakeep_store::{InitOptions, Manifest, Repository};
use datakeep_store_blob::{BlobStore, LocalStore, MemoryStore};
use datakeep_testkit::{
    AwkwardTree, CompareOptions, HoleRule, TreeOptions, compare_with, observe, random_bytes, text, tree,
};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn connector_options(names: &[&str]) -> Options {
    names.iter().map(|name| ((*name).to_string(), vec!["true".to_string()])).collect()
}

fn source(path: &Path) -> Box<dyn Source> {
    let mut options = Options::new();
    options.insert("name".into(), vec!["files".into()]);
    FilesConnector::new().open_source(&[path.to_str().unwrap().to_string()], &options).unwrap()
}

fn target(path: &Path) -> Box<dyn Target> {
    FilesConnector::new().open_target(path.to_str().unwrap(), &connector_options(&["system"]), false).unwrap()
}

/// `slack_ns` is 0: a file made a moment ago has a time of change as late as now, and the default keeps two seconds of
/// distrust, in which every file of a test would be read again.
fn backup_options() -> BackupOptions {
    BackupOptions { workers: 2, slack_ns: 0, ..options() }
}

pub fn keep(repository: &Arc<Repository>, folder: &Path) -> (Manifest, BackupReport) {
    let report = run(repository, &mut *source(folder), &backup_options()).unwrap();
    assert_eq!(report.losses, []);
    (report.manifest.clone().unwrap(), report)
}

pub fn request(folder: &Path, overwrite: Overwrite) -> RestoreRequest {
    let place = ItemPath::parse(folder.to_str().unwrap().as_bytes()).unwrap();
    RestoreRequest { place, ..everything(overwrite) }
}

pub fn bring(repository: &Repository, manifest: &Manifest, into: &Path, request: &RestoreRequest) -> RestoreReport {
    restore_to(repository, manifest, &*target(into), request).unwrap().0
}

pub fn differences(expected: &Path, found: &Path) -> Vec<String> {
    // A file system may keep a hole only in whole blocks.
    let options = CompareOptions { holes: HoleRule::Blocks(4096), ..CompareOptions::default() };
    compare_with(&observe(expected).unwrap(), &observe(found).unwrap(), &options)
}

/// What changed in a folder; the folders above it belong to everybody.
fn changes(repository: &Repository, old: &Manifest, new: &Manifest, folder: &Path) -> Vec<(String, ChangeKind)> {
    let place = request(folder, Overwrite::Refuse).place;
    let mut changes = Vec::new();
    compare(repository, old, new, &place, &mut |change| {
        let name = change.path.to_string();
        let name = name.strip_prefix(&place.to_string()).unwrap_or("outside").trim_start_matches('/').to_string();
        changes.push((name, change.kind));
    })
    .unwrap();
    changes
}

/// A folder that can be deleted whatever stands in it.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    pub fn make(&self) -> PathBuf {
        fs::create_dir(self.path()).unwrap();
        self.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.path().exists() {
            let _ = tree::unlock(&self.path());
        }
    }
}

fn awkward_both_ways(blobs: impl BlobStore + 'static) {
    let (from, into) = (Folder::new(), Folder::new());
    let tree_options = TreeOptions { small_files: 300, depth: 60, large_hole: false, ..TreeOptions::default() };
    AwkwardTree::build(&from.make(), &tree_options).unwrap();
    let repository = init_with(blobs, &InitOptions::default());
    let (manifest, _) = keep(&repository, &from.path());
    assert_sound(&repository, "awkward tree");

    let report = bring(&repository, &manifest, &into.path(), &request(&from.path(), Overwrite::Refuse));
    assert_eq!(report.tally.lost, []);
    assert_eq!(differences(&from.path(), &into.path()), Vec::<String>::new());

    let (again, unchanged) = keep(&repository, &from.path());
    assert_eq!((unchanged.counters.read_bytes, unchanged.counters.new_bytes), (0, 0));
    assert_eq!(changes(&repository, &manifest, &again, &from.path()), []);
    assert_eq!(unchanged.counters.items_new + unchanged.counters.items_removed, 0);

    let report = bring(&repository, &again, &into.path(), &request(&from.path(), Overwrite::Changed));
    let tally = &report.tally;
    assert_eq!((tally.created, tally.overwritten, tally.written_bytes, tally.frames), (0, 0, 0, 0), "{tally:?}");
    assert_eq!(differences(&from.path(), &into.path()), Vec::<String>::new());
}

#[test]
fn every_awkward_entry_comes_back_from_memory() {
    awkward_both_ways(MemoryStore::new());
}

#[test]
fn every_awkward_entry_comes_back_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    awkward_both_ways(LocalStore::new(&folder.path().join("repository")));
}

/// A plain tree: `a/one`, `a/two` (large), `a/three`, `b/four.txt`, `b/five.md`, `link`, two names of one file, a hole.
fn plain_tree() -> Folder {
    let folder = Folder::new();
    let root = folder.make();
    fs::create_dir_all(root.join("a/deep")).unwrap();
    fs::create_dir(root.join("b")).unwrap();
    fs::write(root.join("a/one"), "one\n").unwrap();
    fs::write(root.join("a/two"), random_bytes(2, 900_000)).unwrap();
    fs::write(root.join("a/three"), text(3, 5000)).unwrap();
    fs::write(root.join("a/deep/file"), "deep\n").unwrap();
    fs::write(root.join("b/four.txt"), "four\n").unwrap();
    fs::write(root.join("b/five.md"), "five\n").unwrap();
    symlink("a/one", root.join("link")).unwrap();
    fs::hard_link(root.join("b/four.txt"), root.join("b/also four")).unwrap();
    fs::write(root.join("hole"), "end").unwrap();
    fs::File::options().write(true).open(root.join("hole")).unwrap().set_len(8 << 20).unwrap();
    folder
}

fn kept_plain_tree() -> (Folder, Arc<Repository>, Manifest) {
    let folder = plain_tree();
    let repository = init_with(MemoryStore::new(), &InitOptions::default());
    let (manifest, _) = keep(&repository, &folder.path());
    (folder, repository, manifest)
}

#[test]
fn a_damaged_target_is_repaired() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    let root = into.path();
    bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Refuse));

    let mut two = fs::read(root.join("a/two")).unwrap();
    two[450_000] ^= 1;
    fs::write(root.join("a/two"), &two).unwrap();
    fs::write(root.join("a/one"), "").unwrap();
    fs::remove_file(root.join("a/three")).unwrap();
    fs::create_dir(root.join("a/three")).unwrap();
    fs::remove_dir_all(root.join("a/deep")).unwrap();
    fs::write(root.join("a/deep"), "a file where a folder was").unwrap();
    fs::remove_file(root.join("link")).unwrap();
    fs::write(root.join("link"), "no link").unwrap();
    fs::remove_file(root.join("b/also four")).unwrap();
    fs::write(root.join("b/also four"), "four\n").unwrap();
    fs::set_permissions(root.join("b/five.md"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(root.join("hole"), vec![7; 8 << 20]).unwrap();

    let report = bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Changed));
    assert_eq!(report.tally.lost, []);
    assert_eq!(differences(&from.path(), &root), Vec::<String>::new());
    assert!(report.tally.written_bytes < 900_000, "only what differs is written: {:?}", report.tally);
}

#[test]
fn a_full_folder_in_the_way_of_a_file_goes_only_when_asked() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    let root = into.path();
    bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Refuse));
    fs::remove_file(root.join("a/one")).unwrap();
    fs::create_dir_all(root.join("a/one/inner")).unwrap();
    fs::write(root.join("a/one/inner/precious"), "not in any snapshot").unwrap();
    let report = bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Changed));
    assert_eq!(report.tally.losses, 1, "{:?}", report.tally.lost);
    assert!(root.join("a/one/inner/precious").exists(), "nothing foreign is removed unasked");
    let asked = RestoreRequest { delete: true, ..request(&from.path(), Overwrite::Changed) };
    let report = bring(&repository, &manifest, &root, &asked);
    assert_eq!(report.tally.lost, []);
    assert_eq!(differences(&from.path(), &root), Vec::<String>::new());
}

#[test]
fn never_leaves_everything_that_stands() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    let root = into.make();
    fs::create_dir(root.join("b")).unwrap();
    fs::set_permissions(root.join("b"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(root.join("b/four.txt"), "mine").unwrap();
    fs::write(root.join("a"), "a file where the snapshot has a folder").unwrap();
    let before = observe(&root).unwrap();
    let report = bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Never));
    let after = observe(&root).unwrap();
    for old in before.iter().filter(|old| !old.path.is_empty()) {
        let new = after.iter().find(|new| new.path == old.path);
        let same =
            new.is_some_and(|n| (n.kind, n.mode, &n.content, &n.link) == (old.kind, old.mode, &old.content, &old.link));
        assert!(same, "{} did not stay: {old:?} {new:?}", old.path.escape_ascii());
    }
    assert!(root.join("b/five.md").exists() && root.join("hole").exists(), "what is missing is made");
    assert_eq!(fs::read(root.join("a")).unwrap(), b"a file where the snapshot has a folder");
    assert!(report.tally.losses > 0, "what would stand in that folder is told as lost");
}

#[test]
fn a_name_that_stays_is_nobodys_first_name() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    fs::create_dir_all(into.make().join("b")).unwrap();
    // In the snapshot it is the first name of a file with two.
    fs::write(into.path().join("b/also four"), "mine").unwrap();
    let report = bring(&repository, &manifest, &into.path(), &request(&from.path(), Overwrite::Never));
    assert_eq!(report.tally.lost, []);
    assert_eq!(fs::read(into.path().join("b/also four")).unwrap(), b"mine");
    assert_eq!(fs::read(into.path().join("b/four.txt")).unwrap(), b"four\n");
}

#[test]
fn newer_overwrites_what_is_older_and_nothing_else() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    let root = into.path();
    bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Refuse));
    let set = |name: &str, body: &str, seconds: u64| {
        fs::write(root.join(name), body).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(root.join(name)).unwrap().set_modified(time).unwrap();
    };
    set("a/one", "old", 1_000_000);
    set("b/five.md", "from the future", 40_000_000_000);
    fs::remove_dir_all(root.join("a/deep")).unwrap();
    set("a/deep", "a newer file", 40_000_000_000);
    let report = bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Newer));
    assert_eq!(fs::read(root.join("a/one")).unwrap(), b"one\n");
    assert_eq!(fs::read(root.join("b/five.md")).unwrap(), b"from the future");
    assert_eq!(fs::read(root.join("a/deep")).unwrap(), b"a newer file");
    assert_eq!(report.tally.overwritten, 1, "{:?}", report.tally);
}

#[test]
fn always_writes_everything_anew() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    bring(&repository, &manifest, &into.path(), &request(&from.path(), Overwrite::Refuse));
    let inode = fs::metadata(into.path().join("a/two")).unwrap().ino();
    let report = bring(&repository, &manifest, &into.path(), &request(&from.path(), Overwrite::Always));
    assert_eq!(differences(&from.path(), &into.path()), Vec::<String>::new());
    assert_ne!(fs::metadata(into.path().join("a/two")).unwrap().ino(), inode, "another file took its place");
    assert!(report.tally.written_bytes > 900_000, "{:?}", report.tally);
}

#[test]
fn refuse_touches_nothing_in_a_full_target() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    fs::write(into.make().join("mine"), "mine").unwrap();
    let result = restore_to(&repository, &manifest, &*target(&into.path()), &request(&from.path(), Overwrite::Refuse));
    assert!(matches!(result, Err(datakeep_distribute::DistributeError::TargetNotEmpty { .. })));
    assert_eq!(observe(&into.path()).unwrap().len(), 2);
}

#[test]
fn delete_removes_what_the_snapshot_does_not_have() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    let root = into.path();
    bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Refuse));
    fs::create_dir_all(root.join("extra/inner")).unwrap();
    fs::write(root.join("extra/inner/file"), "x").unwrap();
    fs::write(root.join("a/extra"), "x").unwrap();
    symlink("/etc", root.join("b/extra link")).unwrap();
    let kept = bring(&repository, &manifest, &root, &request(&from.path(), Overwrite::Changed));
    assert_eq!(kept.tally.deleted, 0);
    assert!(root.join("extra/inner/file").exists(), "nothing is removed unasked");
    let asked = RestoreRequest { delete: true, ..request(&from.path(), Overwrite::Changed) };
    let report = bring(&repository, &manifest, &root, &asked);
    assert_eq!(report.tally.deleted, 3);
    assert_eq!(differences(&from.path(), &root), Vec::<String>::new());
    assert!(Path::new("/etc").exists());
}

fn names(root: &Path) -> Vec<String> {
    let observed = observe(root).unwrap();
    observed.iter().skip(1).map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect()
}

#[test]
fn patterns_and_paths_select() {
    let (from, repository, manifest) = kept_plain_tree();
    let selected = |include: &[&str], exclude: &[&str], place: &str| {
        let into = Folder::new();
        let own = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_string()).collect::<Vec<_>>();
        let selection = Selection::new(&own(include), &own(exclude)).unwrap();
        let request = RestoreRequest { selection, ..request(&from.path().join(place), Overwrite::Refuse) };
        bring(&repository, &manifest, &into.path(), &request);
        names(&into.path())
    };
    assert_eq!(selected(&["*.md"], &[], ""), ["b", "b/five.md"]);
    assert_eq!(selected(&["a/deep"], &[], ""), ["a", "a/deep", "a/deep/file"]);
    assert_eq!(selected(&[], &["a", "hole", "also*"], ""), ["b", "b/five.md", "b/four.txt", "link"]);
    assert_eq!(selected(&["**/file"], &[], ""), ["a", "a/deep", "a/deep/file"]);
    assert_eq!(selected(&[], &[], "a/deep"), ["file"]);
    assert_eq!(selected(&["four*"], &[], "b"), ["four.txt"]);
    assert_eq!(selected(&[], &[], "b/five.md"), ["five.md"]);
    assert_eq!(selected(&[], &[], "link"), ["link"]);
}

#[test]
fn a_single_file_goes_beside_others() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    fs::write(into.make().join("mine"), "mine").unwrap();
    bring(&repository, &manifest, &into.path(), &request(&from.path().join("a/two"), Overwrite::Refuse));
    assert_eq!(names(&into.path()), ["mine", "two"]);
    assert_eq!(fs::read(into.path().join("two")).unwrap(), random_bytes(2, 900_000));
    assert_eq!(fs::read(into.path().join("mine")).unwrap(), b"mine");
}

#[test]
fn only_what_changed_is_read() {
    let (from, repository, first) = kept_plain_tree();
    let root = from.path();
    fs::write(root.join("a/three"), text(33, 4000)).unwrap();
    let (second, report) = keep(&repository, &root);
    assert_eq!(report.counters.read_bytes, 4000, "{:?}", report.counters);
    assert_eq!(changes(&repository, &first, &second, &root), [("a/three".to_string(), ChangeKind::Content)]);

    fs::rename(root.join("b/five.md"), root.join("b/5.md")).unwrap();
    fs::remove_file(root.join("a/deep/file")).unwrap();
    let (manifest, report) = keep(&repository, &root);
    let counters = report.counters;
    assert_eq!((counters.items_new, counters.items_removed), (1, 2), "{counters:?}");
    assert_eq!((counters.read_bytes, counters.new_bytes), (5, 0), "a renamed file is read and known: {counters:?}");
    let kinds = changes(&repository, &second, &manifest, &root);
    let names: Vec<&str> = kinds.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a/deep", "a/deep/file", "b/5.md", "b/five.md"]);
    let into = Folder::new();
    bring(&repository, &manifest, &into.path(), &request(&root, Overwrite::Refuse));
    assert_eq!(differences(&root, &into.path()), Vec::<String>::new());
}

#[test]
fn holes_cost_nothing_on_the_way_out() {
    let (from, repository, manifest) = kept_plain_tree();
    let into = Folder::new();
    bring(&repository, &manifest, &into.path(), &request(&from.path(), Overwrite::Refuse));
    let hole = fs::metadata(into.path().join("hole")).unwrap();
    assert_eq!(hole.len(), 8 << 20);
    assert!(hole.blocks() * 512 <= 64 << 10, "{} blocks", hole.blocks());
}
