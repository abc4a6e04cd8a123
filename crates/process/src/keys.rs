//! One random root key, and a key of its own for each role.
//!
//! A role key is HKDF-SHA-256 with the root key as input, the repository's id as salt, and as info the role's label,
//! followed by the key epoch (32-bit big-endian) where the role has one. Names of content must stay the same over all
//! epochs, or nothing would be recognised after a rotation: `id`, `chunker` and `boundary` have no epoch.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use datakeep_model::RepositoryId;
use zeroize::Zeroizing;

use crate::hkdf::hkdf_sha256;

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<[u8; 32]>);

        impl $name {
            /// Takes the bytes over.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(Zeroizing::new(bytes))
            }

            /// The bytes themselves. Call it only where they are used, never to log or to store.
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }

            pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
                self.0.as_mut_slice()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

secret_key!(
    /// The key everything else is made from. Drawn at random, stored only wrapped ([`crate::slot`]). Does not print;
    /// wiped when dropped.
    RootKey
);
secret_key!(
    /// The key of one role. Does not print; wiped when dropped.
    RoleKey
);

/// The keys of all roles in one key epoch.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// Names chunks. Same in all epochs.
    pub id: RoleKey,
    /// Draws the chunker's gear table. Same in all epochs.
    pub chunker: RoleKey,
    /// Chooses where tree nodes end. Same in all epochs.
    pub boundary: RoleKey,
    /// Names rows, columns and groups of tables, and chooses where groups end. Same in all epochs.
    pub table: RoleKey,
    /// Makes the keys of data packs.
    pub data: RoleKey,
    /// Makes the keys of metadata packs, indexes and manifests.
    pub meta: RoleKey,
    /// Makes the keys of reach lists.
    pub reach: RoleKey,
    /// Authenticates commits and configuration.
    pub commit: RoleKey,
}

impl KeyRing {
    /// The ring of a repository in an epoch.
    pub fn derive(root: &RootKey, repository: RepositoryId, epoch: u32) -> Self {
        let derive = |label: &[u8], epoch: &[u8]| {
            let mut key = RoleKey::from_bytes([0; 32]);
            hkdf_sha256(root.expose(), &repository.0, &[label, epoch], key.bytes_mut());
            key
        };
        let epoch = epoch.to_be_bytes();
        Self {
            id: derive(b"datakeep role id 1", &[]),
            chunker: derive(b"datakeep role chunker 1", &[]),
            boundary: derive(b"datakeep role boundary 1", &[]),
            table: derive(b"datakeep role table 1", &[]),
            data: derive(b"datakeep role data 1 epoch ", &epoch),
            meta: derive(b"datakeep role meta 1 epoch ", &epoch),
            reach: derive(b"datakeep role reach 1 epoch ", &epoch),
            commit: derive(b"datakeep role commit 1 epoch ", &epoch),
        }
    }
}

/// Authenticates `data` for the purpose `label`: keyed BLAKE3-256 over the length of the label (64-bit big-endian), the
/// label and the data.
pub fn mac(key: &RoleKey, label: &[u8], data: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(&(label.len() as u64).to_be_bytes());
    hasher.update(label);
    hasher.update(data);
    *hasher.finalize().as_bytes()
}

/// True when two results of [`mac`] are equal, in a time that does not tell where they differ.
pub fn macs_match(a: &[u8; 32], b: &[u8; 32]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, rising};

    fn ring(epoch: u32) -> [String; 7] {
        let ring = KeyRing::derive(&RootKey::from_bytes(rising(0)), RepositoryId([7; 16]), epoch);
        [ring.id, ring.chunker, ring.boundary, ring.data, ring.meta, ring.reach, ring.commit]
            .map(|key| hex(key.expose()))
    }

    /// The values come from a program in another language with other libraries.
    #[test]
    fn golden_ring() {
        assert_eq!(ring(258), GOLDEN);
    }

    const GOLDEN: [&str; 7] = [
        "e64233262356a9b8d3207d0eda9186b403f4123da8c34028e635febe98b8ce40",
        "629cf6751affac380ae203a4a608f13f5ae47ab4dd3ae5e9b2ff72f9064d386c",
        "a3999315162611954b52179bc800db704bfe2be6bf72f305303e562afe032e61",
        "5709aa183ea4af0d5d1b8ae529b9aa4b52239a11e12a6b038831c0c1dfc6015d",
        "9b2c26c6154e11ae82b104f17a79a689210cc25c894756df04a994aabf9f92d5",
        "5e1465c47fb110331bc4e9c1a8ed41002d55b119de2822fa1e55ceb6e84a25fa",
        "caf4792c43dc3318b7ea9c42b0859adfb040dfc2d9d8c484e973f31a9e704bca",
    ];

    #[test]
    fn names_survive_a_rotation_and_ciphers_do_not() {
        let (old, new) = (ring(1), ring(2));
        assert_eq!(old[..3], new[..3]);
        let mut all: Vec<&String> = old.iter().chain(&new[3..]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 11);
    }

    #[test]
    fn repositories_with_one_root_share_no_key() {
        let root = RootKey::from_bytes(rising(0));
        let id = |repository| *KeyRing::derive(&root, RepositoryId(repository), 1).id.expose();
        assert_ne!(id([1; 16]), id([2; 16]));
    }

    #[test]
    fn keys_do_not_print() {
        let root = RootKey::from_bytes(rising(0));
        assert_eq!(format!("{root:?}"), "RootKey(..)");
        assert!(!format!("{:?}", KeyRing::derive(&root, RepositoryId([7; 16]), 1)).contains(char::is_numeric));
    }

    #[test]
    fn labels_and_data_do_not_run_together() {
        let key = RoleKey::from_bytes(rising(0));
        assert_ne!(mac(&key, b"ab", b"c"), mac(&key, b"a", b"bc"));
        assert_eq!(hex(&mac(&key, b"label", b"data")), GOLDEN_MAC);
        assert!(macs_match(&mac(&key, b"a", b"b"), &mac(&key, b"a", b"b")));
        assert!(!macs_match(&mac(&key, b"a", b"b"), &mac(&key, b"a", b"c")));
    }

    const GOLDEN_MAC: &str = "68420519010f687102d928fac211dbed20037c44b3e667881252c7087b3f5d88";
}
