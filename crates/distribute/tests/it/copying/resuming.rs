//! A copy that is interrupted is taken up by the next copy of the same snapshot, and by nothing else.

use super::*;
use datakeep_engine::EngineError;

fn often() -> BackupOptions {
    BackupOptions { workers: 1, frame_target_bytes: 32 << 10, progress_bytes: 100 << 10, ..options() }
}

fn large() -> InitOptions {
    InitOptions { pack_target_bytes: 1 << 20, ..InitOptions::default() }
}

/// Cancels once so many content bytes were handled.
struct Stopper {
    cancel: Cancel,
    left_bytes: std::sync::atomic::AtomicI64,
}

impl datakeep_model::Observer for Stopper {
    fn observe(&self, event: &datakeep_model::Event<'_>) {
        if let datakeep_model::Event::Progress { bytes, .. } = event {
            let left = self.left_bytes.fetch_sub(*bytes as i64, std::sync::atomic::Ordering::SeqCst);
            if left < 0 {
                self.cancel.cancel();
            }
        }
    }
}

fn interrupt(from: &Arc<Repository>, to: &Arc<Repository>, manifest: &Manifest, after_bytes: i64) {
    let stopper = Stopper { cancel: Cancel::new(), left_bytes: after_bytes.into() };
    let context = RunContext { observer: &stopper, cancel: &stopper.cancel, clock: &FixedClock(COPIED) };
    let pair = Pair::new(from, to).unwrap();
    let error = Copier::new(pair).unwrap().copy(manifest, &often(), Depth::Entries, &context).unwrap_err();
    assert!(matches!(error, DistributeError::Engine(EngineError::Cancelled)), "{error}");
}

#[test]
fn an_interrupted_copy_is_taken_up() {
    let things = many_files(400, 10_000);
    let (from, copies) = (init_with(MemoryStore::new(), &large()), MemoryStore::new());
    let to = init_with(copies.clone(), &other_large());
    run(&from, &mut TreeSource::new("resumed", &things), &often()).unwrap();
    let original = snapshots(&from).remove(0);
    interrupt(&from, &to, &original, 2_600_000);
    assert_eq!(snapshots(&to).len(), 0);
    assert!(!copies.list("progress/").unwrap().is_empty());

    // Neither a backup of the same source, nor a copy of another snapshot of it, goes by what this copy has done.
    let elsewhere = BackupOptions { resume: true, ..often() };
    let report = run(&to, &mut TreeSource::new("resumed", &things), &elsewhere).unwrap();
    assert_eq!(report.resumed, None);
    let mut changed = things.clone();
    changed.insert(key("d/0001"), file(9000, random_bytes(9000, 10_000)));
    let second = run(&from, &mut TreeSource::new("resumed", &changed), &often()).unwrap().manifest.unwrap();
    let report = copy_often(&from, &to, &second);
    assert_eq!(report.resumed, None);
    assert_restores(&to, &report.copy, &changed, "the second");

    let report = copy_often(&from, &to, &original);
    assert!(report.resumed.is_some());
    assert!(report.read_bytes <= 10_000, "the nearest copy helps as well: {} bytes read", report.read_bytes);
    assert_copied(&from, &original, &to, &report.copy);
    assert_eq!(copies.list("progress/").unwrap(), []);
    assert_sound(&to, "taken up");
}

#[test]
fn little_is_read_again() {
    let things = many_files(400, 10_000);
    let (from, copies) = (init_with(MemoryStore::new(), &large()), MemoryStore::new());
    let to = init_with(copies.clone(), &other_large());
    run(&from, &mut TreeSource::new("resumed", &things), &often()).unwrap();
    let original = snapshots(&from).remove(0);
    interrupt(&from, &to, &original, 1_500_000);
    interrupt(&from, &to, &original, 3_000_000);
    let report = copy_often(&from, &to, &original);
    assert!(report.resumed.is_some());
    assert!(report.read_bytes <= 4_000_000 * 40 / 100, "{} bytes read again", report.read_bytes);
    assert_copied(&from, &original, &to, &report.copy);
    let data: u64 = copies.list("data/").unwrap().iter().map(|listed| listed.len_bytes).sum();
    assert!(data <= 4_000_000 * 108 / 100, "{data} bytes stored");
    assert_eq!(copies.list("progress/").unwrap(), []);
    assert_sound(&to, "taken up");
}

fn other_large() -> InitOptions {
    InitOptions {
        pack_target_bytes: 1 << 20,
        tree_window: 50,
        suite: Suite::ChaCha20Poly1305,
        ..InitOptions::default()
    }
}

fn copy_often(from: &Arc<Repository>, to: &Arc<Repository>, manifest: &Manifest) -> CopyReport {
    copy_heard((from, to), manifest, (&often(), Depth::Entries), (&Ear::default(), &Cancel::new())).unwrap()
}
