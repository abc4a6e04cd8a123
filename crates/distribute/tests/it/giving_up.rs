//! A run that fails before it has done anything that could be taken up leaves no session that a collection waits for.

use crate::memory::{self, TreeSource, directory, file, key};
use crate::support::{init_with, open, options, run, small};
use datakeep_engine::BackupOptions;
use datakeep_store_blob::{BlobStore, FaultKind, MemoryStore, Operation, Strike, StrikeLog, StrikeStore};
use datakeep_testkit::random_bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

fn names(store: &MemoryStore, folder: &str) -> BTreeSet<String> {
    let listed = store.list(folder).unwrap();
    listed.iter().map(|object| object.name.trim_start_matches(folder).to_string()).collect()
}

/// A second backup of a source with one call going wrong; true when it succeeded.
fn second_backup(store: &MemoryStore, tree: &memory::Tree, strike: Option<Strike>) -> (bool, Arc<StrikeLog>) {
    let struck = StrikeStore::new(store.clone(), strike, Box::new(|| {}));
    let log = struck.log();
    let at_once = BackupOptions { workers: 1, progress_bytes: 1 << 30, ..options() };
    let outcome = open(struck)
        .map_err(|error| error.to_string())
        .and_then(|r| run(&r, &mut TreeSource::new("a", tree), &at_once).map_err(|error| error.to_string()));
    (outcome.is_ok(), log)
}

#[test]
fn whatever_fails_before_the_decision_leaves_no_session_open() {
    let before = MemoryStore::new();
    let entry = |number: u64| (key(&format!("f{number:03}")), file(10 + number as i64, random_bytes(number, 900)));
    let mut tree = memory::tree([("d", directory(2))]);
    tree.extend((0..6).map(entry));
    init_with(before.clone(), &small());
    assert!(second_backup(&before, &tree, None).0);
    tree.extend((6..12).map(entry));
    let calls = second_backup(&before.fork(), &tree, None).1.calls();
    let (mut failed, mut sites) = (0, BTreeSet::new());
    for (site, count) in calls {
        // Where the decision itself fails, only its register knows; and giving up is one.
        if site.operation == Operation::Create && site.folder == "commits" {
            continue;
        }
        for nth in 0..count {
            let store = before.fork();
            let strike = Strike { site: site.clone(), nth, kind: FaultKind::Failed };
            if second_backup(&store, &tree, Some(strike)).0 {
                continue;
            }
            failed += 1;
            sites.insert((site.operation.name(), site.folder.clone()));
            let open: Vec<String> =
                names(&store, "sessions/").difference(&names(&store, "commits/")).cloned().collect();
            assert!(open.is_empty(), "{} {:?}, call {nth}: {open:?} stay open", site.operation.name(), site.folder);
        }
    }
    println!("{failed} failed runs: {sites:?}");
    let expected = [
        ("list_between", "commits-copies"),
        ("list", "progress"),
        ("stage", "reach"),
        ("barrier", ""),
        ("create", "sessions"),
    ];
    for site in expected {
        assert!(sites.contains(&(site.0, site.1.to_string())), "nothing failed at {site:?}");
    }
}
