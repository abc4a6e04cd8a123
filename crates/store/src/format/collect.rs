//! Tombstones, condemned lists and checkpoints (`docs/format.md` section 14).

use super::codec::{DecodeError, Decoder, Encoder};
use super::names::{PackClass, PackName};
use datakeep_model::{RepositoryId, SessionId, Timestamp, Whence};
use std::collections::{BTreeMap, BTreeSet};

/// Why a snapshot is no longer there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tombstone {
    /// When it was forgotten.
    pub forgotten: Timestamp,
    /// On which host.
    pub host: String,
    /// Why, in words.
    pub reason: String,
}

/// That a copy of something was here and has been forgotten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OriginMark {
    /// What it was a copy of.
    pub whence: Whence,
    /// When it was forgotten.
    pub forgotten: Timestamp,
}

/// Where frames have moved: old pack, then old frame, to new pack and new frame. Frames move as a whole, so the slots
/// of their chunks stay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ForwardMap {
    moves: BTreeMap<PackName, BTreeMap<u32, (PackName, u32)>>,
}

/// A pack to be deleted, as a listing shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doomed {
    /// What it holds.
    pub class: PackClass,
    /// Its stored length.
    pub len_bytes: u64,
}

/// What a collector means to delete in one round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Condemned {
    pub collector: SessionId,
    pub made: Timestamp,
    pub packs: BTreeMap<PackName, Doomed>,
    /// What this round has moved; not composed with earlier rounds.
    pub forwards: ForwardMap,
}

/// The complete live set at the end of a round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    pub collector: SessionId,
    pub made: Timestamp,
    /// Visible commits of earlier epochs.
    pub commits: BTreeSet<(u64, SessionId)>,
    /// Packs this round deletes.
    pub delete: BTreeMap<PackName, Doomed>,
    /// Other objects this round deletes.
    pub prune: BTreeSet<String>,
    /// Packs deleted by earlier rounds that something still names.
    pub gone: BTreeMap<PackName, PackClass>,
    /// Composed over all rounds.
    pub forwards: ForwardMap,
}

impl ForwardMap {
    /// Notes that a frame has moved.
    pub fn insert(&mut self, from: (PackName, u32), to: (PackName, u32)) {
        self.moves.entry(from.0).or_default().insert(from.1, to);
    }

    /// Where a frame has moved; `None` when it has not.
    pub fn get(&self, pack: PackName, frame: u32) -> Option<(PackName, u32)> {
        self.moves.get(&pack)?.get(&frame).copied()
    }

    /// Notes that a frame is nowhere any more.
    pub fn insert_lost(&mut self, from: (PackName, u32)) {
        self.insert(from, (PackName::LOST, 0));
    }

    /// True when nothing has moved.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }

    /// Frames that have moved out of `pack`.
    pub fn from_pack(&self, pack: PackName) -> impl Iterator<Item = (u32, (PackName, u32))> + '_ {
        self.moves.get(&pack).into_iter().flatten().map(|(&frame, &to)| (frame, to))
    }

    /// Old packs.
    pub fn packs(&self) -> impl Iterator<Item = PackName> + '_ {
        self.moves.keys().copied()
    }

    /// This map followed by a later one: what moved twice leads to its last place.
    #[must_use]
    pub fn then(&self, later: &Self) -> Self {
        let mut composed = self.clone();
        for (_, to) in composed.moves.values_mut().flatten() {
            if let Some(next) = later.get(to.0, to.1) {
                *to = next;
            }
        }
        for (&pack, frames) in &later.moves {
            composed.moves.entry(pack).or_default().extend(frames);
        }
        composed
    }

    /// Drops what leads into packs that `is_gone` names.
    pub fn drop_into(&mut self, is_gone: impl Fn(PackName) -> bool) {
        self.moves.values_mut().for_each(|frames| frames.retain(|_, (to, _)| !is_gone(*to)));
        self.moves.retain(|_, frames| !frames.is_empty());
    }

    /// Keeps what has moved out of packs that `keep` names.
    pub fn retain(&mut self, keep: impl Fn(PackName) -> bool) {
        self.moves.retain(|&pack, _| keep(pack));
    }
}

fn encode_pack(out: &mut Encoder, pack: PackName) {
    out.raw(&pack.session.0);
    out.uv(u64::from(pack.seq));
}

fn decode_pack(input: &mut Decoder<'_>) -> Result<PackName, DecodeError> {
    let session = SessionId(input.array()?);
    Ok(PackName { session, seq: input.uv32()? })
}

/// Smallest encoding of a pack's name.
const MIN_NAME_LEN_BYTES: usize = 13;

pub(super) fn encode_forwards(out: &mut Encoder, map: &ForwardMap) {
    out.uv(map.moves.len() as u64);
    for (&pack, frames) in &map.moves {
        encode_pack(out, pack);
        out.uv(frames.len() as u64);
        for (&frame, &(to, number)) in frames {
            out.uv(u64::from(frame));
            encode_pack(out, to);
            out.uv(u64::from(number));
        }
    }
}

pub(super) fn decode_forwards(input: &mut Decoder<'_>) -> Result<ForwardMap, DecodeError> {
    let mut map = ForwardMap::default();
    let packs = input.count(u64::MAX, MIN_NAME_LEN_BYTES + 1)?;
    for _ in 0..packs {
        let pack = decode_pack(input)?;
        if map.moves.last_key_value().is_some_and(|(last, _)| *last >= pack) {
            return input.fail("packs in order");
        }
        let mut frames = BTreeMap::new();
        let count = input.count(u64::MAX, MIN_NAME_LEN_BYTES + 2)?;
        for _ in 0..count {
            let frame = input.uv32()?;
            if frames.last_key_value().is_some_and(|(last, _)| *last >= frame) {
                return input.fail("frames in order");
            }
            let to = decode_pack(input)?;
            frames.insert(frame, (to, input.uv32()?));
        }
        map.moves.insert(pack, frames);
    }
    Ok(map)
}

fn encode_doomed(out: &mut Encoder, packs: &BTreeMap<PackName, Doomed>) {
    out.uv(packs.len() as u64);
    for (&pack, doomed) in packs {
        encode_pack(out, pack);
        out.u8(doomed.class as u8);
        out.uv(doomed.len_bytes);
    }
}

fn decode_doomed(input: &mut Decoder<'_>) -> Result<BTreeMap<PackName, Doomed>, DecodeError> {
    let count = input.count(u64::MAX, MIN_NAME_LEN_BYTES + 2)?;
    let mut packs = BTreeMap::new();
    for _ in 0..count {
        let pack = decode_pack(input)?;
        if packs.last_key_value().is_some_and(|(last, _)| *last >= pack) {
            return input.fail("packs in order");
        }
        packs.insert(pack, Doomed { class: decode_class(input)?, len_bytes: input.uv()? });
    }
    Ok(packs)
}

fn decode_class(input: &mut Decoder<'_>) -> Result<PackClass, DecodeError> {
    PackClass::from_number(input.u8()?).map_or_else(|| input.fail("a pack class"), Ok)
}

pub(crate) fn encode_tombstone(tombstone: &Tombstone) -> Vec<u8> {
    let mut out = Encoder::new();
    out.time(tombstone.forgotten);
    out.bytes(tombstone.host.as_bytes());
    out.bytes(tombstone.reason.as_bytes());
    out.bytes
}

pub(crate) fn decode_tombstone(plain: &[u8]) -> Result<Tombstone, DecodeError> {
    let mut input = Decoder::new(plain);
    let forgotten = input.time()?;
    let tombstone = Tombstone { forgotten, host: input.text()?, reason: input.text()? };
    input.end()?;
    Ok(tombstone)
}

/// What a mark of a copy that was forgotten says.
pub(crate) fn encode_origin_mark(mark: &OriginMark) -> Vec<u8> {
    let mut out = Encoder::new();
    out.raw(&mark.whence.repository.0);
    out.raw(&mark.whence.snapshot.0);
    out.time(mark.forgotten);
    out.bytes
}

pub(crate) fn decode_origin_mark(plain: &[u8]) -> Result<OriginMark, DecodeError> {
    let mut input = Decoder::new(plain);
    let whence = Whence { repository: RepositoryId(input.array()?), snapshot: SessionId(input.array()?) };
    let mark = OriginMark { whence, forgotten: input.time()? };
    input.end()?;
    Ok(mark)
}

pub(crate) fn encode_condemned(condemned: &Condemned) -> Vec<u8> {
    let mut out = Encoder::new();
    out.raw(&condemned.collector.0);
    out.time(condemned.made);
    encode_doomed(&mut out, &condemned.packs);
    encode_forwards(&mut out, &condemned.forwards);
    out.bytes
}

pub(crate) fn decode_condemned(plain: &[u8]) -> Result<Condemned, DecodeError> {
    let mut input = Decoder::new(plain);
    let collector = SessionId(input.array()?);
    let made = input.time()?;
    let packs = decode_doomed(&mut input)?;
    let forwards = decode_forwards(&mut input)?;
    input.end()?;
    Ok(Condemned { collector, made, packs, forwards })
}

pub(crate) fn encode_checkpoint(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = Encoder::new();
    out.raw(&checkpoint.collector.0);
    out.time(checkpoint.made);
    out.uv(checkpoint.commits.len() as u64);
    for (epoch, session) in &checkpoint.commits {
        out.uv(*epoch);
        out.raw(&session.0);
    }
    encode_doomed(&mut out, &checkpoint.delete);
    out.uv(checkpoint.prune.len() as u64);
    checkpoint.prune.iter().for_each(|name| out.bytes(name.as_bytes()));
    out.uv(checkpoint.gone.len() as u64);
    for (&pack, &class) in &checkpoint.gone {
        encode_pack(&mut out, pack);
        out.u8(class as u8);
    }
    encode_forwards(&mut out, &checkpoint.forwards);
    out.bytes
}

pub(crate) fn decode_checkpoint(plain: &[u8]) -> Result<Checkpoint, DecodeError> {
    let mut input = Decoder::new(plain);
    let collector = SessionId(input.array()?);
    let made = input.time()?;
    let count = input.count(u64::MAX, 13)?;
    let mut commits = BTreeSet::new();
    for _ in 0..count {
        let commit = (input.uv()?, SessionId(input.array()?));
        if commits.last().is_some_and(|last| *last >= commit) {
            return input.fail("commits in order");
        }
        commits.insert(commit);
    }
    let delete = decode_doomed(&mut input)?;
    let prune = decode_prune(&mut input)?;
    let gone = decode_gone(&mut input)?;
    let forwards = decode_forwards(&mut input)?;
    input.end()?;
    Ok(Checkpoint { collector, made, commits, delete, prune, gone, forwards })
}

fn decode_prune(input: &mut Decoder<'_>) -> Result<BTreeSet<String>, DecodeError> {
    let count = input.count(u64::MAX, 2)?;
    let mut prune = BTreeSet::new();
    for _ in 0..count {
        let name = input.text()?;
        if !may_be_pruned(&name) || prune.last().is_some_and(|last| *last >= name) {
            return input.fail("names in order, of objects that a collection may delete");
        }
        prune.insert(name);
    }
    Ok(prune)
}

/// Whether a collection ever deletes objects of this name besides packs. Slots, the config and packs are not among
/// them, whatever a checkpoint says.
pub(crate) fn may_be_pruned(name: &str) -> bool {
    const FOLDERS: [&str; 13] = [
        "index/",
        "reach/",
        "sessions/",
        "commits/",
        "tags/",
        "progress/",
        "forgotten/",
        "commits-forgotten/",
        "condemned/",
        "checkpoints/",
        "copies/",
        "commits-copies/",
        "mended/",
    ];
    datakeep_store_blob::is_valid_name(name) && FOLDERS.iter().any(|folder| name.starts_with(folder))
}

fn decode_gone(input: &mut Decoder<'_>) -> Result<BTreeMap<PackName, PackClass>, DecodeError> {
    let count = input.count(u64::MAX, MIN_NAME_LEN_BYTES + 1)?;
    let mut gone = BTreeMap::new();
    for _ in 0..count {
        let pack = decode_pack(input)?;
        if gone.last_key_value().is_some_and(|(last, _)| *last >= pack) {
            return input.fail("packs in order");
        }
        gone.insert(pack, decode_class(input)?);
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(session: u8, seq: u32) -> PackName {
        PackName { session: SessionId([session; 12]), seq }
    }

    fn record(name: PackName) -> (PackName, Doomed) {
        (name, Doomed { class: PackClass::Data, len_bytes: 7 })
    }

    fn forwards() -> ForwardMap {
        let mut map = ForwardMap::default();
        map.insert((pack(1, 0), 2), (pack(8, 0), 0));
        map.insert((pack(1, 0), 5), (pack(8, 0), 1));
        map.insert((pack(2, 3), 0), (pack(8, 1), 0));
        map
    }

    /// Every prefix is refused, and so is a longer text.
    fn refuses_all_but<T: PartialEq + std::fmt::Debug>(plain: &[u8], decode: fn(&[u8]) -> Result<T, DecodeError>) {
        for len in 0..plain.len() {
            assert!(decode(&plain[..len]).is_err(), "{len}");
        }
        assert!(decode(&[plain, &[0]].concat()).is_err());
    }

    #[test]
    fn every_kind_round_trips_and_refuses_what_is_cut() {
        let made = Timestamp { seconds: -5, nanos: 6 };
        let tombstone = Tombstone { forgotten: made, host: "h".into(), reason: "keep-last 3".into() };
        let plain = encode_tombstone(&tombstone);
        assert_eq!(decode_tombstone(&plain), Ok(tombstone));
        refuses_all_but(&plain, decode_tombstone);
        let packs = [record(pack(1, 0)), record(pack(2, 3))].into();
        let condemned = Condemned { collector: SessionId([8; 12]), made, packs, forwards: forwards() };
        let plain = encode_condemned(&condemned);
        assert_eq!(decode_condemned(&plain), Ok(condemned));
        refuses_all_but(&plain, decode_condemned);
        let checkpoint = Checkpoint {
            collector: SessionId([8; 12]),
            made,
            commits: [(0, SessionId([1; 12])), (1, SessionId([0; 12]))].into(),
            delete: [record(pack(1, 0))].into(),
            prune: ["commits/0000000000/x".to_string(), "tags/y/0".to_string()].into(),
            gone: [(pack(3, 1), PackClass::Meta)].into(),
            forwards: forwards(),
        };
        let plain = encode_checkpoint(&checkpoint);
        assert_eq!(decode_checkpoint(&plain), Ok(checkpoint));
        refuses_all_but(&plain, decode_checkpoint);
    }

    #[test]
    fn a_checkpoint_cannot_order_the_deletion_of_what_is_not_collected() {
        for name in
            ["config", "keys/00000000", "config-keys/00000000", "data/00/x-0", "../x", "commits/", "Commits/x", ""]
        {
            assert!(!may_be_pruned(name), "{name}");
        }
    }

    #[test]
    fn composition_leads_to_the_last_place() {
        let mut later = ForwardMap::default();
        later.insert((pack(8, 0), 1), (pack(9, 0), 4));
        let composed = forwards().then(&later);
        assert_eq!(composed.get(pack(1, 0), 2), Some((pack(8, 0), 0)));
        assert_eq!(composed.get(pack(1, 0), 5), Some((pack(9, 0), 4)));
        assert_eq!(composed.get(pack(8, 0), 1), Some((pack(9, 0), 4)));
        assert_eq!(composed.get(pack(8, 0), 0), None);
    }
}
