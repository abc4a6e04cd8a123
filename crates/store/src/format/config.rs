//! The `config` object (`docs/format.md` section 4).

use super::codec::{DecodeError, Decoder, Encoder};
use super::names::CONFIG;
use super::version::FormatVersion;
use crate::error::StoreError;
use datakeep_model::RepositoryId;
use datakeep_process::{ChunkerParams, RoleKey, Suite, digest, mac, macs_match};

const MAGIC: &[u8; 8] = b"DKPCONF1";
pub(crate) const MAX_LEN_BYTES: u64 = 4096;

/// What a repository is; fixed at `init`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The version of the repository's format.
    pub version: FormatVersion,
    /// The repository's name.
    pub repository: RepositoryId,
    /// When it was made: seconds since the epoch (display only).
    pub created_seconds: i64,
    /// How it is encrypted.
    pub suite: Suite,
    /// Epoch of the keys now in use.
    pub key_epoch: u32,
    /// Feature bits that forbid an operation when unknown: read, write, collect, check.
    pub features: [u64; 4],
    /// How content is cut.
    pub chunker: ChunkerParams,
    /// A cut is forced at every multiple of this many bytes of a file, so that pieces of one large file can be cut
    /// side by side.
    pub segment_mib: u32,
    /// Window of the tree's node boundaries.
    pub tree_window: u16,
    /// Packs are sealed at this length at the latest.
    pub pack_target_bytes: u32,
}

/// Bits known by this version, per feature set.
const KNOWN_FEATURES: [u64; 4] = [0; 4];

/// The config with its authenticity still to be proven by [`check_mac`].
pub(crate) struct Parsed {
    pub config: Config,
    authenticated: Vec<u8>,
    mac: [u8; 32],
}

impl Parsed {
    /// The config as it is stored.
    pub fn stored(&self) -> Vec<u8> {
        [&self.authenticated[..], &self.mac].concat()
    }
}

pub(crate) fn encode(config: &Config, commit_key: &RoleKey) -> Vec<u8> {
    let mut body = Encoder::new();
    body.raw(&config.repository.0);
    body.i64(config.created_seconds);
    body.u8(config.suite.number());
    body.u32(config.key_epoch);
    config.features.iter().for_each(|&set| body.u64(set));
    body.u8(1);
    body.u32(config.chunker.min_bytes);
    body.u32(config.chunker.avg_bytes);
    body.u32(config.chunker.max_bytes);
    body.u32(config.segment_mib);
    body.u16(config.tree_window);
    body.u32(config.pack_target_bytes);
    let mut out = Encoder::new();
    out.raw(MAGIC);
    out.u16(config.version as u16);
    out.u32(body.bytes.len() as u32);
    out.raw(&body.bytes);
    let checksum = digest(&out.bytes);
    out.raw(&checksum.0[..16]);
    let mac = mac(commit_key, b"config", &out.bytes);
    out.raw(&mac);
    out.bytes
}

pub(crate) fn decode(stored: &[u8]) -> Result<Parsed, StoreError> {
    let mut input = Decoder::new(stored);
    let of = |e: DecodeError| e.of(CONFIG);
    if input.raw(8).map_err(of)? != MAGIC {
        return Err(StoreError::damaged(CONFIG, 0, "the mark DKPCONF1", "something else"));
    }
    let version = input.u16().map_err(of)?;
    let body_len = input.u32().map_err(of)? as usize;
    let body = input.raw(body_len).map_err(of)?;
    let checked_len = input.offset_byte();
    let checksum: [u8; 16] = input.array().map_err(of)?;
    if digest(&stored[..checked_len]).0[..16] != checksum {
        return Err(StoreError::damaged(CONFIG, checked_len as u64, "the checksum of what stands before", "another"));
    }
    let known = FormatVersion::from_number(version).ok_or_else(|| {
        let detail = format!("format version {version}; this program knows versions 1 and 2");
        StoreError::Incompatible { object: CONFIG.into(), detail }
    })?;
    let authenticated = stored[..input.offset_byte()].to_vec();
    let mac = input.array().map_err(of)?;
    input.end().map_err(of)?;
    Ok(Parsed { config: decode_body(body, known)?, authenticated, mac })
}

fn decode_body(body: &[u8], version: FormatVersion) -> Result<Config, StoreError> {
    let mut input = Decoder::new(body);
    let of = |e: DecodeError| e.of(CONFIG);
    let incompatible = |detail: String| StoreError::Incompatible { object: CONFIG.into(), detail };
    let repository = RepositoryId(input.array().map_err(of)?);
    let created_seconds = input.i64().map_err(of)?;
    let suite_number = input.u8().map_err(of)?;
    let suite = Suite::from_number(suite_number)
        .ok_or_else(|| incompatible(format!("cipher suite {suite_number} is not known")))?;
    let key_epoch = input.u32().map_err(of)?;
    let mut features = [0; 4];
    for set in &mut features {
        *set = input.u64().map_err(of)?;
    }
    let algorithm = input.u8().map_err(of)?;
    if algorithm != 1 {
        return Err(incompatible(format!("chunker algorithm {algorithm} is not known")));
    }
    let (min_bytes, avg_bytes) = (input.u32().map_err(of)?, input.u32().map_err(of)?);
    let chunker = ChunkerParams { min_bytes, avg_bytes, max_bytes: input.u32().map_err(of)? };
    chunker.validate()?;
    let segment_mib = input.u32().map_err(of)?;
    if segment_mib == 0 {
        return Err(StoreError::damaged(CONFIG, 0, "segments of at least one MiB", "0"));
    }
    let config = Config {
        version,
        repository,
        created_seconds,
        suite,
        key_epoch,
        features,
        chunker,
        segment_mib,
        tree_window: input.u16().map_err(of)?,
        pack_target_bytes: input.u32().map_err(of)?,
    };
    input.end().map_err(of)?;
    Ok(config)
}

/// Proves, once the keys are known, that the config is the one `init` wrote.
pub(crate) fn check_mac(parsed: &Parsed, commit_key: &RoleKey) -> Result<(), StoreError> {
    if macs_match(&mac(commit_key, b"config", &parsed.authenticated), &parsed.mac) {
        return Ok(());
    }
    Err(StoreError::damaged(CONFIG, parsed.authenticated.len() as u64, "this repository's seal", "another"))
}

/// The set of features that whoever writes must know, and that whoever checks must.
pub(crate) const WRITING: usize = 1;
pub(crate) const CHECKING: usize = 3;

/// Refuses an operation whose feature set has bits this program does not know.
pub(crate) fn check_features(config: &Config, set: usize, operation: &str) -> Result<(), StoreError> {
    let unknown = config.features[set] & !KNOWN_FEATURES[set];
    if unknown == 0 {
        return Ok(());
    }
    let detail =
        format!("it uses features ({unknown:#x}) without which it cannot be {operation}; a newer version is needed");
    Err(StoreError::Incompatible { object: CONFIG.into(), detail })
}
