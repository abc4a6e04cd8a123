//! Compression of frames with zstd (RFC 8878).
//!
//! A stored frame carries neither content size, checksum nor dictionary id: the header around it has the length, and
//! the seal proves the bytes. Everything that is read back is bounded by the length the caller expects.

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx, ResetDirective, Strategy};

use crate::error::ProcessError;
use crate::probe;

/// The longest plaintext of a frame. Callers may have lower limits; none has a higher one.
pub const MAX_FRAME_RAW_LEN_BYTES: usize = 16 << 20;

/// What every zstd frame starts with (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = 0xfd2f_b528u32.to_le_bytes();

/// How the bytes of a frame are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    Raw = 0,
    /// One zstd frame.
    Zstd = 1,
}

impl Codec {
    /// All codecs in order of their number.
    pub const ALL: [Codec; 2] = [Codec::Raw, Codec::Zstd];

    /// The codec with this number; `None` when unknown.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number that stands for the codec on disk.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// How zstd looks for matches, from fast to thorough.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MatchStrategy {
    /// One hash table.
    Fast,
    /// Two hash tables, for long and for short matches.
    DoubleFast,
    /// Hash chains, first match taken.
    Greedy,
    /// Hash chains, one byte of patience.
    Lazy,
    /// Hash chains, two bytes of patience.
    Lazy2,
}

impl MatchStrategy {
    fn to_zstd(self) -> Strategy {
        match self {
            MatchStrategy::Fast => Strategy::ZSTD_fast,
            MatchStrategy::DoubleFast => Strategy::ZSTD_dfast,
            MatchStrategy::Greedy => Strategy::ZSTD_greedy,
            MatchStrategy::Lazy => Strategy::ZSTD_lazy,
            MatchStrategy::Lazy2 => Strategy::ZSTD_lazy2,
        }
    }
}

/// What a [`Compressor`] is set to. Settings change speed and size, never what a [`Decompressor`] needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CompressionSettings {
    /// zstd's level; the source of everything not set below.
    pub level: i32,
    /// Log2 of the entries of the (long) hash table.
    pub hash_log: Option<u32>,
    /// Log2 of the entries of the chain table; of the short hash table with [`MatchStrategy::DoubleFast`].
    pub chain_log: Option<u32>,
    /// Shortest match looked for, in bytes.
    pub min_match: Option<u32>,
    /// How matches are looked for.
    pub strategy: Option<MatchStrategy>,
    /// Log2 of the farthest distance of a match.
    pub window_log: Option<u32>,
    /// Longest block, in bytes. Below 128 KiB zstd takes blocks as they come, and does not look for a better place to
    /// split each of them (5 % of the time, and a thousandth of the size).
    pub block_len_bytes: Option<u32>,
}

impl CompressionSettings {
    /// A plain zstd level.
    pub const fn level(level: i32) -> Self {
        Self {
            level,
            hash_log: None,
            chain_log: None,
            min_match: None,
            strategy: None,
            window_log: None,
            block_len_bytes: None,
        }
    }

    /// For sources faster than the default keeps up with: on source code in frames of 2 MiB about 15 % faster than the
    /// default, and 7 % larger.
    pub const FAST: Self = Self {
        hash_log: Some(14),
        min_match: Some(7),
        strategy: Some(MatchStrategy::Fast),
        window_log: Some(21),
        ..Self::level(1)
    };
    /// The default. The tables of level 3 outgrow the first cache levels; these are smaller (128 KiB and 64 KiB). With
    /// frames of 8 MiB that is about a quarter faster than level 3 with frames of 1 MiB, and as small.
    pub const DEFAULT: Self = Self {
        hash_log: Some(15),
        chain_log: Some(14),
        min_match: Some(6),
        strategy: Some(MatchStrategy::DoubleFast),
        window_log: Some(22),
        block_len_bytes: Some(127 << 10),
        ..Self::level(3)
    };
    /// For slow or dear stores: a sixth smaller than the default at a sixth of its speed.
    pub const HIGH: Self = Self::level(9);
}

impl Default for CompressionSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Compresses frames one after the other with the same tables.
pub struct Compressor(CCtx<'static>);

impl Compressor {
    /// A compressor with these settings.
    pub fn new(settings: &CompressionSettings) -> Result<Self, ProcessError> {
        let mut context = CCtx::try_create().ok_or(ProcessError::Compression("out of memory"))?;
        let optional = [
            settings.strategy.map(|strategy| CParameter::Strategy(strategy.to_zstd())),
            settings.window_log.map(CParameter::WindowLog),
            settings.hash_log.map(CParameter::HashLog),
            settings.chain_log.map(CParameter::ChainLog),
            settings.min_match.map(CParameter::MinMatch),
            settings.block_len_bytes.map(CParameter::MaxBlockSize),
        ];
        let fixed = [
            CParameter::CompressionLevel(settings.level),
            CParameter::ContentSizeFlag(false),
            CParameter::ChecksumFlag(false),
            CParameter::DictIdFlag(false),
        ];
        for parameter in fixed.into_iter().chain(optional.into_iter().flatten()) {
            context
                .set_parameter(parameter)
                .map_err(|code| ProcessError::CompressionSettings(zstd_safe::get_error_name(code)))?;
        }
        Ok(Self(context))
    }

    /// Replaces the content of `out` by the bytes to store for `data` and tells how they are stored: raw where that
    /// is not at least 1/64 longer. `data` has at most [`MAX_FRAME_RAW_LEN_BYTES`].
    pub fn compress(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<Codec, ProcessError> {
        out.clear();
        check_raw_len(data.len())?;
        if !probe::looks_random(data) {
            out.reserve(zstd_safe::compress_bound(data.len()));
            if let Err(code) = self.0.compress2(out, data) {
                out.clear();
                // An error leaves the context in the middle of a frame.
                let _ = self.0.reset(ResetDirective::SessionOnly);
                return Err(ProcessError::Compression(zstd_safe::get_error_name(code)));
            }
            if out.len() + data.len() / 64 < data.len() {
                return Ok(Codec::Zstd);
            }
            out.clear();
        }
        out.extend_from_slice(data);
        Ok(Codec::Raw)
    }
}

/// Turns stored frames back.
pub struct Decompressor(DCtx<'static>);

impl Decompressor {
    /// A decompressor; it needs no settings.
    pub fn new() -> Result<Self, ProcessError> {
        DCtx::try_create().map(Self).ok_or(ProcessError::Decompression("out of memory"))
    }

    /// Replaces the content of `out` by the plaintext of `data`: exactly `raw_len_bytes`, or an error and nothing.
    /// No more than `raw_len_bytes` are allocated, whatever `data` says.
    pub fn decompress(
        &mut self,
        codec: Codec,
        data: &[u8],
        raw_len_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ProcessError> {
        out.clear();
        check_raw_len(raw_len_bytes)?;
        match codec {
            Codec::Raw if data.len() != raw_len_bytes => {
                Err(ProcessError::FrameLength { expected_bytes: raw_len_bytes })
            }
            Codec::Raw => {
                out.extend_from_slice(data);
                Ok(())
            }
            Codec::Zstd => self.decompress_zstd(data, raw_len_bytes, out),
        }
    }

    fn decompress_zstd(&mut self, data: &[u8], raw_len_bytes: usize, out: &mut Vec<u8>) -> Result<(), ProcessError> {
        let failed = |code| ProcessError::Decompression(zstd_safe::get_error_name(code));
        // The library also takes skippable frames, and reads on over further ones: here one frame has one spelling.
        if !data.starts_with(&ZSTD_MAGIC) {
            return Err(ProcessError::Decompression("not a zstd frame"));
        }
        if zstd_safe::find_frame_compressed_size(data).map_err(failed)? != data.len() {
            return Err(ProcessError::Decompression("bytes after the frame"));
        }
        out.reserve_exact(raw_len_bytes);
        let outcome = self.0.decompress(out, data).map_err(failed);
        if outcome.is_err() {
            let _ = self.0.reset(ResetDirective::SessionOnly);
        } else if out.len() == raw_len_bytes {
            return Ok(());
        }
        out.clear();
        outcome.and(Err(ProcessError::FrameLength { expected_bytes: raw_len_bytes }))
    }
}

fn check_raw_len(len_bytes: usize) -> Result<(), ProcessError> {
    if len_bytes > MAX_FRAME_RAW_LEN_BYTES {
        return Err(ProcessError::FrameTooLong { len_bytes, max_bytes: MAX_FRAME_RAW_LEN_BYTES });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
