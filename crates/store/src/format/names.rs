//! Object names (`docs/format.md` section 2).

use datakeep_model::SessionId;

/// What a pack holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum PackClass {
    /// File content.
    Data = 0,
    /// Tree nodes, content lists, attributes.
    Meta = 1,
}

impl PackClass {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Data),
            1 => Some(Self::Meta),
            _ => None,
        }
    }

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Meta => "meta",
        }
    }
}

/// The name of a pack: the session that wrote it and its number in that session. Numbers are shared by both classes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PackName {
    /// The session that wrote it.
    pub session: SessionId,
    /// Its number in the session.
    pub seq: u32,
}

impl PackName {
    /// Where a forward map says that a frame is lost: no session draws this name.
    pub(crate) const LOST: Self = Self { session: SessionId([0; 12]), seq: 0 };

    /// The object's name.
    pub fn object(&self, class: PackClass) -> String {
        let session = self.session.to_hex();
        format!("{}/{}/{session}-{}", class.folder(), &session[..2], self.seq)
    }

    /// The pack and class of an object name; `None` when it is no pack's.
    pub fn parse(object: &str) -> Option<(PackClass, Self)> {
        let (folder, rest) = object.split_once('/')?;
        let class = [PackClass::Data, PackClass::Meta].into_iter().find(|class| class.folder() == folder)?;
        let (_, file) = rest.split_once('/')?;
        let (session, seq) = file.split_once('-')?;
        let name = Self { session: SessionId::from_hex(session)?, seq: seq.parse().ok()? };
        (name.object(class) == object).then_some((class, name))
    }
}

pub(crate) const CONFIG: &str = "config";
pub(crate) const COMMITS: &str = "commits/";

/// The folder of an epoch's decisions.
pub(crate) fn commits_of(epoch: u64) -> String {
    format!("{COMMITS}{epoch:010}/")
}

/// Of no meaning: what probes of the store write.
pub(crate) const PROBES: &str = datakeep_store_blob::probe::FOLDER;

pub(crate) fn epoch_folder(kind: &str, epoch: u64) -> String {
    format!("{kind}/{epoch:010}/")
}

pub(crate) fn index(epoch: u64, session: SessionId, number: u32) -> String {
    format!("{}{session}-{number}", epoch_folder("index", epoch))
}

pub(crate) fn reach(epoch: u64, session: SessionId) -> String {
    format!("{}{session}", epoch_folder("reach", epoch))
}

pub(crate) fn intent(epoch: u64, session: SessionId) -> String {
    format!("{}{session}", epoch_folder("sessions", epoch))
}

pub(crate) fn decision(epoch: u64, session: SessionId) -> String {
    format!("{}{session}", epoch_folder("commits", epoch))
}

pub(crate) fn condemned(epoch: u64) -> String {
    format!("condemned/{epoch:010}")
}

pub(crate) const CHECKPOINTS: &str = "checkpoints/";
pub(crate) const SESSIONS: &str = "sessions/";

pub(crate) fn checkpoint(epoch: u64) -> String {
    format!("{CHECKPOINTS}{epoch:010}")
}

/// The second copy of a checkpoint.
pub(crate) const COPIES: &str = "copies/";

pub(crate) fn checkpoint_copy(epoch: u64) -> String {
    format!("{COPIES}{epoch:010}")
}

/// Second copies of decisions that are COMMIT; where one listing shows decisions, too.
pub(crate) const DECISION_COPIES: &str = "commits-copies/";

/// The range of names that holds decisions and their copies, from (inclusive) and to (exclusive).
pub(crate) const ALL_DECISIONS: (&str, &str) = (DECISION_COPIES, "commits0");

/// The folder of an epoch's copies of decisions.
pub(crate) fn decision_copies_of(epoch: u64) -> String {
    format!("{DECISION_COPIES}{epoch:010}/")
}

pub(crate) fn decision_copy(epoch: u64, session: SessionId) -> String {
    format!("{}{session}", decision_copies_of(epoch))
}

/// Reach objects that repairs have made again.
pub(crate) const MENDED: &str = "mended/";

pub(crate) fn mended_folder(session: SessionId) -> String {
    format!("{MENDED}{session}/")
}

pub(crate) fn mended(session: SessionId, number: u32) -> String {
    format!("{}{number}", mended_folder(session))
}

/// Session and number of a name like `<folder>/<session>/<number>`.
pub(crate) fn parse_numbered(object: &str) -> Option<(SessionId, u32)> {
    let mut parts = object.split('/').skip(1);
    let session = SessionId::from_hex(parts.next()?)?;
    let number = decimal(parts.next()?)?;
    parts.next().is_none().then_some((session, number))
}

/// Where a damaged object is set aside; `number` tells several of one name apart.
pub(crate) fn quarantined(object: &str, number: u32) -> String {
    match number {
        0 => format!("quarantine/{object}"),
        number => format!("quarantine/{object}_{number}"),
    }
}

/// The epoch of a checkpoint's or condemned list's name.
pub(crate) fn parse_epoch(object: &str) -> Option<u64> {
    let (_, epoch) = object.split_once('/')?;
    let number = epoch.parse().ok()?;
    (format!("{number:010}") == epoch).then_some(number)
}

pub(crate) const ORIGINS: &str = "origins/";

/// The mark that a copy has been forgotten; `key` is of its original.
pub(crate) fn origin(key: &str) -> String {
    format!("{ORIGINS}{key}")
}

pub(crate) fn tags_folder(session: SessionId) -> String {
    format!("tags/{session}/")
}

pub(crate) fn tags(session: SessionId, number: u32) -> String {
    format!("{}{number}", tags_folder(session))
}

pub(crate) fn progress_folder(source: &str) -> String {
    format!("progress/{source}/")
}

pub(crate) fn progress(source: &str, session: SessionId, number: u32) -> String {
    format!("{}{session}-{number}", progress_folder(source))
}

/// Epoch and session of a decision's or intent's name.
pub(crate) fn parse_epoch_session(object: &str) -> Option<(u64, SessionId)> {
    let mut parts = object.split('/').skip(1);
    let epoch = parts.next()?;
    let session = SessionId::from_hex(parts.next()?)?;
    let number: u64 = epoch.parse().ok()?;
    let is_plain = epoch.len() == 10 && format!("{number:010}") == epoch;
    (is_plain && parts.next().is_none()).then_some((number, session))
}

/// A number as names have it: decimal, in its only spelling.
pub(crate) fn decimal(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|number| number.to_string() == text)
}

/// Session and number of a name like `<folder><session>-<number>`.
pub(crate) fn parse_session_number(object: &str) -> Option<(SessionId, u32)> {
    let (session, number) = object.rsplit('/').next()?.split_once('-')?;
    Some((SessionId::from_hex(session)?, decimal(number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_names_round_trip_and_have_one_spelling() {
        let name = PackName { session: SessionId([0x3f; 12]), seq: 12 };
        let object = name.object(PackClass::Data);
        assert_eq!(object, "data/3f/3f3f3f3f3f3f3f3f3f3f3f3f-12");
        assert_eq!(PackName::parse(&object), Some((PackClass::Data, name)));
        assert_eq!(PackName::parse("data/3f/3f3f3f3f3f3f3f3f3f3f3f3f-012"), None);
        assert_eq!(PackName::parse("data/00/3f3f3f3f3f3f3f3f3f3f3f3f-12"), None);
        assert_eq!(parse_epoch_session(&decision(7, name.session)), Some((7, name.session)));
        assert_eq!(parse_session_number(&index(7, name.session, 3)), Some((name.session, 3)));
        let session = name.session;
        for epoch in ["+000000007", "00000000007", "7"] {
            assert_eq!(parse_epoch_session(&format!("commits/{epoch}/{session}")), None, "{epoch}");
        }
        for number in ["03", "+3", "", "-3"] {
            assert_eq!(parse_session_number(&format!("progress/x/{session}-{number}")), None, "{number}");
        }
    }
}
