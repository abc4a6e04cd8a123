//! Awkward contents: sizes at the edges of chunks, holes, many small files.

use super::TreeOptions;
use super::maker::{Maker, Spot};
use crate::xorshift::{random_bytes, text};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// `sizes/`: bodies at and around the sizes where a chunker changes its mind.
pub fn sizes(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"sizes")?;
    maker.file(&spot, b"empty", b"")?;
    let edges = [1, 511, 4096, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 256 * KIB, MIB - 1, MIB, MIB + 1, 3 * MIB];
    for (index, size) in edges.into_iter().enumerate() {
        let body = random_bytes(options.seed.wrapping_add(index as u64), size);
        maker.file(&spot, format!("random-{size}").as_bytes(), &body)?;
    }
    maker.file(&spot, b"text-2m", &text(options.seed, 2 * MIB))?;
    maker.file(&spot, b"zeros-2m", &vec![0; 2 * MIB])?;
    maker.file(&spot, b"ones-2m", &vec![0xff; 2 * MIB])?;
    let twin = random_bytes(options.seed.wrapping_add(100), 700 * KIB);
    maker.file(&spot, b"twin-1", &twin)?;
    maker.file(&spot, b"twin-2", &twin)?;
    let mut shifted = b"x".to_vec();
    shifted.extend_from_slice(&twin);
    maker.file(&spot, b"twin-shifted", &shifted)?;
    Ok(())
}

/// `sparse/`: holes in front, in the middle, at the end, everywhere.
pub fn sparse(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"sparse")?;
    let data = random_bytes(options.seed.wrapping_add(200), 64 * KIB);
    let shapes: [(&[u8], u64, &[u64]); 5] = [
        (b"leading", 2 << 20, &[(2 << 20) - (64 << 10)]),
        (b"middle", 2 << 20, &[0, (2 << 20) - (64 << 10)]),
        (b"trailing", 2 << 20, &[0]),
        (b"all-hole", 3 << 20, &[]),
        (b"comb", 4 << 20, &[0, 128 << 10, 512 << 10, 1 << 20, (3 << 20) + (256 << 10)]),
    ];
    for (name, size, places) in shapes {
        let file = maker.file(&spot, name, b"")?;
        shape(&file, size, &data, places)?;
    }
    let odd = maker.file(&spot, b"odd-end", b"")?;
    shape(&odd, (1 << 20) + 17, b"x", &[4096])?;
    if options.large_hole {
        let file = maker.file(&spot, b"gigabyte", b"")?;
        shape(&file, 1 << 30, b"end", &[(1 << 30) - 3])?;
    }
    Ok(())
}

/// Gives a file a length and data at some places; the rest are holes.
fn shape(file: &File, size: u64, data: &[u8], places: &[u64]) -> io::Result<()> {
    file.set_len(size)?;
    for &place in places {
        file.write_all_at(data, place)?;
    }
    Ok(())
}

/// `many/`: small files, every seventh of them the same as another.
pub fn many(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    let spot = maker.dir(root, b"many")?;
    for index in 0..options.small_files {
        let kind = if index % 7 == 0 { 0 } else { index };
        let body = text(options.seed.wrapping_add(kind as u64), kind * 37 % 5000);
        maker.file(&spot, format!("{index:05}").as_bytes(), &body)?;
    }
    Ok(())
}
