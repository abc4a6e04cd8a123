//! Records that are damaged: reach objects, decisions and their copies, intents, labels.

use super::{Aside, LabelsLost, LostSnapshot, MendedReach, Proof, RepairPlan};
use crate::collect::live::Live;
use crate::decisions::Register;
use crate::error::StoreError;
use crate::format::decision::{self, Decision, Manifest};
use crate::format::names;
use crate::format::reach::Reach;
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use crate::verify::Fault;
use crate::view::{View, is_harmed};
use datakeep_model::{ErrorKind, SessionId};
use datakeep_store_blob::Listed;
use std::collections::{BTreeMap, BTreeSet};

/// True for an object that is not there, or not what was written.
pub(super) fn is_hurt(error: &StoreError) -> bool {
    is_harmed(error) || matches!(error, StoreError::Missing { .. })
}

/// A register and its copy, as read; `None` where there is none.
type Pair = (Option<Result<Decision, StoreError>>, Option<Result<Decision, StoreError>>);

impl Repository {
    /// What snapshots use; what is not known because a reach object is damaged or missing is made again from the tree.
    pub(super) fn plan_reaches(
        &self,
        view: &View,
        manifests: &[Manifest],
        packs: &[Listed],
        plan: &mut RepairPlan,
    ) -> Result<Live, StoreError> {
        let mut live = Live::default();
        for manifest in manifests {
            let known = self.salvaged_reach(view, manifest);
            let Err(error) = known.and_then(|reach| live.add_reach(view, &reach, manifest)) else { continue };
            if error.kind() != ErrorKind::Integrity {
                return Err(error);
            }
            if self.written_reach(manifest).is_ok() {
                plan.beyond.push(Fault { what: format!("snapshot {}", manifest.snapshot.id), error });
                continue;
            }
            let made = self.make_reach(view, manifest, packs)?;
            live.add_reach(view, &made.reach, manifest)?;
            let (epoch, snapshot) = (manifest.snapshot.epoch, manifest.snapshot.id);
            let object = names::reach(epoch, snapshot);
            plan.reaches.push(MendedReach {
                object,
                snapshot,
                keeps_all: made.keeps_all,
                error: error.to_string(),
                made,
            });
        }
        self.plan_reach_objects(manifests, plan)?;
        Ok(live)
    }

    /// What a snapshot uses, as the plan goes by it.
    pub(super) fn planned_reach(
        &self,
        view: &View,
        manifest: &Manifest,
        plan: &RepairPlan,
    ) -> Result<Reach, StoreError> {
        match plan.reaches.iter().find(|reach| reach.snapshot == manifest.snapshot.id) {
            Some(reach) => Ok(reach.made.reach.clone()),
            None => self.salvaged_reach(view, manifest),
        }
    }

    /// Reach objects that are damaged, written and made again; whosever they are.
    fn plan_reach_objects(&self, manifests: &[Manifest], plan: &mut RepairPlan) -> Result<(), StoreError> {
        let name = |manifest: &Manifest| names::reach(manifest.snapshot.epoch, manifest.snapshot.id);
        let digests: BTreeMap<String, _> = manifests.iter().map(|m| (name(m), m.reach_digest)).collect();
        for folder in ["reach/", names::MENDED] {
            for object in self.blobs.list(folder)? {
                let proof = digests.get(&object.name).map_or(Proof::Opens, |digest| Proof::Digest(*digest));
                // The tree says the same.
                self.judge_record(object.name, (proof, true), plan)?;
            }
        }
        Ok(())
    }

    /// Takes an object on the list of what is set aside if it is damaged. `has_other`: something else says the same, or it
    /// is of no use any more.
    fn judge_record(
        &self,
        object: String,
        (proof, has_other): (Proof, bool),
        plan: &mut RepairPlan,
    ) -> Result<bool, StoreError> {
        match self.read_proven(&object, proof) {
            Ok(()) => Ok(false),
            // Removed since it was listed; what is there and is not found is no answer.
            Err(StoreError::Missing { .. }) if self.blobs.len_bytes(&object)?.is_none() => Ok(false),
            Err(error @ StoreError::Missing { .. }) => Err(error),
            Err(error) if error.kind() == ErrorKind::Integrity || (has_other && is_harmed(&error)) => {
                plan.aside.push(Aside { object, proof });
                Ok(true)
            }
            // Only a newer program may judge what is of a newer version.
            Err(error) if error.kind() == ErrorKind::Incompatible => {
                plan.beyond.push(Fault { what: object, error });
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a record and proves that it is what was written.
    fn read_proven(&self, object: &str, proof: Proof) -> Result<(), StoreError> {
        let stored =
            self.blobs.read(object, crate::format::sealed::MAX_STORED_LEN_BYTES).map_err(crate::error::must_exist)?;
        self.prove_record(object, &stored, proof)
    }

    pub(super) fn prove_record(&self, object: &str, stored: &[u8], proof: Proof) -> Result<(), StoreError> {
        if let Proof::Digest(expected) = proof {
            return match datakeep_process::digest(stored) == expected {
                true => Ok(()),
                false => Err(StoreError::damaged(object, 0, "the digest in the manifest", "another")),
            };
        }
        let folder = object.split('/').next().unwrap_or(object);
        let open = |object_type| self.open_sealed(object_type, object, stored);
        let decoded = match folder {
            "reach" => crate::format::reach::decode(&open(ObjectType::Reach)?).map(|_| ()),
            "mended" => crate::format::reach::decode_mended(&open(ObjectType::Mended)?).map(|_| ()),
            "tags" => decision::decode_tags(&open(ObjectType::Tags)?).map(|_| ()),
            "sessions" => decision::decode_intent(&open(ObjectType::Intent)?).map(|_| ()),
            "commits" | "commits-copies" => {
                let Some((epoch, session)) = names::parse_epoch_session(object) else {
                    return Err(StoreError::damaged(object, 0, "a decision's name", "another name"));
                };
                let plain = open(ObjectType::Decision)?;
                let decided = decision::decode(&plain, session, epoch).map_err(|e| e.of(object))?;
                let is_commit = matches!(decided, Decision::Commit(_));
                return match (proof, is_commit) {
                    (Proof::Commit, false) => Err(StoreError::damaged(object, 0, "COMMIT", "ABORT")),
                    _ => Ok(()),
                };
            }
            // Nothing else is judged here.
            _ => Ok(()),
        };
        decoded.map_err(|e| e.of(object))
    }

    /// Decisions of which one of two copies is whole, and those of which none is.
    pub(super) fn plan_decisions(&self, view: &View, plan: &mut RepairPlan) -> Result<(), StoreError> {
        let mut registers: BTreeMap<Register, (bool, bool)> = BTreeMap::new();
        for object in self.blobs.list(names::COMMITS)? {
            names::parse_epoch_session(&object.name).iter().for_each(|r| registers.entry(*r).or_default().0 = true);
        }
        for object in self.blobs.list(names::DECISION_COPIES)? {
            names::parse_epoch_session(&object.name).iter().for_each(|r| registers.entry(*r).or_default().1 = true);
        }
        for register in view.checkpoint.iter().flat_map(|checkpoint| &checkpoint.commits) {
            registers.entry(*register).or_default();
        }
        for (register, (is_there, has_copy)) in registers {
            let (epoch, session) = register;
            let read = |is_there: bool, name: String| match is_there.then(|| self.read_decision(&name)) {
                None => Ok(None),
                Some(Err(StoreError::Missing { .. })) if self.blobs.len_bytes(&name)?.is_none() => Ok(None),
                Some(Err(error)) if !is_harmed(&error) => Err(error),
                some => Ok(some),
            };
            let pair: Pair = (
                read(is_there, names::decision(epoch, session))?,
                read(has_copy, names::decision_copy(epoch, session))?,
            );
            self.plan_decision(view, register, pair, plan)?;
        }
        Ok(())
    }

    fn plan_decision(
        &self,
        view: &View,
        register: Register,
        pair: Pair,
        plan: &mut RepairPlan,
    ) -> Result<(), StoreError> {
        let (epoch, session) = register;
        let (original, copy) = (names::decision(epoch, session), names::decision_copy(epoch, session));
        let is_over = view.is_void(epoch, session) || self.blobs.len_bytes(&self.tombstone_name(session))?.is_some();
        match pair {
            (Some(Ok(Decision::Commit(_))), None | Some(Ok(Decision::Commit(_))))
            | (Some(Ok(Decision::Abort)), None) => {}
            (first, second) if is_over => {
                for (object, read) in [(original, first), (copy, second)] {
                    if matches!(read, Some(Err(_))) {
                        plan.aside.push(Aside { object, proof: Proof::Opens });
                    }
                }
            }
            (Some(Ok(Decision::Commit(_))), Some(_)) => plan.decisions.push(copy),
            // A collection was finished since the view was read, and has removed it.
            (None, _) if self.is_over(register)? => {}
            (_, Some(Ok(Decision::Commit(_)))) => plan.decisions.push(original),
            (first, second) => {
                let mut told: Vec<StoreError> = [first, second].into_iter().flatten().filter_map(Result::err).collect();
                if told.is_empty() {
                    told.push(StoreError::Missing { object: original.clone() });
                }
                match told.iter().position(|error| error.kind() == ErrorKind::Integrity) {
                    Some(at) => plan.lost.push(self.describe_lost(register, told[at].to_string())),
                    // Only a newer program may judge what is of a newer version.
                    None => plan.beyond.extend(told.into_iter().map(|error| Fault { what: original.clone(), error })),
                }
            }
        }
        Ok(())
    }

    /// What its intent still tells of a snapshot.
    fn describe_lost(&self, (epoch, session): Register, error: String) -> LostSnapshot {
        let name = names::intent(epoch, session);
        let intent = self.read_sealed(ObjectType::Intent, &name).ok().and_then(|p| decision::decode_intent(&p).ok());
        let (source, host, started) =
            intent.map_or_else(Default::default, |i| (i.source_name, i.host, Some(i.started)));
        LostSnapshot { epoch, snapshot: session, source, host, started, error, is_given_up: false }
    }

    /// Damaged labels; the older ones are in force again without them. And damaged intents: those of snapshots are made
    /// again from the manifest, those of sessions that came to nothing are of no use.
    pub(super) fn plan_small_records(
        &self,
        view: &View,
        manifests: &[Manifest],
        plan: &mut RepairPlan,
    ) -> Result<(), StoreError> {
        let mut hurt: BTreeSet<SessionId> = BTreeSet::new();
        for object in self.blobs.list("tags/")? {
            let Some((session, _)) = names::parse_numbered(&object.name) else { continue };
            if self.judge_record(object.name, (Proof::Opens, false), plan)? {
                hurt.insert(session);
            }
        }
        for manifest in manifests.iter().filter(|manifest| hurt.contains(&manifest.snapshot.id)) {
            let snapshot = manifest.snapshot.id;
            let labels = self.labels_without(manifest, plan)?;
            plan.labels.push(LabelsLost { snapshot, labels });
        }
        let visible: BTreeMap<SessionId, &Manifest> = manifests.iter().map(|m| (m.snapshot.id, m)).collect();
        let decided = crate::collect::sessions::Registers::list(self)?.decided;
        for object in self.blobs.list(names::SESSIONS)? {
            let Some((_, session)) = names::parse_epoch_session(&object.name) else { continue };
            // Whoever writes in a session that is open needs it to be there; a collection gives it up. Of one that is over
            // the last round may not have removed everything yet.
            if (decided.contains(&session) || view.removes(&object.name))
                && self.judge_record(object.name.clone(), (Proof::Opens, true), plan)?
                && let Some(manifest) = visible.get(&session)
            {
                plan.aside.pop();
                plan.intents.push((object.name, (*manifest).clone()));
            }
        }
        for manifest in manifests {
            let name = names::intent(manifest.snapshot.epoch, manifest.snapshot.id);
            if self.blobs.len_bytes(&name)?.is_none()
                && !self.is_over((manifest.snapshot.epoch, manifest.snapshot.id))?
            {
                plan.intents.push((name, manifest.clone()));
            }
        }
        Ok(())
    }

    /// The labels in force once those are gone that the plan sets aside.
    fn labels_without(&self, manifest: &Manifest, plan: &RepairPlan) -> Result<Vec<String>, StoreError> {
        let gone: BTreeSet<&str> = plan.aside.iter().map(|aside| aside.object.as_str()).collect();
        let listed = self.blobs.list(&names::tags_folder(manifest.snapshot.id))?;
        let mut left: Vec<(u32, String)> = listed
            .into_iter()
            .filter(|object| !gone.contains(object.name.as_str()))
            .filter_map(|object| Some((names::parse_numbered(&object.name)?.1, object.name)))
            .collect();
        left.sort_unstable();
        match left.pop() {
            Some((_, name)) => {
                let plain = self.read_sealed(ObjectType::Tags, &name)?;
                decision::decode_tags(&plain).map_err(|e| e.of(&name))
            }
            None => Ok(manifest.snapshot.tags.clone()),
        }
    }
}
