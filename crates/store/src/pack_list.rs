//! Which packs are there.

use crate::collect::reserve_bytes;
use crate::error::StoreError;
use crate::format::index::PackRecord;
use crate::format::names::{PackClass, PackName};
use crate::format::reach::Reach;
use crate::repository::Repository;
use crate::tree::entry::Location;
use std::collections::{BTreeSet, HashMap};

/// Packs with their class and length, as a listing found them: names and lengths only, nothing is opened.
#[derive(Clone, Debug, Default)]
pub struct PackList {
    found: HashMap<PackName, (PackClass, u64)>,
}

impl PackList {
    /// A list for tests.
    #[cfg(test)]
    pub(crate) fn of(packs: impl Iterator<Item = PackName>) -> Self {
        Self { found: packs.map(|pack| (pack, (PackClass::Data, 1))).collect() }
    }

    /// True when a pack was there.
    pub fn contains(&self, pack: PackName) -> bool {
        self.found.contains_key(&pack)
    }

    /// Room to set aside for a collection of all of them and so many bytes more.
    pub(crate) fn reserve_bytes(&self, more_bytes: u64) -> u64 {
        let stored_bytes: u64 = self.found.values().map(|(_, len_bytes)| len_bytes).sum();
        reserve_bytes(stored_bytes + more_bytes, self.found.len())
    }

    /// Those of some packs that are not there, or not as long as they were.
    pub fn missing<'r>(&self, records: impl IntoIterator<Item = &'r PackRecord>) -> Vec<String> {
        let is_there = |record: &PackRecord| self.found.get(&record.name) == Some(&(record.class, record.len_bytes));
        let missing = records.into_iter().filter(|record| !is_there(record));
        missing.map(|record| record.name.object(record.class)).collect()
    }
}

impl Repository {
    /// Sets room aside for a collection on a full disk. Failing is no harm.
    pub(crate) fn hold_reserve(&self) {
        if let Ok(packs) = self.pack_list() {
            self.blobs.hold_reserve(packs.reserve_bytes(0));
        }
    }

    /// Lists the packs there are now.
    pub fn pack_list(&self) -> Result<PackList, StoreError> {
        let named = |object: datakeep_store_blob::Listed| {
            PackName::parse(&object.name).map(|(class, name)| (name, (class, object.len_bytes)))
        };
        Ok(PackList { found: self.list_packs()?.into_iter().filter_map(named).collect() })
    }

    /// Packs that a snapshot uses and a listing lacks: packs that a collection has deleted count as there when all frames
    /// used have moved to packs that are. What a repair has found to be lost is not looked for: the entries that use it
    /// tell whether it has been stored again.
    pub fn missing_live_packs(&self, there: &PackList, reach: &Reach) -> Result<Vec<String>, StoreError> {
        let view = self.view()?;
        let mut records = Vec::new();
        let mut missing = Vec::new();
        for (&pack, (record, frames)) in &reach.packs {
            if !view.is_gone(pack) {
                records.push(*record);
                continue;
            }
            let mut homes = BTreeSet::new();
            let left = |frame: &u32| frames.contains(*frame) && !view.is_lost(pack, *frame);
            for frame in (0..record.frames).filter(left) {
                match view.moved(Location { pack, frame, slot: 0 }) {
                    Some(to) => homes.insert(to.pack),
                    None => homes.insert(pack),
                };
            }
            for home in homes {
                match self.pack_record(record.class, home) {
                    Ok(record) => records.push(record),
                    Err(StoreError::Missing { object }) => missing.push(object),
                    Err(error) => return Err(error),
                }
            }
        }
        missing.extend(there.missing(&records));
        Ok(missing)
    }
}
