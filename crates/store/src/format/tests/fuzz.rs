//! Every decoder of this crate as a target of the harness in `testkit::fuzz`.

use super::golden::Golden;
use super::*;
use crate::format::codec::DecodeError;
use crate::format::{collect, names};
use crate::index::{segment_sample, segment_tried};
use collect::{Checkpoint, Condemned, Doomed, ForwardMap, OriginMark, Tombstone};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// Values of a strategy, always the same ones.
fn drawn<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..12).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

/// What strategies give, encoded, beside what a real repository holds.
fn seeds<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    encode: impl Fn(T) -> Vec<u8>,
    real: Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    drawn(strategy).into_iter().map(encode).chain(real).collect()
}

fn same<T>(decoded: Result<T, DecodeError>, encode: impl Fn(&T) -> Vec<u8>) -> Verdict {
    decoded.map_or(Verdict::Refused, |value| Verdict::Same(encode(&value)))
}

fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).unwrap_or_default()
}

fn named(name: Option<String>) -> Verdict {
    name.map_or(Verdict::Refused, |name| Verdict::Same(name.into_bytes()))
}

/// The checksum of a config or slot stands before the 32 bytes of its seal.
fn mend_checksum(bytes: &mut [u8]) {
    if let Some(checked_len) = bytes.len().checked_sub(48) {
        let checksum = datakeep_process::digest(&bytes[..checked_len]).0;
        bytes[checked_len..checked_len + 16].copy_from_slice(&checksum[..16]);
    }
}

/// Without the key the seal cannot be made again: the input's own stands in for it.
fn with_own_seal(mut encoded: Vec<u8>, input: &[u8]) -> Verdict {
    let seal = encoded.len() - 32;
    encoded[seal..].copy_from_slice(&input[input.len() - 32..]);
    Verdict::Same(encoded)
}

fn config_target(golden: &Golden) -> Target {
    Target::bytes("config", golden.config(), |input| match config::decode(input) {
        Ok(parsed) => with_own_seal(config::encode(&parsed.config, &keys().commit), input),
        Err(_) => Verdict::Refused,
    })
    .mended(mend_checksum)
}

fn slot_target(golden: &Golden) -> Target {
    Target::bytes("slot", golden.stored("keys/"), |input| match slot::decode("keys/00000000", input) {
        Ok(parsed) => with_own_seal(slot::encode(&parsed.slot, "keys/00000000", &keys().commit), input),
        Err(_) => Verdict::Refused,
    })
    .mended(mend_checksum)
}

fn sealed_target() -> Target {
    fn context(ring: &KeyRing) -> SealContext<'_> {
        SealContext { repository: REPOSITORY, suite: Suite::Aes256Gcm, key_epoch: 0, role_key: &ring.commit }
    }
    let (ring, salt) = (keys(), [9; 32]);
    let seal = |plain: &[u8]| sealed::seal(&context(&ring), ObjectType::Tags, "tags/x/0", salt, plain).expect("sealed");
    Target::bytes("sealed", vec![seal(b""), seal(b"short"), seal(&[b'a'; 3000])], |input| {
        let ring = keys();
        let _ = sealed::inspect(ObjectType::Tags, "tags/x/0", None, input);
        let seen = sealed::inspect(ObjectType::Tags, "tags/x/0", Some((Suite::Aes256Gcm, 0)), input);
        let Ok(plain) = sealed::open(&context(&ring), ObjectType::Tags, "tags/x/0", input) else {
            return Verdict::Refused;
        };
        seen.expect("what opens can be inspected");
        let salt = input[16..48].try_into().expect("the salt");
        Verdict::Same(sealed::seal(&context(&ring), ObjectType::Tags, "tags/x/0", salt, &plain).expect("sealed"))
    })
}

fn decisions(golden: &Golden) -> Vec<Target> {
    let intent = (timestamp(), words(), words(), words()).prop_map(|(started, source_kind, source_name, host)| {
        decision::Intent { started, source_kind, source_name, host }
    });
    let intents = seeds(intent, |i| decision::encode_intent(&i), golden.plain(ObjectType::Intent, "sessions/"));
    let real = [golden.plain(ObjectType::Decision, "commits/"), vec![decision::encode_abort()]].concat();
    let commits = seeds(manifest(), |m| decision::encode_commit(&m), real);
    let tags = seeds(vec(words(), 0..5), |t| decision::encode_tags(&t), golden.plain(ObjectType::Tags, "tags/"));
    vec![
        Target::bytes("intent", intents, |i| same(decision::decode_intent(i), decision::encode_intent)),
        Target::bytes("decision", commits, |input| {
            same(decision::decode(input, SessionId([7; 12]), 4), |decision| match decision {
                decision::Decision::Commit(manifest) => decision::encode_commit(manifest),
                decision::Decision::Abort => decision::encode_abort(),
            })
        }),
        Target::bytes("tags", tags, |i| same(decision::decode_tags(i), |tags| decision::encode_tags(tags))),
    ]
}

fn indexes(golden: &Golden) -> Vec<Target> {
    let runs = seeds(index_run(), |r| index::encode_run(&r), golden.plain(ObjectType::Index, "index/"));
    let reaches = seeds(reach_of(), |r| reach::encode(&r), golden.plain(ObjectType::Reach, "reach/"));
    let mended = (reach_of(), any::<bool>(), any::<[u8; 32]>()).prop_map(|(reach, keeps_all, digest)| reach::Mended {
        stands_for: ObjectDigest(digest),
        keeps_all,
        reach,
    });
    let mended = seeds(mended, |m| reach::encode_mended(&m), Vec::new());
    vec![
        Target::bytes("index-run", runs, |i| same(index::decode_run(i), index::encode_run)),
        Target::bytes("index-segment", vec![segment_sample(0), segment_sample(30)], |input| {
            segment_tried(input).map_or(Verdict::Refused, Verdict::Same)
        }),
        Target::bytes("reach", reaches, |i| same(reach::decode(i), reach::encode)),
        Target::bytes("mended", mended, |i| same(reach::decode_mended(i), reach::encode_mended)),
    ]
}

/// A node may list owners and sessions in any order, and share less of a key than it could: it has more than one
/// spelling, and its id is that of its bytes.
fn node_verdict(input: &[u8]) -> Verdict {
    match node::decode(input) {
        Ok(Node::Leaf(entries)) => Verdict::Like(node::encode_leaf(entries.iter())),
        Ok(Node::Inner { level, children }) => Verdict::Like(node::encode_inner(level, children.iter())),
        Err(_) => Verdict::Refused,
    }
}

fn nodes(golden: &Golden) -> Vec<Target> {
    let (inners, leaves): (Vec<_>, Vec<_>) =
        golden.chunks(ChunkKind::Node).into_iter().partition(|plain| plain.get(1) != Some(&0));
    let leaves = seeds(leaf(), |entries| node::encode_leaf(entries.iter()), leaves);
    let inners = seeds(inner(), |(level, children)| node::encode_inner(level, children.iter()), inners);
    let pages = seeds((0u8..2, vec(part(), 0..30)), |(d, p)| list::encode_page(d, &p), golden.chunks(ChunkKind::List));
    let lists = seeds(xattrs(), |l| list::encode_attributes(&l), golden.chunks(ChunkKind::Attributes));
    // An entry in memory is far longer than its shortest form, and front coding makes long keys of few bytes.
    let of_node = |target: Target| target.with_memory(256, 2 << 20);
    vec![
        of_node(Target::bytes("node-leaf", leaves, node_verdict)),
        of_node(Target::bytes("node-inner", inners, node_verdict)),
        of_node(Target::bytes("list-page", pages, |input| match list::decode_page(input) {
            Ok((depth, parts)) => Verdict::Like(list::encode_page(depth, &parts)),
            Err(_) => Verdict::Refused,
        })),
        Target::bytes("attributes", lists, |i| same(list::decode_attributes(i), |list| list::encode_attributes(list))),
    ]
}

fn trailer_of(pack: &[u8]) -> Vec<u8> {
    [&(pack.len() as u64).to_le_bytes(), &pack[pack.len() - pack::TRAILER_LEN_BYTES..]].concat()
}

/// What a decoder is told besides its input stands before it.
fn split<const N: usize>(input: &[u8]) -> Option<([u8; N], &[u8])> {
    let (first, rest) = input.split_first_chunk::<N>()?;
    Some((*first, rest))
}

fn trailer_verdict(input: &[u8]) -> Verdict {
    let Some((len, rest)) = split::<8>(input) else { return Verdict::Refused };
    same(pack::decode_trailer(rest, u64::from_le_bytes(len)), |t| {
        let start = pack::encode_trailer_start(t.directory_offset, t.directory_len, t.frames, t.version);
        [&len[..], &start, &t.digest.0, pack::TRAILER_MAGIC].concat()
    })
}

fn directory_verdict(input: &[u8]) -> Verdict {
    let Some((offset, rest)) = split::<8>(input) else { return Verdict::Refused };
    let Some((frames, plain)) = split::<4>(rest) else { return Verdict::Refused };
    let trailer = Trailer {
        directory_offset: u64::from_le_bytes(offset),
        directory_len: 16,
        frames: u32::from_le_bytes(frames),
        version: 1,
        digest: ObjectDigest([0; 32]),
    };
    let decoded = pack::decode_directory(plain, &trailer);
    same(decoded, |directory| [&offset[..], &frames, &pack::encode_directory(directory)].concat())
}

fn packs(golden: &Golden) -> Vec<Target> {
    let packs = golden.packs();
    let headers = packs.iter().map(|pack| pack[..HEADER_LEN_BYTES].to_vec()).collect();
    let directories = seeds(
        directory(),
        |(directory, t)| {
            let plain = pack::encode_directory(&directory);
            [&t.directory_offset.to_le_bytes()[..], &t.frames.to_le_bytes(), &plain].concat()
        },
        Vec::new(),
    );
    vec![
        Target::bytes("pack-header", headers, |input| {
            let header = pack::decode_header(input);
            assert!(header.is_err() || pack::foreign_version(input).is_none());
            same(header, |header| pack::encode_header(header).to_vec())
        }),
        Target::bytes("pack-trailer", packs.iter().map(|pack| trailer_of(pack)).collect(), trailer_verdict),
        Target::bytes("pack-directory", directories, directory_verdict),
    ]
}

fn progress_target(golden: &Golden) -> Target {
    let record = (any::<u64>(), timestamp(), vec(record(), 0..4), vec(leaf(), 0..3));
    let encode = |(epoch, at, packs, runs): (u64, Timestamp, Vec<PackRecord>, Vec<Vec<Entry>>)| {
        let leaves = runs.iter().map(|run| node::encode_leaf(run.iter())).collect();
        progress::encode(&Progress { epoch, mark: Mark::Stream(at), packs, leaves })
    };
    let seeds = seeds(record, encode, golden.plain(ObjectType::Progress, "progress/"));
    Target::bytes("progress", seeds, |i| same(progress::decode(i), progress::encode))
}

fn pack_name() -> impl Strategy<Value = PackName> {
    (session(), any::<u32>()).prop_map(|(session, seq)| PackName { session, seq })
}

fn forwards() -> impl Strategy<Value = ForwardMap> {
    vec((pack_name(), any::<u32>(), pack_name(), any::<u32>()), 0..8).prop_map(|moves| {
        let mut map = ForwardMap::default();
        moves.into_iter().for_each(|(pack, frame, to, number)| map.insert((pack, frame), (to, number)));
        map
    })
}

fn doomed() -> impl Strategy<Value = std::collections::BTreeMap<PackName, Doomed>> {
    let one = (pack_name(), any::<u64>()).prop_map(|(n, len_bytes)| (n, Doomed { class: PackClass::Meta, len_bytes }));
    vec(one, 0..5).prop_map(|packs| packs.into_iter().collect())
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    let commits = vec((any::<u64>(), session()), 0..5).prop_map(|commits| commits.into_iter().collect());
    let prune = vec((0u8..3, any::<u16>()), 0..4).prop_map(|names| {
        let folder = |number: u8| ["tags/x/", "commits/0000000000/", "checkpoints/"][usize::from(number)];
        names.into_iter().map(|(number, name)| format!("{}{name}", folder(number))).collect()
    });
    let gone = vec(pack_name(), 0..4).prop_map(|gone| gone.into_iter().map(|name| (name, PackClass::Data)).collect());
    ((session(), timestamp()), commits, doomed(), prune, gone, forwards()).prop_map(
        |((collector, made), commits, delete, prune, gone, forwards)| Checkpoint {
            collector,
            made,
            commits,
            delete,
            prune,
            gone,
            forwards,
        },
    )
}

fn decode_forwards(input: &[u8]) -> Result<ForwardMap, DecodeError> {
    let mut input = Decoder::new(input);
    let map = collect::decode_forwards(&mut input)?;
    input.end().map(|()| map)
}

fn encode_forwards(map: &ForwardMap) -> Vec<u8> {
    let mut out = Encoder::new();
    collect::encode_forwards(&mut out, map);
    out.bytes
}

fn collections() -> Vec<Target> {
    let tombstone = (timestamp(), words(), words());
    let tombstone = tombstone.prop_map(|(forgotten, host, reason)| Tombstone { forgotten, host, reason });
    let mark = (whence(), timestamp()).prop_map(|(whence, forgotten)| OriginMark { whence, forgotten });
    let condemned = (session(), timestamp(), doomed(), forwards());
    let condemned =
        condemned.prop_map(|(collector, made, packs, forwards)| Condemned { collector, made, packs, forwards });
    let none = Vec::new;
    vec![
        Target::bytes("tombstone", seeds(tombstone, |t| collect::encode_tombstone(&t), none()), |input| {
            same(collect::decode_tombstone(input), collect::encode_tombstone)
        }),
        Target::bytes("origin-mark", seeds(mark, |m| collect::encode_origin_mark(&m), none()), |input| {
            same(collect::decode_origin_mark(input), collect::encode_origin_mark)
        }),
        Target::bytes("condemned", seeds(condemned, |c| collect::encode_condemned(&c), none()), |input| {
            same(collect::decode_condemned(input), collect::encode_condemned)
        }),
        Target::bytes("checkpoint", seeds(checkpoint(), |c| collect::encode_checkpoint(&c), none()), |input| {
            same(collect::decode_checkpoint(input), collect::encode_checkpoint)
        }),
        Target::bytes("forward-map", seeds(forwards(), |map| encode_forwards(&map), none()), |input| {
            same(decode_forwards(input), encode_forwards)
        }),
    ]
}

/// Names are not closed: a longer one may be a name as well. Each has one spelling.
fn object_names(golden: &Golden) -> Vec<Target> {
    let target = |name, seeds: Vec<Vec<u8>>, run| {
        let seeds: Vec<&str> = seeds.iter().map(|seed| text(seed)).collect();
        Target::text(name, &seeds, run)
    };
    let packs = [golden.all_names("data/"), golden.all_names("meta/")].concat();
    let epochs = vec![names::condemned(0).into_bytes(), names::checkpoint(u64::MAX).into_bytes()];
    let sessions = [golden.all_names("commits/"), golden.all_names("reach/")].concat();
    let numbered = [golden.all_names("progress/"), golden.all_names("index/")].concat();
    vec![
        target("pack-name", packs, |i| named(PackName::parse(text(i)).map(|(class, name)| name.object(class)))),
        target("epoch-name", epochs, |input| {
            let folder = text(input).split('/').next().unwrap_or_default();
            named(names::parse_epoch(text(input)).map(|epoch| format!("{folder}/{epoch:010}")))
        }),
        target("session-name", sessions, |input| {
            let folder = text(input).split('/').next().unwrap_or_default();
            let parsed = names::parse_epoch_session(text(input));
            named(parsed.map(|(epoch, session)| format!("{folder}/{epoch:010}/{session}")))
        }),
        target("numbered-name", numbered, |input| {
            let folder = text(input).rfind('/').map_or("", |at| &text(input)[..=at]);
            let parsed = names::parse_session_number(text(input));
            named(parsed.map(|(session, number)| format!("{folder}{session}-{number}")))
        }),
        target("record-name", golden.all_names("tags/"), |input| {
            let folder = text(input).split('/').next().unwrap_or_default();
            let parsed = names::parse_numbered(text(input));
            named(parsed.map(|(session, number)| format!("{folder}/{session}/{number}")))
        }),
    ]
}

#[test]
fn fuzz() {
    let golden = Golden::open();
    let mut targets = vec![config_target(&golden), slot_target(&golden), sealed_target()];
    targets.extend(decisions(&golden));
    targets.extend(indexes(&golden));
    targets.extend(nodes(&golden));
    targets.extend(packs(&golden));
    targets.push(progress_target(&golden));
    targets.extend(collections());
    targets.extend(object_names(&golden));
    fuzz::check("store", &targets);
}
