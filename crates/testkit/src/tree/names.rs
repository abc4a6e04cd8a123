//! Awkward names and awkward depths.

use super::TreeOptions;
use super::maker::{Maker, Spot};
use std::io;

/// Names every Linux file system takes.
const NAMES: &[&[u8]] = &[
    b"new\nline",
    b"tab\there",
    b"\x1b[31mred\x1b[0m",
    b"\x1b]0;title\x07",
    b"\x01",
    b"\x02",
    b"\x7f",
    b"-rf",
    b"--",
    b" ",
    b"leading",
    b" leading",
    b"trailing",
    b"trailing ",
    b"...",
    b"..a",
    b".hidden",
    b"back\\slash",
    b"co:lon",
    b"qu\"o'te",
    b"$HOME `x` *?[a]",
    b"carriage\rreturn",
    b"case",
    b"#comment",
    b"%41",
    b"~",
    b"nul",
    b"a",
    b"a.b",
    b"a0",
];

/// Pairs and bytes that some file systems fold together or refuse.
const TWINS: &[(&str, &[u8])] = &[
    ("name in other case", b"CASE"),
    ("name of invalid UTF-8", b"invalid-\xff\xfe"),
    ("name of a lone continuation byte", b"\x80"),
    ("name with an encoded surrogate", b"\xed\xa0\x80"),
    ("name in NFC", b"caf\xc3\xa9"),
    ("name in NFD", b"cafe\xcc\x81"),
    ("name right to left", b"\xe2\x80\xaetxt.exe"),
    ("name in Chinese", b"\xe5\xa4\x87\xe4\xbb\xbd"),
];

/// `names/`: one file for each awkward name, and folders of some of the same names.
pub fn plain(maker: &mut Maker, root: &Spot) -> io::Result<()> {
    let spot = maker.dir(root, b"names")?;
    for name in NAMES {
        maker.file(&spot, name, name)?;
    }
    for (what, name) in TWINS {
        let made = maker.file(&spot, name, name);
        maker.attempt(what, made);
    }
    maker.file(&spot, &[b'n'; 255], b"the longest name")?;
    let folders = maker.dir(root, b"folder names")?;
    for name in NAMES.iter().step_by(3) {
        let inner = maker.dir(&folders, name)?;
        maker.file(&inner, name, b"inside")?;
    }
    let inner = maker.dir(&folders, b"\xff\xfe")?;
    maker.file(&inner, b"\xfe", b"inside")?;
    // `a`, `a.b/x` and `a/b` sort differently by whole path and by component.
    let order = maker.dir(root, b"order")?;
    let first = maker.dir(&order, b"a")?;
    maker.file(&first, b"b", b"a/b")?;
    let second = maker.dir(&order, b"a.b")?;
    maker.file(&second, b"x", b"a.b/x")?;
    maker.file(&order, b"a-b", b"a-b")?;
    Ok(())
}

/// `empty/`, `deep/` and `long/`: a folder with nothing, a nest, and a path no system call takes whole.
pub fn deep(maker: &mut Maker, root: &Spot, options: &TreeOptions) -> io::Result<()> {
    maker.dir(root, b"empty")?;
    let mut spot = maker.dir(root, b"deep")?;
    for _ in 0..options.depth {
        spot = maker.dir(&spot, b"d")?;
    }
    maker.file(&spot, b"bottom", b"down here")?;
    if options.long_path {
        let mut spot = maker.dir(root, b"long")?;
        for index in 0..18_u8 {
            spot = maker.dir(&spot, &[b'a' + index; 255])?;
        }
        maker.file(&spot, b"far", b"beyond 4096 bytes")?;
        maker.symlink(&spot, b"up", b"../far")?;
    }
    Ok(())
}
