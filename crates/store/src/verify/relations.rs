//! What objects prove of each other. Whatever another object shows to have existed, and that nothing may have removed,
//! must still be there. Some deletions cannot be told from inside: of a key slot (slots come and go, and no list of
//! them exists), of the newest change of labels (it looks as if it had not been made yet), of the second copy of a
//! decision or a checkpoint (its maker may have died), of progress (it is removed without a trace once it is of no use),
//! and of the mark of a forgotten copy (the snapshot that proved it is gone; its original is copied again, at worst).

use super::Verified;
use crate::error::StoreError;
use crate::format::decision::Manifest;
use crate::format::names::{self, PackName};
use crate::repository::Repository;
use datakeep_model::SessionId;
use datakeep_store_blob::Listed;
use std::collections::{BTreeMap, BTreeSet};

/// The session that wrote an object.
fn session_of(object: &str) -> Option<SessionId> {
    match object.split('/').next()? {
        "data" | "meta" => PackName::parse(object).map(|(_, name)| name.session),
        "index" | "progress" => names::parse_session_number(object).map(|(session, _)| session),
        "reach" | "sessions" | "commits" | "commits-copies" => {
            names::parse_epoch_session(object).map(|(_, session)| session)
        }
        "tags" | "mended" => object.split('/').nth(1).and_then(SessionId::from_hex),
        _ => None,
    }
}

impl Repository {
    /// Compares a listing with itself and with the snapshots. A listing is no instant: what seems to be missing is
    /// looked for again by its name before it is reported.
    pub(super) fn verify_relations(
        &self,
        listed: &[Listed],
        manifests: &[Manifest],
        report: &mut Verified,
    ) -> Result<(), StoreError> {
        let view = self.view()?;
        // A copy is made of a checkpoint that stands.
        for object in listed.iter().filter(|object| object.name.starts_with(names::COPIES)) {
            if let Some(epoch) = names::parse_epoch(&object.name).filter(|epoch| *epoch > view.epoch) {
                self.must_stand(&names::checkpoint(epoch), report)?;
            }
        }
        if let Some(checkpoint) = &view.checkpoint {
            return self.verify_checkpoint(&checkpoint.commits, report);
        }
        let mut written: BTreeSet<SessionId> = listed.iter().filter_map(|object| session_of(&object.name)).collect();
        written.extend(manifests.iter().filter_map(|manifest| manifest.snapshot.parent));
        let mut decided: BTreeSet<SessionId> = manifests.iter().map(|manifest| manifest.snapshot.id).collect();
        decided.extend(self.blobs.list(names::COMMITS)?.iter().filter_map(|object| session_of(&object.name)));
        for session in &written {
            // While a first round is going on, sessions belong to its epoch already. That of a run that came to nothing may
            // have been set aside by a repair.
            let intent = names::intent(0, *session);
            let is_elsewhere = self.blobs.len_bytes(&names::intent(1, *session))?.is_some();
            if !is_elsewhere && self.blobs.len_bytes(&names::quarantined(&intent, 0))?.is_none() {
                self.must_stand(&intent, report)?;
            }
            report.undecided += u64::from(!decided.contains(session));
        }
        let parents = manifests.iter().filter_map(|manifest| manifest.snapshot.parent);
        let labelled = listed.iter().filter(|object| object.name.starts_with("tags/"));
        let committed: BTreeSet<SessionId> =
            parents.chain(labelled.clone().filter_map(|object| session_of(&object.name))).collect();
        for session in committed.difference(&decided) {
            let is_later = self.blobs.len_bytes(&names::decision(1, *session))?.is_some();
            if !is_later && self.blobs.len_bytes(&self.tombstone_name(*session))?.is_none() {
                self.must_stand(&names::decision(0, *session), report)?;
            }
        }
        let mut newest: BTreeMap<SessionId, u32> = BTreeMap::new();
        for object in labelled {
            let number = object.name.rsplit('/').next().and_then(|number| number.parse().ok());
            if let (Some(session), Some(number)) = (session_of(&object.name), number) {
                let known = newest.entry(session).or_insert(number);
                *known = number.max(*known);
            }
        }
        let present: BTreeSet<&str> = listed.iter().map(|object| object.name.as_str()).collect();
        for (session, newest) in newest {
            for name in (0..newest).map(|number| names::tags(session, number)).filter(|n| !present.contains(n.as_str()))
            {
                // A repair has set it aside.
                if present.contains(names::quarantined(&name, 0).as_str()) {
                    continue;
                }
                self.must_stand(&name, report)?;
            }
        }
        Ok(())
    }

    /// After a collection, what is older than it may have been removed; but for what its checkpoint says is visible.
    fn verify_checkpoint(&self, commits: &BTreeSet<(u64, SessionId)>, report: &mut Verified) -> Result<(), StoreError> {
        for &(epoch, session) in commits {
            if self.blobs.len_bytes(&self.tombstone_name(session))?.is_none() {
                self.must_stand(&names::decision(epoch, session), report)?;
                self.must_stand(&names::intent(epoch, session), report)?;
            }
        }
        Ok(())
    }

    fn must_stand(&self, object: &str, report: &mut Verified) -> Result<(), StoreError> {
        if self.blobs.len_bytes(object)?.is_none() {
            report.note(object, Err(StoreError::Missing { object: object.to_string() }));
        }
        Ok(())
    }
}
