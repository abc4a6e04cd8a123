//! Data made from numbers: the same on every machine, and not two alike.

use datakeep_testkit::{XorShift, random_bytes};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

const PIECE_BYTES: usize = 4 << 20;

/// What a made file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No compressor makes it smaller.
    Noise,
    /// Words and numbers in lines: two to three times smaller when compressed.
    Prose,
}

impl Kind {
    /// `len` bytes; other seeds give other bytes.
    pub fn bytes(self, seed: u64, len: usize) -> Vec<u8> {
        match self {
            Self::Noise => random_bytes(seed, len),
            Self::Prose => prose(seed, len),
        }
    }

    /// Writes a file of such bytes.
    pub fn write(self, path: &Path, seed: u64, len_bytes: u64) -> io::Result<()> {
        let mut file = File::create(path)?;
        let mut left = len_bytes;
        for piece in 0.. {
            if left == 0 {
                break;
            }
            let len = left.min(PIECE_BYTES as u64);
            let bytes = self.bytes(seed.wrapping_mul(0x1_0000_0001).wrapping_add(piece), PIECE_BYTES);
            file.write_all(&bytes[..len as usize])?;
            left -= len;
        }
        file.sync_all()
    }
}

const VOCABULARY: usize = 4096;

/// Log-like lines: words of a large vocabulary, some far more often than others, and numbers.
fn prose(seed: u64, len: usize) -> Vec<u8> {
    let letters = random_bytes(0x70_726f_7365, VOCABULARY * 9);
    let words: Vec<Vec<u8>> = letters
        .chunks(9)
        .map(|letters| letters[1..4 + usize::from(letters[0] % 6)].iter().map(|byte| b'a' + byte % 26).collect())
        .collect();
    let mut chance = XorShift::new(seed);
    let mut text = Vec::with_capacity(len + 32);
    while text.len() < len {
        let drawn = chance.next_u64();
        if drawn.is_multiple_of(6) {
            text.extend_from_slice(((drawn >> 8) % 1_000_000).to_string().as_bytes());
        } else {
            // The lower of three draws: what comes first in the vocabulary comes often.
            let pick = [8, 24, 40].map(|shift| (drawn >> shift) as usize % VOCABULARY).into_iter().min();
            text.extend_from_slice(&words[pick.unwrap_or(0)]);
        }
        text.push(if (drawn >> 56).is_multiple_of(12) { b'\n' } else { b' ' });
    }
    text.truncate(len);
    text
}

/// Writes `count` files of 100 to 1000 bytes into folders of at most a thousand files each; answers their bytes.
pub fn small_files(folder: &Path, count: u64) -> io::Result<u64> {
    let mut chance = XorShift::new(count);
    let source = prose(count, 1 << 20);
    let mut total = 0;
    for number in 0..count {
        let below = folder.join(format!("{:04}", number / 1000));
        if number % 1000 == 0 {
            fs::create_dir_all(&below)?;
        }
        let len = 100 + chance.below(901) as usize;
        let from = chance.below((source.len() - len) as u64) as usize;
        // The number makes every content another one.
        let mut body = format!("{number}\n").into_bytes();
        body.extend_from_slice(&source[from..from + len - body.len()]);
        fs::write(below.join(format!("file-{number:07}.txt")), &body)?;
        total += body.len() as u64;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_process::{CompressionSettings, Compressor};

    #[test]
    fn prose_compresses_two_to_three_times_and_noise_does_not() {
        let mut compressor = Compressor::new(&CompressionSettings::DEFAULT).expect("valid");
        let mut ratio = |kind: Kind| {
            let (data, mut out) = (kind.bytes(3, 2 << 20), Vec::new());
            compressor.compress(&data, &mut out).expect("compressed");
            data.len() as f64 / out.len() as f64
        };
        let prose = ratio(Kind::Prose);
        assert!((2.0..=3.0).contains(&prose), "{prose}");
        assert!(ratio(Kind::Noise) <= 1.0);
    }

    #[test]
    fn files_have_their_length_and_seeds_differ() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let long = PIECE_BYTES as u64 + 7;
        for (name, kind, seed) in [("a", Kind::Noise, 1), ("b", Kind::Noise, 2), ("c", Kind::Prose, 1)] {
            kind.write(&dir.path().join(name), seed, long).expect("written");
        }
        let read = |name: &str| fs::read(dir.path().join(name)).expect("read");
        assert_eq!(read("a").len() as u64, long);
        assert_ne!(read("a"), read("b"));
        assert_ne!(read("a")[..100], read("a")[PIECE_BYTES - 93..PIECE_BYTES + 7]);
        assert_eq!(read("c").len() as u64, long);
    }

    #[test]
    fn small_files_are_many_and_all_different() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let total = small_files(dir.path(), 2500).expect("written");
        let folders = fs::read_dir(dir.path()).expect("read").count();
        assert_eq!(folders, 3);
        let found = crate::verify::size(dir.path(), false).expect("measured");
        assert_eq!((found.files, found.bytes), (2500, total));
        assert!((2500 * 500..2500 * 600).contains(&total), "{total}");
    }
}
