//! Intents, decisions and tags (`docs/format.md` sections 10 and 11).

use super::codec::{DecodeError, Decoder, Encoder};
use crate::format::names::PackName;
use crate::tree::entry::{ChunkRef, Location};
use datakeep_model::{
    ChunkId, ContentKind, Counters, ItemPath, LossCause, LossNote, Mark, ObjectDigest, Origin, RepositoryId, SessionId,
    Snapshot, SourceInfo, Timestamp, Whence,
};

/// Of a snapshot that was made here.
const MANIFEST_VERSION: u8 = 1;
/// Of a copy: the same, and its origin behind it.
const COPY_MANIFEST_VERSION: u8 = 2;
/// Of anything else than files: the same as 1, then what it is made of, then whether there is an origin, and the origin.
const CONTENT_MANIFEST_VERSION: u8 = 3;
/// What a snapshot of version 3 is made of.
const TABLES: u8 = 1;
const COMMIT: u8 = 1;
const ABORT: u8 = 2;

/// What an intent says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Intent {
    pub started: Timestamp,
    pub source_kind: String,
    pub source_name: String,
    pub host: String,
}

pub(crate) fn encode_intent(intent: &Intent) -> Vec<u8> {
    let mut out = Encoder::new();
    out.time(intent.started);
    [&intent.source_kind, &intent.source_name, &intent.host].iter().for_each(|text| out.bytes(text.as_bytes()));
    out.bytes
}

pub(crate) fn decode_intent(plain: &[u8]) -> Result<Intent, DecodeError> {
    let mut input = Decoder::new(plain);
    let started = input.time()?;
    let intent = Intent { started, source_kind: input.text()?, source_name: input.text()?, host: input.text()? };
    input.end()?;
    Ok(intent)
}

/// A snapshot with what the repository needs to read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// What people see.
    pub snapshot: Snapshot,
    /// Reference to the root node.
    pub root: ChunkRef,
    /// Level of the root node.
    pub root_level: u8,
    /// Digest of the stored reach object.
    pub reach_digest: ObjectDigest,
    /// Digests of the session's stored index objects, in order.
    pub index_digests: Vec<ObjectDigest>,
}

/// A session's fate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    Commit(Box<Manifest>),
    Abort,
}

pub(crate) fn encode_commit(manifest: &Manifest) -> Vec<u8> {
    let snapshot = &manifest.snapshot;
    let mut out = Encoder::new();
    out.u8(COMMIT);
    out.u8(match (snapshot.content, &snapshot.origin) {
        (ContentKind::Files, None) => MANIFEST_VERSION,
        (ContentKind::Files, Some(_)) => COPY_MANIFEST_VERSION,
        (ContentKind::Tables, _) => CONTENT_MANIFEST_VERSION,
    });
    let source = &snapshot.source;
    for text in [&source.kind, &source.name, &source.location, &source.host] {
        out.bytes(text.as_bytes());
    }
    encode_mark(&mut out, &snapshot.mark);
    out.time(snapshot.started);
    out.time(snapshot.finished);
    out.u8(u8::from(snapshot.parent.is_some()));
    snapshot.parent.iter().for_each(|parent| out.raw(&parent.0));
    encode_root(&mut out, &manifest.root);
    out.u8(manifest.root_level);
    out.uv(snapshot.roots.len() as u64);
    snapshot.roots.iter().for_each(|root| out.bytes(root.as_bytes()));
    counters_list(&snapshot.counters).iter().for_each(|&counter| out.uv(counter));
    out.uv(snapshot.losses.len() as u64);
    for loss in &snapshot.losses {
        out.bytes(loss.path.as_bytes());
        out.u8(loss.cause.number());
        out.bytes(loss.detail.as_bytes());
    }
    encode_texts(&mut out, &snapshot.tags);
    out.bytes(snapshot.writer.as_bytes());
    for names in [&snapshot.users, &snapshot.groups] {
        out.uv(names.len() as u64);
        for (id, name) in names {
            out.uv(u64::from(*id));
            out.bytes(name.as_bytes());
        }
    }
    out.raw(&manifest.reach_digest.0);
    out.uv(manifest.index_digests.len() as u64);
    manifest.index_digests.iter().for_each(|digest| out.raw(&digest.0));
    if snapshot.content == ContentKind::Tables {
        out.u8(TABLES);
        out.u8(u8::from(snapshot.origin.is_some()));
    }
    snapshot.origin.iter().for_each(|origin| encode_origin(&mut out, origin));
    out.bytes
}

fn encode_origin(out: &mut Encoder, origin: &Origin) {
    out.uv(origin.chain.len() as u64);
    for step in &origin.chain {
        out.raw(&step.repository.0);
        out.raw(&step.snapshot.0);
    }
    out.time(origin.copied);
    out.uv(origin.losses);
}

fn decode_origin(input: &mut Decoder<'_>) -> Result<Origin, DecodeError> {
    let count = input.count(Origin::MAX_STEPS as u64, RepositoryId::LEN_BYTES + SessionId::LEN_BYTES)?;
    if count == 0 {
        return input.fail("an original");
    }
    let step = |input: &mut Decoder<'_>| {
        Ok(Whence { repository: RepositoryId(input.array()?), snapshot: SessionId(input.array()?) })
    };
    let chain = (0..count).map(|_| step(input)).collect::<Result<Vec<_>, _>>()?;
    Ok(Origin { chain, copied: input.time()?, losses: input.uv()? })
}

/// The decision that nothing comes of the session.
pub(crate) fn encode_abort() -> Vec<u8> {
    vec![ABORT]
}

pub(crate) fn decode(plain: &[u8], session: SessionId, epoch: u64) -> Result<Decision, DecodeError> {
    let mut input = Decoder::new(plain);
    match input.u8()? {
        ABORT => input.end().map(|()| Decision::Abort),
        COMMIT => {
            let version = input.u8()?;
            if !matches!(version, MANIFEST_VERSION | COPY_MANIFEST_VERSION | CONTENT_MANIFEST_VERSION) {
                return input.fail("manifest version 1, 2 or 3");
            }
            let mut manifest = decode_manifest(&mut input, session, epoch)?;
            let has_origin = match version {
                CONTENT_MANIFEST_VERSION => {
                    manifest.snapshot.content = decode_content(&mut input)?;
                    match input.u8()? {
                        0 => false,
                        1 => true,
                        _ => return input.fail("0 or 1"),
                    }
                }
                version => version == COPY_MANIFEST_VERSION,
            };
            if has_origin {
                manifest.snapshot.origin = Some(decode_origin(&mut input)?);
            }
            input.end()?;
            Ok(Decision::Commit(Box::new(manifest)))
        }
        _ => input.fail("COMMIT or ABORT"),
    }
}

fn decode_content(input: &mut Decoder<'_>) -> Result<ContentKind, DecodeError> {
    match input.u8()? {
        TABLES => Ok(ContentKind::Tables),
        _ => input.fail("content of a kind that is known"),
    }
}

fn decode_manifest(input: &mut Decoder<'_>, id: SessionId, epoch: u64) -> Result<Manifest, DecodeError> {
    let source = SourceInfo { kind: input.text()?, name: input.text()?, location: input.text()?, host: input.text()? };
    let mark = decode_mark(input)?;
    let (started, finished) = (input.time()?, input.time()?);
    let parent = match input.u8()? {
        0 => None,
        1 => Some(SessionId(input.array()?)),
        _ => return input.fail("0 or 1"),
    };
    let root = decode_root(input)?;
    let root_level = input.u8()?;
    let count = input.count(1 << 16, 1)?;
    let roots = (0..count).map(|_| decode_path(input)).collect::<Result<Vec<_>, _>>()?;
    let counters = decode_counters(input)?;
    let count = input.count(Snapshot::MAX_LOSS_NOTES as u64, 3)?;
    let losses = (0..count).map(|_| decode_loss(input)).collect::<Result<Vec<_>, _>>()?;
    let tags = decode_texts(input)?;
    let writer = input.text()?;
    let (users, groups) = (decode_names(input)?, decode_names(input)?);
    let reach_digest = ObjectDigest(input.array()?);
    let count = input.count(1 << 24, 32)?;
    let index_digests = (0..count).map(|_| Ok(ObjectDigest(input.array()?))).collect::<Result<Vec<_>, _>>()?;
    let snapshot = Snapshot {
        id,
        epoch,
        source,
        mark,
        started,
        finished,
        parent,
        content: ContentKind::Files,
        root: root.id,
        roots,
        counters,
        losses,
        tags,
        writer,
        users,
        groups,
        origin: None,
    };
    Ok(Manifest { snapshot, root, root_level, reach_digest, index_digests })
}

fn encode_root(out: &mut Encoder, root: &ChunkRef) {
    out.raw(&root.id.0);
    let at = root.at.unwrap_or(Location { pack: PackName { session: SessionId([0; 12]), seq: 0 }, frame: 0, slot: 0 });
    out.raw(&at.pack.session.0);
    for value in [at.pack.seq, at.frame, at.slot, root.len_bytes] {
        out.uv(u64::from(value));
    }
}

fn decode_root(input: &mut Decoder<'_>) -> Result<ChunkRef, DecodeError> {
    let id = ChunkId(input.array()?);
    let session = SessionId(input.array()?);
    let pack = PackName { session, seq: input.uv32()? };
    let at = Some(Location { pack, frame: input.uv32()?, slot: input.uv32()? });
    Ok(ChunkRef { id, len_bytes: input.uv32()?, at })
}

pub(crate) fn encode_mark(out: &mut Encoder, mark: &Mark) {
    let (number, time, position) = match mark {
        Mark::FileTime(time) => (0, time, None),
        Mark::Stream(time) => (1, time, None),
        Mark::Position(time, position) => (2, time, Some(position)),
    };
    out.u8(number);
    out.time(*time);
    position.iter().for_each(|position| out.bytes(position.as_bytes()));
}

pub(crate) fn decode_mark(input: &mut Decoder<'_>) -> Result<Mark, DecodeError> {
    match input.u8()? {
        0 => Ok(Mark::FileTime(input.time()?)),
        1 => Ok(Mark::Stream(input.time()?)),
        2 => Ok(Mark::Position(input.time()?, input.text()?)),
        _ => input.fail("a kind of mark"),
    }
}

fn decode_path(input: &mut Decoder<'_>) -> Result<ItemPath, DecodeError> {
    let bytes = input.bytes()?;
    match ItemPath::parse(bytes) {
        Ok(path) if path.as_bytes() == bytes => Ok(path),
        _ => input.fail("an item path"),
    }
}

fn decode_loss(input: &mut Decoder<'_>) -> Result<LossNote, DecodeError> {
    let path = decode_path(input)?;
    let cause = LossCause::from_number(input.u8()?).map_or_else(|| input.fail("a cause of loss"), Ok)?;
    Ok(LossNote { path, cause, detail: input.text()? })
}

fn decode_names(input: &mut Decoder<'_>) -> Result<Vec<(u32, String)>, DecodeError> {
    let count = input.count(1 << 20, 2)?;
    (0..count).map(|_| Ok((input.uv32()?, input.text()?))).collect()
}

fn encode_texts(out: &mut Encoder, texts: &[String]) {
    out.uv(texts.len() as u64);
    texts.iter().for_each(|text| out.bytes(text.as_bytes()));
}

fn decode_texts(input: &mut Decoder<'_>) -> Result<Vec<String>, DecodeError> {
    let count = input.count(1 << 16, 1)?;
    (0..count).map(|_| input.text()).collect()
}

fn counters_list(c: &Counters) -> [u64; 14] {
    [
        c.files,
        c.directories,
        c.others,
        c.items_new,
        c.items_changed,
        c.items_unchanged,
        c.items_removed,
        c.len_bytes,
        c.read_bytes,
        c.new_bytes,
        c.stored_bytes,
        c.chunks_new,
        c.chunks_known,
        c.losses,
    ]
}

fn decode_counters(input: &mut Decoder<'_>) -> Result<Counters, DecodeError> {
    let mut c = Counters::default();
    for field in [
        &mut c.files,
        &mut c.directories,
        &mut c.others,
        &mut c.items_new,
        &mut c.items_changed,
        &mut c.items_unchanged,
        &mut c.items_removed,
        &mut c.len_bytes,
        &mut c.read_bytes,
        &mut c.new_bytes,
        &mut c.stored_bytes,
        &mut c.chunks_new,
        &mut c.chunks_known,
        &mut c.losses,
    ] {
        *field = input.uv()?;
    }
    Ok(c)
}

/// Among labels: they are not changed any more, since the snapshot is forgotten. No label has a zero character.
pub(crate) const CLOSED: &str = "\0forgotten";

pub(crate) fn encode_tags(tags: &[String]) -> Vec<u8> {
    let mut out = Encoder::new();
    encode_texts(&mut out, tags);
    out.bytes
}

pub(crate) fn decode_tags(plain: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut input = Decoder::new(plain);
    let tags = decode_texts(&mut input)?;
    input.end()?;
    Ok(tags)
}
