//! Speed of each machine on one core: `cargo bench -p datakeep-process`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datakeep_model::ChunkKind;
use datakeep_process::{
    BoundaryHasher, Chunker, ChunkerParams, CompressionSettings, Compressor, Decompressor, IdHasher, ObjectKey,
    RoleKey, Suite,
};

const MIB: usize = 1 << 20;

/// Bytes without any pattern, the same in every run (xorshift64*).
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Words drawn unevenly from a small vocabulary: compresses about as source text does.
fn prose(len: usize) -> Vec<u8> {
    let letters = |word: &[u8]| word[..2 + usize::from(word[0] % 7)].iter().map(|byte| b'a' + byte % 26).collect();
    let words: Vec<Vec<u8>> = noise(4500).chunks(9).map(letters).collect();
    let mut text = Vec::with_capacity(len + 16);
    for pair in noise(len).as_chunks::<2>().0 {
        let (rare, near) = (usize::from(pair[0]), usize::from(pair[1]));
        text.extend_from_slice(&words[if rare < 40 { rare * near % words.len() } else { near % 48 }]);
        text.push(if rare % 11 == 0 { b'\n' } else { b' ' });
        if text.len() >= len {
            break;
        }
    }
    text.truncate(len);
    text
}

fn cut(criterion: &mut Criterion) {
    let data = noise(64 * MIB);
    let chunker = Chunker::new(&[7; 32], ChunkerParams::default()).expect("valid");
    let mut group = criterion.benchmark_group("cut");
    group.throughput(Throughput::Bytes(data.len() as u64)).sample_size(20);
    group.bench_function("64K-256K-1M", |bencher| {
        bencher.iter(|| {
            let mut rest = &data[..];
            let mut chunks = 0;
            while let Some(len) = chunker.next_cut(black_box(rest), true) {
                rest = &rest[len..];
                chunks += 1;
            }
            chunks
        });
    });
}

fn id(criterion: &mut Criterion) {
    let data = noise(256 << 10);
    let hasher = IdHasher::new(&[7; 32]);
    let mut group = criterion.benchmark_group("id");
    for len in [4 << 10, data.len()] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("{}K", len >> 10), |bencher| {
            bencher.iter(|| hasher.id(ChunkKind::Data, black_box(&data[..len])));
        });
    }
    let boundary = BoundaryHasher::new(&[7; 32]);
    group.throughput(Throughput::Elements(1));
    group.bench_function("boundary-of-40-bytes", |bencher| {
        bencher.iter(|| boundary.key_hash(0, black_box(&data[..40])));
    });
}

fn compress(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compress");
    group.throughput(Throughput::Bytes(2 * MIB as u64)).sample_size(20);
    let mut out = Vec::new();
    for (kind, data) in [("prose", prose(2 * MIB)), ("noise", noise(2 * MIB))] {
        for (name, settings) in [("fast", CompressionSettings::FAST), ("default", CompressionSettings::DEFAULT)] {
            let mut compressor = Compressor::new(&settings).expect("valid");
            group.bench_function(format!("{kind}-{name}"), |bencher| {
                bencher.iter(|| compressor.compress(black_box(&data), &mut out).expect("compresses"));
            });
        }
    }
    let data = prose(2 * MIB);
    let mut stored = Vec::new();
    let codec = Compressor::new(&CompressionSettings::DEFAULT)
        .and_then(|mut compressor| compressor.compress(&data, &mut stored))
        .expect("compresses");
    let mut decompressor = Decompressor::new().expect("memory");
    group.bench_function("decompress-prose", |bencher| {
        bencher.iter(|| decompressor.decompress(codec, black_box(&stored), data.len(), &mut out).expect("valid"));
    });
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    let mut buffer = noise(256 << 10);
    group.throughput(Throughput::Bytes(buffer.len() as u64));
    for suite in Suite::ALL {
        let (key, _) = ObjectKey::derive(suite, &RoleKey::from_bytes([7; 32]), b"bench", &[9; 32]);
        group.bench_function(format!("seal-{suite:?}"), |bencher| {
            bencher.iter(|| key.seal(1, b"associated", black_box(&mut buffer)).expect("seals"));
        });
        let mut sealed = noise(256 << 10);
        let tag = key.seal(1, b"associated", &mut sealed).expect("seals");
        group.bench_function(format!("open-{suite:?}"), |bencher| {
            bencher.iter_batched_ref(
                || sealed.clone(),
                |sealed| key.open(1, b"associated", sealed, &tag).expect("opens"),
                BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(components, cut, id, compress, seal);
criterion_main!(components);
