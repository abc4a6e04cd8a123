//! `SNAPSHOT:PATH` as people type it.

use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use datakeep_distribute::{DistributeError, Place, look_up, split_place};
use datakeep_model::{ContentKind, ItemPath};
use datakeep_store::{Manifest, Repository};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Splits `SNAPSHOT:PATH`; the path may be any bytes.
pub fn split(place: &OsStr) -> Result<(String, Option<ItemPath>), Failure> {
    let bytes = place.as_bytes();
    let (snapshot, path) = match place.to_str() {
        Some(text) => {
            let (snapshot, path) = split_place(text);
            (snapshot.to_string(), path.map(|path| path.as_bytes().to_vec()))
        }
        None => {
            let colon =
                bytes.windows(2).position(|pair| pair == b":/").or_else(|| bytes.iter().position(|&b| b == b':'));
            let cut = colon.unwrap_or(bytes.len());
            (String::from_utf8_lossy(&bytes[..cut]).into_owned(), bytes.get(cut + 1..).map(<[u8]>::to_vec))
        }
    };
    let path = path.map(|path| parse_path(&path)).transpose()?;
    Ok((snapshot, path))
}

/// A path inside a snapshot.
pub fn parse_path(bytes: &[u8]) -> Result<ItemPath, Failure> {
    ItemPath::parse(bytes).map_err(|error| {
        let shown = datakeep_model::escape_for_terminal(bytes);
        Failure::usage(tr!("{shown} is not a path inside a snapshot", "{shown} 不是备份集中的路径"))
            .detail(error.to_string())
    })
}

/// Finds a path in a snapshot: as it was typed, else read as this program prints it (`\n`, `\xff`, `\\`).
pub fn find(repository: &Repository, manifest: &Manifest, path: &ItemPath) -> Result<Place, Failure> {
    match look_up(repository, manifest, path) {
        Err(error @ DistributeError::NotFound { .. }) => {
            let unescaped = unescape(path.as_bytes()).and_then(|bytes| ItemPath::parse(&bytes).ok());
            let found = unescaped.and_then(|path| look_up(repository, manifest, &path).ok());
            found.ok_or_else(|| error.into())
        }
        other => Ok(other?),
    }
}

/// Splits, chooses and finds in one go; no path means the root.
pub fn resolve<'m>(
    app: &App,
    repository: &Repository,
    manifests: &'m [Manifest],
    place: &OsStr,
) -> Result<(&'m Manifest, Place), Failure> {
    let (name, path) = split(place)?;
    let manifest = app.choose(manifests, &name)?;
    must_hold_files(manifest)?;
    let place = find(repository, manifest, &path.unwrap_or_default())?;
    Ok((manifest, place))
}

/// An error for a snapshot of tables, where files are asked for.
pub fn must_hold_files(manifest: &Manifest) -> Result<(), Failure> {
    if manifest.snapshot.content == ContentKind::Files {
        return Ok(());
    }
    let id = manifest.snapshot.id.short();
    Err(Failure::usage(tr!("snapshot {id} holds tables, no files", "备份集 {id} 保存的是表，不是文件"))
        .hint(tr!("look into it: datakeep ls {id}", "查看内容：datakeep ls {id}")))
}

/// Undoes `escape_for_terminal`; `None` when nothing was escaped.
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        rest = after;
        match kind {
            b'\\' => bytes.push(b'\\'),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            b'u' => {
                let end = rest.iter().position(|&byte| byte == b'}')?;
                let digits = std::str::from_utf8(rest.get(1..end)?).ok()?;
                let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[end + 1..];
            }
            _ => return None,
        }
    }
    (bytes != text).then_some(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        for name in [&b"a\nb\x1b[31m"[..], b"\xff\xfe", "x\u{202e}y\\z".as_bytes()] {
            let shown = datakeep_model::escape_for_terminal(name);
            assert_eq!(unescape(shown.as_bytes()).as_deref(), Some(name), "{shown}");
        }
        assert_eq!(unescape(b"plain"), None);
    }

    #[test]
    fn places_may_hold_any_bytes() {
        let (snapshot, path) = split(OsStr::from_bytes(b"files@latest:/a/\xff")).unwrap();
        assert_eq!((snapshot.as_str(), path.unwrap().as_bytes()), ("files@latest", &b"a/\xff"[..]));
        assert_eq!(split(OsStr::new("files")).unwrap().1, None);
        assert!(split(OsStr::new("files:/a/../b")).is_err());
    }
}
