//! A repository whose maker holds the keys and means harm. Nodes are encoded here by hand, after `docs/format.md`.

mod naive;

use crate::memory::{TreeSource, file, tree};
use crate::support::{NOW, everything, init_with, options, restore_to, run, small, verify};
use datakeep_connector::{Connector, Options, Target};
use datakeep_distribute::{DistributeError, Overwrite, RestoreReport};
use datakeep_model::{ChunkId, ChunkKind, Counters, ItemPath, Mark, SessionId, Snapshot, SourceInfo, Timestamp};
use datakeep_process::Codec;
use datakeep_source_files::FilesConnector;
use datakeep_store::{
    BuiltTree, ChunkInfo, ChunkRef, CommitRequest, FrameSet, Location, Manifest, PackClass, PlainFrame, Reach,
    Repository, SessionInfo, Writer,
};
use datakeep_store_blob::MemoryStore;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const SYMLINK: u8 = 2;
const CHAR_DEVICE: u8 = 5;
const ONE_CHUNK: u16 = 1;
const PARTS: u16 = 2;
const LIST: u16 = 4;
const LINK_TEXT: u16 = 8;
const INLINE_ATTRIBUTES: u16 = 16;
const MANY_LINKS: u16 = 64;
const DEVICE: u16 = 128;

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn uv(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn sv(&mut self, value: i64) -> &mut Self {
        self.uv(((value << 1) ^ (value >> 63)) as u64)
    }

    fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.uv(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }
}

/// An entry as it will stand in a leaf, true or not.
#[derive(Clone)]
struct Evil {
    key: Vec<u8>,
    file_type: u8,
    flags: u16,
    mode: u16,
    len: u64,
    inode: u64,
    links: u64,
    rdev: u64,
    extra: Vec<u8>,
    content: Vec<u8>,
    refs: Vec<ChunkRef>,
}

fn evil(key: &[u8], file_type: u8) -> Evil {
    Evil {
        key: key.to_vec(),
        file_type,
        flags: 0,
        mode: if file_type == DIRECTORY { 0o755 } else { 0o644 },
        len: 0,
        inode: 0,
        links: 2,
        rdev: 0x103,
        extra: Vec::new(),
        content: Vec::new(),
        refs: Vec::new(),
    }
}

fn with_chunk(key: &[u8], chunk: ChunkRef) -> Evil {
    Evil { flags: ONE_CHUNK, len: u64::from(chunk.len_bytes), refs: vec![chunk], ..evil(key, FILE) }
}

fn link(key: &[u8], text: &[u8]) -> Evil {
    let mut extra = Bytes::default();
    extra.bytes(text);
    Evil { flags: LINK_TEXT, extra: extra.0, ..evil(key, SYMLINK) }
}

fn holes(key: &[u8], len: u64, holes: &[u64]) -> Evil {
    let mut content = Bytes::default();
    content.uv(holes.len() as u64);
    for hole in holes {
        content.uv(hole + 1);
    }
    Evil { flags: PARTS, len, content: content.0, ..evil(key, FILE) }
}

fn ref_columns(out: &mut Bytes, refs: &[ChunkRef]) {
    let (mut sessions, mut column, mut ids) = (Bytes::default(), Bytes::default(), Bytes::default());
    sessions.uv(refs.len() as u64);
    let mut last = (0, 0, 0);
    for (number, chunk) in refs.iter().enumerate() {
        let at = chunk.at.unwrap();
        sessions.0.extend_from_slice(&at.pack.session.0);
        let now = (i64::from(at.pack.seq), i64::from(at.frame), i64::from(at.slot));
        column.uv(number as u64).sv(now.0 - last.0).sv(now.1 - last.1).sv(now.2 - last.2);
        column.uv(u64::from(chunk.len_bytes));
        last = now;
        ids.0.extend_from_slice(&chunk.id.0);
    }
    out.bytes(&sessions.0).bytes(&column.0).bytes(&ids.0);
}

fn keys_column(out: &mut Bytes, keys: impl Iterator<Item = Vec<u8>>) {
    let mut column = Bytes::default();
    for key in keys {
        column.uv(0).bytes(&key);
    }
    out.bytes(&column.0);
}

fn leaf(entries: &[Evil]) -> Vec<u8> {
    let mut out = Bytes(vec![1, 0]);
    out.uv(entries.len() as u64);
    keys_column(&mut out, entries.iter().map(|entry| entry.key.clone()));
    let [mut flags, mut owners, mut owner_numbers, mut times, mut numbers, mut extra, mut content] =
        std::array::from_fn(|_| Bytes::default());
    owners.uv(entries.len() as u64);
    let mut last_inode = 0;
    for (number, entry) in entries.iter().enumerate() {
        flags.0.push(entry.file_type);
        flags.0.extend_from_slice(&entry.flags.to_le_bytes());
        owners.0.extend_from_slice(&entry.mode.to_le_bytes());
        owners.uv(0).uv(0).uv(1);
        owner_numbers.uv(number as u64);
        times.sv(0).uv(0).sv(0).uv(0);
        if entry.file_type == FILE {
            numbers.uv(entry.len);
        }
        numbers.sv(entry.inode.wrapping_sub(last_inode) as i64);
        last_inode = entry.inode;
        if entry.flags & MANY_LINKS != 0 {
            numbers.uv(entry.links);
        }
        if entry.flags & DEVICE != 0 {
            numbers.uv(entry.rdev);
        }
        extra.0.extend_from_slice(&entry.extra);
        content.0.extend_from_slice(&entry.content);
    }
    owners.0.extend_from_slice(&owner_numbers.0);
    for column in [flags, owners, times, numbers, extra, content] {
        out.bytes(&column.0);
    }
    let refs: Vec<ChunkRef> = entries.iter().flat_map(|entry| entry.refs.iter().copied()).collect();
    ref_columns(&mut out, &refs);
    out.0
}

fn inner(level: u8, children: &[(Vec<u8>, ChunkRef)]) -> Vec<u8> {
    let mut out = Bytes(vec![1, level]);
    out.uv(children.len() as u64);
    keys_column(&mut out, children.iter().map(|(key, _)| key.clone()));
    let mut content = Bytes::default();
    for _ in children {
        content.uv(1).uv(1);
    }
    out.bytes(&content.0);
    ref_columns(&mut out, &children.iter().map(|(_, node)| *node).collect::<Vec<_>>());
    out.0
}

fn page(depth: u8, lengths: &[u64], refs: &[ChunkRef]) -> Vec<u8> {
    let mut out = Bytes(vec![1, depth]);
    let mut content = Bytes::default();
    content.uv(lengths.len() as u64);
    for length in lengths {
        content.uv(*length);
    }
    out.bytes(&content.0);
    ref_columns(&mut out, refs);
    out.0
}

/// Writes chunks of any content into packs of their own, and commits what it is told is the root.
struct Maker {
    repository: Arc<Repository>,
    writer: Writer,
    reach: Reach,
}

impl Maker {
    fn new(repository: &Arc<Repository>) -> Self {
        let source = SourceInfo { kind: "tree".into(), name: "evil".into(), location: "x".into(), host: "x".into() };
        let writer = Writer::begin(repository.clone(), &SessionInfo { source, started: NOW }).unwrap();
        Self { repository: repository.clone(), writer, reach: Reach::default() }
    }

    fn chunk(&mut self, kind: ChunkKind, plain: &[u8]) -> ChunkRef {
        let id = self.repository.ids().id(kind, plain);
        self.chunk_called(id, kind, plain)
    }

    /// A chunk under an id that may not be its own.
    fn chunk_called(&mut self, id: ChunkId, kind: ChunkKind, plain: &[u8]) -> ChunkRef {
        let class = if kind == ChunkKind::Data { PackClass::Data } else { PackClass::Meta };
        let mut builder = self.writer.new_pack(class);
        let at = Location { pack: builder.name(), frame: 0, slot: 0 };
        let len_bytes = plain.len() as u32;
        builder.push(PlainFrame {
            kind,
            codec: Codec::Raw,
            raw_len_bytes: len_bytes,
            body: plain.to_vec(),
            chunks: vec![ChunkInfo { id, len_bytes }],
        });
        let mut sealed = self.writer.seal_pack(builder).unwrap();
        self.writer.stage_pack(&mut sealed).unwrap();
        let mut frames = FrameSet::default();
        frames.insert(0);
        self.reach.packs.insert(sealed.record.name, (sealed.record, frames));
        ChunkRef { id, len_bytes, at: Some(at) }
    }

    fn node(&mut self, plain: &[u8]) -> ChunkRef {
        self.chunk(ChunkKind::Node, plain)
    }

    fn commit(self, root: ChunkRef, level: u8) -> Manifest {
        let snapshot = Snapshot {
            id: SessionId([0; 12]),
            epoch: 0,
            source: SourceInfo { kind: "tree".into(), name: "evil".into(), location: "x".into(), host: "x".into() },
            mark: Mark::FileTime(Timestamp::new(1, 0)),
            started: NOW,
            finished: NOW,
            parent: None,
            root: root.id,
            roots: vec![ItemPath::root()],
            counters: Counters::default(),
            losses: Vec::new(),
            tags: Vec::new(),
            writer: "evil".into(),
            users: Vec::new(),
            groups: Vec::new(),
            content: datakeep_model::ContentKind::Files,
            origin: None,
        };
        let tree = BuiltTree { root, level, entries: 1, content_bytes: 1 };
        self.writer.commit(CommitRequest { snapshot, tree, reach: self.reach }).unwrap()
    }
}

type Outcome = Result<RestoreReport, DistributeError>;

fn files_target(place: &Path) -> Box<dyn Target> {
    FilesConnector::new().open_target(place.to_str().unwrap(), &Options::new(), false).unwrap()
}

/// Restores beside a canary, looks at the canary, and hands the target over to be looked at.
fn attack(make: impl FnOnce(&mut Maker, &Path) -> (ChunkRef, u8), look: impl FnOnce(Outcome, &Path)) {
    attack_through(files_target, make, look);
}

fn attack_through(
    open_target: fn(&Path) -> Box<dyn Target>,
    make: impl FnOnce(&mut Maker, &Path) -> (ChunkRef, u8),
    look: impl FnOnce(Outcome, &Path),
) {
    let folder = tempfile::tempdir().unwrap();
    let (canary, target) = (folder.path().join("canary"), folder.path().join("target"));
    fs::create_dir(&canary).unwrap();
    fs::write(canary.join("secret"), "untouched").unwrap();
    fs::set_permissions(canary.join("secret"), fs::Permissions::from_mode(0o640)).unwrap();
    let before = datakeep_testkit::observe(&canary).unwrap();

    let repository = init_with(MemoryStore::new(), &small());
    let mut maker = Maker::new(&repository);
    let (root, level) = make(&mut maker, &canary);
    let manifest = maker.commit(root, level);
    let _ = verify(&repository);
    for overwrite in [Overwrite::Refuse, Overwrite::Changed, Overwrite::Always] {
        let opened = open_target(&target);
        let result = restore_to(&repository, &manifest, &*opened, &everything(overwrite)).map(|(report, _)| report);
        if overwrite == Overwrite::Always {
            look(result, &target);
            break;
        }
    }
    assert_eq!(datakeep_testkit::observe(&canary).unwrap(), before, "the canary is untouched");
    let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "nothing beside the target: {beside:?}");
    // Whatever was tried, the repository still takes a snapshot of an honest source.
    run(&repository, &mut TreeSource::new("honest", &tree([("a", file(1, "a"))])), &options()).unwrap();
}

fn one_leaf(maker: &mut Maker, entries: &[Evil]) -> (ChunkRef, u8) {
    (maker.node(&leaf(entries)), 0)
}

fn key(directory: &str, name: &[u8]) -> Vec<u8> {
    [directory.replace('/', "\u{1}").as_bytes(), b"\0", name].concat()
}

/// The encoder of this test is right: an honest tree made by it comes back.
#[test]
fn an_honest_tree_by_hand_comes_back() {
    attack(
        |maker, _| {
            let body = maker.chunk(ChunkKind::Data, b"body");
            let entries = [
                evil(b"", DIRECTORY),
                evil(&key("", b"d"), DIRECTORY),
                link(&key("", b"l"), b"d"),
                with_chunk(&key("d", b"f"), body),
            ];
            let (last, nodes) =
                (entries[3].key.clone(), [maker.node(&leaf(&entries[..2])), maker.node(&leaf(&entries[2..]))]);
            let root = inner(1, &[(entries[1].key.clone(), nodes[0]), (last, nodes[1])]);
            (maker.node(&root), 1)
        },
        |outcome, target| {
            assert_eq!(outcome.unwrap().tally.lost, []);
            assert_eq!(fs::read(target.join("d/f")).unwrap(), b"body");
            assert_eq!(fs::read_link(target.join("l")).unwrap(), Path::new("d"));
        },
    );
}

#[test]
fn evil_names_are_refused() {
    let long = vec![b'n'; 5000];
    let names: [&[u8]; 8] = [b"..", b".", b"", b"a/b", b"/etc/cron.d/x", b"a\0b", b"../canary/secret", &long];
    for name in names {
        attack(
            |maker, _| {
                let body = maker.chunk(ChunkKind::Data, b"evil");
                one_leaf(maker, &[evil(b"", DIRECTORY), with_chunk(&key("", name), body)])
            },
            |outcome, _| assert!(outcome.is_err(), "{:?}", name.escape_ascii().to_string()),
        );
    }
    for directory in ["..", "../canary", "a/../../canary", ".", "a//b", "/"] {
        attack(
            |maker, _| {
                let body = maker.chunk(ChunkKind::Data, b"evil");
                one_leaf(maker, &[evil(b"", DIRECTORY), with_chunk(&key(directory, b"secret"), body)])
            },
            |outcome, _| assert!(outcome.is_err(), "{directory:?}"),
        );
    }
    for raw in [&b"\x02\x03\0x"[..], b"\x02\0x", b"\x01\0x", b"no separator"] {
        attack(
            |maker, _| one_leaf(maker, &[evil(b"", DIRECTORY), evil(raw, FILE)]),
            |outcome, _| assert!(outcome.is_err(), "{raw:?}"),
        );
    }
}

#[test]
fn nothing_goes_through_a_file_or_a_link() {
    attack(
        |maker, canary| {
            let body = maker.chunk(ChunkKind::Data, b"evil");
            let text = canary.to_str().unwrap().as_bytes();
            one_leaf(maker, &[evil(b"", DIRECTORY), link(&key("", b"l"), text), with_chunk(&key("l", b"secret"), body)])
        },
        |outcome, _| assert!(outcome.is_err()),
    );
    attack(
        |maker, _| {
            let body = maker.chunk(ChunkKind::Data, b"evil");
            one_leaf(
                maker,
                &[evil(b"", DIRECTORY), with_chunk(&key("", b"f"), body), with_chunk(&key("f", b"x"), body)],
            )
        },
        |outcome, _| assert!(outcome.is_err()),
    );
    attack(
        |maker, _| {
            let body = maker.chunk(ChunkKind::Data, b"evil");
            one_leaf(maker, &[evil(b"", DIRECTORY), with_chunk(&key("never/made", b"x"), body)])
        },
        |outcome, _| assert!(outcome.is_err()),
    );
    // A root that is no directory.
    attack(|maker, _| one_leaf(maker, &[evil(b"", FILE)]), |outcome, _| assert!(outcome.is_err()));
    attack(|maker, _| one_leaf(maker, &[]), |outcome, _| assert!(outcome.is_err()));
}

/// Links to the canary stand in the target, under names that the tree has.
fn with_links_in_the_target(maker: &mut Maker, canary: &Path) -> (ChunkRef, u8) {
    let target = canary.parent().unwrap().join("target");
    fs::create_dir(&target).unwrap();
    symlink(canary, target.join("d")).unwrap();
    symlink(canary.join("secret"), target.join("f")).unwrap();
    let body = maker.chunk(ChunkKind::Data, b"evil");
    let f = with_chunk(&key("", b"f"), body);
    one_leaf(maker, &[evil(b"", DIRECTORY), evil(&key("", b"d"), DIRECTORY), f, with_chunk(&key("d", b"secret"), body)])
}

/// Proof that the canary sings: through a target that follows links, the same attack reaches it.
#[test]
fn a_target_that_follows_links_is_found() {
    let play = || attack_through(naive::open, with_links_in_the_target, |_, _| {});
    let panicked = std::panic::catch_unwind(play).unwrap_err();
    let said = panicked.downcast_ref::<String>().map_or("", String::as_str);
    assert!(said.contains("the canary is untouched"), "{said}");
}

#[test]
fn a_link_that_stands_in_the_target_is_not_followed() {
    attack(with_links_in_the_target, |outcome, target| {
        assert_eq!(outcome.unwrap().tally.lost, []);
        assert!(fs::symlink_metadata(target.join("d")).unwrap().is_dir());
        assert_eq!(fs::read(target.join("f")).unwrap(), b"evil");
    });
}

#[test]
fn hard_links_do_not_reach_out() {
    attack(
        |maker, canary| {
            let text = canary.join("secret");
            let mut first = link(&key("", b"a"), text.to_str().unwrap().as_bytes());
            (first.flags, first.inode) = (first.flags | MANY_LINKS, 9);
            let body = maker.chunk(ChunkKind::Data, b"evil");
            let mut second = with_chunk(&key("", b"b"), body);
            (second.flags, second.inode, second.mode) = (second.flags | MANY_LINKS, 9, 0o777);
            one_leaf(maker, &[evil(b"", DIRECTORY), first, second])
        },
        |_, target| assert!(target.join("a").is_symlink()),
    );
}

#[test]
fn rights_are_not_given_away() {
    attack(
        |maker, _| {
            let body = maker.chunk(ChunkKind::Data, b"#!/bin/sh\n");
            let tool = Evil { mode: 0o6755, ..with_chunk(&key("", b"tool"), body) };
            let device = Evil { flags: DEVICE, ..evil(&key("", b"device"), CHAR_DEVICE) };
            one_leaf(maker, &[evil(b"", DIRECTORY), device, tool])
        },
        |outcome, target| {
            assert_eq!(outcome.unwrap().tally.losses, 1, "the device is refused");
            assert_eq!(fs::metadata(target.join("tool")).unwrap().permissions().mode() & 0o7777, 0o755);
            assert!(!target.join("device").exists());
        },
    );
}

#[test]
fn trees_that_no_backup_makes_are_damage() {
    let d = |name: &[u8]| evil(&key("", name), DIRECTORY);
    let root = || evil(b"", DIRECTORY);
    let cases: [(&str, Vec<u8>, u8); 8] = [
        ("a key twice", leaf(&[root(), d(b"a"), d(b"a")]), 0),
        ("keys out of order", leaf(&[root(), d(b"b"), d(b"a")]), 0),
        ("a leaf that is said to be a node", leaf(&[root()]), 5),
        ("a level beyond all", leaf(&[root()]), 255),
        ("an unknown type", leaf(&[root(), evil(&key("", b"x"), 7)]), 0),
        ("unknown flags", leaf(&[root(), Evil { flags: 1 << 15, ..d(b"x") }]), 0),
        ("two kinds of content", leaf(&[root(), Evil { flags: ONE_CHUNK | PARTS, ..evil(&key("", b"x"), FILE) }]), 0),
        ("too few columns", leaf(&[root()])[..12].to_vec(), 0),
    ];
    for (what, plain, level) in cases {
        attack(|maker, _| (maker.node(&plain), level), |outcome, _| assert!(outcome.is_err(), "{what}"));
    }
    // A node beneath a node of its own level, and a chunk that is not what its id says.
    attack(
        |maker, _| {
            let node = maker.node(&leaf(&[root()]));
            let middle = maker.node(&inner(1, &[(Vec::new(), node)]));
            (maker.node(&inner(1, &[(Vec::new(), middle)])), 1)
        },
        |outcome, _| assert!(outcome.is_err()),
    );
    attack(
        |maker, _| {
            let plain = leaf(&[root()]);
            let id = maker.repository.ids().id(ChunkKind::Node, b"something else");
            (maker.chunk_called(id, ChunkKind::Node, &plain), 0)
        },
        |outcome, _| assert!(outcome.is_err()),
    );
    // A child that names its parent's place: a loop, if ids did not count.
    attack(
        |maker, _| {
            let node = maker.node(&leaf(&[root()]));
            let pack = datakeep_store::PackName { seq: node.at.unwrap().pack.seq + 1, ..node.at.unwrap().pack };
            let own_place = ChunkRef { at: Some(Location { pack, ..node.at.unwrap() }), ..node };
            (maker.node(&inner(1, &[(Vec::new(), own_place)])), 1)
        },
        |outcome, target| {
            // The id is the truth: the place is only a hint, and the index knows better.
            assert!(outcome.is_ok() && target.exists());
        },
    );
}

#[test]
fn claims_of_any_size_cost_nothing() {
    let count = |number: u64| {
        let mut out = Bytes(vec![1, 0]);
        out.uv(number);
        out.0.extend_from_slice(&[0xff; 40]);
        out.0
    };
    for number in [1 << 20, (1 << 20) + 1, u64::from(u32::MAX), 1 << 62, u64::MAX] {
        attack(|maker, _| (maker.node(&count(number)), 0), |outcome, _| assert!(outcome.is_err(), "{number}"));
    }
    let huge = 1 << 62;
    let lists: [(&str, u64, u8, u8); 4] =
        [("parts", huge, 1, 0), ("depth of the root", 1, 0, 0), ("depth of the page", 1, 1, 1), ("fewer", 2, 1, 0)];
    for (what, parts, root_depth, page_depth) in lists {
        attack(
            |maker, _| {
                let body = maker.chunk(ChunkKind::Data, b"body");
                let one = maker.chunk(ChunkKind::List, &page(page_depth, &[0], &[body]));
                let list = maker.chunk(ChunkKind::List, &page(root_depth, &[0], &[one]));
                let mut content = Bytes::default();
                content.uv(parts);
                let long =
                    Evil { flags: LIST, len: 4, content: content.0, refs: vec![list], ..evil(&key("", b"x"), FILE) };
                one_leaf(maker, &[evil(b"", DIRECTORY), long])
            },
            |outcome, target| {
                assert_eq!(outcome.unwrap().tally.damaged, 1, "{what}");
                assert!(!target.join("x").exists(), "{what}");
            },
        );
    }
    attack(
        |maker, _| {
            let mut extra = Bytes::default();
            extra.uv(1 << 40);
            let claim = Evil { flags: INLINE_ATTRIBUTES, extra: extra.0, ..evil(&key("", b"x"), FILE) };
            one_leaf(maker, &[evil(b"", DIRECTORY), claim])
        },
        |outcome, _| assert!(outcome.is_err()),
    );
}

#[test]
fn holes_of_any_size_are_only_lengths() {
    // As long as a file can be on some file systems, and longer than any: made or refused, never filled.
    for (len, gaps) in [(1 << 40, vec![1 << 40]), (1 << 62, vec![1 << 62]), (u64::MAX, vec![1 << 63, (1 << 63) - 1])] {
        attack(
            |maker, _| one_leaf(maker, &[evil(b"", DIRECTORY), holes(&key("", b"x"), len, &gaps)]),
            |outcome, target| {
                let report = outcome.unwrap();
                let made = fs::metadata(target.join("x"));
                match report.tally.losses {
                    0 => assert_eq!(made.unwrap().len(), len),
                    _ => assert!(made.is_err(), "half a file stands there"),
                }
            },
        );
    }
    // More than any number holds.
    attack(
        |maker, _| one_leaf(maker, &[evil(b"", DIRECTORY), holes(&key("", b"x"), 5, &[u64::MAX - 1, u64::MAX - 1])]),
        |outcome, _| assert!(outcome.is_err() || outcome.is_ok_and(|report| report.tally.losses > 0)),
    );
    // Data behind a hole that reaches to the end of all numbers.
    attack(
        |maker, _| {
            let body = maker.chunk(ChunkKind::Data, b"body");
            let mut content = Bytes::default();
            content.uv(2).uv(u64::MAX).uv(0);
            let x = Evil { flags: PARTS, len: 4, content: content.0, refs: vec![body], ..evil(&key("", b"x"), FILE) };
            one_leaf(maker, &[evil(b"", DIRECTORY), x])
        },
        |outcome, _| assert!(outcome.is_err() || outcome.is_ok_and(|report| report.tally.losses > 0)),
    );
}

#[test]
fn content_that_is_not_as_long_as_its_entry_says_is_told() {
    for (claimed, len) in [(10, 4), (0, 4), (1 << 40, 4)] {
        attack(
            |maker, _| {
                let body = maker.chunk(ChunkKind::Data, &b"body"[..len]);
                let x = Evil { len: claimed, ..with_chunk(&key("", b"x"), body) };
                one_leaf(maker, &[evil(b"", DIRECTORY), x])
            },
            |outcome, _| assert_eq!(outcome.unwrap().tally.damaged, 1, "{claimed} bytes claimed"),
        );
    }
}
