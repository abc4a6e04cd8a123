//! Sealing: authenticated encryption under a key that belongs to one object.
//!
//! - **Object key**: HKDF-SHA-256 with the role key as input, the object's salt as salt, and as info [`OBJECT_LABEL`],
//!   the suite's number as one byte and the context; 32 bytes of key, then 32 bytes of **commitment**. A reader compares
//!   the commitment before it opens anything: AES-GCM and ChaCha20-Poly1305 do not bind a message to one key by
//!   themselves.
//! - **Nonce**: the counter as a 96-bit big-endian number. The key is used for one object alone and a counter for one
//!   message alone, so no nonce comes twice.
//! - **Suite 0** does not encrypt. Its tag is the first 16 bytes of keyed BLAKE3, with the object key, over the counter
//!   and the length of the associated data (both 64-bit big-endian), the associated data and the bytes: a repository
//!   without encryption finds damage and misplaced frames all the same.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::error::ProcessError;
use crate::hkdf::hkdf_sha256;
use crate::keys::RoleKey;

/// First part of the info of an object key (module documentation).
pub const OBJECT_LABEL: &[u8] = b"datakeep object key 1";

/// Length of a tag in every suite.
pub const TAG_LEN_BYTES: usize = 16;

/// The largest counter. NIST SP 800-38D allows 2^32 messages under one key.
pub const MAX_COUNTER: u64 = u32::MAX as u64;

/// How objects are protected. Part of the repository's configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Suite {
    /// Not encrypted; damage is still found.
    Plain = 0,
    /// AES-256-GCM (NIST SP 800-38D).
    Aes256Gcm = 1,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305 = 2,
}

impl Suite {
    /// All suites in order of their number.
    pub const ALL: [Suite; 3] = [Suite::Plain, Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

    /// The suite with this number; `None` when unknown.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number that stands for the suite on disk.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// The key of one object.
pub struct ObjectKey(Cipher);

enum Cipher {
    Plain(Zeroizing<[u8; 32]>),
    Aead(LessSafeKey),
}

impl ObjectKey {
    /// The key, and the commitment to it, of the object with this salt. `context` says what the object is; the salt
    /// must never serve two objects.
    pub fn derive(suite: Suite, role_key: &RoleKey, context: &[u8], salt: &[u8; 32]) -> (Self, [u8; 32]) {
        let mut okm = Zeroizing::new([0u8; 64]);
        hkdf_sha256(role_key.expose(), salt, &[OBJECT_LABEL, &[suite.number()], context], okm.as_mut_slice());
        let (key, commitment) = split_key_and_commitment(&okm);
        (Self::from_key(suite, &key), commitment)
    }

    pub(crate) fn from_key(suite: Suite, key: &[u8; 32]) -> Self {
        Self(match suite {
            Suite::Plain => Cipher::Plain(Zeroizing::new(*key)),
            Suite::Aes256Gcm => Cipher::Aead(aead_key(&AES_256_GCM, key)),
            Suite::ChaCha20Poly1305 => Cipher::Aead(aead_key(&CHACHA20_POLY1305, key)),
        })
    }

    /// Replaces `buffer` by what is to be stored and gives the tag to store with it. A counter must never be used
    /// twice with one key.
    pub fn seal(&self, counter: u64, associated: &[u8], buffer: &mut [u8]) -> Result<[u8; 16], ProcessError> {
        if counter > MAX_COUNTER {
            return Err(ProcessError::Counter(counter));
        }
        match &self.0 {
            Cipher::Plain(key) => Ok(plain_tag(key, counter, associated, buffer)),
            Cipher::Aead(key) => seal_with_nonce(key, nonce(counter), associated, buffer),
        }
    }

    /// Replaces `buffer` by what was sealed. On an error the buffer is wiped: nothing unproven is left in it.
    pub fn open(&self, counter: u64, associated: &[u8], buffer: &mut [u8], tag: &[u8; 16]) -> Result<(), ProcessError> {
        let opened = match &self.0 {
            _ if counter > MAX_COUNTER => Err(ProcessError::Damaged),
            Cipher::Plain(key) => verify_slices_are_equal(&plain_tag(key, counter, associated, buffer), tag)
                .map_err(|_| ProcessError::Damaged),
            Cipher::Aead(key) => open_with_nonce(key, nonce(counter), associated, buffer, tag),
        };
        if opened.is_err() {
            buffer.fill(0);
        }
        opened
    }
}

/// True when two commitments are equal, in a time that does not tell where they differ.
pub fn commitment_matches(a: &[u8; 32], b: &[u8; 32]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

/// A derived key and the commitment that was derived with it.
pub(crate) fn split_key_and_commitment(okm: &[u8; 64]) -> (Zeroizing<[u8; 32]>, [u8; 32]) {
    let mut key = Zeroizing::new([0u8; 32]);
    let mut commitment = [0u8; 32];
    key.copy_from_slice(&okm[..32]);
    commitment.copy_from_slice(&okm[32..]);
    (key, commitment)
}

fn aead_key(algorithm: &'static Algorithm, key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm, key).expect("both suites take keys of 32 bytes"))
}

fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0u8; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

fn seal_with_nonce(
    key: &LessSafeKey,
    nonce: [u8; 12],
    associated: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; 16], ProcessError> {
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), buffer)
        .map_err(|_| ProcessError::Seal)?;
    tag.as_ref().try_into().map_err(|_| ProcessError::Seal)
}

fn open_with_nonce(
    key: &LessSafeKey,
    nonce: [u8; 12],
    associated: &[u8],
    buffer: &mut [u8],
    tag: &[u8; 16],
) -> Result<(), ProcessError> {
    key.open_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), tag, buffer)
        .map(|_| ())
        .map_err(|_| ProcessError::Damaged)
}

fn plain_tag(key: &[u8; 32], counter: u64, associated: &[u8], buffer: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&counter.to_be_bytes());
    hasher.update(&(associated.len() as u64).to_be_bytes());
    hasher.update(associated);
    hasher.update(buffer);
    let mut tag = [0u8; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

#[cfg(test)]
mod tests;
