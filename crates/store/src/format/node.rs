//! Tree nodes (`docs/format.md` section 7).

use super::codec::{DecodeError, Decoder, Encoder};
use super::names::PackName;
use crate::tree::entry::{Attributes, Child, ChunkRef, Content, Entry, Location, Node, Part};
use datakeep_model::{ChunkId, FileType, Meta, SessionId, Timestamp, Xattr};
use std::collections::HashMap;

const VERSION: u8 = 1;
const MAX_ELEMENTS: u64 = 1 << 20;
/// Keys of a node, all together: far more than any tree of a file system needs, and a bound on what front coding can
/// make of a few bytes.
const MAX_KEYS_LEN_BYTES: usize = 512 << 20;
/// Highest level accepted: far beyond what any map can reach, low enough to bound every walk.
pub(crate) const MAX_LEVEL: u8 = 32;

const ONE_CHUNK: u16 = 1;
const PARTS: u16 = 2;
const LIST: u16 = 4;
const LINK_TARGET: u16 = 8;
const INLINE_ATTRIBUTES: u16 = 16;
const CHUNK_ATTRIBUTES: u16 = 32;
const MANY_LINKS: u16 = 64;
const DEVICE: u16 = 128;
const CHANGED: u16 = 256;
const KNOWN_FLAGS: u16 = 511;

/// Columns of chunk references, shared by nodes and list pages.
#[derive(Default)]
pub(crate) struct RefColumns {
    sessions: Vec<SessionId>,
    numbers: HashMap<SessionId, u64>,
    refs: Encoder,
    ids: Encoder,
    last: (i64, i64, i64),
}

impl RefColumns {
    pub fn push(&mut self, chunk: &ChunkRef) {
        let nowhere = Location { pack: PackName { session: SessionId([0; 12]), seq: 0 }, frame: 0, slot: 0 };
        let at = chunk.at.unwrap_or(nowhere);
        let number = *self.numbers.entry(at.pack.session).or_insert_with(|| {
            self.sessions.push(at.pack.session);
            self.sessions.len() as u64 - 1
        });
        let now = (i64::from(at.pack.seq), i64::from(at.frame), i64::from(at.slot));
        self.refs.uv(number);
        self.refs.sv(now.0 - self.last.0);
        self.refs.sv(now.1 - self.last.1);
        self.refs.sv(now.2 - self.last.2);
        self.refs.uv(u64::from(chunk.len_bytes));
        self.last = now;
        self.ids.raw(&chunk.id.0);
    }

    pub fn finish(self, out: &mut Encoder) {
        let mut sessions = Encoder::new();
        sessions.uv(self.sessions.len() as u64);
        self.sessions.iter().for_each(|session| sessions.raw(&session.0));
        out.bytes(&sessions.bytes);
        out.bytes(&self.refs.bytes);
        out.bytes(&self.ids.bytes);
    }
}

/// Reads what [`RefColumns`] wrote.
pub(crate) struct RefReader<'a> {
    sessions: Vec<SessionId>,
    refs: Decoder<'a>,
    ids: Decoder<'a>,
    last: (i64, i64, i64),
}

impl<'a> RefReader<'a> {
    pub fn new(input: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let mut column = Decoder::new(input.bytes()?);
        let count = column.count(MAX_ELEMENTS, 12)?;
        let sessions = (0..count).map(|_| Ok(SessionId(column.array()?))).collect::<Result<Vec<_>, _>>()?;
        column.end()?;
        let (refs, ids) = (Decoder::new(input.bytes()?), Decoder::new(input.bytes()?));
        Ok(Self { sessions, refs, ids, last: (0, 0, 0) })
    }

    pub fn next(&mut self) -> Result<ChunkRef, DecodeError> {
        let session = self.refs.uv()?;
        let session = usize::try_from(session).ok().and_then(|number| self.sessions.get(number)).copied();
        let session = session.map_or_else(|| self.refs.fail("the number of a session"), Ok)?;
        let seq = self.delta(self.last.0)?;
        let frame = self.delta(self.last.1)?;
        let slot = self.delta(self.last.2)?;
        self.last = (i64::from(seq), i64::from(frame), i64::from(slot));
        let len_bytes = self.refs.uv32()?;
        let id = ChunkId(self.ids.array()?);
        Ok(ChunkRef { id, len_bytes, at: Some(Location { pack: PackName { session, seq }, frame, slot }) })
    }

    fn delta(&mut self, last: i64) -> Result<u32, DecodeError> {
        let delta = self.refs.sv()?;
        let value = last.checked_add(delta).and_then(|value| u32::try_from(value).ok());
        value.map_or_else(|| self.refs.fail("a number below 2^32"), Ok)
    }

    pub fn end(&self) -> Result<(), DecodeError> {
        self.refs.end()?;
        self.ids.end()
    }
}

pub(crate) fn encode_part_lengths(content: &mut Encoder, parts: &[Part]) {
    content.uv(parts.len() as u64);
    for part in parts {
        match part {
            Part::Chunk(_) => content.uv(0),
            Part::Hole(len_bytes) => content.uv(len_bytes.saturating_add(1)),
        }
    }
}

pub(crate) fn decode_parts(content: &mut Decoder<'_>, refs: &mut RefReader<'_>) -> Result<Vec<Part>, DecodeError> {
    let count = content.count(MAX_ELEMENTS, 1)?;
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        parts.push(match content.uv()? {
            0 => Part::Chunk(refs.next()?),
            hole => Part::Hole(hole - 1),
        });
    }
    Ok(parts)
}

fn encode_keys<'a>(out: &mut Encoder, keys: impl Iterator<Item = &'a [u8]>) {
    let mut column = Encoder::new();
    let mut last: &[u8] = b"";
    for key in keys {
        let shared = key.iter().zip(last).take_while(|(a, b)| a == b).count();
        column.uv(shared as u64);
        column.bytes(&key[shared..]);
        last = key;
    }
    out.bytes(&column.bytes);
}

fn decode_keys(input: &mut Decoder<'_>, count: usize) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut column = Decoder::new(input.bytes()?);
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(count.min(column.remaining()));
    let mut total = 0;
    for _ in 0..count {
        let shared = column.uv()?;
        let last: &[u8] = keys.last().map_or(b"", Vec::as_slice);
        if shared > last.len() as u64 {
            return column.fail("a key that shares no more than there is");
        }
        let rest = column.bytes()?;
        let key = [&last[..shared as usize], rest].concat();
        if key.len() > 4 * datakeep_model::path::MAX_PATH_LEN_BYTES || keys.last().is_some_and(|last| *last >= key) {
            return column.fail("a key above the previous one");
        }
        total += key.len();
        if total > MAX_KEYS_LEN_BYTES {
            return column.fail("keys within the limit");
        }
        keys.push(key);
    }
    column.end()?;
    Ok(keys)
}

/// Encodes entries as a leaf. The entries are in strict key order.
pub(crate) fn encode_leaf<'a>(entries: impl ExactSizeIterator<Item = &'a Entry> + Clone) -> Vec<u8> {
    let mut out = Encoder::new();
    out.u8(VERSION);
    out.u8(0);
    out.uv(entries.len() as u64);
    encode_keys(&mut out, entries.clone().map(|entry| entry.key.as_slice()));
    let mut columns = LeafColumns::default();
    entries.for_each(|entry| columns.push(entry));
    columns.finish(&mut out);
    out.bytes
}

#[derive(Default)]
struct LeafColumns {
    flags: Encoder,
    owners: Vec<(u16, u32, u32, u64)>,
    owner_numbers: HashMap<(u16, u32, u32, u64), u64>,
    owner_column: Encoder,
    times: Encoder,
    numbers: Encoder,
    extra: Encoder,
    content: Encoder,
    refs: RefColumns,
    last_mtime: i64,
    last_inode: u64,
}

impl LeafColumns {
    fn push(&mut self, entry: &Entry) {
        let meta = &entry.meta;
        self.flags.u8(meta.file_type.number());
        self.flags.u16(flags_of(entry));
        let owner = (meta.mode, meta.uid, meta.gid, meta.device);
        let number = *self.owner_numbers.entry(owner).or_insert_with(|| {
            self.owners.push(owner);
            self.owners.len() as u64 - 1
        });
        self.owner_column.uv(number);
        self.times.sv(meta.mtime.seconds.wrapping_sub(self.last_mtime));
        self.times.uv(u64::from(meta.mtime.nanos));
        self.times.sv(meta.ctime.seconds.wrapping_sub(meta.mtime.seconds));
        self.times.uv(u64::from(meta.ctime.nanos));
        self.last_mtime = meta.mtime.seconds;
        if meta.file_type == FileType::File {
            self.numbers.uv(meta.len_bytes);
        }
        self.numbers.sv(meta.inode.wrapping_sub(self.last_inode) as i64);
        self.last_inode = meta.inode;
        if meta.links > 1 {
            self.numbers.uv(u64::from(meta.links));
        }
        if meta.rdev != 0 {
            self.numbers.uv(meta.rdev);
        }
        entry.link_target.iter().for_each(|text| self.extra.bytes(text));
        match &entry.attributes {
            Attributes::Inline(list) => encode_xattrs(&mut self.extra, list),
            Attributes::None | Attributes::Chunk(_) => {}
        }
        match &entry.content {
            Content::Empty | Content::One(_) => {}
            Content::Parts(parts) => encode_part_lengths(&mut self.content, parts),
            Content::List { parts, .. } => self.content.uv(*parts),
        }
        entry.for_each_ref(|chunk| self.refs.push(chunk));
    }

    fn finish(self, out: &mut Encoder) {
        out.bytes(&self.flags.bytes);
        let mut owners = Encoder::new();
        owners.uv(self.owners.len() as u64);
        for (mode, uid, gid, device) in self.owners {
            owners.u16(mode);
            owners.uv(u64::from(uid));
            owners.uv(u64::from(gid));
            owners.uv(device);
        }
        owners.raw(&self.owner_column.bytes);
        for column in [owners, self.times, self.numbers, self.extra, self.content] {
            out.bytes(&column.bytes);
        }
        self.refs.finish(out);
    }
}

fn flags_of(entry: &Entry) -> u16 {
    let content = match &entry.content {
        Content::Empty => 0,
        Content::One(_) => ONE_CHUNK,
        Content::Parts(_) => PARTS,
        Content::List { .. } => LIST,
    };
    let attributes = match &entry.attributes {
        Attributes::None => 0,
        Attributes::Inline(_) => INLINE_ATTRIBUTES,
        Attributes::Chunk(_) => CHUNK_ATTRIBUTES,
    };
    let set = |flag: u16, on: bool| if on { flag } else { 0 };
    content
        | attributes
        | set(LINK_TARGET, entry.link_target.is_some())
        | set(MANY_LINKS, entry.meta.links > 1)
        | set(DEVICE, entry.meta.rdev != 0)
        | set(CHANGED, entry.changed_while_read)
}

pub(crate) fn encode_xattrs(out: &mut Encoder, list: &[Xattr]) {
    out.uv(list.len() as u64);
    for xattr in list {
        out.bytes(&xattr.name);
        out.bytes(&xattr.value);
    }
}

pub(crate) fn decode_xattrs(input: &mut Decoder<'_>) -> Result<Vec<Xattr>, DecodeError> {
    let count = input.count(1 << 16, 2)?;
    (0..count).map(|_| Ok(Xattr { name: input.bytes()?.to_vec(), value: input.bytes()?.to_vec() })).collect()
}

/// Encodes references to nodes one level below as a node of `level`.
pub(crate) fn encode_inner<'a>(level: u8, children: impl ExactSizeIterator<Item = &'a Child> + Clone) -> Vec<u8> {
    let mut out = Encoder::new();
    out.u8(VERSION);
    out.u8(level);
    out.uv(children.len() as u64);
    encode_keys(&mut out, children.clone().map(|child| child.last_key.as_slice()));
    let (mut content, mut refs) = (Encoder::new(), RefColumns::default());
    for child in children {
        content.uv(child.entries);
        content.uv(child.content_bytes);
        refs.push(&child.node);
    }
    out.bytes(&content.bytes);
    refs.finish(&mut out);
    out.bytes
}

/// Decodes a node of any level.
pub(crate) fn decode(plain: &[u8]) -> Result<Node, DecodeError> {
    let mut input = Decoder::new(plain);
    if input.u8()? != VERSION {
        return input.fail("node version 1");
    }
    let level = input.u8()?;
    let count = input.count(MAX_ELEMENTS, 2)?;
    let keys = decode_keys(&mut input, count)?;
    let node = match level {
        0 => Node::Leaf(decode_leaf(&mut input, keys)?),
        1..=MAX_LEVEL => Node::Inner { level, children: decode_inner(&mut input, keys)? },
        _ => return input.fail("a level within the limit"),
    };
    input.end()?;
    Ok(node)
}

fn decode_inner(input: &mut Decoder<'_>, keys: Vec<Vec<u8>>) -> Result<Vec<Child>, DecodeError> {
    let mut content = Decoder::new(input.bytes()?);
    let mut refs = RefReader::new(input)?;
    let mut children = Vec::with_capacity(keys.len());
    for last_key in keys {
        let (entries, content_bytes) = (content.uv()?, content.uv()?);
        children.push(Child { last_key, node: refs.next()?, entries, content_bytes });
    }
    content.end()?;
    refs.end()?;
    Ok(children)
}

struct LeafReader<'a> {
    flags: Decoder<'a>,
    owners: Vec<(u16, u32, u32, u64)>,
    owner_column: Decoder<'a>,
    times: Decoder<'a>,
    numbers: Decoder<'a>,
    extra: Decoder<'a>,
    content: Decoder<'a>,
    refs: RefReader<'a>,
    last_mtime: i64,
    last_inode: u64,
}

fn decode_leaf(input: &mut Decoder<'_>, keys: Vec<Vec<u8>>) -> Result<Vec<Entry>, DecodeError> {
    let flags = Decoder::new(input.bytes()?);
    let mut owner_column = Decoder::new(input.bytes()?);
    let count = owner_column.count(MAX_ELEMENTS, 5)?;
    let mut owners = Vec::with_capacity(count);
    for _ in 0..count {
        owners.push((owner_column.u16()?, owner_column.uv32()?, owner_column.uv32()?, owner_column.uv()?));
    }
    let mut columns = LeafReader {
        flags,
        owners,
        owner_column,
        times: Decoder::new(input.bytes()?),
        numbers: Decoder::new(input.bytes()?),
        extra: Decoder::new(input.bytes()?),
        content: Decoder::new(input.bytes()?),
        refs: RefReader::new(input)?,
        last_mtime: 0,
        last_inode: 0,
    };
    let entries = keys.into_iter().map(|key| columns.next(key)).collect::<Result<Vec<_>, _>>()?;
    for column in [&columns.flags, &columns.owner_column, &columns.times, &columns.numbers, &columns.extra] {
        column.end()?;
    }
    columns.content.end()?;
    columns.refs.end()?;
    Ok(entries)
}

impl LeafReader<'_> {
    fn next(&mut self, key: Vec<u8>) -> Result<Entry, DecodeError> {
        let type_number = self.flags.u8()?;
        let file_type = FileType::from_number(type_number).map_or_else(|| self.flags.fail("a file type"), Ok)?;
        let flags = self.flags.u16()?;
        let exclusive = |set: u16| (flags & set).count_ones() <= 1;
        if flags & !KNOWN_FLAGS != 0
            || !exclusive(ONE_CHUNK | PARTS | LIST)
            || !exclusive(INLINE_ATTRIBUTES | CHUNK_ATTRIBUTES)
        {
            return self.flags.fail("known flags that fit together");
        }
        let meta = self.meta(file_type, flags)?;
        let link_target = match flags & LINK_TARGET {
            0 => None,
            _ => Some(self.extra.bytes()?.to_vec()),
        };
        let inline = match flags & INLINE_ATTRIBUTES {
            0 => None,
            _ => Some(decode_xattrs(&mut self.extra)?),
        };
        let content = match flags & (ONE_CHUNK | PARTS | LIST) {
            ONE_CHUNK => Content::One(self.refs.next()?),
            PARTS => Content::Parts(decode_parts(&mut self.content, &mut self.refs)?),
            LIST => Content::List { parts: self.content.uv()?, root: self.refs.next()? },
            _ => Content::Empty,
        };
        let attributes = match inline {
            Some(list) => Attributes::Inline(list),
            None if flags & CHUNK_ATTRIBUTES != 0 => Attributes::Chunk(self.refs.next()?),
            None => Attributes::None,
        };
        let changed_while_read = flags & CHANGED != 0;
        Ok(Entry { key, meta, link_target, attributes, content, changed_while_read })
    }

    fn meta(&mut self, file_type: FileType, flags: u16) -> Result<Meta, DecodeError> {
        let number = self.owner_column.uv()?;
        let owner = usize::try_from(number).ok().and_then(|number| self.owners.get(number)).copied();
        let (mode, uid, gid, device) = owner.map_or_else(|| self.owner_column.fail("the number of an owner"), Ok)?;
        let mtime = self.time(self.last_mtime)?;
        let ctime = self.time(mtime.seconds)?;
        self.last_mtime = mtime.seconds;
        let len_bytes = if file_type == FileType::File { self.numbers.uv()? } else { 0 };
        let inode = self.last_inode.wrapping_add(self.numbers.sv()? as u64);
        self.last_inode = inode;
        let links = if flags & MANY_LINKS == 0 { 1 } else { self.numbers.uv32()? };
        let rdev = if flags & DEVICE == 0 { 0 } else { self.numbers.uv()? };
        if (flags & MANY_LINKS != 0 && links <= 1) || (flags & DEVICE != 0 && rdev == 0) {
            return self.numbers.fail("numbers that agree with their flags");
        }
        Ok(Meta { file_type, mode, uid, gid, len_bytes, mtime, ctime, inode, device, links, rdev })
    }

    fn time(&mut self, base: i64) -> Result<Timestamp, DecodeError> {
        let seconds = base.wrapping_add(self.times.sv()?);
        match self.times.uv()? {
            nanos @ 0..=999_999_999 => Ok(Timestamp { seconds, nanos: nanos as u32 }),
            _ => self.times.fail("nanoseconds below 10^9"),
        }
    }
}
