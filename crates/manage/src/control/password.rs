//! Passwords and tokens of people, as they are kept.

use argon2::{Algorithm, Argon2, Params, Version};
use datakeep_model::Secret;
use std::fmt::Write;

/// What a hash costs: 19 MiB, two passes, one lane (the first choice of OWASP's password storage cheat sheet).
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Shortest password that is taken.
pub const MIN_LEN_BYTES: usize = 12;
/// Longest, so that nobody makes the server hash a book.
pub const MAX_LEN_BYTES: usize = 1024;

/// Hashes a password with Argon2id (RFC 9106), in a form that carries its own parameters. Takes about 20 ms and 19 MiB: the
/// caller bounds how many at once.
pub fn hash(password: &Secret, salt: [u8; 16]) -> Option<String> {
    let digest = digest(password, &salt, COST)?;
    let (memory, passes, lanes) = COST;
    Some(format!("argon2id:{memory}:{passes}:{lanes}:{}:{}", hex(&salt), hex(&digest)))
}

/// Whether a password is the one that was hashed. Compares in constant time; what cannot be read fits nothing.
pub fn verify(password: &Secret, kept: &str) -> bool {
    let parts: Vec<&str> = kept.split(':').collect();
    let [kind, memory, passes, lanes, salt, expected] = parts.as_slice() else { return false };
    let (Ok(memory), Ok(passes), Ok(lanes)) = (memory.parse(), passes.parse(), lanes.parse()) else { return false };
    // A database that somebody else wrote shall not make us take all memory.
    if *kind != "argon2id" || memory > 1 << 20 || passes > 16 || lanes > 8 {
        return false;
    }
    let Some(salt) = unhex(salt) else { return false };
    digest(password, &salt, (memory, passes, lanes))
        .is_some_and(|found| same(hex(&found).as_bytes(), expected.as_bytes()))
}

/// What an unknown name is compared with, so that it takes as long as a known one.
pub fn nobody() -> String {
    hash(&Secret::new(b"nobody".to_vec()), [0; 16]).unwrap_or_default()
}

fn digest(password: &Secret, salt: &[u8], (memory, passes, lanes): (u32, u32, u32)) -> Option<[u8; 32]> {
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut out = [0u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.expose(), salt, &mut out)
        .ok()?;
    Some(out)
}

/// What is kept of a token or session: they are 256 bits of chance, so a plain hash is enough.
pub fn token_hash(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0u8, |seen, (l, r)| seen | (l ^ r)) == 0
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits() {
        let kept = hash(&Secret::new(b"correct horse".to_vec()), [7; 16]).unwrap();
        assert!(kept.starts_with("argon2id:19456:2:1:0707"));
        assert!(verify(&Secret::new(b"correct horse".to_vec()), &kept));
        assert!(!verify(&Secret::new(b"correct horsf".to_vec()), &kept));
        for broken in ["", "x", "argon2id:1:1:1", "argon2id:4294967295:2:1:00:00", "plain:8:1:1:00:00"] {
            assert!(!verify(&Secret::new(b"a".to_vec()), broken), "{broken}");
        }
    }
}
