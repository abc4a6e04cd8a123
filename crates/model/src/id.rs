//! Identifiers. All are fixed-size byte strings that print as lower-case hexadecimal.

use std::fmt;

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length of the identifier in bytes.
            pub const LEN_BYTES: usize = $len;

            /// The identifier as lower-case hexadecimal, `2 * LEN_BYTES` characters.
            pub fn to_hex(&self) -> String {
                use fmt::Write;
                self.0.iter().fold(String::with_capacity($len * 2), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                })
            }

            /// Parses exactly `2 * LEN_BYTES` hexadecimal characters, lower case only; anything else is `None`, so
            /// that one identifier has one spelling.
            pub fn from_hex(text: &str) -> Option<Self> {
                let text = text.as_bytes();
                if text.len() != $len * 2 {
                    return None;
                }
                let mut bytes = [0u8; $len];
                for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                    *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
                }
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.to_hex())
            }
        }
    };
}

fn hex_digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

byte_id!(
    /// Name of a repository, drawn at `init` and bound into everything that is encrypted in it.
    RepositoryId,
    16
);
byte_id!(
    /// Name of a session (one writer's run) and, once committed, of the snapshot it made. Random, never reused.
    SessionId,
    12
);
byte_id!(
    /// Keyed BLAKE3-256 over the kind and the plaintext of a chunk.
    ChunkId,
    32
);
byte_id!(
    /// Unkeyed BLAKE3-256 of an object's stored bytes; lets bytes be checked with no key.
    ObjectDigest,
    32
);

impl SessionId {
    /// The first eight hexadecimal characters: what people type and tables show.
    pub fn short(&self) -> String {
        self.to_hex()[..8].to_string()
    }
}

/// What a chunk holds. Bound into the chunk's id and into the associated data of its frame, so that bytes of one kind
/// can never be accepted as another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ChunkKind {
    /// File content.
    Data = 0,
    /// A node of the snapshot tree.
    Node = 1,
    /// A page of a long content list.
    List = 2,
    /// Extended attributes too large for a node.
    Attributes = 3,
}

impl ChunkKind {
    /// All kinds, in order of their number.
    pub const ALL: [ChunkKind; 4] = [ChunkKind::Data, ChunkKind::Node, ChunkKind::List, ChunkKind::Attributes];

    /// The kind with this number; `None` for a number this version does not know.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number that stands for the kind on disk.
    pub fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_is_strict() {
        let id = SessionId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xab, 0xff]);
        assert_eq!(id.to_hex(), "00010203040506070809abff");
        assert_eq!(SessionId::from_hex(&id.to_hex()), Some(id));
        assert_eq!(SessionId::from_hex("00010203040506070809ABFF"), None);
        assert_eq!(SessionId::from_hex("00"), None);
        assert_eq!(id.short(), "00010203");
    }

    #[test]
    fn kinds_have_stable_numbers() {
        for kind in ChunkKind::ALL {
            assert_eq!(ChunkKind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(ChunkKind::from_number(4), None);
    }
}
