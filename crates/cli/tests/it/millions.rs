//! A repository of ten million chunks, used by the real program with little memory.

use crate::peak;
use crate::world::World;
use datakeep_model::{ChunkKind, Counters, Mark, SessionId, Snapshot, SourceInfo, Timestamp};
use datakeep_process::Codec;
use datakeep_store::{
    BuiltTree, ChunkInfo, ChunkRef, CommitRequest, Index, Location, Locked, NodeSink, OsEntropy, PackBuilder,
    PackClass, PlainFrame, Reach, Repository, SessionInfo, StoreError, TreeBuilder, Unlock, Writer,
};
use datakeep_store_blob::LocalStore;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

const CHUNKS: u64 = 10_000_000;
const CHUNKS_PER_SESSION: u64 = 1_000_000;
/// About what 32 MiB of small files are cut into.
const CHUNKS_PER_PACK: u64 = 8192;
const CHUNKS_PER_FRAME: u64 = 512;
/// What the goal allows.
const MOST_BYTES: u64 = 300 << 20;

/// The content of a chunk: its number.
fn content(number: u64) -> [u8; 8] {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

fn open(world: &World, cache: Option<&Path>) -> Arc<Repository> {
    let locked = Locked::find(Arc::new(LocalStore::new(&world.path("repo")))).unwrap();
    let password = datakeep_model::Secret::new(crate::world::PASSWORD.as_bytes().to_vec());
    let cache = cache.map(Path::to_path_buf);
    Arc::new(locked.unlock(&Unlock::Password(password), Arc::new(OsEntropy), cache).unwrap())
}

fn frame_of(repository: &Repository, kind: ChunkKind, contents: &[Vec<u8>]) -> PlainFrame {
    let chunk = |bytes: &Vec<u8>| ChunkInfo { id: repository.ids().id(kind, bytes), len_bytes: bytes.len() as u32 };
    let chunks = contents.iter().map(chunk).collect();
    let body = contents.concat();
    PlainFrame { kind, codec: Codec::Raw, raw_len_bytes: body.len() as u32, body, chunks }
}

fn stage(writer: &Writer, builder: PackBuilder) {
    let mut sealed = writer.seal_pack(builder).unwrap();
    writer.stage_pack(&mut sealed).unwrap();
}

/// Stores the only node there is.
struct OneNode<'a>(&'a Writer);

impl NodeSink for OneNode<'_> {
    fn store_node(&mut self, _level: u8, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        let len_bytes = plain.len() as u32;
        let frame = frame_of(self.0.repository(), ChunkKind::Node, &[plain]);
        let id = frame.chunks[0].id;
        let mut builder = self.0.new_pack(PackClass::Meta);
        let pack = builder.name();
        builder.push(frame);
        stage(self.0, builder);
        Ok(ChunkRef { id, len_bytes, at: Some(Location { pack, frame: 0, slot: 0 }) })
    }
}

/// One session that stores these chunks and publishes an empty tree.
fn fill(repository: &Arc<Repository>, numbers: std::ops::Range<u64>) {
    let source =
        SourceInfo { kind: "files".into(), name: format!("{numbers:?}"), location: "/".into(), host: "h".into() };
    let started = Timestamp { seconds: 1_700_000_000, nanos: 0 };
    let info = SessionInfo { source: source.clone(), started };
    let writer = Writer::begin(repository.clone(), &info).unwrap();
    for start in numbers.clone().step_by(CHUNKS_PER_PACK as usize) {
        let mut builder = writer.new_pack(PackClass::Data);
        let end = numbers.end.min(start + CHUNKS_PER_PACK);
        for first in (start..end).step_by(CHUNKS_PER_FRAME as usize) {
            let of_frame = first..end.min(first + CHUNKS_PER_FRAME);
            let contents: Vec<Vec<u8>> = of_frame.map(|number| content(number).to_vec()).collect();
            builder.push(frame_of(repository, ChunkKind::Data, &contents));
        }
        stage(&writer, builder);
    }
    let tree: BuiltTree = TreeBuilder::new(repository.boundary(), 200).finish(&mut OneNode(&writer)).unwrap();
    let snapshot = Snapshot {
        id: SessionId([0; 12]),
        epoch: 0,
        source,
        mark: Mark::FileTime(started),
        started,
        finished: started,
        parent: None,
        root: tree.root.id,
        roots: Vec::new(),
        counters: Counters::default(),
        losses: Vec::new(),
        tags: Vec::new(),
        writer: "test".into(),
        users: Vec::new(),
        groups: Vec::new(),
        content: datakeep_model::ContentKind::Files,
        origin: None,
    };
    writer.commit(CommitRequest { snapshot, tree, reach: Reach { packs: BTreeMap::new() } }).unwrap();
}

/// Looks for chunks, half of which are there.
fn look_up(repository: &Repository, index: &Index, count: u64) -> u64 {
    let found = (0..count).filter(|number| {
        // Those that are there come from few packs, as those of neighbouring files do.
        let number = if number % 2 == 0 { number / 2 % 50_000 } else { 2 * CHUNKS + number };
        let id = repository.ids().id(ChunkKind::Data, &content(number));
        index.lookup(repository, PackClass::Data, &id).unwrap().is_some()
    });
    found.count() as u64
}

/// Runs the program; its answer and the most memory it held.
fn run_measured(world: &World, arguments: &[&str]) -> (serde_json::Value, u64) {
    let log = world.path("log");
    let out = fs::File::create(&log).unwrap();
    let mut command = world.command();
    command.env("DATAKEEP_CACHE_DIR", world.path("cache")).args(arguments).stdout(out).stderr(Stdio::inherit());
    let peak_bytes = peak::of(&mut command);
    let said = fs::read_to_string(&log).unwrap();
    (serde_json::from_str(said.lines().last().unwrap()).unwrap(), peak_bytes)
}

#[test]
fn ten_million_chunks_are_opened_and_deduplicated_against_in_300_mb() {
    peak::by_itself("millions::ten_million_chunks_are_opened_and_deduplicated_against_in_300_mb", measure);
}

fn measure() {
    peak::try_the_measure(MOST_BYTES);
    let world = World::new();
    let repository = open(&world, None);
    for first in (0..CHUNKS).step_by(CHUNKS_PER_SESSION as usize) {
        fill(&repository, first..first + CHUNKS_PER_SESSION);
    }
    let tree = world.tree();
    let known = (0..1000).map(|number| number * (CHUNKS / 1000));
    for number in known.chain(CHUNKS..CHUNKS + 1000) {
        fs::write(tree.join(format!("file-{number}")), content(number)).unwrap();
    }
    let text = world.text("tree");
    // The first run makes the cache, the second uses it.
    for name in ["first", "second", "limited"] {
        let limit: &[&str] = if name == "limited" { &["--memory", "128M"] } else { &[] };
        let arguments = ["backup", "--json", "--source", name, &text];
        let (said, peak_bytes) = run_measured(&world, &[&arguments[..], limit].concat());
        let (new, old) = (said["chunks_new"].as_u64().unwrap(), said["chunks_known"].as_u64().unwrap());
        println!("{name}: {new} chunks new, {old} known, {} MiB at most", peak_bytes >> 20);
        let most = if limit.is_empty() { MOST_BYTES } else { 128 << 20 };
        assert!(peak_bytes <= most, "{name}: {peak_bytes} bytes");
        assert!(old >= 1000 && (name != "first" || new >= 1000), "{said}");
    }
    let cache = world.path("cache-of-lookups");
    let reopened = open(&world, Some(&cache));
    let index = reopened.fresh_index().unwrap();
    let (count, begun) = (2_000_000, Instant::now());
    let found = look_up(&reopened, &index, count);
    let per_second = count as f64 / begun.elapsed().as_secs_f64();
    println!("{} chunks, {per_second:.0} lookups per second on one thread", index.chunks());
    assert_eq!(found, count / 2);
}
