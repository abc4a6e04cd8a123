//! What this machine can do at most, on all cores, with the functions that Datakeep uses: the anchors of its goals.

use crate::args::wrong;
use crate::child;
use crate::data::Kind;
use datakeep_model::ChunkKind;
use datakeep_process::{Chunker, ChunkerParams, CompressionSettings, Compressor, IdHasher, ProcessError};
use serde_json::json;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The process that measures, by its name on the command line.
pub const CHILD: &str = "limits-of-this-machine";

/// Beyond the caches of a core, as the content of a large file is.
const BUFFER_BYTES: usize = 64 << 20;
/// The frame size of a backup.
const FRAME_BYTES: usize = 8 << 20;

/// What all cores together can do, bytes a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Cutting and hashing.
    pub cut_and_hash: f64,
    /// Compressing at the default setting.
    pub compress: f64,
}

/// Measures for `seconds` each, in a process of its own.
pub fn measure(seconds: f64, log: &Path) -> io::Result<Limits> {
    let (told, _) = child::run(CHILD, &[seconds.to_string().as_ref()], log)?;
    let figure = |name: &str| told[name].as_f64().ok_or_else(|| io::Error::other(format!("no {name} in {told}")));
    Ok(Limits { cut_and_hash: figure("cut_and_hash")?, compress: figure("compress")? })
}

/// The process that measures: seconds. Prints one JSON document.
pub fn child(arguments: &[String]) -> io::Result<()> {
    let seconds = arguments.first().and_then(|text| text.parse().ok());
    let seconds = seconds.filter(|seconds| (0.0..1000.0).contains(seconds));
    let time = Duration::from_secs_f64(seconds.ok_or_else(|| wrong("seconds are needed".to_owned()))?);
    println!("{}", json!({"cut_and_hash": cut_and_hash(time)?, "compress": compress(time)?}));
    Ok(())
}

/// Bytes a second through cutting and hashing, all cores together.
fn cut_and_hash(time: Duration) -> io::Result<f64> {
    let data = Kind::Noise.bytes(1, BUFFER_BYTES);
    let chunker = Chunker::new(&[7; 32], ChunkerParams::default()).map_err(io::Error::other)?;
    let hasher = IdHasher::new(&[7; 32]);
    on_all_cores(time, BUFFER_BYTES, || {
        let (data, chunker, hasher) = (&data, &chunker, &hasher);
        move || {
            let mut rest = &data[..];
            while let Some(len) = chunker.next_cut(black_box(rest), true) {
                black_box(hasher.id(ChunkKind::Data, &rest[..len]));
                rest = &rest[len..];
            }
            Ok(())
        }
    })
}

/// Bytes a second through the compressor at its default setting, all cores together.
fn compress(time: Duration) -> io::Result<f64> {
    let data = Kind::Prose.bytes(1, BUFFER_BYTES);
    on_all_cores(time, BUFFER_BYTES, || {
        let data = &data;
        let mut out = Vec::new();
        let mut compressor = Compressor::new(&CompressionSettings::DEFAULT);
        move || {
            let compressor = match &mut compressor {
                Ok(compressor) => compressor,
                Err(error) => return Err(io::Error::other(error.to_string())),
            };
            for frame in data.chunks(FRAME_BYTES) {
                black_box(compressor.compress(black_box(frame), &mut out).map_err(failed)?);
            }
            Ok(())
        }
    })
}

fn failed(error: ProcessError) -> io::Error {
    io::Error::other(error)
}

/// Runs passes over `bytes` on every core until the time is over; each core finishes the pass it has begun.
fn on_all_cores<Pass: FnMut() -> io::Result<()> + Send>(
    time: Duration,
    bytes: usize,
    make: impl Fn() -> Pass,
) -> io::Result<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let speeds: Vec<io::Result<f64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn({
                    let pass = make();
                    move || speed(time, bytes, pass)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread died"))))
            .collect()
    });
    speeds.into_iter().sum()
}

fn speed(time: Duration, bytes: usize, mut pass: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    // Tables and buffers are made in the first pass.
    pass()?;
    let (begun, mut passes) = (Instant::now(), 0u32);
    while passes == 0 || begun.elapsed() < time {
        pass()?;
        passes += 1;
    }
    Ok(f64::from(passes) * bytes as f64 / begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_counted_on_every_core_and_errors_end_it() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let speed = on_all_cores(Duration::ZERO, 1 << 30, || || Ok(())).expect("measured");
        assert!(speed >= cores, "{speed}");
        assert!(on_all_cores(Duration::ZERO, 1, || || Err(io::Error::other("broken"))).is_err());
    }
}
