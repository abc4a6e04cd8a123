//! Key slots: the root key wrapped under a password or recovery code.
//!
//! - Argon2id version 0x13 (RFC 9106) of the password with the slot's 32-byte salt gives 32 bytes.
//! - HKDF-SHA-256 of those, with the same salt and [`WRAP_LABEL`] as info, gives a wrapping key and a 32-byte
//!   commitment to it. The commitment is compared first, so a wrong password and a damaged slot are told apart, and no
//!   ciphertext can be made that opens under many passwords at once (partitioning oracles, Len et al., USENIX Security
//!   2021).
//! - AES-256-GCM of the root key with nonce 0: the wrapping key seals this one message, because the salt is drawn for
//!   it. Associated data: [`WRAP_LABEL`], the repository's id, the slot kind as one byte, and memory, passes and lanes as
//!   32-bit big-endian numbers.

use argon2::{Algorithm, Argon2, Params, Version};
use datakeep_model::RepositoryId;
use zeroize::Zeroizing;

use crate::error::ProcessError;
use crate::hkdf::hkdf_sha256;
use crate::keys::RootKey;
use crate::seal::{ObjectKey, Suite, commitment_matches, split_key_and_commitment};

/// Info of the wrapping key and first part of the associated data (module documentation).
pub const WRAP_LABEL: &[u8] = b"datakeep key slot 1";

/// What a guess at the password costs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KdfParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes the memory is divided into. They are worked on side by side where the machine has the cores.
    pub lanes: u32,
}

impl KdfParams {
    /// 64 MiB, 3 passes and 4 lanes: the second recommendation of RFC 9106 (section 4).
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 4 };

    /// Refuses what could exhaust the machine: parameters are read from a repository before anything is proven.
    pub fn check_caps(&self) -> Result<(), ProcessError> {
        let refuse = |why| Err(ProcessError::KdfParams(why));
        if !(8..=4 << 20).contains(&self.memory_kib) {
            return refuse("memory is not within 8 KiB and 4 GiB");
        }
        if !(1..=64).contains(&self.passes) {
            return refuse("passes are not within 1 and 64");
        }
        if !(1..=16).contains(&self.lanes) {
            return refuse("lanes are not within 1 and 16");
        }
        if self.memory_kib < 8 * self.lanes {
            return refuse("memory is less than 8 KiB for each lane");
        }
        Ok(())
    }
}

impl Default for KdfParams {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A wrapped root key: safe to store where anyone can read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrapped {
    /// Commitment to the wrapping key.
    pub commitment: [u8; 32],
    /// The root key, encrypted.
    pub sealed_root: [u8; 32],
    /// Its tag.
    pub tag: [u8; 16],
}

/// Wraps the root key. `salt` must be drawn at random for this call alone.
pub fn wrap_root(
    root: &RootKey,
    password: &[u8],
    params: &KdfParams,
    salt: &[u8; 32],
    repository: RepositoryId,
    slot_kind: u8,
) -> Result<Wrapped, ProcessError> {
    let (key, commitment) = wrapping_key(password, params, salt)?;
    let mut sealed_root = *root.expose();
    let tag = key.seal(0, &associated(params, repository, slot_kind), &mut sealed_root)?;
    Ok(Wrapped { commitment, sealed_root, tag })
}

/// Unwraps the root key: [`ProcessError::WrongPassword`] when the commitment does not match,
/// [`ProcessError::DamagedSlot`] when it does and the rest was altered or belongs to another repository or slot kind.
pub fn unwrap_root(
    wrapped: &Wrapped,
    password: &[u8],
    params: &KdfParams,
    salt: &[u8; 32],
    repository: RepositoryId,
    slot_kind: u8,
) -> Result<RootKey, ProcessError> {
    let (key, commitment) = wrapping_key(password, params, salt)?;
    if !commitment_matches(&commitment, &wrapped.commitment) {
        return Err(ProcessError::WrongPassword);
    }
    // Opened where it stays, so that no copy is left on the stack.
    let mut root = RootKey::from_bytes(wrapped.sealed_root);
    key.open(0, &associated(params, repository, slot_kind), root.bytes_mut(), &wrapped.tag)
        .map_err(|_| ProcessError::DamagedSlot)?;
    Ok(root)
}

fn wrapping_key(password: &[u8], params: &KdfParams, salt: &[u8; 32]) -> Result<(ObjectKey, [u8; 32]), ProcessError> {
    params.check_caps()?;
    let failed = |error: argon2::Error| ProcessError::Kdf(error.to_string());
    let cost = Params::new(params.memory_kib, params.passes, params.lanes, Some(32)).map_err(failed)?;
    let mut stretched = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
        .hash_password_into(password, salt, stretched.as_mut_slice())
        .map_err(failed)?;
    let mut okm = Zeroizing::new([0u8; 64]);
    hkdf_sha256(stretched.as_slice(), salt, &[WRAP_LABEL], okm.as_mut_slice());
    let (key, commitment) = split_key_and_commitment(&okm);
    Ok((ObjectKey::from_key(Suite::Aes256Gcm, &key), commitment))
}

fn associated(params: &KdfParams, repository: RepositoryId, slot_kind: u8) -> Vec<u8> {
    let mut associated = Vec::with_capacity(WRAP_LABEL.len() + 29);
    associated.extend_from_slice(WRAP_LABEL);
    associated.extend_from_slice(&repository.0);
    associated.push(slot_kind);
    for number in [params.memory_kib, params.passes, params.lanes] {
        associated.extend_from_slice(&number.to_be_bytes());
    }
    associated
}

#[cfg(test)]
mod tests;
