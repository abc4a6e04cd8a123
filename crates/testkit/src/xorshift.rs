//! Deterministic data: the same seed gives the same bytes on every machine, for ever.

/// Marsaglia's xorshift64* ("Xorshift RNGs", 2003; multiplier by Vigna, 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct XorShift(u64);

impl XorShift {
    /// A generator; every seed is valid, neighbouring seeds give unlike rows.
    pub fn new(seed: u64) -> Self {
        let mixed = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self((mixed ^ (mixed >> 31)).max(1))
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

/// `len` bytes that no compressor makes smaller.
pub fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut chance = XorShift::new(seed);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&chance.next_u64().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

const WORDS: &[&str] = &[
    "backup", "restore", "table", "the", "of", "and", "order", "customer", "snapshot", "chunk", "a", "in", "price",
    "total", "2024", "street", "null", "true", "version", "with",
];

/// `len` bytes of plain words in lines, which compress to about a quarter.
pub fn text(seed: u64, len: usize) -> Vec<u8> {
    let mut chance = XorShift::new(seed);
    let mut bytes = Vec::with_capacity(len + 16);
    while bytes.len() < len {
        let pick = usize::try_from(chance.below(WORDS.len() as u64)).unwrap_or(0);
        bytes.extend_from_slice(WORDS[pick].as_bytes());
        bytes.push(if chance.below(10) == 0 { b'\n' } else { b' ' });
    }
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(random_bytes(7, 100), random_bytes(7, 100));
        assert_eq!(random_bytes(7, 100)[..50], random_bytes(7, 50));
        assert_ne!(random_bytes(7, 100), random_bytes(8, 100));
        assert_ne!(text(7, 100), text(8, 100));
        assert_eq!(random_bytes(0, 4), [191, 111, 15, 116], "bytes of a seed never change: tests quote them");
    }

    #[test]
    fn lengths_are_exact_and_data_is_what_it_says() {
        for len in [0, 1, 7, 8, 9, 4096] {
            assert_eq!(random_bytes(1, len).len(), len);
            assert_eq!(text(1, len).len(), len);
        }
        let distinct = random_bytes(3, 65536).chunks(4).map(<[u8]>::to_vec).collect::<BTreeSet<_>>().len();
        assert!(distinct > 16_000, "{distinct}");
        assert!(text(3, 4096).iter().all(|&byte| byte == b'\n' || (0x20..0x7f).contains(&byte)));
    }
}
