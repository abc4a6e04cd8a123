//! Speed of trees and of the index on one core: `cargo bench -p datakeep-store`.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datakeep_model::{
    ChunkId, ChunkKind, Counters, FileType, Mark, Meta, Secret, SessionId, Snapshot, SourceInfo, Timestamp,
};
use datakeep_process::Codec;
use datakeep_store::{
    Attributes, BuiltTree, ChunkInfo, ChunkRef, CommitRequest, Content, Entry, InitOptions, KdfParams, KeyRange,
    Location, NewSlot, NodeReader, NodeSink, PackBuilder, PackClass, PlainFrame, Reach, Repository, SeededEntropy,
    SessionInfo, SlotKind, StoreError, TreeBuilder, TreeCursor, Unlock, Writer,
};
use datakeep_store_blob::MemoryStore;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const STARTED: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };
const ENTRIES: u64 = 50_000;
/// Enough for a run of the index to become a file of the cache.
const CHUNKS: u64 = 200_000;
const CHUNKS_PER_PACK: u64 = 8192;

fn slot() -> NewSlot {
    let kdf = KdfParams { memory_kib: 8 << 10, passes: 1, lanes: 1 };
    NewSlot { label: "bench".to_owned(), secret: Secret::new(b"a bench".to_vec()), kind: SlotKind::Password, kdf }
}

fn repository(store: &MemoryStore) -> Arc<Repository> {
    let (blobs, chance) = (Arc::new(store.clone()), Arc::new(SeededEntropy::new(1)));
    Arc::new(Repository::init(blobs, &InitOptions::default(), &[slot()], chance, STARTED).expect("made"))
}

fn reopened(store: &MemoryStore, cache: Option<&Path>) -> Repository {
    let locked = datakeep_store::Locked::find(Arc::new(store.clone())).expect("found");
    let unlock = Unlock::Password(slot().secret);
    locked.unlock(&unlock, Arc::new(SeededEntropy::new(2)), cache.map(Path::to_path_buf)).expect("unlocked")
}

/// An entry as a backup of source code has them: a path, metadata, one chunk.
fn entry(number: u64) -> Entry {
    let meta = Meta::synthetic(FileType::File, 0o644, Timestamp { seconds: 1_600_000_000 + number as i64, nanos: 7 });
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let pack = datakeep_store::PackName { session: SessionId([1; 12]), seq: (number / 512) as u32 };
    let at = Location { pack, frame: 0, slot: (number % 512) as u32 };
    Entry {
        key: format!("drivers\0subsystem-{:04}\0source-{number:08}.c", number / 100).into_bytes(),
        meta,
        link_target: None,
        attributes: Attributes::None,
        content: Content::One(ChunkRef { id: ChunkId(id), len_bytes: 4000, at: Some(at) }),
        changed_while_read: false,
    }
}

/// Takes nodes and keeps nothing.
struct Nowhere(SessionId);

impl NodeSink for Nowhere {
    fn store_node(&mut self, _level: u8, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(plain.len() as u64).to_be_bytes());
        let pack = datakeep_store::PackName { session: self.0, seq: 0 };
        Ok(ChunkRef {
            id: ChunkId(id),
            len_bytes: black_box(plain).len() as u32,
            at: Some(Location { pack, frame: 0, slot: 0 }),
        })
    }
}

/// Puts each node into a frame of one pack.
struct OnePack<'a> {
    writer: &'a Writer,
    builder: PackBuilder,
}

impl NodeSink for OnePack<'_> {
    fn store_node(&mut self, _level: u8, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        let frame = frame_of(self.writer.repository(), ChunkKind::Node, &[plain]);
        let ChunkInfo { id, len_bytes } = frame.chunks[0];
        let frame = self.builder.push(frame);
        let at = Location { pack: self.builder.name(), frame, slot: 0 };
        Ok(ChunkRef { id, len_bytes, at: Some(at) })
    }
}

fn frame_of(repository: &Repository, kind: ChunkKind, contents: &[Vec<u8>]) -> PlainFrame {
    let chunk = |bytes: &Vec<u8>| ChunkInfo { id: repository.ids().id(kind, bytes), len_bytes: bytes.len() as u32 };
    let body = contents.concat();
    let chunks = contents.iter().map(chunk).collect();
    PlainFrame { kind, codec: Codec::Raw, raw_len_bytes: body.len() as u32, body, chunks }
}

fn build(entries: Vec<Entry>, builder: TreeBuilder<'_>, sink: &mut dyn NodeSink) -> Result<BuiltTree, StoreError> {
    let mut builder = builder;
    for entry in entries {
        builder.push(entry, sink)?;
    }
    builder.finish(sink)
}

fn begin(repository: &Arc<Repository>) -> (Writer, SourceInfo) {
    let source = SourceInfo { kind: "files".into(), name: "bench".into(), location: "/".into(), host: "h".into() };
    let info = SessionInfo { source: source.clone(), started: STARTED };
    (Writer::begin(repository.clone(), &info).expect("begun"), source)
}

fn commit(writer: Writer, source: SourceInfo, tree: BuiltTree) {
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
    writer.commit(CommitRequest { snapshot, tree, reach: Reach { packs: BTreeMap::new() } }).expect("committed");
}

/// A repository that holds this tree and `chunks` chunks, each the bytes of its number.
fn filled(store: &MemoryStore, entries: Vec<Entry>, chunks: u64) -> BuiltTree {
    let repository = repository(store);
    let (writer, source) = begin(&repository);
    let stage = |builder| {
        writer.stage_pack(&mut writer.seal_pack(builder).expect("sealed")).expect("staged");
    };
    for first in (0..chunks).step_by(CHUNKS_PER_PACK as usize) {
        let numbers = first..chunks.min(first + CHUNKS_PER_PACK);
        let contents: Vec<Vec<u8>> = numbers.map(|number| number.to_le_bytes().to_vec()).collect();
        let mut builder = writer.new_pack(PackClass::Data);
        for part in contents.chunks(512) {
            builder.push(frame_of(&repository, ChunkKind::Data, part));
        }
        stage(builder);
    }
    let mut sink = OnePack { writer: &writer, builder: writer.new_pack(PackClass::Meta) };
    let tree = build(entries, TreeBuilder::new(repository.boundary(), 200), &mut sink).expect("built");
    stage(sink.builder);
    commit(writer, source, tree);
    tree
}

fn tree(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(ENTRIES)).sample_size(20);
    let entries: Vec<Entry> = (0..ENTRIES).map(entry).collect();
    let store = MemoryStore::new();
    let built = filled(&store, entries.clone(), 0);
    let repository = reopened(&store, None);
    group.bench_function("build", |bencher| {
        bencher.iter_batched(
            || entries.clone(),
            |entries| {
                let builder = TreeBuilder::new(repository.boundary(), 200);
                build(entries, builder, &mut Nowhere(SessionId([2; 12]))).expect("built")
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let reader = NodeReader::new(&repository).expect("memory");
            let mut cursor = TreeCursor::new(reader, built.root, built.level, KeyRange::default());
            let mut count = 0;
            while let Some(entry) = cursor.next_entry().expect("read") {
                black_box(entry);
                count += 1;
            }
            assert_eq!(count, ENTRIES);
        });
    });
}

fn index(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Elements(1));
    let store = MemoryStore::new();
    filled(&store, Vec::new(), CHUNKS);
    let cache = tempfile::tempdir().expect("a temporary folder");
    for (place, cache) in [("memory", None), ("cache", Some(cache.path()))] {
        let repository = reopened(&store, cache);
        let index = repository.index().expect("an index");
        assert_eq!(index.chunks(), CHUNKS + 1, "all chunks, and the only node");
        for (what, first) in [("known", 0), ("new", CHUNKS)] {
            let id = |number: u64| repository.ids().id(ChunkKind::Data, &number.to_le_bytes());
            let ids: Vec<ChunkId> = (first..first + CHUNKS).map(id).collect();
            let mut next = ids.iter().cycle();
            group.bench_function(format!("{place}-{what}"), |bencher| {
                bencher.iter(|| {
                    let id = next.next().expect("it goes round");
                    let found = index.lookup(&repository, PackClass::Data, id).expect("looked up");
                    assert_eq!(found.is_some(), what == "known");
                });
            });
        }
    }
}

criterion_group!(components, tree, index);
criterion_main!(components);
