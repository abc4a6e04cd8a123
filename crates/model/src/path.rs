//! Item paths: byte strings, and their order-preserving key form.
//!
//! A path inside a snapshot is a list of components, each any non-empty byte string without `/` and NUL, never `.`
//! or `..`. The **key** of a path sorts by (directory, name), so that the entries of a directory stand together and a
//! subtree is one contiguous range:
//!
//! ```text
//! key(root)   = empty
//! key(a/b/c)  = esc(a) 01 esc(b) 00 c          directory part, 00, last component as it is
//! key(c)      = 00 c
//! esc         = 01 -> 02 01,  02 -> 02 02      so no separator occurs in a directory part by accident
//! ```
//!
//! Entries of directory `D` are the keys that start with `dir(D) 00`; everything beneath `D` lies in
//! `[dir(D) 00, dir(D) 02)` (for the root: everything after the empty key). Component order is the order of escaped
//! bytes, which is the order of plain bytes.

use std::fmt;

const SEPARATOR: u8 = 0x01;
const ESCAPE: u8 = 0x02;

/// Longest path accepted, in bytes, and longest single component.
pub const MAX_PATH_LEN_BYTES: usize = 1 << 16;
/// Longest component accepted in bytes (file systems stop at 255 bytes; network and archive names may be longer).
pub const MAX_NAME_LEN_BYTES: usize = 4096;

/// Why bytes are not a path.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// A component is empty, `.` or `..`.
    #[error("path component {0:?} is not allowed")]
    Component(String),
    /// A component contains a NUL byte or a slash.
    #[error("a path component contains a NUL byte or a slash")]
    Separator,
    /// A path or component is longer than the limits of this module.
    #[error("path is too long")]
    TooLong,
    /// Key bytes do not follow the key rules.
    #[error("malformed path key")]
    Key,
}

/// A path inside a snapshot: components joined by `/`, no leading or trailing slash; empty for the root.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ItemPath(Vec<u8>);

impl ItemPath {
    /// The root of a snapshot.
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// Parses what a person writes: leading, trailing and doubled slashes are ignored, and so are `.` components;
    /// `..` is refused.
    pub fn parse(text: &[u8]) -> Result<Self, PathError> {
        let mut path = Self::root();
        for component in text.split(|&byte| byte == b'/').filter(|c| !c.is_empty() && *c != b".") {
            path.push(component)?;
        }
        Ok(path)
    }

    /// This path with one more component.
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        let mut path = Self(Vec::with_capacity(self.0.len() + 1 + name.len()));
        path.0.extend_from_slice(&self.0);
        path.push(name)?;
        Ok(path)
    }

    /// Appends a component in its place: a path of very many is made in one pass.
    fn push(&mut self, name: &[u8]) -> Result<(), PathError> {
        check_name(name)?;
        let is_first = self.0.is_empty();
        if self.0.len() + usize::from(!is_first) + name.len() > MAX_PATH_LEN_BYTES {
            return Err(PathError::TooLong);
        }
        if !is_first {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
        Ok(())
    }

    /// The bytes, components joined by `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components from the top down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/').filter(|c| !c.is_empty())
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.components().next_back().unwrap_or(b"")
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].to_vec()))
    }

    /// True when this path is `other` or lies beneath it.
    pub fn is_within(&self, other: &ItemPath) -> bool {
        other.is_root()
            || self.0 == other.0
            || (self.0.starts_with(&other.0) && self.0.get(other.0.len()) == Some(&b'/'))
    }

    /// Number of components.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The key of this path (module documentation).
    pub fn to_key(&self) -> Vec<u8> {
        let Some(parent) = self.parent() else { return Vec::new() };
        let mut key = parent.children_prefix();
        key.extend_from_slice(self.name());
        key
    }

    /// What the keys of all entries of this directory start with.
    pub fn children_prefix(&self) -> Vec<u8> {
        let mut key = self.directory_key();
        key.push(0);
        key
    }

    /// The half-open key range of everything beneath this directory, the directory's own entry excluded.
    /// The end is `None` where the range has no upper bound (the root).
    pub fn subtree_range(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let start = self.children_prefix();
        if self.is_root() {
            return (start, None);
        }
        let mut end = self.directory_key();
        end.push(ESCAPE);
        (start, Some(end))
    }

    fn directory_key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.0.len() + 2);
        for (index, component) in self.components().enumerate() {
            if index > 0 {
                key.push(SEPARATOR);
            }
            for &byte in component {
                if byte == SEPARATOR || byte == ESCAPE {
                    key.push(ESCAPE);
                }
                key.push(byte);
            }
        }
        key
    }

    /// The path of a key. Refuses everything that [`ItemPath::to_key`] cannot have made.
    pub fn from_key(key: &[u8]) -> Result<Self, PathError> {
        if key.is_empty() {
            return Ok(Self::root());
        }
        let split = key.iter().position(|&byte| byte == 0).ok_or(PathError::Key)?;
        let (directory, name) = (&key[..split], &key[split + 1..]);
        let mut path = Self::root();
        if !directory.is_empty() {
            let mut component = Vec::new();
            let mut bytes = directory.iter().copied();
            while let Some(byte) = bytes.next() {
                match byte {
                    SEPARATOR => {
                        path.push(&component)?;
                        component.clear();
                    }
                    ESCAPE => match bytes.next() {
                        Some(escaped @ (SEPARATOR | ESCAPE)) => component.push(escaped),
                        _ => return Err(PathError::Key),
                    },
                    plain => component.push(plain),
                }
            }
            path.push(&component)?;
        }
        path.push(name)?;
        Ok(path)
    }
}

/// Refuses a component that must never reach a file system.
pub fn check_name(name: &[u8]) -> Result<(), PathError> {
    if name.is_empty() || name == b"." || name == b".." {
        return Err(PathError::Component(String::from_utf8_lossy(name).into_owned()));
    }
    if name.contains(&0) || name.contains(&b'/') {
        return Err(PathError::Separator);
    }
    if name.len() > MAX_NAME_LEN_BYTES {
        return Err(PathError::TooLong);
    }
    Ok(())
}

impl fmt::Display for ItemPath {
    /// With a leading slash, and safe for a terminal: see [`escape_for_terminal`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", escape_for_terminal(&self.0))
    }
}

impl fmt::Debug for ItemPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemPath({self})")
    }
}

/// Text that a terminal prints and never acts on: valid UTF-8 stays, control characters (C0, C1, DEL), bidirectional
/// overrides and line separators, and bytes that are not UTF-8 become `\n`, `\t`, `\x1b` or `\u{202e}`; a backslash is
/// doubled, so the text can be read back without ambiguity: `\x98` is a byte, `\u{98}` a character of two.
pub fn escape_for_terminal(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            let _ = match character {
                '\\' => write!(text, "\\\\"),
                '\n' => write!(text, "\\n"),
                '\r' => write!(text, "\\r"),
                '\t' => write!(text, "\\t"),
                c if (c as u32) < 0x20 || c == '\u{7f}' => write!(text, "\\x{:02x}", c as u32),
                // Not as `\x80`, which is the byte: the character is two.
                c @ ('\u{80}'..='\u{9f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}') => {
                    write!(text, "\\u{{{:x}}}", c as u32)
                }
                c => write!(text, "{c}"),
            };
        }
        for byte in part.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &[u8]) -> ItemPath {
        ItemPath::parse(text).expect("a valid path")
    }

    #[test]
    fn a_directory_is_contiguous_and_its_subtree_is_a_range() {
        let mut paths: Vec<ItemPath> = ["a", "a/x", "a/y/z", "a.c", "a-b", "a/y", "b", "a\u{1}q", "a\u{2}q"]
            .iter()
            .map(|t| path(t.as_bytes()))
            .collect();
        paths.sort_by_key(ItemPath::to_key);
        let (start, end) = path(b"a").subtree_range();
        for item in &paths {
            let key = item.to_key();
            let inside = key >= start && end.as_ref().is_none_or(|end| &key < end);
            assert_eq!(inside, item.is_within(&path(b"a")) && item != &path(b"a"), "{item}");
        }
    }

    #[test]
    fn evil_components_are_refused() {
        for bad in [&b".."[..], b".", b"", b"a/b", b"a\0b"] {
            assert!(ItemPath::root().join(bad).is_err(), "{bad:?}");
        }
        assert!(ItemPath::parse(b"a/../b").is_err());
        assert_eq!(path(b"//a/./b/").as_bytes(), b"a/b");
        assert!(ItemPath::from_key(b"a\0..").is_err());
        assert!(ItemPath::from_key(b"a\x02\x03\0b").is_err());
        assert!(ItemPath::from_key(b"a\x01\0b").is_err());
    }

    #[test]
    fn terminal_text_is_escaped() {
        assert_eq!(escape_for_terminal("naïve 中\n\x1b[31m\\".as_bytes()), "naïve 中\\n\\x1b[31m\\\\");
        assert_eq!(escape_for_terminal(b"\xff\xfe"), "\\xff\\xfe");
        assert_eq!(escape_for_terminal("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(escape_for_terminal("\u{98}\u{7f}".as_bytes()), "\\u{98}\\x7f");
        assert_eq!(escape_for_terminal(b"\x98"), "\\x98");
    }

    fn component() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(1u8), Just(2u8), Just(b'a'), Just(0xffu8), 1u8..=255], 1..6)
            .prop_filter("valid", |c| check_name(c).is_ok())
    }

    proptest! {
        #[test]
        fn keys_round_trip_and_sort_by_directory_then_name(
            left in proptest::collection::vec(component(), 0..5),
            right in proptest::collection::vec(component(), 0..5),
        ) {
            let make = |parts: &[Vec<u8>]| parts.iter().try_fold(ItemPath::root(), |p, c| p.join(c)).expect("valid");
            let (a, b) = (make(&left), make(&right));
            prop_assert_eq!(ItemPath::from_key(&a.to_key()), Ok(a.clone()));
            let split = |parts: &[Vec<u8>]| (parts[..parts.len().saturating_sub(1)].to_vec(), parts.last().cloned());
            prop_assert_eq!(a.to_key().cmp(&b.to_key()), split(&left).cmp(&split(&right)));
        }
    }
}
