//! What the tests share.

use datakeep_connector::{Connector, Extent, Item, ItemReader, ItemSpec, Options, Target};
use datakeep_model::{ItemPath, Loss, LossCause, Meta, Xattr};
use datakeep_source_files::FilesConnector;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Everything a walk gave.
pub struct Walked {
    pub items: Vec<(ItemPath, Item)>,
    pub losses: Vec<Loss>,
    pub batches: usize,
}

impl Walked {
    pub fn find(&self, path: &Path) -> Option<&Item> {
        let wanted = item_path(path);
        self.items.iter().find(|(path, _)| *path == wanted).map(|(_, item)| item)
    }

    pub fn item(&self, path: &Path) -> &Item {
        self.find(path).unwrap_or_else(|| panic!("{} was not walked", path.display()))
    }

    /// Paths beneath `directory`, relative to it.
    pub fn beneath(&self, directory: &Path) -> Vec<String> {
        let prefix = [item_path(directory).as_bytes(), b"/"].concat();
        let inner = self.items.iter().filter_map(|(path, _)| path.as_bytes().strip_prefix(&prefix[..]));
        let mut names: Vec<String> = inner.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        names.sort();
        names
    }

    pub fn causes(&self) -> Vec<LossCause> {
        self.losses.iter().map(|loss| loss.cause).collect()
    }
}

pub fn options(pairs: &[(&str, &[&str])]) -> Options {
    pairs.iter().map(|(n, values)| ((*n).to_owned(), values.iter().map(|&v| v.to_owned()).collect())).collect()
}

pub fn item_path(path: &Path) -> ItemPath {
    ItemPath::parse(path.as_os_str().as_bytes()).unwrap()
}

pub fn name(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

pub fn walk(path: &Path, pairs: &[(&str, &[&str])]) -> Walked {
    walk_all(&[path.to_str().unwrap()], pairs, 2)
}

/// Walks and checks what every walk must keep: keys strictly ascend, names match their directories.
pub fn walk_all(locations: &[&str], pairs: &[(&str, &[&str])], threads: usize) -> Walked {
    let locations: Vec<String> = locations.iter().map(|&l| l.to_owned()).collect();
    let mut source = FilesConnector::new().with_threads(threads).open_source(&locations, &options(pairs)).unwrap();
    source.begin().unwrap();
    let mut stream = source.items().unwrap();
    let mut walked = Walked { items: Vec::new(), losses: Vec::new(), batches: 0 };
    let mut last_key: Option<Vec<u8>> = None;
    while let Some(batch) = stream.next_batch().unwrap() {
        walked.batches += 1;
        assert!(batch.items.len() <= 4096);
        for item in batch.items {
            let path =
                if item.name.is_empty() { batch.directory.clone() } else { batch.directory.join(&item.name).unwrap() };
            let key = path.to_key();
            assert!(last_key.as_ref().is_none_or(|last| *last < key), "{path} is out of order");
            last_key = Some(key);
            walked.items.push((path, item));
        }
        walked.losses.extend(batch.losses);
    }
    walked
}

/// Data and holes of a range: `(is_hole, len)`, and all bytes with holes as zeros.
pub fn drain(reader: &mut dyn ItemReader) -> (Vec<(bool, u64)>, Vec<u8>) {
    let (mut extents, mut bytes) = (Vec::new(), Vec::new());
    while let Some(extent) = reader.next_extent().unwrap() {
        match extent {
            Extent::Hole { len_bytes } => {
                bytes.resize(bytes.len() + usize::try_from(len_bytes).unwrap(), 0);
                extents.push((true, len_bytes));
            }
            Extent::Data { .. } => {
                let before = bytes.len();
                let mut buffer = vec![0; 1 << 16];
                loop {
                    let count = reader.read(&mut buffer).unwrap();
                    bytes.extend_from_slice(&buffer[..count]);
                    if count < buffer.len() {
                        break;
                    }
                }
                extents.push((false, (bytes.len() - before) as u64));
            }
        }
    }
    (extents, bytes)
}

pub fn content(item: &Item) -> Vec<u8> {
    drain(&mut *item.handle.open(0, None).unwrap()).1
}

/// True for root; says on standard error what is not tested otherwise.
pub fn is_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("NOT TESTED without root: {what}");
    }
    root
}

pub fn open_target(path: &Path, pairs: &[(&str, &[&str])]) -> Box<dyn Target> {
    FilesConnector::new().open_target(path.to_str().unwrap(), &options(pairs), false).unwrap()
}

pub fn spec<'a>(path: &'a ItemPath, meta: &'a Meta) -> ItemSpec<'a> {
    ItemSpec { path, meta, link_target: None, xattrs: &[], replace: false }
}

pub fn replacing<'a>(path: &'a ItemPath, meta: &'a Meta) -> ItemSpec<'a> {
    ItemSpec { replace: true, ..spec(path, meta) }
}

pub fn path(text: &str) -> ItemPath {
    ItemPath::parse(text.as_bytes()).unwrap()
}

pub fn xattr(name: &str, value: &[u8]) -> Xattr {
    Xattr { name: name.as_bytes().to_vec(), value: value.to_vec() }
}

/// Sets an attribute; false where the file system keeps none.
pub fn set_xattr(path: &Path, name: &str, value: &[u8]) -> bool {
    match rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()) {
        Ok(()) => true,
        Err(errno) => {
            eprintln!("NOT TESTED: attribute {name} cannot be set here: {errno}");
            false
        }
    }
}

/// An access list as the kernel keeps it: owner rw, user 1 r, group r, mask r, others none.
pub fn acl() -> Vec<u8> {
    let entry = |tag: u16, permissions: u16, id: u32| {
        [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let entries =
        [entry(1, 6, none), entry(2, 4, 1), entry(4, 4, none), entry(0x10, 4, none), entry(0x20, 0, none)].concat();
    [&2_u32.to_le_bytes()[..], &entries].concat()
}

pub fn temporary_names(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".datakeep-")).collect()
}
