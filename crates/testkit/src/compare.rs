//! Names every difference between two observed trees.

use crate::observe::{Content, EntryKind, Observed};
use std::collections::BTreeMap;

/// How holes are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoleRule {
    /// Same holes, byte for byte.
    #[default]
    Exact,
    /// Same holes after cutting each down to whole blocks of this many bytes.
    Blocks(u64),
    /// Not at all.
    Ignore,
}

/// What does not count as a difference.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// Owner and group, for restores by an ordinary user.
    pub ignore_owner: bool,
    /// The root folder's own metadata.
    pub ignore_root: bool,
    /// Modification times of folders.
    pub ignore_folder_mtime: bool,
    /// Extended attributes that begin with one of these.
    pub ignore_xattrs: Vec<Vec<u8>>,
    /// Holes.
    pub holes: HoleRule,
}

/// Every difference between two trees, nothing ignored. Empty means equal.
pub fn compare(expected: &[Observed], found: &[Observed]) -> Vec<String> {
    compare_with(expected, found, &CompareOptions::default())
}

/// Every difference that counts, each as `path: what: expected ..., found ...`.
pub fn compare_with(expected: &[Observed], found: &[Observed], options: &CompareOptions) -> Vec<String> {
    let index = |entries: &[Observed]| -> BTreeMap<Vec<u8>, Observed> {
        entries.iter().map(|entry| (entry.path.clone(), entry.clone())).collect()
    };
    let (expected, found) = (index(expected), index(found));
    let mut differences = Vec::new();
    for (path, entry) in &expected {
        match found.get(path) {
            None => differences.push(format!("{}: missing ({:?})", shown(path), entry.kind)),
            Some(other) => Pair { left: entry, right: other, options }.differences(&mut differences),
        }
    }
    for (path, entry) in found.iter().filter(|(path, _)| !expected.contains_key(*path)) {
        differences.push(format!("{}: not expected ({:?})", shown(path), entry.kind));
    }
    differences
}

fn shown(path: &[u8]) -> String {
    if path.is_empty() { "(root)".to_owned() } else { path.escape_ascii().to_string() }
}

struct Pair<'a> {
    left: &'a Observed,
    right: &'a Observed,
    options: &'a CompareOptions,
}

impl Pair<'_> {
    fn differences(&self, out: &mut Vec<String>) {
        let (left, right, options) = (self.left, self.right, self.options);
        self.differ(out, "type", &left.kind, &right.kind);
        if left.path.is_empty() && options.ignore_root {
            return;
        }
        self.differ(out, "mode", &format!("{:04o}", left.mode), &format!("{:04o}", right.mode));
        if !options.ignore_owner {
            self.differ(out, "owner", &(left.uid, left.gid), &(right.uid, right.gid));
        }
        if !(options.ignore_folder_mtime && left.kind == EntryKind::Folder) {
            self.differ(out, "mtime ns", &left.mtime_ns, &right.mtime_ns);
        }
        self.differ(out, "size", &left.size, &right.size);
        self.differ(out, "content", &content(&left.content), &content(&right.content));
        self.differ(out, "link text", &left.link.as_deref().map(shown), &right.link.as_deref().map(shown));
        self.differ(out, "device", &left.rdev, &right.rdev);
        let names = |entry: &Observed| entry.names.iter().map(|name| shown(name)).collect::<Vec<_>>();
        self.differ(out, "hard-link group", &names(left), &names(right));
        if let Some(rule) = rule(options.holes) {
            self.differ(out, "holes", &rule(&left.holes), &rule(&right.holes));
        }
        self.xattrs(out);
    }

    fn xattrs(&self, out: &mut Vec<String>) {
        let counts = |key: &&Vec<u8>| !self.options.ignore_xattrs.iter().any(|start| key.starts_with(start));
        let keys =
            self.left.xattrs.keys().chain(self.right.xattrs.keys().filter(|key| !self.left.xattrs.contains_key(*key)));
        for key in keys.filter(counts) {
            let value = |entry: &Observed| entry.xattrs.get(key).map(|value| brief(value));
            if self.left.xattrs.get(key) != self.right.xattrs.get(key) {
                self.say(out, &format!("xattr {}", shown(key)), &value(self.left), &value(self.right));
            }
        }
    }

    fn differ<T: PartialEq + std::fmt::Debug>(&self, out: &mut Vec<String>, what: &str, left: &T, right: &T) {
        if left != right {
            self.say(out, what, left, right);
        }
    }

    fn say(&self, out: &mut Vec<String>, what: &str, left: &dyn std::fmt::Debug, right: &dyn std::fmt::Debug) {
        out.push(format!("{}: {what}: expected {left:?}, found {right:?}", shown(&self.left.path)));
    }
}

fn content(content: &Content) -> String {
    match content {
        Content::None => "none".to_owned(),
        Content::Hash(hash) => hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        Content::Unreadable(why) => format!("unreadable: {why}"),
    }
}

fn brief(value: &[u8]) -> String {
    let start = value[..value.len().min(48)].escape_ascii();
    format!("{} bytes: {start}", value.len())
}

type Holes = Vec<(u64, u64)>;

fn rule(rule: HoleRule) -> Option<impl Fn(&Holes) -> Holes> {
    let block = match rule {
        HoleRule::Ignore => return None,
        HoleRule::Exact => 1,
        HoleRule::Blocks(block) => block.max(1),
    };
    Some(move |holes: &Holes| {
        let cut = |&(start, length): &(u64, u64)| {
            let first = start.next_multiple_of(block);
            let end = (start + length) / block * block;
            (end > first).then(|| (first, end - first))
        };
        holes.iter().filter_map(cut).collect()
    })
}
