//! The checks, one after the other.

use super::{Check, Effort, Fail, Finding, Place, Report, Tier, broken, race};
use crate::{BlobError, BlobStore, Listed};
use std::time::Instant;

/// Long enough for several blocks of any file system, and of no round length.
const LEN_BYTES: u64 = 100_003;
/// Objects that must be listed.
const LISTED: u64 = 9;

type Outcome = Result<Option<String>, Fail>;

impl Place<'_> {
    /// Makes every check. Only an error that says nothing about the store ends it early.
    pub(super) fn look(&self, effort: Effort) -> Result<Report, BlobError> {
        let object = self.name("object");
        let bytes = content(LEN_BYTES);
        let (mut rounds, mut clock_behind_ms) = (0, None);
        let checks: [(Check, &mut dyn FnMut() -> Outcome); 10] = [
            (Check::ReadAfterWrite, &mut || self.read_after_write(&object, &bytes)),
            (Check::SecondHandle, &mut || is_same(self.stores[1], &object, &bytes)),
            (Check::Ranges, &mut || ranges(self.stores[0], &object, &bytes)),
            (Check::Length, &mut || self.lengths(&object)),
            (Check::ListAfterWrite, &mut || self.list_after_write(&object)),
            (Check::CreateOnce, &mut || self.create_once()),
            (Check::Race, &mut || race::run(self, effort, &mut rounds)),
            (Check::Delete, &mut || self.delete()),
            (Check::NameReuse, &mut || self.reuse()),
            (Check::Clock, &mut || self.clock(&mut clock_behind_ms)),
        ];
        let mut findings = Vec::new();
        for (check, run) in checks {
            let (holds, detail) = match run() {
                Ok(detail) => (true, detail),
                Err(Fail::Broken(detail)) => (false, Some(detail)),
                Err(Fail::Store(error)) => return Err(error),
            };
            findings.push(Finding { check, holds, detail });
        }
        Ok(Report { tier: Tier::of(&findings), findings, rounds, racers: effort.racers, clock_behind_ms, left: 0 })
    }

    fn read_after_write(&self, name: &str, bytes: &[u8]) -> Outcome {
        let (head, tail) = bytes.split_at(bytes.len() / 3);
        self.stores[0].stage(name, &[head, tail])?;
        self.stores[0].barrier()?;
        is_same(self.stores[0], name, bytes)
    }

    fn lengths(&self, name: &str) -> Outcome {
        for store in self.stores {
            for (name, expected) in [(name, Some(LEN_BYTES)), (&self.name("absent"), None)] {
                let found = store.len_bytes(name)?;
                if found != expected {
                    return broken(format!("{name}: length {found:?} instead of {expected:?}"));
                }
            }
        }
        Ok(None)
    }

    /// Everything in the folder is compared: what a listing leaves out may be what comes last.
    fn list_after_write(&self, object: &str) -> Outcome {
        let mut expected = Vec::new();
        for number in 0..LISTED {
            let name = self.name(&format!("list-{number}"));
            expected.push(Listed { name: name.clone(), len_bytes: number });
            let bytes = content(number);
            // Half of them as packs are written, half as decisions are.
            match number % 2 {
                0 => self.stores[0].stage(&name, &[&bytes])?,
                _ => self.stores[0].create(&name, &bytes)?,
            }
        }
        self.stores[0].barrier()?;
        expected.push(Listed { name: object.to_string(), len_bytes: LEN_BYTES });
        for store in self.stores {
            let listed = store.list(&self.folder)?;
            if listed != expected {
                let names: Vec<&str> = listed.iter().map(|object| object.name.as_str()).collect();
                let (stored, names) = (expected.len(), names.join(", "));
                return broken(format!("{stored} objects were stored; the listing says: {names}"));
            }
        }
        Ok(None)
    }

    fn create_once(&self) -> Outcome {
        let name = self.name("once");
        self.stores[0].create(&name, b"first")?;
        for store in self.stores {
            match store.create(&name, b"second, and longer") {
                Err(BlobError::Exists { .. }) => {}
                Ok(()) => return broken(format!("{name} was created twice")),
                Err(error) => return Err(error.into()),
            }
            is_same(store, &name, b"first")?;
        }
        Ok(None)
    }

    fn delete(&self) -> Outcome {
        let (name, kept) = (self.name("deleted"), self.name("kept"));
        self.stores[0].create(&name, b"to be deleted")?;
        self.stores[0].create(&kept, b"to be kept")?;
        self.remove(&name)?;
        // Deleting what is not there is fine.
        self.remove(&name)?;
        for store in self.stores {
            match store.read(&name, LEN_BYTES) {
                Err(BlobError::NotFound { .. }) => {}
                Ok(_) => return broken(format!("{name} was deleted and can be read")),
                Err(error) => return Err(error.into()),
            }
            if store.len_bytes(&name)?.is_some() {
                return broken(format!("{name} was deleted and has a length"));
            }
            let listed = store.list(&self.folder)?;
            let is_listed = |name: &str| listed.iter().any(|object| object.name == name);
            if is_listed(&name) || !is_listed(&kept) {
                return broken(format!("{name} was deleted; the listing does not say so"));
            }
        }
        Ok(None)
    }

    fn reuse(&self) -> Outcome {
        let name = self.name("again");
        self.stores[0].create(&name, b"first")?;
        self.remove(&name)?;
        self.stores[1].create(&name, b"second, and longer")?;
        self.stores.iter().try_for_each(|store| is_same(*store, &name, b"second, and longer").map(drop))?;
        Ok(None)
    }

    /// A store that keeps everything for good is one to back up to.
    fn remove(&self, name: &str) -> Result<(), Fail> {
        let store = self.stores[0];
        store.delete(name).and_then(|()| store.barrier()).map_err(|error| Fail::Broken(error.to_string()))
    }

    fn clock(&self, behind_ms: &mut Option<i64>) -> Outcome {
        let (name, begun) = (self.name("clock"), Instant::now());
        self.stores[0].create(&name, b"now")?;
        let Some(age_ms) = self.stores[0].age_ms(&name)? else {
            return Ok(Some("the store does not tell when an object was stored".to_string()));
        };
        let true_age_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        // What was stored a moment ago seems this much older than it can be.
        *behind_ms = Some(i64::try_from(age_ms).unwrap_or(i64::MAX).saturating_sub(true_age_ms).max(0));
        Ok(None)
    }
}

/// Bytes that differ at every place of a block.
fn content(len_bytes: u64) -> Vec<u8> {
    (0..len_bytes).map(|place| (place % 251) as u8 ^ (place >> 8) as u8).collect()
}

pub(super) fn is_same(store: &dyn BlobStore, name: &str, expected: &[u8]) -> Outcome {
    let found = store.read(name, 2 * LEN_BYTES)?;
    if found == expected {
        return Ok(None);
    }
    broken(format!("{name}: {} bytes were stored; the {} bytes read are others", expected.len(), found.len()))
}

fn ranges(store: &dyn BlobStore, name: &str, bytes: &[u8]) -> Outcome {
    let middle = LEN_BYTES / 2;
    let inside = [(0, 1), (0, 4096), (middle - 7, 4097), (LEN_BYTES - 4097, 4097), (LEN_BYTES - 1, 1), (0, LEN_BYTES)];
    for (offset_byte, len_bytes) in inside {
        let mut buffer = vec![0; len_bytes as usize];
        store.read_at(name, offset_byte, &mut buffer)?;
        if buffer != bytes[offset_byte as usize..(offset_byte + len_bytes) as usize] {
            return broken(format!("{name}: {len_bytes} bytes from byte {offset_byte} are not those stored there"));
        }
    }
    for (offset_byte, len_bytes) in [(LEN_BYTES - 1, 2), (LEN_BYTES, 1), (2 * LEN_BYTES, 100)] {
        match store.read_at(name, offset_byte, &mut vec![0; len_bytes]) {
            Err(BlobError::Short { .. }) => {}
            Ok(()) => {
                return broken(format!("{name}: {len_bytes} bytes were read from byte {offset_byte}, past its end"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}
