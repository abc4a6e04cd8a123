//! HKDF-SHA-256 (RFC 5869), the only way one key is made from another.

use aws_lc_rs::hkdf;

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// Fills `out` (at most 8160 bytes) from the input key `ikm`, `salt`, and the parts of `info` joined without
/// separators: callers put parts of fixed length first.
pub(crate) fn hkdf_sha256(ikm: &[u8], salt: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(ikm);
    prk.expand(info, Len(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("expansion fails only for more than 8160 bytes, and callers ask for fixed short lengths");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_5869_a_1() {
        let ikm = [0x0b; 22];
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let mut okm = [0u8; 42];
        hkdf_sha256(&ikm, &salt, &[&info[..4], &info[4..]], &mut okm);
        let hex: String = okm.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    }
}
