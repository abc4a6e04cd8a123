//! Every promise that a store breaks is found, and nothing else is.

use super::*;
use crate::{FaultPlan, FaultStore, Listed, LocalStore, MemoryStore};
use std::collections::BTreeSet;
use std::time::Duration;

/// How a store misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    ForgetsWhatWasStaged,
    ChangesAByte,
    IsBehindOnTheOtherHandle,
    ShiftsRanges,
    ReadsPastTheEnd,
    MeasuresWrongly,
    KnowsLengthsOfNothing,
    ListsLate,
    ListsOneTooFew,
    CreatesTwice,
    ChecksThenCreates,
    StoresTheLoser,
    FailsRacers,
    KeepsWhatWasDeleted,
    ListsWhatWasDeleted,
    RefusesToDelete,
    TakesANameOnce,
    KnowsNoAge,
    IsAnHourBehind,
}

/// A store in memory that breaks a promise.
struct Broken<'a> {
    inner: MemoryStore,
    how: How,
    is_second: bool,
    /// Names that were deleted, or seen in a listing.
    noted: &'a Mutex<BTreeSet<String>>,
}

impl Broken<'_> {
    fn note(&self, name: &str) -> bool {
        !self.noted.lock().expect("alone").insert(name.to_string())
    }

    fn is_noted(&self, name: &str) -> bool {
        self.noted.lock().expect("alone").contains(name)
    }

    fn is(&self, how: How) -> bool {
        self.how == how
    }
}

fn failed() -> BlobError {
    BlobError::Failed { operation: "do it to", name: "the store".into(), detail: "planted".into() }
}

impl BlobStore for Broken<'_> {
    fn location(&self) -> String {
        "broken".into()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        if self.is(How::ForgetsWhatWasStaged) { Ok(()) } else { self.inner.stage(name, parts) }
    }

    fn barrier(&self) -> Result<(), BlobError> {
        self.inner.barrier()
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let is_race = name.contains("/race-");
        let is_there = self.inner.len_bytes(name)?.is_some();
        match self.how {
            How::CreatesTwice => self.inner.tamper(name, Some(bytes.to_vec())),
            How::ChecksThenCreates if !is_there => {
                // Long enough for every other racer to look as well.
                let (_held, nothing) = std::sync::mpsc::channel::<()>();
                let _ = nothing.recv_timeout(Duration::from_millis(5));
                self.inner.tamper(name, Some(bytes.to_vec()));
            }
            How::StoresTheLoser if is_race && is_there => {
                self.inner.tamper(name, Some(bytes.to_vec()));
                return Err(BlobError::Exists { name: name.into() });
            }
            How::FailsRacers if is_race && is_there => return Err(failed()),
            How::TakesANameOnce if self.is_noted(name) => return Err(BlobError::Exists { name: name.into() }),
            _ => return self.inner.create(name, bytes),
        }
        Ok(())
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        if self.is(How::IsBehindOnTheOtherHandle) && self.is_second {
            return Err(BlobError::NotFound { name: name.into() });
        }
        let mut bytes = self.inner.read(name, max_len_bytes)?;
        if self.is(How::ChangesAByte) && bytes.len() > 1000 {
            bytes[1000] ^= 1;
        }
        Ok(bytes)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        let shift = u64::from(self.is(How::ShiftsRanges) && offset_byte > 4096);
        match self.inner.read_at(name, offset_byte - shift, buffer) {
            Err(BlobError::Short { .. }) if self.is(How::ReadsPastTheEnd) => Ok(()),
            other => other,
        }
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let len = self.inner.len_bytes(name)?;
        Ok(match self.how {
            How::MeasuresWrongly => len.map(|len| len.next_multiple_of(512)),
            How::KnowsLengthsOfNothing => len.or(Some(0)),
            _ => len,
        })
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        match self.how {
            How::KnowsNoAge => Ok(None),
            How::IsAnHourBehind => Ok(Some(3_600_000)),
            _ => self.inner.age_ms(name),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let mut listed = self.inner.list(prefix)?;
        match self.how {
            How::ListsLate => listed.retain(|object| self.note(&object.name)),
            How::ListsOneTooFew => drop(listed.pop()),
            How::ListsWhatWasDeleted => {
                let noted = self.noted.lock().expect("alone");
                listed.extend(noted.iter().map(|name| Listed { name: name.clone(), len_bytes: 1 }));
            }
            _ => {}
        }
        Ok(listed)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        match self.how {
            How::RefusesToDelete => {
                Err(BlobError::Denied { operation: "delete", name: name.into(), detail: "kept for good".into() })
            }
            How::KeepsWhatWasDeleted => Ok(()),
            _ => {
                self.note(name);
                self.inner.delete(name)
            }
        }
    }
}

fn probe_broken(how: How) -> (Report, MemoryStore) {
    let (inner, noted) = (MemoryStore::new(), Mutex::default());
    let handle = |is_second| Broken { inner: inner.clone(), how, is_second, noted: &noted };
    let report = probe([&handle(false), &handle(true)], "00ff", Effort::THOROUGH).expect("an answer");
    (report, inner)
}

fn broken_checks(report: &Report) -> Vec<Check> {
    report.findings.iter().filter(|finding| !finding.holds).map(|finding| finding.check).collect()
}

#[test]
fn every_broken_promise_is_found() {
    let cases = [
        (How::ForgetsWhatWasStaged, Check::ReadAfterWrite, Tier::Unusable),
        (How::ChangesAByte, Check::ReadAfterWrite, Tier::Unusable),
        (How::IsBehindOnTheOtherHandle, Check::SecondHandle, Tier::Unusable),
        (How::ShiftsRanges, Check::Ranges, Tier::Unusable),
        (How::ReadsPastTheEnd, Check::Ranges, Tier::Unusable),
        (How::MeasuresWrongly, Check::Length, Tier::Unusable),
        (How::KnowsLengthsOfNothing, Check::Length, Tier::Unusable),
        (How::ListsLate, Check::ListAfterWrite, Tier::ExclusiveWindow),
        (How::ListsOneTooFew, Check::ListAfterWrite, Tier::ExclusiveWindow),
        (How::CreatesTwice, Check::CreateOnce, Tier::ExclusiveWindow),
        (How::ChecksThenCreates, Check::Race, Tier::ExclusiveWindow),
        (How::StoresTheLoser, Check::Race, Tier::ExclusiveWindow),
        (How::FailsRacers, Check::Race, Tier::ExclusiveWindow),
        (How::KeepsWhatWasDeleted, Check::Delete, Tier::ExclusiveWindow),
        (How::ListsWhatWasDeleted, Check::Delete, Tier::ExclusiveWindow),
        (How::RefusesToDelete, Check::Delete, Tier::ExclusiveWindow),
        (How::TakesANameOnce, Check::NameReuse, Tier::ExclusiveWindow),
    ];
    for (how, check, tier) in cases {
        let (report, _) = probe_broken(how);
        let finding = report.findings.iter().find(|finding| finding.check == check).expect("every check is made");
        assert!(!finding.holds && finding.detail.is_some(), "{how:?}: {report:?}");
        assert_eq!(report.tier, tier, "{how:?}: {report:?}");
    }
}

/// A fault of one kind is not taken for another.
#[test]
fn only_the_broken_promise_is_named() {
    for (how, check) in [
        (How::ChecksThenCreates, Check::Race),
        (How::StoresTheLoser, Check::Race),
        (How::ReadsPastTheEnd, Check::Ranges),
        (How::TakesANameOnce, Check::NameReuse),
    ] {
        assert_eq!(broken_checks(&probe_broken(how).0), [check], "{how:?}");
    }
}

#[test]
fn clocks_decide_nothing() {
    for (how, behind_ms) in [(How::KnowsNoAge, None), (How::IsAnHourBehind, Some(3_600_000))] {
        let (report, _) = probe_broken(how);
        assert_eq!(report.tier, Tier::Collecting);
        assert!(report.clock_behind_ms.zip(behind_ms).is_none_or(|(found, expected)| expected - found < 60_000));
        assert_eq!(report.clock_behind_ms.is_some(), behind_ms.is_some());
    }
}

#[test]
fn nothing_stays_but_what_the_store_will_not_delete() {
    for how in [How::ListsLate, How::CreatesTwice, How::ChangesAByte, How::ChecksThenCreates] {
        let (report, store) = probe_broken(how);
        assert_eq!((report.left, store.list("").expect("listed").len()), (0, 0), "{how:?}");
    }
    let (report, store) = probe_broken(How::RefusesToDelete);
    assert!(report.left > 0 && !store.list(FOLDER).expect("listed").is_empty());
}

#[test]
fn a_good_store_collects() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("new/store");
    for effort in [Effort::THOROUGH, Effort::QUICK] {
        let begun = std::time::Instant::now();
        let report = probe([&LocalStore::new(&root), &LocalStore::new(&root)], "00ff", effort).expect("an answer");
        assert_eq!(report.tier, Tier::Collecting, "{report:?}");
        assert_eq!((report.rounds, report.racers, report.left), (effort.rounds, effort.racers, 0));
        assert_eq!(std::fs::read_dir(&root).expect("a folder").count(), 0, "not even a folder stays");
        eprintln!("{effort:?}: {:?}", begun.elapsed());
    }
    let memory = MemoryStore::new();
    let report = probe([&memory, &memory.clone()], "00ff", Effort::THOROUGH).expect("an answer");
    assert_eq!((report.tier, report.clock_behind_ms), (Tier::Collecting, Some(0)));
}

/// What keeps the probe from finding out is no finding.
#[test]
fn a_full_store_is_an_error_and_is_left_clean() {
    let memory = MemoryStore::new();
    let counting = FaultStore::new(memory.clone(), FaultPlan::Count);
    let (calls, _) = counting.counters();
    probe([&counting, &memory], "00ff", Effort::QUICK).expect("an answer");
    for call in 0..calls.load(std::sync::atomic::Ordering::SeqCst) {
        let full = FaultStore::new(memory.clone(), FaultPlan::FullOnce(call));
        match probe([&full, &memory], "00ff", Effort::QUICK) {
            Err(error) => assert!(matches!(error, BlobError::Full { .. }), "call {call}: {error}"),
            // A full store that refuses to delete, and what comes after the checks.
            Ok(report) => assert!(report.left <= 1, "call {call}: {report:?}"),
        }
        memory.list("").expect("listed").iter().for_each(|object| memory.tamper(&object.name, None));
    }
}

#[test]
fn leftovers_of_killed_probes_go_by_age() {
    let memory = MemoryStore::new();
    memory.create("probe/dead/race-1", b"x").expect("created");
    memory.create("config", b"x").expect("created");
    memory.advance(LEFTOVER_AGE_MS);
    memory.create("probe/living/race-1", b"x").expect("created");
    probe([&memory, &memory.clone()], "00ff", Effort::QUICK).expect("an answer");
    let names: Vec<String> = memory.list("").expect("listed").into_iter().map(|object| object.name).collect();
    assert_eq!(names, ["config", "probe/living/race-1"]);
}

#[test]
fn words_and_tiers_go_both_ways() {
    for tier in [Tier::Collecting, Tier::ExclusiveWindow, Tier::Unusable] {
        assert_eq!(Tier::parse(tier.as_str()), Some(tier));
    }
    assert_eq!(Tier::parse("good"), None);
}
