//! Applies what a plan says of records: makes them again first, sets the damaged ones aside then.

use super::{Aside, LostSnapshot, MendedReach, Proof, RepairPlan, Repaired};
use crate::collect::{CollectOptions, overtaken};
use crate::error::StoreError;
use crate::format::collect::Tombstone;
use crate::format::decision::{self, Intent, Manifest};
use crate::format::names;
use crate::format::reach;
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use crate::session;
use crate::view::is_harmed;
use datakeep_model::SessionId;

impl Repository {
    /// Mends records, before packs are touched: whatever goes on afterwards needs to know what there is and what it uses.
    pub(super) fn mend_records(
        &self,
        plan: &RepairPlan,
        options: &CollectOptions,
        done: &mut Repaired,
    ) -> Result<(), StoreError> {
        for object in &plan.decisions {
            done.decisions += u64::from(self.remake_decision(object)?);
        }
        for lost in plan.lost.iter().filter(|lost| lost.is_given_up) {
            self.give_up_lost(lost, options)?;
            done.given_up += 1;
        }
        for mended in &plan.reaches {
            done.reaches += u64::from(self.put_reach(mended, &plan.manifest_of(mended.snapshot))?);
        }
        for (name, manifest) in &plan.intents {
            done.intents += u64::from(self.remake_intent(name, manifest)?);
        }
        for aside in &plan.aside {
            if self.put_aside(aside)? {
                self.end_session_of(&aside.object)?;
            }
        }
        done.labels = plan.labels.len() as u64;
        Ok(self.blobs.barrier()?)
    }

    /// Stores the reach that the plan has made, under a number nobody has used. False when the written one is whole after
    /// all.
    fn put_reach(&self, mended: &MendedReach, manifest: &Option<Manifest>) -> Result<bool, StoreError> {
        let Some(manifest) = manifest else { return Err(overtaken()) };
        match self.written_reach(manifest) {
            Ok(_) => return Ok(false),
            Err(error) if super::records::is_hurt(&error) => {}
            Err(error) => return Err(error),
        }
        // Made by this plan already, which is applied again after it has waited for somebody.
        if self.mended_reach(manifest)?.as_ref() == Some(&mended.made) {
            return Ok(false);
        }
        let number = self.next_number(&names::mended_folder(mended.snapshot))?;
        let name = names::mended(mended.snapshot, number);
        let sealed = self.seal(ObjectType::Mended, &name, &reach::encode_mended(&mended.made))?;
        // Another repair does the same.
        if self.create_or_find(&name, &sealed)? { Ok(true) } else { Err(overtaken()) }
    }

    /// The number after the last that stands in a folder or was set aside from it: no name is used twice.
    pub(crate) fn next_number(&self, folder: &str) -> Result<u32, StoreError> {
        let number = |name: &str| {
            let last = name.rsplit('/').next()?;
            names::decimal(last.split('_').next()?)
        };
        let aside = names::quarantined(folder, 0);
        let listed = [self.blobs.list(folder)?, self.blobs.list(&aside)?].concat();
        Ok(listed.iter().filter_map(|object| number(&object.name)).max().map_or(0, |number| number.saturating_add(1)))
    }

    /// Makes a register or its copy again from the other of the two. The copy stands all the time, so nobody takes the
    /// session for one without a decision.
    fn remake_decision(&self, object: &str) -> Result<bool, StoreError> {
        let (epoch, session) = names::parse_epoch_session(object).ok_or_else(overtaken)?;
        let is_copy = object.starts_with(names::DECISION_COPIES);
        let (other, folder) = match is_copy {
            true => (names::decision(epoch, session), names::commits_of(epoch)),
            false => (names::decision_copy(epoch, session), names::decision_copies_of(epoch)),
        };
        let stored = self.blobs.read(&other, crate::format::sealed::MAX_STORED_LEN_BYTES)?;
        self.prove_record(&other, &stored, Proof::Commit)?;
        let plain = self.open_sealed(ObjectType::Decision, &other, &stored)?;
        // What it is made from may have been seen before it was durable.
        self.blobs.settle(&folder)?;
        self.replace_record(&Aside { object: object.to_string(), proof: Proof::Commit }, ObjectType::Decision, &plain)
    }

    fn remake_intent(&self, name: &str, manifest: &Manifest) -> Result<bool, StoreError> {
        let snapshot = &manifest.snapshot;
        let intent = Intent {
            started: snapshot.started,
            source_kind: snapshot.source.kind.clone(),
            source_name: snapshot.source.name.clone(),
            host: snapshot.source.host.clone(),
        };
        let aside = Aside { object: name.to_string(), proof: Proof::Opens };
        self.replace_record(&aside, ObjectType::Intent, &decision::encode_intent(&intent))
    }

    /// Sets a damaged object aside and stores it again in its place. False when it is whole after all.
    fn replace_record(&self, aside: &Aside, object_type: ObjectType, plain: &[u8]) -> Result<bool, StoreError> {
        if !self.put_aside(aside)? && self.blobs.len_bytes(&aside.object)?.is_some() {
            return Ok(false);
        }
        self.blobs.barrier()?;
        let sealed = self.seal(object_type, &aside.object, plain)?;
        if self.create_or_find(&aside.object, &sealed)? { Ok(true) } else { Err(overtaken()) }
    }

    /// Copies an object that is damaged into quarantine and removes it from its place. False when it is whole after all,
    /// or not there.
    fn put_aside(&self, aside: &Aside) -> Result<bool, StoreError> {
        let Some(stored) = self.read_alike(&aside.object)? else { return Ok(false) };
        match self.prove_record(&aside.object, &stored, aside.proof) {
            // What was read when the plan was made was an accident on the way.
            Ok(()) => return Ok(false),
            Err(error) if is_harmed(&error) => {}
            Err(error) => return Err(error),
        }
        self.quarantine(&aside.object, &stored)?;
        self.blobs.delete(&aside.object)?;
        Ok(true)
    }

    /// Forgets a snapshot of which no decision is left, as its owner has agreed; what is damaged of it is set aside.
    fn give_up_lost(&self, lost: &LostSnapshot, options: &CollectOptions) -> Result<(), StoreError> {
        let (epoch, session) = (lost.epoch, lost.snapshot);
        let objects = [names::decision(epoch, session), names::decision_copy(epoch, session)];
        let aside = objects.map(|object| Aside { object, proof: Proof::Commit });
        for aside in &aside {
            if let Some(stored) = self.read_alike(&aside.object)? {
                match self.prove_record(&aside.object, &stored, aside.proof) {
                    Ok(()) => return Err(overtaken()),
                    Err(error) if is_harmed(&error) => self.quarantine(&aside.object, &stored)?,
                    Err(error) => return Err(error),
                }
            }
        }
        let reason = "its decision is damaged; given up in a repair".to_string();
        self.entomb(session, &Tombstone { forgotten: options.now, host: options.host.clone(), reason })?;
        for aside in &aside {
            self.put_aside(aside)?;
        }
        session::abort(self, epoch, session)
    }

    /// Where a register was set aside whose snapshot is over: without a decision its session would count as open, and
    /// somebody would wait for it. Fence and tombstone count before what is decided now.
    fn end_session_of(&self, object: &str) -> Result<(), StoreError> {
        let register = names::parse_epoch_session(object).filter(|_| object.starts_with(names::COMMITS));
        let Some((epoch, session)) = register else { return Ok(()) };
        match self.blobs.len_bytes(&names::intent(epoch, session))? {
            Some(_) => session::abort(self, epoch, session),
            None => Ok(()),
        }
    }
}

impl RepairPlan {
    fn manifest_of(&self, snapshot: SessionId) -> Option<Manifest> {
        self.manifests.iter().find(|manifest| manifest.snapshot.id == snapshot).cloned()
    }
}
