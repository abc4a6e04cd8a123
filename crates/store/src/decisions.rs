//! Decisions and their second copies.
//!
//! A decision is in one place by its nature: the register that is created once. A COMMIT has a second copy besides
//! (`docs/format.md` section 14), made once it stands, so that one wrong bit does not cost a snapshot. Who finds such a
//! copy knows that the register once said COMMIT, whatever it says or does not say now.

use crate::error::StoreError;
use crate::format::decision::{self, Decision};
use crate::format::names;
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use crate::view::is_harmed;
use datakeep_model::SessionId;
use datakeep_store_blob::BlobError;
use std::collections::BTreeSet;

/// Epoch and session: the name of a register.
pub(crate) type Register = (u64, SessionId);

/// A register, if its name is one, and what is decided there.
pub(crate) type Decided = (Option<Register>, Result<Decision, StoreError>);

/// How a decision is read: from the store, or through the cache.
pub(crate) type ReadDecision<'a> = dyn Fn(&str) -> Result<Decision, StoreError> + Sync + 'a;

impl Repository {
    /// Every decision there is. Where a register is damaged, missing or says ABORT, its second copy counts.
    ///
    /// One listing shows both: at every moment at least one of a register that said COMMIT and its copy stands.
    pub(crate) fn decisions(&self, read: &ReadDecision<'_>) -> Result<Vec<Decided>, StoreError> {
        let (from, to) = names::ALL_DECISIONS;
        let (mut originals, mut copies) = (Vec::new(), BTreeSet::new());
        for object in self.blobs.list_between(from, to)? {
            if object.name.starts_with(names::COMMITS) {
                originals.push(object.name);
            } else if object.name.starts_with(names::DECISION_COPIES) {
                copies.extend(names::parse_epoch_session(&object.name));
            }
        }
        let found = self.read_each(&originals, read);
        let mut decisions: Vec<Decided> =
            originals.iter().map(|name| names::parse_epoch_session(name)).zip(found).collect();
        for (register, decision) in &mut decisions {
            let Some(register) = *register else { continue };
            if copies.remove(&register) && !matches!(decision, Ok(Decision::Commit(_))) {
                self.correct_by_copy(register, decision)?;
            }
        }
        for register in copies {
            let found = self.read_decision_copy(register);
            let settled = found.and_then(|found| self.settled_copy(register, found));
            decisions.push((Some(register), settled));
        }
        Ok(decisions)
    }

    /// The decision of one register: as it says, or its copy where it does not say COMMIT.
    pub(crate) fn decision_of(
        &self,
        register: Register,
        read: &ReadDecision<'_>,
    ) -> Result<Result<Decision, StoreError>, StoreError> {
        let mut decision = read(&names::decision(register.0, register.1));
        if !matches!(decision, Ok(Decision::Commit(_))) {
            self.correct_by_copy(register, &mut decision)?;
        }
        Ok(decision)
    }

    /// What counts where a register that does not say COMMIT has a copy.
    fn correct_by_copy(
        &self,
        register: Register,
        decision: &mut Result<Decision, StoreError>,
    ) -> Result<(), StoreError> {
        match (self.read_decision_copy(register), &decision) {
            // That it cannot be made durable is told of this one: it hides no other.
            (Ok(found), _) => *decision = self.settled_copy(register, found),
            // A collection has removed it since; it removes what is void, too.
            (Err(StoreError::Missing { .. }), Ok(_)) => {}
            (Err(error), Ok(_)) => *decision = Err(error),
            (Err(_), Err(_)) => {}
        }
        Ok(())
    }

    /// What only its copy tells must be durable before somebody builds on it.
    fn settled_copy(&self, (epoch, _): Register, found: Decision) -> Result<Decision, StoreError> {
        self.blobs.settle(&names::decision_copies_of(epoch))?;
        Ok(found)
    }

    /// The decision in a register, whatever its copy says.
    pub(crate) fn read_decision(&self, name: &str) -> Result<Decision, StoreError> {
        decode_decision(name, || self.read_sealed(ObjectType::Decision, name))
    }

    /// As [`Repository::read_decision`], through the cache where there is one; whoever asks has seen that it is there.
    pub(crate) fn read_decision_near(&self, name: &str) -> Result<Decision, StoreError> {
        decode_decision(name, || self.read_sealed_near(ObjectType::Decision, name))
    }

    /// The second copy of a decision: always COMMIT.
    pub(crate) fn read_decision_copy(&self, (epoch, session): Register) -> Result<Decision, StoreError> {
        let name = names::decision_copy(epoch, session);
        match self.read_decision(&name)? {
            Decision::Abort => Err(StoreError::damaged(name, 0, "COMMIT", "ABORT")),
            commit => Ok(commit),
        }
    }

    /// Makes the second copy of a decision that is COMMIT, stands and is durable. `plain` is its content. Of several who
    /// do so each writes the same.
    pub(crate) fn copy_decision(&self, (epoch, session): Register, plain: &[u8]) -> Result<(), StoreError> {
        let name = names::decision_copy(epoch, session);
        let sealed = self.seal(ObjectType::Decision, &name, plain)?;
        match self.blobs.create(&name, &sealed) {
            Ok(()) | Err(BlobError::Exists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the copies that are missing of visible decisions: of runs that died before they made theirs, or of an older
    /// program; at most so many. What cannot be made now is made by the next round.
    pub(crate) fn copy_decisions(&self, commits: &BTreeSet<Register>, most: usize) -> Result<(), StoreError> {
        let listed = self.blobs.list(names::DECISION_COPIES)?;
        let there: BTreeSet<Register> =
            listed.iter().filter_map(|object| names::parse_epoch_session(&object.name)).collect();
        // The newest first: the others have stood for long.
        for &(epoch, session) in commits.iter().rev().filter(|register| !there.contains(register)).take(most) {
            let name = names::decision(epoch, session);
            let plain = match self.read_sealed(ObjectType::Decision, &name) {
                // Told by whoever looks at it.
                Err(error) if is_harmed(&error) || matches!(error, StoreError::Missing { .. }) => continue,
                other => other?,
            };
            match decision::decode(&plain, session, epoch) {
                Ok(Decision::Commit(_)) => self.copy_decision((epoch, session), &plain)?,
                _ => continue,
            }
        }
        Ok(())
    }

    /// Compares a second copy with its register, unless its snapshot is over. The error
    /// names the one of the two that is at fault.
    pub(crate) fn compare_decision_copy(&self, name: &str) -> Result<(), StoreError> {
        let register = names::parse_epoch_session(name)
            .ok_or_else(|| StoreError::damaged(name, 0, "an epoch and session", "another name"))?;
        let copy = self.read_decision_copy(register)?;
        let original = names::decision(register.0, register.1);
        let is_same = match self.read_decision(&original) {
            Ok(decision) => decision == copy,
            Err(error @ StoreError::Missing { .. }) => return self.unless_over(register, error),
            // It is told at its own place.
            Err(error) if is_harmed(&error) => true,
            Err(error) => return Err(error),
        };
        let other = || StoreError::damaged(&original, 0, "what its second copy says", "something else");
        if is_same { Ok(()) } else { self.unless_over(register, other()) }
    }

    /// An error, unless the snapshot it is about is void or forgotten.
    fn unless_over(&self, register: Register, error: StoreError) -> Result<(), StoreError> {
        if self.is_over(register)? { Ok(()) } else { Err(error) }
    }

    /// True when a decision, whatever it says, is no snapshot: void or forgotten.
    pub(crate) fn is_over(&self, (epoch, session): Register) -> Result<bool, StoreError> {
        Ok(self.refresh_view()?.is_void(epoch, session)
            || self.blobs.len_bytes(&self.tombstone_name(session))?.is_some())
    }
}

fn decode_decision(name: &str, read: impl FnOnce() -> Result<Vec<u8>, StoreError>) -> Result<Decision, StoreError> {
    let parsed = names::parse_epoch_session(name);
    let (epoch, session) = parsed.ok_or_else(|| StoreError::damaged(name, 0, "a decision's name", "another name"))?;
    decision::decode(&read()?, session, epoch).map_err(|e| e.of(name))
}
