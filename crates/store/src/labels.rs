//! Labels of snapshots: a register of numbered changes, each created once, of which the last counts.
//!
//! Whoever forgets a snapshot ends the register first, by a change of its own: so of somebody who holds a snapshot and somebody
//! who forgets it at the same moment exactly one succeeds, and what was told to be held is.

use crate::error::StoreError;
use crate::format::config::{WRITING, check_features};
use crate::format::decision::{self, CLOSED, Manifest};
use crate::format::names;
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use datakeep_model::SessionId;
use datakeep_store_blob::BlobError;
use std::collections::BTreeMap;

/// Others may be first so often.
const MOST_TRIES: usize = 64;

/// Labels in force.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Labels {
    texts: Vec<String>,
    /// True when somebody forgets the snapshot, or has: nobody changes them any more.
    is_closed: bool,
}

impl Labels {
    fn of(mut texts: Vec<String>) -> Self {
        let all = texts.len();
        texts.retain(|text| text != CLOSED);
        Self { is_closed: texts.len() < all, texts }
    }

    fn sorted(texts: &[String]) -> Vec<String> {
        let mut sorted = texts.to_vec();
        sorted.sort();
        sorted.dedup();
        sorted
    }
}

impl Repository {
    /// Replaces the labels that manifests came with by those in force. Returns what could not be read.
    pub(crate) fn put_labels(&self, manifests: &mut [Manifest]) -> Result<Vec<StoreError>, StoreError> {
        let (mut tags, faults) = self.read_tags("tags/")?;
        let mut left = Vec::new();
        for fault in faults {
            match removed_since(&fault) {
                // With its snapshot by a collection, or set aside by a repair: what is there now counts.
                Some(session) => {
                    let (again, more) = self.read_tags(&names::tags_folder(session))?;
                    tags.extend(again);
                    left.extend(more);
                }
                None => left.push(fault),
            }
        }
        for manifest in manifests {
            if let Some((_, labels)) = tags.remove(&manifest.snapshot.id) {
                manifest.snapshot.tags = labels.texts;
            }
        }
        Ok(left)
    }

    /// Newest labels per session below a folder, with their number.
    #[expect(clippy::type_complexity, reason = "used in this file only")]
    fn read_tags(&self, folder: &str) -> Result<(BTreeMap<SessionId, (u32, Labels)>, Vec<StoreError>), StoreError> {
        let mut newest: BTreeMap<SessionId, (u32, String)> = BTreeMap::new();
        let mut faults = Vec::new();
        for listed in self.blobs.list(folder)? {
            let mut parts = listed.name.rsplit('/');
            let number = parts.next().and_then(|number| number.parse::<u32>().ok());
            let session = parts.next().and_then(SessionId::from_hex);
            match (session, number) {
                (Some(session), Some(number)) if newest.get(&session).is_none_or(|(found, _)| *found < number) => {
                    newest.insert(session, (number, listed.name));
                }
                (Some(_), Some(_)) => {}
                _ => faults.push(StoreError::damaged(listed.name, 0, "a name of labels", "another name")),
            }
        }
        let mut tags = BTreeMap::new();
        let names: Vec<String> = newest.values().map(|(_, name)| name.clone()).collect();
        let read = self.read_each(&names, &|name| {
            let plain = self.read_sealed(ObjectType::Tags, name)?;
            decision::decode_tags(&plain).map(Labels::of).map_err(|e| e.of(name))
        });
        for ((session, (number, _)), labels) in newest.into_iter().zip(read) {
            match labels {
                Ok(labels) => {
                    tags.insert(session, (number, labels));
                }
                Err(error) => faults.push(error),
            }
        }
        Ok((tags, faults))
    }

    /// The labels of a snapshot, and the number of the change that would come next: of the one that has it, nobody else has made
    /// a change since they were read. No number is used twice, also where a repair has set the newest aside.
    fn labels(&self, manifest: &Manifest) -> Result<(Labels, u32), StoreError> {
        let session = manifest.snapshot.id;
        let folder = names::tags_folder(session);
        for _ in 0..MOST_TRIES {
            // Before they are read: a change that comes between is not passed over.
            let next = self.next_number(&folder)?;
            let (mut tags, faults) = self.read_tags(&folder)?;
            if let Some(fault) = faults.into_iter().next() {
                return Err(fault);
            }
            match tags.remove(&session) {
                Some((number, labels)) if number < next => return Ok((labels, next)),
                Some(_) => {}
                None => return Ok((Labels::of(manifest.snapshot.tags.clone()), next)),
            }
        }
        Err(too_busy())
    }

    /// Replaces the labels of a snapshot by what `change` makes of those in force. Returns the new labels.
    ///
    /// [`StoreError::Busy`] when the snapshot has been forgotten, or is about to be.
    pub fn change_tags(
        &self,
        manifest: &Manifest,
        change: &dyn Fn(&[String]) -> Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        check_features(&self.config, WRITING, "written")?;
        let session = manifest.snapshot.id;
        for _ in 0..MOST_TRIES {
            let (labels, next) = self.labels(manifest)?;
            if labels.is_closed {
                return Err(forgotten(session));
            }
            let changed = Labels::sorted(&change(&labels.texts));
            if changed.iter().any(|text| text == CLOSED) {
                return Err(StoreError::Usage { detail: "a label must not hold a zero character".to_string() });
            }
            if changed == labels.texts {
                return Ok(changed);
            }
            let name = names::tags(session, next);
            let sealed = self.seal(ObjectType::Tags, &name, &decision::encode_tags(&changed))?;
            match self.blobs.create(&name, &sealed) {
                Ok(()) => return Ok(changed),
                // Somebody else was first: read again and take the next number.
                Err(BlobError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }

    /// Ends the changes of a snapshot's labels: from here on nobody can say that it is held. They must be those that the
    /// manifest came with, by which it was decided that it may go.
    pub(crate) fn close_labels(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let session = manifest.snapshot.id;
        for _ in 0..MOST_TRIES {
            let (labels, next) = self.labels(manifest)?;
            if labels.is_closed {
                return Ok(());
            }
            if Labels::sorted(&labels.texts) != Labels::sorted(&manifest.snapshot.tags) {
                let detail = format!("the labels of snapshot {} were changed meanwhile", session.short());
                return Err(StoreError::Busy { detail });
            }
            let mut texts = labels.texts;
            texts.push(CLOSED.to_string());
            let name = names::tags(session, next);
            let sealed = self.seal(ObjectType::Tags, &name, &decision::encode_tags(&Labels::sorted(&texts)))?;
            match self.create_to_free(&name, &sealed) {
                Ok(()) => return Ok(()),
                // Ours, whose answer was lost, or a change of somebody else: both are seen by looking again.
                Err(BlobError::Exists { .. }) => {}
                Err(error) => match self.blobs.len_bytes(&name) {
                    Ok(Some(_)) => {}
                    _ => return Err(error.into()),
                },
            }
        }
        Err(too_busy())
    }
}

/// The session whose labels were listed, and were not there any more when they were read.
fn removed_since(fault: &StoreError) -> Option<SessionId> {
    match fault {
        StoreError::Missing { object } => object.rsplit('/').nth(1).and_then(SessionId::from_hex),
        _ => None,
    }
}

fn too_busy() -> StoreError {
    StoreError::Busy { detail: "the labels are being changed by somebody else all the time".into() }
}

fn forgotten(session: SessionId) -> StoreError {
    StoreError::Busy {
        detail: format!("snapshot {} is being forgotten: its labels are not changed any more", session.short()),
    }
}
