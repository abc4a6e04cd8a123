//! A repository of very many chunks, made through the store as backups make them.

use datakeep_model::{ChunkKind, Counters, Mark, Secret, SessionId, Snapshot, SourceInfo, Timestamp};
use datakeep_process::Codec;
use datakeep_store::{
    ChunkInfo, ChunkRef, CommitRequest, InitOptions, KdfParams, Location, Locked, NewSlot, NodeSink, OsEntropy,
    PackBuilder, PackClass, PlainFrame, Reach, Repository, SessionInfo, SlotKind, StoreError, TreeBuilder, Unlock,
    Writer,
};
use datakeep_store_blob::LocalStore;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

const CHUNKS_PER_SESSION: u64 = 1_000_000;
/// About what 32 MiB of small files are cut into.
pub const CHUNKS_PER_PACK: u64 = 8192;
const CHUNKS_PER_FRAME: u64 = 512;
const STARTED: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };

fn password() -> Secret {
    Secret::new(b"a bench".to_vec())
}

/// The content of a chunk: its number, mixed.
pub fn content(number: u64) -> [u8; 8] {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

/// Makes a repository of `count` chunks in the empty folder `folder`.
pub fn fill(folder: &Path, count: u64) -> io::Result<()> {
    // Opened once for every run of the bench, and nothing in it is secret.
    let kdf = KdfParams { memory_kib: 8 << 10, passes: 1, lanes: 1 };
    let slot = NewSlot { label: "bench".to_owned(), secret: password(), kind: SlotKind::Password, kdf };
    let blobs = Arc::new(LocalStore::new(folder));
    let made = Repository::init(blobs, &InitOptions::default(), &[slot], Arc::new(OsEntropy), STARTED);
    let repository = Arc::new(made.map_err(io::Error::other)?);
    for first in (0..count).step_by(CHUNKS_PER_SESSION as usize) {
        let numbers = first..count.min(first + CHUNKS_PER_SESSION);
        session(&repository, &numbers).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Opens it, with a folder for cached parts of the index.
pub fn open(folder: &Path, cache: &Path) -> Result<Repository, StoreError> {
    let locked = Locked::find(Arc::new(LocalStore::new(folder)))?;
    locked.unlock(&Unlock::Password(password()), Arc::new(OsEntropy), Some(cache.to_path_buf()))
}

fn frame_of(repository: &Repository, kind: ChunkKind, contents: &[Vec<u8>]) -> PlainFrame {
    let chunk = |bytes: &Vec<u8>| ChunkInfo { id: repository.ids().id(kind, bytes), len_bytes: bytes.len() as u32 };
    let body = contents.concat();
    let chunks = contents.iter().map(chunk).collect();
    PlainFrame { kind, codec: Codec::Raw, raw_len_bytes: body.len() as u32, body, chunks }
}

fn stage(writer: &Writer, builder: PackBuilder) -> Result<(), StoreError> {
    writer.stage_pack(&mut writer.seal_pack(builder)?)?;
    Ok(())
}

/// Stores the only node of an empty tree.
struct OneNode<'a>(&'a Writer);

impl NodeSink for OneNode<'_> {
    fn store_node(&mut self, _level: u8, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        let len_bytes = plain.len() as u32;
        let frame = frame_of(self.0.repository(), ChunkKind::Node, &[plain]);
        let id = frame.chunks[0].id;
        let mut builder = self.0.new_pack(PackClass::Meta);
        let pack = builder.name();
        builder.push(frame);
        stage(self.0, builder)?;
        Ok(ChunkRef { id, len_bytes, at: Some(Location { pack, frame: 0, slot: 0 }) })
    }
}

/// One session that stores these chunks and publishes an empty tree.
fn session(repository: &Arc<Repository>, numbers: &Range<u64>) -> Result<(), StoreError> {
    let source =
        SourceInfo { kind: "files".into(), name: format!("{numbers:?}"), location: "/".into(), host: "h".into() };
    let writer = Writer::begin(repository.clone(), &SessionInfo { source: source.clone(), started: STARTED })?;
    for start in numbers.clone().step_by(CHUNKS_PER_PACK as usize) {
        let mut builder = writer.new_pack(PackClass::Data);
        let end = numbers.end.min(start + CHUNKS_PER_PACK);
        for first in (start..end).step_by(CHUNKS_PER_FRAME as usize) {
            let of_frame = first..end.min(first + CHUNKS_PER_FRAME);
            let contents: Vec<Vec<u8>> = of_frame.map(|number| content(number).to_vec()).collect();
            builder.push(frame_of(repository, ChunkKind::Data, &contents));
        }
        stage(&writer, builder)?;
    }
    let tree = TreeBuilder::new(repository.boundary(), 200).finish(&mut OneNode(&writer))?;
    let snapshot = Snapshot {
        id: SessionId([0; 12]),
        epoch: 0,
        source,
        mark: Mark::FileTime(STARTED),
        started: STARTED,
        finished: STARTED,
        parent: None,
        root: tree.root.id,
        roots: Vec::new(),
        counters: Counters::default(),
        losses: Vec::new(),
        tags: Vec::new(),
        writer: "bench".into(),
        users: Vec::new(),
        groups: Vec::new(),
        content: datakeep_model::ContentKind::Files,
        origin: None,
    };
    writer.commit(CommitRequest { snapshot, tree, reach: Reach { packs: BTreeMap::new() } })?;
    Ok(())
}
