//! Signatures under evidence of drills: Ed25519 (RFC 8032), with a key made from the repository's root key.
//!
//! The seed is HKDF-SHA-256 with the root key as input, the repository's id as salt, and [`LABEL`] as info. It has no epoch: evidence
//! must be verifiable as long as the repository is. Why a key pair and no authenticator: `docs/decisions/0015-drill-evidence.md`.

use crate::hkdf::hkdf_sha256;
use crate::keys::RootKey;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use datakeep_model::RepositoryId;
use zeroize::Zeroizing;

/// What the seed is made for.
pub const LABEL: &[u8] = b"datakeep drill evidence 1";

/// Signs evidence. Does not print.
pub struct EvidenceKey(Ed25519KeyPair);

impl std::fmt::Debug for EvidenceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EvidenceKey(..)")
    }
}

impl EvidenceKey {
    /// The key of a repository.
    pub fn derive(root: &RootKey, repository: RepositoryId) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        hkdf_sha256(root.expose(), &repository.0, &[LABEL], seed.as_mut_slice());
        Self(Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("every 32 bytes are a seed"))
    }

    /// What verifies its signatures: 32 bytes.
    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    /// Signs: 64 bytes, the same for the same message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// True when `signature` was made over `message` by whoever has the other half of `public`. Malformed keys and signatures are
/// wrong ones.
pub fn is_signed(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rising;

    #[test]
    fn only_what_was_signed_is_signed() {
        let root = RootKey::from_bytes(rising(0));
        let key = EvidenceKey::derive(&root, RepositoryId([7; 16]));
        let signature = key.sign(b"proven");
        assert!(is_signed(&key.public(), b"proven", &signature));
        assert!(!is_signed(&key.public(), b"failed", &signature));
        assert!(!is_signed(&key.public(), b"proven", &signature[1..]));
        assert!(!is_signed(b"no key", b"proven", &signature));
        assert_eq!(signature, EvidenceKey::derive(&root, RepositoryId([7; 16])).sign(b"proven"));
        let other = EvidenceKey::derive(&root, RepositoryId([8; 16]));
        assert!(!is_signed(&other.public(), b"proven", &signature));
        assert_eq!(format!("{key:?}"), "EvidenceKey(..)");
    }
}
