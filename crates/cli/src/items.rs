//! Items of snapshots in words and JSON.

use crate::json::PathJson;
use crate::{json, sizes, time};
use datakeep_model::{FileType, ItemPath, Meta, Snapshot, escape_for_terminal};
use datakeep_store::Entry;
use serde::Serialize;

/// An item of a snapshot.
#[derive(Serialize)]
pub struct ItemJson {
    #[serde(flatten)]
    path: PathJson,
    file_type: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    len_bytes: u64,
    mtime: String,
    links: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target_hex: Option<String>,
    changed_while_read: bool,
}

impl ItemJson {
    /// From an entry at a path.
    pub fn new(path: &ItemPath, entry: &Entry) -> Self {
        let meta = &entry.meta;
        let link = entry.link_target.as_deref();
        let link_text = link.map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_string(),
            Err(_) => escape_for_terminal(bytes),
        });
        Self {
            path: PathJson::absolute(path),
            file_type: meta.file_type.as_str(),
            mode: format!("{:04o}", meta.mode),
            uid: meta.uid,
            gid: meta.gid,
            len_bytes: meta.len_bytes,
            mtime: time::utc(meta.mtime),
            links: meta.links,
            link_target: link_text,
            link_target_hex: link.filter(|bytes| std::str::from_utf8(bytes).is_err()).map(json::hex),
            changed_while_read: entry.changed_while_read,
        }
    }
}

/// `drwxr-xr-x`.
pub fn mode_text(meta: &Meta) -> String {
    let kind = match meta.file_type {
        FileType::File => '-',
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
        FileType::CharDevice => 'c',
        FileType::BlockDevice => 'b',
    };
    let mut text = String::from(kind);
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = meta.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, meta.mode & special != 0) {
            (true, true) => set,
            (false, true) => unset,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn name_of_id(names: &[(u32, String)], id: u32) -> String {
    let found = names.iter().find(|(known, _)| *known == id);
    found.map_or_else(|| id.to_string(), |(_, name)| escape_for_terminal(name.as_bytes()))
}

/// Columns of a long listing, the name last.
pub fn long_row(snapshot: &Snapshot, entry: &Entry, name: String) -> Vec<String> {
    let meta = &entry.meta;
    let size = match meta.file_type {
        FileType::File => sizes::count(meta.len_bytes),
        kind if kind.is_device() => format!("{},{}", major(meta.rdev), minor(meta.rdev)),
        _ => "-".into(),
    };
    let target = entry.link_target.as_deref().map(|target| format!(" -> {}", escape_for_terminal(target)));
    vec![
        mode_text(meta),
        meta.links.to_string(),
        name_of_id(&snapshot.users, meta.uid),
        name_of_id(&snapshot.groups, meta.gid),
        size,
        time::local(meta.mtime),
        name + target.as_deref().unwrap_or_default(),
    ]
}

/// Right-aligned columns of [`long_row`].
pub const LONG_RIGHT: [usize; 2] = [1, 4];

fn major(device: u64) -> u32 {
    rustix::fs::major(device)
}

fn minor(device: u64) -> u32 {
    rustix::fs::minor(device)
}

/// A name in a plain listing: directories end in a slash.
pub fn plain_name(entry: &Entry, name: String) -> String {
    if entry.meta.file_type == FileType::Directory && !name.ends_with('/') { name + "/" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_model::Timestamp;

    #[test]
    fn modes_read_as_ls_writes_them() {
        let text = |kind, mode| mode_text(&Meta::synthetic(kind, mode, Timestamp::default()));
        assert_eq!(text(FileType::File, 0o644), "-rw-r--r--");
        assert_eq!(text(FileType::Directory, 0o1777), "drwxrwxrwt");
        assert_eq!(text(FileType::File, 0o4711), "-rws--x--x");
        assert_eq!(text(FileType::File, 0o6644), "-rwSr-Sr--");
    }
}
