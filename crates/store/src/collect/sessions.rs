//! Sessions without a decision.

use super::{CollectOptions, OpenSession};
use crate::error::StoreError;
use crate::format::decision;
use crate::format::names::{self, PackName};
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use crate::session;
use datakeep_model::SessionId;
use datakeep_store_blob::Listed;
use std::collections::{BTreeMap, BTreeSet};

/// Intents and decisions by session, as listed.
#[derive(Default)]
pub(crate) struct Registers {
    /// Epochs a session has intents at: one, if nobody tampers.
    pub intents: BTreeMap<SessionId, u64>,
    pub decided: BTreeSet<SessionId>,
}

impl Registers {
    /// Lists intents, then decisions: who decides in between is seen as decided, and its snapshot is read later.
    pub fn list(repository: &Repository) -> Result<Self, StoreError> {
        let mut registers = Self::default();
        for object in repository.blobs.list(names::SESSIONS)? {
            if let Some((epoch, session)) = names::parse_epoch_session(&object.name) {
                registers.intents.insert(session, epoch);
            }
        }
        for object in repository.blobs.list(names::COMMITS)? {
            registers.decided.extend(names::parse_epoch_session(&object.name).map(|(_, session)| session));
        }
        // The second copy of a decision stands before a repair takes a damaged one from its place.
        for object in repository.blobs.list(names::DECISION_COPIES)? {
            registers.decided.extend(names::parse_epoch_session(&object.name).map(|(_, session)| session));
        }
        Ok(registers)
    }

    /// Sessions of epochs up to `epoch` that have no decision.
    pub fn undecided(&self, epoch: u64) -> impl Iterator<Item = (u64, SessionId)> + '_ {
        let open = self.intents.iter().filter(move |(session, at)| **at <= epoch && !self.decided.contains(session));
        open.map(|(session, at)| (*at, *session))
    }
}

/// Who must have ended before anything goes on; nobody on a store that lets collections run beside writers.
pub(crate) fn others(repository: &Repository, options: &CollectOptions) -> Result<Vec<OpenSession>, StoreError> {
    if options.alone { repository.sessions_in_the_way() } else { Ok(Vec::new()) }
}

/// What is known of an open session. `packs` are all packs there are.
pub(crate) fn describe(
    repository: &Repository,
    epoch: u64,
    session: SessionId,
    packs: &[Listed],
) -> Result<OpenSession, StoreError> {
    let name = names::intent(epoch, session);
    let intent = repository
        .read_sealed(ObjectType::Intent, &name)
        .and_then(|plain| decision::decode_intent(&plain).map_err(|e| e.of(&name)));
    let (source, host) = intent.map(|intent| (intent.source_name, intent.host)).unwrap_or_default();
    let own =
        packs.iter().filter(|object| PackName::parse(&object.name).is_some_and(|(_, pack)| pack.session == session));
    let newest = own.clone().filter_map(|object| Some((PackName::parse(&object.name)?.1.seq, &object.name))).max();
    let mut quiet_ms = repository.blobs.age_ms(&name)?;
    if let Some((_, pack)) = newest
        && let Some(age) = repository.blobs.age_ms(pack)?
    {
        quiet_ms = Some(quiet_ms.map_or(age, |quiet| quiet.min(age)));
    }
    let stored_bytes = own.map(|object| object.len_bytes).sum();
    Ok(OpenSession { epoch, session, source, host, quiet_ms, stored_bytes })
}

impl Repository {
    /// Sessions that a collection which must be alone has to leave the repository to: all without a decision, but for
    /// that of the collector whose round is to be finished.
    pub fn sessions_in_the_way(&self) -> Result<Vec<OpenSession>, StoreError> {
        let view = self.refresh_view_strictly()?;
        let collector = view.condemned.as_ref().map(|condemned| condemned.collector);
        let registers = Registers::list(self)?;
        let others: Vec<_> = registers.undecided(u64::MAX).filter(|(_, session)| Some(*session) != collector).collect();
        // Packs are of interest only when there is something to tell.
        let packs = if others.is_empty() { Vec::new() } else { self.list_packs()? };
        others.into_iter().map(|(epoch, session)| describe(self, epoch, session, &packs)).collect()
    }

    /// Gives up one session, named by the beginning of its id, of which a person says that its run has ended. On a store
    /// where a name may be created twice nobody else can know that: a run that lives might publish all the same.
    pub fn give_up_ended(&self, name: &str) -> Result<OpenSession, StoreError> {
        let registers = Registers::list(self)?;
        let fitting: Vec<_> =
            registers.undecided(u64::MAX).filter(|(_, session)| session.to_hex().starts_with(name)).collect();
        let (epoch, session) = match fitting.as_slice() {
            [] => return Err(StoreError::NotFound { what: format!("run without an end {name:?}") }),
            &[one] => one,
            many => {
                let candidates: Vec<String> = many.iter().map(|(_, session)| session.to_hex()).collect();
                let candidates = candidates.join(", ");
                return Err(StoreError::Ambiguous { what: format!("run {name:?}"), candidates });
            }
        };
        let open = describe(self, epoch, session, &self.list_packs()?)?;
        session::abort(self, epoch, session)?;
        Ok(open)
    }

    /// Gives up sessions that have written nothing for longer than the patience: decides ABORT for them, through the same
    /// register by which they would commit. A plan made afterwards counts what they stored as unused. A run that lives
    /// after all finds out when it commits, and publishes under a new session.
    pub fn give_up_sessions(&self, options: &CollectOptions) -> Result<Vec<OpenSession>, StoreError> {
        if options.alone {
            return Ok(Vec::new());
        }
        let registers = Registers::list(self)?;
        let packs = self.list_packs()?;
        let mut given_up = Vec::new();
        for (epoch, session) in registers.undecided(u64::MAX) {
            let open = describe(self, epoch, session, &packs)?;
            if open.quiet_ms.is_some_and(|quiet| quiet >= options.patience_ms) {
                session::abort(self, epoch, session)?;
                given_up.push(open);
            }
        }
        Ok(given_up)
    }
}
