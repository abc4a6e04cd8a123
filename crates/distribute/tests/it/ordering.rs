//! Nothing durable points to something that is not: the order of writes and barriers, seen by a store that notes them.

use crate::fixture::{first_tree, fixture_options, second_tree};
use crate::memory::TreeSource;
use crate::support::{init_with, open, options, run};
use datakeep_engine::BackupOptions;
use datakeep_store_blob::{BlobError, BlobStore, Listed, LocalStore};
use std::sync::{Arc, Mutex};

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Stage(String),
    Barrier,
    Create(String),
    Delete(String),
}

struct Noting {
    inner: LocalStore,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Noting {
    fn note(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }
}

impl BlobStore for Noting {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.note(Step::Stage(name.to_string()));
        self.inner.stage(name, parts)
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.inner.barrier()?;
        self.note(Step::Barrier);
        Ok(())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.note(Step::Create(name.to_string()));
        self.inner.create(name, bytes)
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        self.inner.read(name, max_len_bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        self.inner.read_at(name, offset_byte, buffer)
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        self.inner.len_bytes(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        self.inner.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.note(Step::Delete(name.to_string()));
        self.inner.delete(name)
    }
}

/// What is wrong with the order of a run's steps.
fn disorder(steps: &[Step]) -> Option<String> {
    let mut waiting: Vec<&str> = Vec::new();
    let mut began = false;
    let mut decided = false;
    for step in steps {
        match step {
            Step::Barrier => waiting.clear(),
            Step::Stage(name) => {
                let points = name.starts_with("index/") || name.starts_with("reach/");
                let packs_wait = waiting.iter().any(|name| name.starts_with("data/") || name.starts_with("meta/"));
                if !began || decided || (points && packs_wait) {
                    return Some(format!("{name} is staged too early or too late"));
                }
                waiting.push(name);
            }
            Step::Create(name) if name.starts_with("sessions/") => began = true,
            Step::Create(name) => {
                if !began || !waiting.is_empty() {
                    return Some(format!("{name} is created while {waiting:?} are not durable"));
                }
                decided |= name.starts_with("commits/");
            }
            Step::Delete(name) if decided && name.starts_with("progress/") => {}
            Step::Delete(name) => return Some(format!("{name} is deleted")),
        }
    }
    (!decided).then(|| "nothing was decided".to_string())
}

#[test]
fn every_write_waits_for_what_it_points_to() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("repository");
    init_with(LocalStore::new(&place), &fixture_options());
    for tree in [first_tree(), second_tree()] {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let store = Noting { inner: LocalStore::new(&place), steps: steps.clone() };
        let options = BackupOptions { frame_target_bytes: 700, progress_bytes: 1 << 10, ..options() };
        run(&open(store).unwrap(), &mut TreeSource::new("order", &tree), &options).unwrap();
        let steps = steps.lock().unwrap();
        assert_eq!(disorder(&steps), None, "{steps:#?}");
        let created =
            |folder: &str| steps.iter().filter(|s| matches!(s, Step::Create(n) if n.starts_with(folder))).count();
        assert_eq!((created("sessions/"), created("commits/")), (1, 1));
        assert!(steps.iter().filter(|step| **step == Step::Barrier).count() >= 2);
    }
}

/// The rule can fail.
#[test]
fn disorder_is_seen() {
    let stage = |name: &str| Step::Stage(name.to_string());
    let create = |name: &str| Step::Create(name.to_string());
    let good =
        [create("sessions/s"), stage("data/p"), Step::Barrier, stage("index/s"), Step::Barrier, create("commits/s")];
    assert_eq!(disorder(&good), None);
    for left_out in [0, 2, 4] {
        let mut bad = good.to_vec();
        bad.remove(left_out);
        assert!(disorder(&bad).is_some(), "without step {left_out}");
    }
}
