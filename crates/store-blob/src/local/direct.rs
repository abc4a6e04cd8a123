//! Writes objects, large ones past the page cache.
//!
//! A pack is written once and read rarely. Written through the page cache it would cost a copy into fresh pages and push
//! out what the machine's own work keeps there. With `O_DIRECT` the disk takes the bytes from one small buffer. What
//! the file system cannot take so (alignment, the file's end, no support) goes the ordinary way.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::File;
use std::io::{self, IoSlice, Write};

/// Objects from this length on are written directly.
const LEAST_DIRECT_BYTES: usize = 512 << 10;
/// Alignment that every file system in use accepts.
const ALIGNMENT: usize = 4096;
/// Written at once.
const BUFFER_LEN_BYTES: usize = 1 << 20;

/// Writes all parts, one after another.
pub(super) fn write_all(file: &mut File, parts: &[&[u8]]) -> io::Result<()> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    if len < LEAST_DIRECT_BYTES || !set_direct(file, true) {
        return write_buffered(file, parts);
    }
    let mut memory = vec![0; BUFFER_LEN_BYTES + ALIGNMENT];
    let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    let buffer = &mut memory[start..start + BUFFER_LEN_BYTES];
    let mut filled = 0;
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let take = rest.len().min(buffer.len() - filled);
            buffer[filled..filled + take].copy_from_slice(&rest[..take]);
            filled += take;
            rest = &rest[take..];
            if filled == buffer.len() {
                write_block(file, buffer)?;
                filled = 0;
            }
        }
    }
    let aligned = filled - filled % ALIGNMENT;
    write_block(file, &buffer[..aligned])?;
    set_direct(file, false);
    write_buffered(file, &[&buffer[aligned..filled]])
}

/// Writes an aligned block; a file system that refuses it directly gets it the ordinary way.
fn write_block(file: &mut File, mut block: &[u8]) -> io::Result<()> {
    while !block.is_empty() {
        match file.write(block) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                block = &block[written..];
                // A short count may leave the rest unaligned.
                if written % ALIGNMENT != 0 {
                    set_direct(file, false);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && is_direct(file) => {
                set_direct(file, false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn write_buffered(file: &mut File, parts: &[&[u8]]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = parts.iter().filter(|p| !p.is_empty()).map(|p| IoSlice::new(p)).collect();
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        let written = match file.write_vectored(&rest[..rest.len().min(1024)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}

fn is_direct(file: &File) -> bool {
    fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::DIRECT))
}

/// True when the flag could be set.
fn set_direct(file: &File, direct: bool) -> bool {
    let Ok(flags) = fcntl_getfl(file) else { return false };
    let wanted = if direct { flags | OFlags::DIRECT } else { flags - OFlags::DIRECT };
    fcntl_setfl(file, wanted).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_arrives_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        for len in [0, 1, 4095, 524_288, 524_289, 1_048_576, 1_048_577, 3_000_001, 4_194_304] {
            let data: Vec<u8> = (0..len).map(|n: usize| (n.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
            let path = folder.path().join(format!("{len}"));
            let mut file = File::create_new(&path).expect("created");
            let (a, b) = data.split_at(len / 3);
            write_all(&mut file, &[a, b"", b]).expect("written");
            assert!(!is_direct(&file) || len == 0, "the flag is off again");
            assert!(std::fs::read(&path).expect("read") == data, "{len} bytes");
        }
    }
}
