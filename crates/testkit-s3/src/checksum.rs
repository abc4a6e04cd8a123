//! The checksums S3 knows, over whole bodies.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use md5::{Digest, Md5};

/// A checksum that a request names and the server remembers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Algorithm {
    /// `x-amz-checksum-crc32`.
    Crc32,
    /// `x-amz-checksum-crc32c`.
    Crc32c,
    /// `x-amz-checksum-sha1`.
    Sha1,
    /// `x-amz-checksum-sha256`.
    Sha256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Crc32, Self::Crc32c, Self::Sha1, Self::Sha256];

    /// The name of its header, in small letters.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The checksum in the form headers have: base64 of the big-endian value.
    pub fn of(self, bytes: &[u8]) -> String {
        match self {
            Self::Crc32 => BASE64_STANDARD.encode(crc(&CRC32, bytes).to_be_bytes()),
            Self::Crc32c => BASE64_STANDARD.encode(crc(&CRC32C, bytes).to_be_bytes()),
            Self::Sha1 => BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes)),
            Self::Sha256 => BASE64_STANDARD.encode(digest(&SHA256, bytes)),
        }
    }
}

/// MD5, of which S3 makes its ETags.
pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The form `Content-MD5` has.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Small letters, two for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 as signatures use it.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

const CRC32: [u32; 256] = crc_table(0xedb8_8320);
const CRC32C: [u32; 256] = crc_table(0x82f6_3b78);

/// The table of a reflected polynomial.
const fn crc_table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

fn crc(table: &[u32; 256], bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |value: u32, &byte| table[usize::from(value as u8 ^ byte)] ^ (value >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values every catalogue of checksums gives for these nine bytes.
    #[test]
    fn the_known_values_come_out() {
        assert_eq!(crc(&CRC32, b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(&CRC32C, b"123456789"), 0xe306_9283);
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Algorithm::Crc32c.of(b"123456789"), "4waSgw==");
        assert_eq!(Algorithm::Sha1.of(b""), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    }
}
