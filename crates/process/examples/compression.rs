//! Measures compression settings on the files of a folder: `compression <folder> [megabytes] [part of a name]`.
//!
//! The files in directory order are one long stream; stretches of 4 MiB are taken from it evenly, cut into groups and
//! compressed group by group, as frames are. Times are processor time of this thread where the system tells it (so a
//! shared machine does little harm), the best of five rounds.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use datakeep_process::{CompressionSettings, Compressor, Decompressor, MatchStrategy};

const MIB: usize = 1 << 20;
const STRETCH_LEN_BYTES: usize = 4 * MIB;
const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map(PathBuf::from).ok_or_else(|| io::Error::other("name a folder"))?;
    let megabytes: usize = arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(200);
    let sample = take_sample(&folder, megabytes * 1_000_000)?;
    let wanted = arguments.next().and_then(|text| text.into_string().ok()).unwrap_or_default();
    println!("sample {} MB", sample.len() / 1_000_000);
    println!("| settings | group MiB | compress MB/s | ratio | decompress MB/s |\n|---|---|---|---|---|");
    for (name, settings, group_mib) in cases().into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        let measured = measure(&sample, &settings, group_mib * MIB);
        println!(
            "| {name} | {group_mib} | {:.0} | {:.4} | {:.0} |",
            measured.compress_mb_s, measured.ratio, measured.decompress_mb_s
        );
        io::stdout().flush()?;
    }
    Ok(())
}

fn cases() -> Vec<(String, CompressionSettings, usize)> {
    let mut cases = Vec::new();
    for level in [1, 2, 3] {
        for group_mib in [1, 2, 4] {
            cases.push((format!("level {level}"), CompressionSettings::level(level), group_mib));
        }
    }
    let mut double_fast = |hash_log, chain_log, min_match, window_log: Option<u32>, group_mib| {
        let settings = CompressionSettings {
            strategy: Some(MatchStrategy::DoubleFast),
            hash_log: Some(hash_log),
            chain_log: Some(chain_log),
            min_match: Some(min_match),
            window_log,
            ..CompressionSettings::level(3)
        };
        let window = window_log.map_or(String::new(), |log| format!(" w{log}"));
        cases.push((format!("dfast h{hash_log} c{chain_log} m{min_match}{window}"), settings, group_mib));
    };
    for hash_log in 13..=17 {
        for chain_log in 13..=hash_log.min(16) {
            double_fast(hash_log, chain_log, 5, None, 2);
        }
    }
    for (hash_log, chain_log) in [(14, 13), (15, 13), (15, 14), (16, 14)] {
        for min_match in [4, 6] {
            double_fast(hash_log, chain_log, min_match, None, 2);
        }
        for group_mib in [1, 4] {
            double_fast(hash_log, chain_log, 5, None, group_mib);
        }
        for window_log in [18, 20, 22] {
            double_fast(hash_log, chain_log, 5, Some(window_log), if window_log == 22 { 4 } else { 2 });
        }
    }
    for (hash_log, min_match) in
        [(13, 6), (13, 7), (14, 5), (14, 6), (14, 7), (15, 6), (15, 7), (16, 6), (16, 7), (17, 6), (17, 7), (18, 6)]
    {
        let settings = CompressionSettings {
            strategy: Some(MatchStrategy::Fast),
            hash_log: Some(hash_log),
            min_match: Some(min_match),
            window_log: Some(21),
            ..CompressionSettings::level(1)
        };
        cases.push((format!("fast h{hash_log} m{min_match} w21"), settings, 2));
    }
    for (name, settings) in [
        ("FAST", CompressionSettings::FAST),
        ("DEFAULT", CompressionSettings::DEFAULT),
        ("HIGH", CompressionSettings::HIGH),
    ] {
        cases.push((name.to_string(), settings, 2));
    }
    cases
}

struct Measured {
    compress_mb_s: f64,
    decompress_mb_s: f64,
    ratio: f64,
}

fn measure(sample: &[u8], settings: &CompressionSettings, group_len: usize) -> Measured {
    let mut compressor = Compressor::new(settings).expect("settings are valid");
    let mut decompressor = Decompressor::new().expect("memory");
    let mut frames = Vec::new();
    let (mut best_in, mut best_out) = (f64::MAX, f64::MAX);
    let mut frame = Vec::new();
    for _ in 0..ROUNDS {
        frames.clear();
        // One watch for the whole round: the system counts processor time in ticks of some milliseconds.
        let start = Stopwatch::start();
        for group in sample.chunks(group_len) {
            let codec = compressor.compress(group, &mut frame).expect("compresses");
            frames.push((codec, frame.clone(), group.len()));
        }
        best_in = best_in.min(start.seconds());
        let start = Stopwatch::start();
        for (codec, stored, raw_len) in &frames {
            decompressor.decompress(*codec, stored, *raw_len, &mut frame).expect("decompresses");
        }
        best_out = best_out.min(start.seconds());
    }
    let stored: usize = frames.iter().map(|(_, stored, _)| stored.len()).sum();
    let megabytes = sample.len() as f64 / 1e6;
    Measured {
        compress_mb_s: megabytes / best_in,
        decompress_mb_s: megabytes / best_out,
        ratio: stored as f64 / sample.len() as f64,
    }
}

/// Processor time of the thread on Linux, time of day elsewhere.
struct Stopwatch {
    processor_ns: Option<u64>,
    wall: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self { processor_ns: processor_ns(), wall: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        match (self.processor_ns, processor_ns()) {
            (Some(start), Some(end)) => (end - start) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

fn processor_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn take_sample(folder: &Path, wanted: usize) -> io::Result<Vec<u8>> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    let total: usize = files.iter().map(|(_, len)| *len).sum();
    let every = (total / wanted.max(1)).max(1);
    let mut sample = Vec::new();
    let mut at = 0;
    for (path, len) in files {
        let (first, last) = (at / STRETCH_LEN_BYTES, (at + len) / STRETCH_LEN_BYTES);
        if (first..=last).any(|stretch| stretch.is_multiple_of(every)) {
            for (index, piece) in fs::read(path)?.chunks(4096).enumerate() {
                if ((at + index * 4096) / STRETCH_LEN_BYTES).is_multiple_of(every) {
                    sample.extend_from_slice(piece);
                }
            }
        }
        at += len;
    }
    Ok(sample)
}

fn list(folder: &Path, files: &mut Vec<(PathBuf, usize)>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let meta = entry.metadata()?;
        if meta.is_dir() {
            list(&entry.path(), files)?;
        } else if meta.is_file() {
            files.push((entry.path(), usize::try_from(meta.len()).unwrap_or(0)));
        }
    }
    Ok(())
}
