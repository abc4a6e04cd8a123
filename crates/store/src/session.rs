//! Opening and giving up sessions (`docs/concurrency.md`, steps 1 to 3).

use crate::entropy::random;
use crate::error::StoreError;
use crate::format::decision::{self, Decision, Intent};
use crate::format::names;
use crate::format::sealed::ObjectType;
use crate::repository::Repository;
use crate::view::{View, WritersView, newest_epoch};
use crate::writer::SessionInfo;
use datakeep_model::SessionId;
use datakeep_store_blob::BlobError;
use std::sync::Arc;

/// How often a session is opened anew because collections come between.
const MAX_OPENINGS: usize = 16;

/// An open session.
pub(crate) struct Opened {
    pub epoch: u64,
    /// The session, and what it may refer to.
    pub view: WritersView,
}

/// Opens a session at an epoch whose condemned list it knows.
pub(crate) fn open(repository: &Repository, info: &SessionInfo) -> Result<Opened, StoreError> {
    // What was seen before will do where it cannot have been taken back: whatever has come since is found once the intent is
    // there.
    let seen = repository.seen_view().filter(|_| repository.blobs.keeps_what_it_shows());
    let view = match seen {
        Some(view) if view.fault.is_none() => view,
        _ => repository.refresh_view_strictly()?,
    };
    // A round that is known already: its sessions belong to the next epoch.
    let mut epoch = view.sessions_epoch();
    for _ in 0..MAX_OPENINGS {
        let session = create_intent(repository, epoch, info)?;
        let looked = look_for_rounds(repository, epoch, session, &view);
        if let Ok(Round::None(view)) = looked {
            return Ok(Opened { epoch, view });
        }
        // Nobody should have to wait for a session that comes to nothing.
        let _ = abort(repository, epoch, session);
        if let Round::Newer(next) = looked? {
            epoch = next;
        }
    }
    Err(StoreError::Busy { detail: "collections follow each other so closely that no run can begin".to_string() })
}

/// What a session finds that has just been opened.
enum Round {
    /// No round has begun: this is what the session may refer to.
    None(WritersView),
    /// A round has begun: sessions belong to this epoch now.
    Newer(u64),
}

/// Either this sees the condemned list, or its collector sees the intent.
fn look_for_rounds(
    repository: &Repository,
    epoch: u64,
    session: SessionId,
    before: &Arc<View>,
) -> Result<Round, StoreError> {
    let is_condemned = repository.blobs.len_bytes(&names::condemned(epoch + 1))?.is_some();
    // While the newest checkpoint is the one that was seen, and no list has come after it, what was read of it still stands.
    // Where a list or a checkpoint may be taken back and made anew under its name, only reading it again tells.
    let is_latest = !is_condemned && before.condemned.is_none() && epoch == before.epoch;
    let is_same =
        is_latest && repository.blobs.keeps_what_it_shows() && newest_epoch(&*repository.blobs)? == before.epoch;
    let view = if is_same { before.clone() } else { repository.refresh_view_strictly()? };
    let newest = view.sessions_epoch();
    if is_condemned {
        return Ok(Round::Newer(newest.max(epoch + 1)));
    }
    // Also when it lies below: the list that this session was to come after has been taken back.
    if newest != epoch {
        return Ok(Round::Newer(newest));
    }
    let packs = Arc::new(repository.pack_list()?);
    Ok(Round::None(WritersView { view, session, packs }))
}

fn create_intent(repository: &Repository, epoch: u64, info: &SessionInfo) -> Result<SessionId, StoreError> {
    let session = SessionId(random(&*repository.entropy));
    let name = names::intent(epoch, session);
    let intent = Intent {
        started: info.started,
        source_kind: info.source.kind.clone(),
        source_name: info.source.name.clone(),
        host: info.source.host.clone(),
    };
    let sealed = repository.seal(ObjectType::Intent, &name, &decision::encode_intent(&intent))?;
    match repository.create_or_find(&name, &sealed) {
        Ok(true) => Ok(session),
        Ok(false) => Err(BlobError::Exists { name }.into()),
        Err(error) => {
            // It may stand all the same, and nobody should wait for it then.
            if matches!(repository.blobs.len_bytes(&name), Ok(Some(_))) {
                let _ = abort(repository, epoch, session);
            }
            Err(error)
        }
    }
}

/// Decides that nothing comes of a session, unless it has been decided already.
pub(crate) fn abort(repository: &Repository, epoch: u64, session: SessionId) -> Result<(), StoreError> {
    let name = names::decision(epoch, session);
    let sealed = repository.seal(ObjectType::Decision, &name, &decision::encode_abort())?;
    match repository.create_to_free(&name, &sealed) {
        Ok(()) | Err(BlobError::Exists { .. }) => Ok(()),
        // An answer may be lost: any decision there is will do.
        Err(error) => match repository.blobs.len_bytes(&name)? {
            Some(_) => Ok(()),
            None => Err(error.into()),
        },
    }
}

impl Repository {
    /// True when a session can no longer publish under its name: it was given up, or a collection has passed it by. What
    /// it relied on may be gone then, and that is no damage.
    pub fn is_passed_by(&self, (epoch, session): (u64, SessionId)) -> bool {
        let is_aborted = matches!(self.read_decision(&names::decision(epoch, session)), Ok(Decision::Abort));
        is_aborted || self.refresh_view().is_ok_and(|view| view.is_void(epoch, session))
    }
}
