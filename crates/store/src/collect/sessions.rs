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
        Ok(registers)
    }

    /// Sessions of epochs up to `epoch` that have no decision.
    pub fn undecided(&self, epoch: u64) -> impl Iterator<Item = (u64, SessionId)> + '_ {
        let open = self.intents.iter().filter(move |(session, at)| **at <= epoch && !self.decided.contains(session));
        open.map(|(session, at)| (*at, *session))
    }
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
    /// Gives up sessions that have written nothing for longer than the patience: decides ABORT for them, through the same
    /// register by which they would commit. A plan made afterwards counts what they stored as unused. A run that lives
    /// after all finds out when it commits, and publishes under a new session.
    pub fn give_up_sessions(&self, options: &CollectOptions) -> Result<Vec<OpenSession>, StoreError> {
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
