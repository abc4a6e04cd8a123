//! Names made of content.
//!
//! - **Chunk id**: keyed BLAKE3-256 over the chunk's bytes alone, under a key of its kind: keyed BLAKE3 with the id key
//!   over [`KIND_LABEL`] and the kind's number as one byte. So equal bytes of two kinds have two names, and nothing is
//!   put in front of the data, which keeps it aligned for the hash.
//! - **Object digest**: plain BLAKE3-256 of stored bytes, so that they can be checked with no key.
//! - **Boundary hash**: keyed BLAKE3 with the boundary key over the level as one byte and the tree key; its first eight
//!   bytes as a little-endian number.

use datakeep_model::{ChunkId, ChunkKind, ObjectDigest};

/// What the key of a kind is made over (module documentation).
pub const KIND_LABEL: &[u8] = b"datakeep chunk id of kind";

/// Names chunks.
pub struct IdHasher {
    /// By the kind's number. Ready-made hashers: cloning one is cheaper than setting up its key schedule anew.
    kinds: [blake3::Hasher; ChunkKind::ALL.len()],
}

impl IdHasher {
    /// A hasher with the keys of all kinds.
    pub fn new(key: &[u8; 32]) -> Self {
        let kinds = ChunkKind::ALL.map(|kind| {
            let kind_key = blake3::Hasher::new_keyed(key).update(KIND_LABEL).update(&[kind.number()]).finalize();
            blake3::Hasher::new_keyed(kind_key.as_bytes())
        });
        Self { kinds }
    }

    /// The name of a chunk.
    pub fn id(&self, kind: ChunkKind, data: &[u8]) -> ChunkId {
        let mut hasher = self.kinds[usize::from(kind.number())].clone();
        ChunkId(*hasher.update(data).finalize().as_bytes())
    }
}

/// The digest of an object's stored bytes.
pub fn digest(data: &[u8]) -> ObjectDigest {
    ObjectDigest(*blake3::hash(data).as_bytes())
}

/// The digest of an object whose stored bytes come in pieces.
#[derive(Clone, Default)]
pub struct DigestWriter(blake3::Hasher);

impl DigestWriter {
    /// The digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> ObjectDigest {
        ObjectDigest(*self.0.finalize().as_bytes())
    }
}

/// Decides with a secret where nodes of the tree end.
pub struct BoundaryHasher(blake3::Hasher);

impl BoundaryHasher {
    /// A hasher with this boundary key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_keyed(key))
    }

    /// The boundary hash of a key on a level of the tree.
    pub fn key_hash(&self, level: u8, key: &[u8]) -> u64 {
        let mut hasher = self.0.clone();
        let hash = hasher.update(&[level]).update(key).finalize();
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, noise, rising};

    /// The official vectors of BLAKE3 (`test_vectors.json`), keyed and plain.
    #[test]
    fn blake3_vectors() {
        let key = b"whats the Elvish word for friend";
        let keyed = |data: &[u8]| hex(blake3::keyed_hash(key, data).as_bytes());
        assert_eq!(keyed(b""), "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26");
        assert_eq!(keyed(&[0]), "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b");
        assert_eq!(digest(b"").to_hex(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    }

    /// The values come from a program in another language.
    #[test]
    fn golden_names() {
        let hasher = IdHasher::new(&rising(0));
        let names = ChunkKind::ALL.map(|kind| hasher.id(kind, b"some bytes").to_hex());
        assert_eq!(names, GOLDEN_IDS);
        let boundary = BoundaryHasher::new(&rising(0));
        assert_eq!([boundary.key_hash(0, b"key"), boundary.key_hash(1, b"key")], GOLDEN_BOUNDARIES);
    }

    const GOLDEN_IDS: [&str; 4] = [
        "49ce387254278e1f43bba41bdca7ec353f168eb1db5fc726c9a039b770ad897c",
        "2099d0e64ceff197bac027d3352435541eb4625958107fea49b3cfaf9d731389",
        "4020d32691e570e6e4ef438dc294405532d3d82fcd27f74165063b32d4d2bb34",
        "297ce692fd2dab5f576d19372446f576c2f9e4dcf9d2688a5f38af5bd04ea7d3",
    ];
    const GOLDEN_BOUNDARIES: [u64; 2] = [18106399663629884202, 2630685986404642023];

    #[test]
    fn names_are_as_documented() {
        let data = noise(1, 100_000);
        for kind in ChunkKind::ALL {
            let label = [KIND_LABEL, &[kind.number()]].concat();
            let kind_key = blake3::keyed_hash(&rising(3), &label);
            let expected = blake3::keyed_hash(kind_key.as_bytes(), &data);
            assert_eq!(IdHasher::new(&rising(3)).id(kind, &data).0, *expected.as_bytes());
        }
    }

    #[test]
    fn pieces_give_the_same_digest() {
        let data = noise(2, 10_000);
        let mut writer = DigestWriter::new();
        data.chunks(777).for_each(|piece| writer.update(piece));
        assert_eq!(writer.finish(), digest(&data));
    }
}
