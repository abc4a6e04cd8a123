//! The machines every byte passes through: cut, name, compress, seal; and the keys they need.
//!
//! Pure and synchronous. Nothing here reads a file, a clock, the environment or random bytes: salts, nonces and keys
//! are parameters, so the same input gives the same output everywhere.
//!
//! | Module | Turns | Into |
//! |---|---|---|
//! | [`chunker`] | content | lengths of content-defined chunks |
//! | [`id`] | a chunk | its keyed name; stored bytes into their digest; a tree key into a boundary hash |
//! | [`compress`] | a frame's plaintext | stored bytes and the codec that reads them |
//! | [`seal`] | stored bytes | ciphertext and a tag, under a key made for one object |
//! | [`keys`] | the root key | one key for each role |
//! | [`evidence`] | a document and the root key | a signature that others can verify |
//! | [`slot`] | the root key and a password | a wrapped root key |
//! | [`recovery`] | 20 random bytes | a code that people can write down |

pub mod chunker;
pub mod compress;
pub mod error;
pub mod evidence;
pub mod id;
pub mod keys;
pub mod recovery;
pub mod seal;
pub mod slot;

#[cfg(test)]
mod fuzz;
mod hkdf;
mod probe;
#[cfg(test)]
mod testing;

pub use chunker::{Chunker, ChunkerParams};
pub use compress::{Codec, CompressionSettings, Compressor, Decompressor, MAX_FRAME_RAW_LEN_BYTES, MatchStrategy};
pub use error::ProcessError;
pub use evidence::{EvidenceKey, is_signed};
pub use id::{BoundaryHasher, DigestWriter, IdHasher, digest};
pub use keys::{KeyRing, RoleKey, RootKey, mac, macs_match};
pub use recovery::{RecoveryCode, RecoveryError};
pub use seal::{MAX_COUNTER, ObjectKey, Suite, TAG_LEN_BYTES, commitment_matches};
pub use slot::{KdfParams, Wrapped, unwrap_root, wrap_root};
