//! Every decoder against every kind of bytes: what was encoded comes back, and nothing else ever panics.

mod fuzz;
mod golden;

use super::codec::{Decoder, Encoder};
use super::index::{IndexRun, PackRecord};
use super::names::{PackClass, PackName};
use super::pack::{Directory, FrameInfo, HEADER_LEN_BYTES, Header, TAG_LEN_BYTES, Trailer};
use super::progress::Progress;
use super::sealed::{ObjectType, SealContext};
use super::slot::{Slot, SlotKind};
use super::version::FormatVersion;
use super::{config, decision, index, list, node, pack, progress, reach, sealed, slot};
use crate::tree::entry::{Attributes, Child, ChunkRef, Content, Entry, Location, Node, Part};
use datakeep_model::{
    ChunkId, ChunkKind, ContentKind, Counters, FileType, ItemPath, LossCause, LossNote, Mark, Meta, ObjectDigest,
    Origin, RepositoryId, SessionId, Snapshot, SourceInfo, Timestamp, Whence, Xattr,
};
use datakeep_process::{ChunkerParams, Codec, KdfParams, KeyRing, RootKey, Suite, Wrapped};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;

const REPOSITORY: RepositoryId = RepositoryId([3; 16]);

fn keys() -> KeyRing {
    KeyRing::derive(&RootKey::from_bytes([5; 32]), REPOSITORY, 0)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (any::<i64>(), 0u32..1_000_000_000).prop_map(|(seconds, nanos)| Timestamp { seconds, nanos })
}

fn session() -> impl Strategy<Value = SessionId> {
    (0u8..4).prop_map(|number| SessionId([number; 12]))
}

fn chunk_ref() -> impl Strategy<Value = ChunkRef> {
    (any::<[u8; 32]>(), any::<u32>(), session(), any::<(u32, u32, u32)>()).prop_map(
        |(id, len_bytes, session, (seq, frame, slot))| {
            let pack = PackName { session, seq };
            ChunkRef { id: ChunkId(id), len_bytes, at: Some(Location { pack, frame, slot }) }
        },
    )
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![chunk_ref().prop_map(Part::Chunk), (0u64..u64::MAX).prop_map(Part::Hole)]
}

fn xattrs() -> impl Strategy<Value = Vec<Xattr>> {
    let xattr = (vec(any::<u8>(), 0..12), vec(any::<u8>(), 0..40)).prop_map(|(name, value)| Xattr { name, value });
    vec(xattr, 0..4)
}

fn meta() -> impl Strategy<Value = Meta> {
    let numbers = (any::<u16>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>());
    let more = (prop_oneof![Just(1u32), 1u32..=u32::MAX], prop_oneof![Just(0u64), any::<u64>()], any::<u64>());
    (0u8..7, numbers, timestamp(), timestamp(), more).prop_map(
        |(number, (mode, uid, gid, inode, device), mtime, ctime, (links, rdev, len))| {
            let file_type = FileType::from_number(number).expect("a type");
            let len_bytes = if file_type == FileType::File { len } else { 0 };
            Meta { file_type, mode, uid, gid, len_bytes, mtime, ctime, inode, device, links, rdev }
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let content = prop_oneof![
        Just(Content::Empty),
        chunk_ref().prop_map(Content::One),
        vec(part(), 0..5).prop_map(Content::Parts),
        (any::<u64>(), chunk_ref()).prop_map(|(parts, root)| Content::List { parts, root }),
    ];
    let attributes = prop_oneof![
        Just(Attributes::None),
        xattrs().prop_map(Attributes::Inline),
        chunk_ref().prop_map(Attributes::Chunk),
    ];
    let link = proptest::option::of(vec(any::<u8>(), 0..30));
    (meta(), link, attributes, content, any::<bool>()).prop_map(
        |(meta, link_target, attributes, content, changed_while_read)| Entry {
            key: Vec::new(),
            meta,
            link_target,
            attributes,
            content,
            changed_while_read,
        },
    )
}

fn keyed() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![Just(b'a'), Just(b'b'), Just(0u8), any::<u8>()];
    btree_set(vec(byte, 0..12), 0..20).prop_map(|keys| keys.into_iter().collect())
}

fn leaf() -> impl Strategy<Value = Vec<Entry>> {
    keyed().prop_flat_map(|keys| {
        let count = keys.len();
        (Just(keys), vec(entry(), count..=count)).prop_map(|(keys, entries)| {
            keys.into_iter().zip(entries).map(|(key, entry)| Entry { key, ..entry }).collect()
        })
    })
}

fn inner() -> impl Strategy<Value = (u8, Vec<Child>)> {
    keyed().prop_flat_map(|keys| {
        let count = keys.len();
        let children = vec((chunk_ref(), any::<u64>(), any::<u64>()), count..=count);
        (1u8..=node::MAX_LEVEL, Just(keys), children).prop_map(|(level, keys, children)| {
            let child = |(last_key, (node, entries, content_bytes))| Child { last_key, node, entries, content_bytes };
            (level, keys.into_iter().zip(children).map(child).collect())
        })
    })
}

fn record() -> impl Strategy<Value = PackRecord> {
    (session(), any::<u32>(), any::<bool>(), 0..=pack::MAX_PACK_LEN_BYTES, any::<[u8; 32]>(), 0u32..40).prop_map(
        |(session, seq, data, len_bytes, digest, frames)| PackRecord {
            name: PackName { session, seq },
            class: if data { PackClass::Data } else { PackClass::Meta },
            len_bytes,
            digest: ObjectDigest(digest),
            frames,
        },
    )
}

fn index_run() -> impl Strategy<Value = IndexRun> {
    (vec(record(), 1..5), vec((any::<u64>(), any::<Index>()), 0..40)).prop_map(|(packs, entries)| {
        let mut entries: Vec<(u64, u32)> =
            entries.into_iter().map(|(fingerprint, pack)| (fingerprint, pack.index(packs.len()) as u32)).collect();
        entries.sort_unstable();
        IndexRun { packs, entries }
    })
}

fn reach_of() -> impl Strategy<Value = reach::Reach> {
    vec((record(), vec(any::<Index>(), 0..40)), 0..6).prop_map(|packs| {
        let mut reach = reach::Reach::default();
        for (record, used) in packs {
            let mut frames = reach::FrameSet::default();
            if record.frames > 0 {
                used.iter().for_each(|frame| frames.insert(frame.index(record.frames as usize) as u32));
            }
            reach.packs.insert(record.name, (record, frames));
        }
        reach
    })
}

fn directory() -> impl Strategy<Value = (Directory, Trailer)> {
    vec((0u32..5000, any::<bool>(), 0u8..4, vec(0u32..3000, 0..6)), 0..6).prop_map(|frames| {
        let mut directory = Directory::default();
        let mut offset = HEADER_LEN_BYTES as u64;
        for (stored_len, raw, kind, lengths) in frames {
            directory.frames.push(FrameInfo {
                offset,
                stored_len,
                codec: if raw { Codec::Raw } else { Codec::Zstd },
                kind: ChunkKind::from_number(kind).expect("a kind"),
                raw_len: lengths.iter().sum(),
                first_chunk: directory.chunks.len() as u32,
                chunks: lengths.len() as u32,
            });
            let chunk = |len_bytes| pack::ChunkInfo { id: ChunkId([len_bytes as u8; 32]), len_bytes };
            directory.chunks.extend(lengths.into_iter().map(chunk));
            offset += u64::from(stored_len) + TAG_LEN_BYTES as u64;
        }
        let frames = directory.frames.len() as u32;
        let digest = ObjectDigest([0; 32]);
        let trailer = Trailer { directory_offset: offset, directory_len: 16, frames, version: 1, digest };
        (directory, trailer)
    })
}

fn words() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-z \u{e9}\u{5907}]{0,12}").expect("a pattern")
}

fn whence() -> impl Strategy<Value = Whence> {
    (any::<[u8; 16]>(), session())
        .prop_map(|(repository, snapshot)| Whence { repository: RepositoryId(repository), snapshot })
}

fn origin() -> impl Strategy<Value = Option<Origin>> {
    let some = (vec(whence(), 1..4), timestamp(), any::<u64>());
    proptest::option::of(some.prop_map(|(chain, copied, losses)| Origin { chain, copied, losses }))
}

fn manifest() -> impl Strategy<Value = decision::Manifest> {
    let source = (words(), words(), words(), words()).prop_map(|(kind, name, location, host)| SourceInfo {
        kind,
        name,
        location,
        host,
    });
    let mark = prop_oneof![
        timestamp().prop_map(Mark::FileTime),
        timestamp().prop_map(Mark::Stream),
        (timestamp(), "[a-z0-9 ]{0,9}").prop_map(|(time, position)| Mark::Position(time, position)),
    ];
    let path = || {
        vec(proptest::string::string_regex("[a-z\u{1}\u{2}]{1,5}").expect("a pattern"), 0..4)
            .prop_map(|parts| ItemPath::parse(parts.join("/").as_bytes()).expect("a path"))
    };
    let loss = (path(), 0u8..9, words()).prop_map(|(path, cause, detail)| LossNote {
        path,
        cause: LossCause::from_number(cause).expect("a cause"),
        detail,
    });
    let names = || vec((any::<u32>(), words()), 0..3);
    let snapshot = (
        (source, mark, timestamp(), timestamp(), proptest::option::of(session())),
        (vec(path(), 0..3), any::<[u64; 14]>(), vec(loss, 0..3), vec(words(), 0..3), words(), names(), names()),
    );
    (snapshot, origin(), chunk_ref(), any::<u8>(), vec(any::<[u8; 32]>(), 0..3)).prop_map(
        |(((source, mark, started, finished, parent), rest), origin, root, root_level, digests)| {
            let (roots, c, losses, tags, writer, users, groups) = rest;
            let counters = Counters { files: c[0], len_bytes: c[7], losses: c[13], ..Counters::default() };
            let (id, epoch) = (SessionId([7; 12]), 4);
            let snapshot = Snapshot {
                id,
                epoch,
                source,
                mark,
                started,
                finished,
                parent,
                content: if root_level % 2 == 0 { ContentKind::Files } else { ContentKind::Tables },
                root: root.id,
                roots,
                counters,
                losses,
                tags,
                writer,
                users,
                groups,
                origin,
            };
            let index_digests = digests.into_iter().map(ObjectDigest).collect();
            decision::Manifest { snapshot, root, root_level, reach_digest: ObjectDigest([8; 32]), index_digests }
        },
    )
}

/// Small harm: bytes changed, cut off, put in.
#[derive(Clone, Debug)]
enum Harm {
    Set(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
}

fn harm() -> impl Strategy<Value = Vec<Harm>> {
    let one = prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Set(at, byte)),
        1 => any::<Index>().prop_map(Harm::Cut),
        2 => (any::<Index>(), prop_oneof![Just(vec![0xff; 9]), vec(any::<u8>(), 1..12)])
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        1 => any::<Index>().prop_map(Harm::Remove),
    ];
    vec(one, 0..5)
}

fn harmed(mut bytes: Vec<u8>, harm: &[Harm]) -> Vec<u8> {
    for harm in harm {
        match harm {
            _ if bytes.is_empty() => {}
            Harm::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Harm::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Harm::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Harm::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
        }
    }
    bytes
}

/// Gives the bytes to every decoder there is.
fn decode_all(bytes: &[u8]) {
    let trailer = Trailer {
        directory_offset: HEADER_LEN_BYTES as u64,
        directory_len: bytes.len() as u64,
        frames: bytes.first().copied().unwrap_or(0).into(),
        version: 1,
        digest: ObjectDigest([0; 32]),
    };
    let _ = node::decode(bytes);
    let _ = list::decode_page(bytes);
    let _ = list::decode_attributes(bytes);
    let _ = pack::decode_header(bytes);
    let _ = pack::decode_trailer(bytes, bytes.len() as u64);
    let _ = pack::decode_directory(bytes, &trailer);
    let _ = index::decode_run(bytes);
    let _ = reach::decode(bytes);
    let _ = progress::decode(bytes);
    let _ = decision::decode(bytes, SessionId([7; 12]), 4);
    let _ = decision::decode_intent(bytes);
    let _ = decision::decode_tags(bytes);
    let _ = config::decode(bytes);
    let _ = slot::decode("keys/00000000", bytes);
    let ring = keys();
    let context = SealContext { repository: REPOSITORY, suite: Suite::Aes256Gcm, key_epoch: 0, role_key: &ring.commit };
    let _ = sealed::open(&context, ObjectType::Tags, "tags/x/0", bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn leaves_come_back(entries in leaf(), harm in harm()) {
        let plain = node::encode_leaf(entries.iter());
        prop_assert_eq!(node::decode(&plain), Ok(Node::Leaf(entries)));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn inner_nodes_come_back((level, children) in inner(), harm in harm()) {
        let plain = node::encode_inner(level, children.iter());
        prop_assert_eq!(node::decode(&plain), Ok(Node::Inner { level, children }));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn list_pages_come_back(depth in 0u8..2, parts in vec(part(), 0..30), harm in harm()) {
        let plain = list::encode_page(depth, &parts);
        prop_assert_eq!(list::decode_page(&plain), Ok((depth, parts)));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn attributes_come_back(list_of in xattrs(), harm in harm()) {
        let plain = list::encode_attributes(&list_of);
        prop_assert_eq!(list::decode_attributes(&plain), Ok(list_of));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn directories_come_back((directory, trailer) in directory(), harm in harm()) {
        let plain = pack::encode_directory(&directory);
        prop_assert_eq!(pack::decode_directory(&plain, &trailer), Ok(directory));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn frames_of_packs_come_back(salt: [u8; 32], commitment: [u8; 32], key_epoch: u32, len in 16u64..1 << 20, version in 1u16..3, harm in harm()) {
        let header = Header { version, suite: Suite::Aes256Gcm, class: PackClass::Data, key_epoch, salt, commitment };
        let stored = pack::encode_header(&header).to_vec();
        prop_assert_eq!(pack::decode_header(&stored), Ok(header));
        decode_all(&harmed(stored, &harm));
        let mut end = pack::encode_trailer_start(96, len, 0, version).to_vec();
        let rest = if version == 1 { 64 } else { 160 };
        end.extend_from_slice(&salt);
        end.extend_from_slice(pack::TRAILER_MAGIC);
        let trailer = pack::decode_trailer(&end, 96 + len + rest);
        let fields = trailer.map(|t| (t.directory_offset, t.directory_len, t.frames, t.version, t.copy_len_bytes()));
        prop_assert_eq!(fields, Ok((96, len, 0, version, rest - 64)));
        prop_assert!(pack::decode_trailer(&end, 96 + len + rest - 1).is_err());
        decode_all(&harmed(end, &harm));
    }

    #[test]
    fn index_runs_come_back(run in index_run(), harm in harm()) {
        let plain = index::encode_run(&run);
        prop_assert_eq!(index::decode_run(&plain), Ok(run));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn reach_comes_back(reach_of in reach_of(), harm in harm()) {
        let plain = reach::encode(&reach_of);
        prop_assert_eq!(reach::decode(&plain), Ok(reach_of));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn progress_comes_back(epoch: u64, packs in vec(record(), 0..4), entries in leaf(), at in timestamp(), harm in harm()) {
        let leaves = vec![node::encode_leaf(entries.iter())];
        let record = Progress { epoch, mark: Mark::FileTime(at), packs, leaves };
        let plain = progress::encode(&record);
        prop_assert_eq!(progress::decode(&plain), Ok(record));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn manifests_come_back(manifest in manifest(), harm in harm()) {
        let plain = decision::encode_commit(&manifest);
        let found = decision::decode(&plain, SessionId([7; 12]), 4);
        prop_assert_eq!(found, Ok(decision::Decision::Commit(Box::new(manifest))));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn labels_and_intents_come_back(tags in vec(words(), 0..5), started in timestamp(), harm in harm()) {
        let plain = decision::encode_tags(&tags);
        prop_assert_eq!(decision::decode_tags(&plain), Ok(tags.clone()));
        decode_all(&harmed(plain, &harm));
        let word = |at: usize| tags.get(at).cloned().unwrap_or_default();
        let intent = decision::Intent { started, source_kind: word(0), source_name: word(1), host: word(2) };
        let plain = decision::encode_intent(&intent);
        prop_assert_eq!(decision::decode_intent(&plain), Ok(intent));
        decode_all(&harmed(plain, &harm));
    }

    #[test]
    fn configs_come_back_and_any_harm_is_seen(window: u16, segment: u32, epoch: u32, second: bool, harm in harm()) {
        let written = config::Config {
            version: if second { FormatVersion::Two } else { FormatVersion::One },
            repository: REPOSITORY,
            created_seconds: -5,
            suite: Suite::ChaCha20Poly1305,
            key_epoch: epoch,
            features: [0; 4],
            chunker: ChunkerParams::default(),
            segment_mib: segment,
            tree_window: window,
            pack_target_bytes: 7,
        };
        let key = keys().commit;
        let stored = config::encode(&written, &key);
        let parsed = config::decode(&stored).expect("it is whole");
        config::check_mac(&parsed, &key).expect("it is authentic");
        prop_assert_eq!(parsed.stored(), stored.clone());
        prop_assert_eq!(parsed.config, written);
        let bad = harmed(stored.clone(), &harm);
        let unseen = config::decode(&bad).is_ok_and(|parsed| config::check_mac(&parsed, &key).is_ok());
        prop_assert!(bad == stored || !unseen);
    }

    #[test]
    fn slots_come_back_and_any_harm_is_seen(label in words(), salt: [u8; 32], sealed_root: [u8; 32], config in vec(any::<u8>(), 0..99), harm in harm()) {
        let wrapped = Wrapped { commitment: [1; 32], sealed_root, tag: [2; 16] };
        let kdf = KdfParams { memory_kib: 8, passes: 1, lanes: 1 };
        let written = Slot { kind: SlotKind::Password, label, created_seconds: 9, kdf, salt, wrapped, config };
        let (object, key) = ("keys/0a0b0c0d", keys().commit);
        let stored = slot::encode(&written, object, &key);
        let parsed = slot::decode(object, &stored).expect("it is whole");
        prop_assert!(slot::mac_matches(&parsed, object, &key) && !slot::mac_matches(&parsed, "keys/00000000", &key));
        prop_assert_eq!((&parsed.slot.label, parsed.slot.kdf, parsed.slot.salt), (&written.label, kdf, salt));
        prop_assert_eq!(&parsed.slot.config, &written.config);
        prop_assert_eq!(parsed.slot.wrapped, written.wrapped);
        let bad = harmed(stored.clone(), &harm);
        let unseen = slot::decode(object, &bad).is_ok_and(|parsed| slot::mac_matches(&parsed, object, &key));
        prop_assert!(bad == stored || !unseen);
    }

    #[test]
    fn sealed_objects_come_back_and_any_harm_is_seen(plain in vec(any::<u8>(), 0..600), salt: [u8; 32], harm in harm()) {
        let ring = keys();
        for suite in [Suite::Plain, Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            let context = SealContext { repository: REPOSITORY, suite, key_epoch: 0, role_key: &ring.reach };
            let stored = sealed::seal(&context, ObjectType::Index, "index/0/a", salt, &plain).expect("sealed");
            prop_assert_eq!(&sealed::open(&context, ObjectType::Index, "index/0/a", &stored).expect("whole"), &plain);
            prop_assert!(sealed::open(&context, ObjectType::Reach, "index/0/a", &stored).is_err());
            prop_assert!(sealed::open(&context, ObjectType::Index, "index/0/b", &stored).is_err());
            let bad = harmed(stored.clone(), &harm);
            prop_assert!(bad == stored || sealed::open(&context, ObjectType::Index, "index/0/a", &bad).is_err());
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes in vec(any::<u8>(), 0..300), small in vec(0u8..6, 0..200)) {
        decode_all(&bytes);
        decode_all(&small);
        for magic in [&b"DKPCONF1\x01\0"[..], b"DKPSLOT1\x01\0", b"DKPPACK1\x01\0", b"DKPOBJT1\x01\0", &[1, 0], &[1, 1], &[1, 1, 1]] {
            decode_all(&[magic, &bytes].concat());
        }
    }
}

/// A few bytes that claim much are refused before they cost anything.
#[test]
fn large_claims_are_refused() {
    let huge: [&[u8]; 3] = [&[0xff, 0xff, 0x3f], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff; 9]];
    for claim in huge {
        for start in [&[][..], &[1, 0], &[1, 1], &[1], &[0; 9], &[1, 1, 0, 0, 0, 0]] {
            decode_all(&[start, claim, &[1; 30]].concat());
        }
    }
}

/// Front coding makes long keys of few bytes: all keys of a node together have a limit.
#[test]
fn keys_do_not_grow_without_bound() {
    let (long, more) = (vec![b'k'; 200_000], 20_000u64);
    let mut column = Encoder::new();
    column.uv(0);
    column.bytes(&long);
    for number in 0..more {
        column.uv(long.len() as u64 + number);
        column.bytes(b"k");
    }
    let mut plain = Encoder::new();
    plain.u8(1);
    plain.u8(0);
    plain.uv(more + 1);
    plain.bytes(&column.bytes);
    assert!(plain.bytes.len() < 400_000);
    let error = node::decode(&plain.bytes).expect_err("4 GB of keys");
    assert_eq!(error.expected, "keys within the limit");
}

/// A pack that is used as a whole takes no room, whatever number of frames it claims.
#[test]
fn whole_packs_in_reach_cost_nothing() {
    let mut plain = Encoder::new();
    let count = 100_000u32;
    plain.uv(u64::from(count));
    for seq in 0..count {
        let name = PackName { session: SessionId([1; 12]), seq };
        let record =
            PackRecord { name, class: PackClass::Data, len_bytes: 9, digest: ObjectDigest([0; 32]), frames: 1 << 20 };
        index::encode_record(&mut plain, &record);
        plain.u8(1);
    }
    // 12 GB as bitmaps.
    let reach = reach::decode(&plain.bytes).expect("it is well formed");
    assert_eq!(reach.packs.values().map(|(_, frames)| u64::from(frames.count())).sum::<u64>(), u64::from(count) << 20);
}

/// A sealed object may be longer than what is ever compressed in one piece: an index of millions of chunks is.
#[test]
fn sealed_objects_may_be_as_long_as_their_limit() {
    let ring = keys();
    let context = SealContext { repository: REPOSITORY, suite: Suite::Aes256Gcm, key_epoch: 0, role_key: &ring.reach };
    for len in [16 << 20, (16 << 20) + 1, sealed::MAX_PLAIN_LEN_BYTES as usize] {
        let plain = vec![7; len];
        let stored = sealed::seal(&context, ObjectType::Index, "index/0/a", [1; 32], &plain).expect("sealed");
        assert!(stored.len() as u64 <= sealed::MAX_STORED_LEN_BYTES);
        let opened = sealed::open(&context, ObjectType::Index, "index/0/a", &stored).expect("opened");
        assert!(opened == plain, "{len}");
    }
    let longer = vec![7; sealed::MAX_PLAIN_LEN_BYTES as usize + 1];
    assert!(sealed::seal(&context, ObjectType::Index, "index/0/a", [1; 32], &longer).is_err());
}

#[test]
fn left_over_bytes_are_refused() {
    let entries: [Entry; 0] = [];
    let mut plain = node::encode_leaf(entries.iter());
    assert!(node::decode(&plain).is_ok());
    plain.push(0);
    assert!(node::decode(&plain).is_err());
    let mut input = Decoder::new(&[1, 2]);
    assert!(input.u8().is_ok() && input.end().is_err());
}
