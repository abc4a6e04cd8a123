//! A system in memory to back up and to restore to: plain maps, nothing of the product.

use datakeep_connector::{
    Cancel, ConnectorError, Details, Extent, Found, Item, ItemBatch, ItemError, ItemHandle, ItemReader, ItemSink,
    ItemSpec, ItemStream, ReadOutcome, Source, Target,
};
use datakeep_model::{ErrorKind, FileType, ItemPath, Loss, LossCause, Mark, Meta, SourceInfo, Timestamp, Xattr};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Zero blocks of this length are holes in a sparse file.
pub const HOLE_BLOCK: usize = 64;

/// Anything that stands in a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thing {
    pub meta: Meta,
    pub link: Option<Vec<u8>>,
    pub xattrs: Vec<Xattr>,
    pub body: Arc<Vec<u8>>,
    pub sparse: bool,
}

/// Things by the key of their path.
pub type Tree = BTreeMap<Vec<u8>, Thing>;

pub fn path(text: &str) -> ItemPath {
    ItemPath::parse(text.as_bytes()).unwrap()
}

pub fn key(text: &str) -> Vec<u8> {
    path(text).to_key()
}

/// A thing changed at `tick`; the tick stands for every time and, with the name, for the inode.
pub fn thing(file_type: FileType, tick: i64) -> Thing {
    let mode = if file_type == FileType::Directory { 0o755 } else { 0o644 };
    let mut meta = Meta::synthetic(file_type, mode, Timestamp::new(tick, 7));
    (meta.uid, meta.gid, meta.device, meta.inode) = (1000, 100, 5, 1_000_000 + tick as u64);
    Thing { meta, link: None, xattrs: Vec::new(), body: Arc::default(), sparse: false }
}

pub fn directory(tick: i64) -> Thing {
    thing(FileType::Directory, tick)
}

pub fn file(tick: i64, body: impl Into<Vec<u8>>) -> Thing {
    let body = body.into();
    let mut thing = thing(FileType::File, tick);
    thing.meta.len_bytes = body.len() as u64;
    Thing { body: Arc::new(body), ..thing }
}

pub fn symlink(tick: i64, text: &[u8]) -> Thing {
    Thing { link: Some(text.to_vec()), ..thing(FileType::Symlink, tick) }
}

/// A tree that holds its root.
pub fn tree(things: impl IntoIterator<Item = (&'static str, Thing)>) -> Tree {
    let mut tree: Tree = things.into_iter().map(|(name, thing)| (key(name), thing)).collect();
    tree.entry(Vec::new()).or_insert_with(|| directory(1));
    tree
}

/// What a restore brings back of a thing.
pub fn restorable(thing: &Thing) -> impl PartialEq + std::fmt::Debug + use<> {
    let m = &thing.meta;
    let meta = (m.file_type, m.mode, m.uid, m.gid, m.len_bytes, m.mtime, m.rdev);
    (meta, thing.link.clone(), thing.xattrs.clone(), thing.body.clone())
}

/// Panics with the first path at which the trees differ.
pub fn assert_same(expected: &Tree, found: &Tree, what: &str) {
    if let Some(difference) = first_difference(expected, found) {
        panic!("{what}: {difference}");
    }
}

/// The first path at which a restore of `expected` differs.
pub fn first_difference(expected: &Tree, found: &Tree) -> Option<String> {
    let name = |key: &[u8]| ItemPath::from_key(key).map_or_else(|_| format!("{key:?}"), |path| path.to_string());
    for (key, thing) in expected {
        match found.get(key) {
            None => return Some(format!("{} is missing", name(key))),
            Some(other) if restorable(thing) != restorable(other) => return Some(format!("{} differs", name(key))),
            Some(_) => {}
        }
    }
    found.keys().find(|key| !expected.contains_key(*key)).map(|key| format!("{} is not expected", name(key)))
}

/// A source over a tree, with faults to order.
pub struct TreeSource {
    pub name: String,
    pub tree: Tree,
    /// Handles that take the place of the tree's own.
    pub handles: BTreeMap<Vec<u8>, Arc<dyn ItemHandle>>,
    /// When the run begins; everything in the tree should be older.
    pub mark: Timestamp,
    pub fail_complete: bool,
    /// Losses told with the first batch.
    pub losses: Vec<Loss>,
    /// Asks for cancellation once so many items were given.
    pub cancel_after: Option<(usize, Cancel)>,
    /// Items in one batch, at most.
    pub batch: usize,
    /// Content bytes that were read.
    pub read_bytes: Arc<AtomicU64>,
    /// Times `confirm` was called.
    pub confirmed: Arc<AtomicU64>,
}

impl TreeSource {
    pub fn new(name: &str, tree: &Tree) -> Self {
        Self {
            name: name.to_string(),
            tree: tree.clone(),
            handles: BTreeMap::new(),
            mark: Timestamp::new(1_600_000_000, 0),
            fail_complete: false,
            losses: Vec::new(),
            cancel_after: None,
            batch: 64,
            read_bytes: Arc::default(),
            confirmed: Arc::default(),
        }
    }

    pub fn with_handle(mut self, path: &str, handle: impl ItemHandle + 'static) -> Self {
        self.handles.insert(key(path), Arc::new(handle));
        self
    }
}

impl Source for TreeSource {
    fn info(&self) -> SourceInfo {
        let name = self.name.clone();
        SourceInfo { kind: "tree".into(), location: format!("memory:{name}"), name, host: "test".into() }
    }

    fn roots(&self) -> Vec<ItemPath> {
        vec![ItemPath::root()]
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        Ok(Mark::FileTime(self.mark))
    }

    fn items(&mut self) -> Result<Box<dyn datakeep_connector::ItemStream>, ConnectorError> {
        let mut batches: Vec<ItemBatch> = Vec::new();
        for (key, thing) in &self.tree {
            let path = ItemPath::from_key(key).unwrap();
            let directory = path.parent().unwrap_or_default();
            let own = || Arc::new(ThingHandle { thing: thing.clone(), read_bytes: self.read_bytes.clone() });
            let handle = self.handles.get(key).cloned().unwrap_or_else(|| own());
            let item = Item { name: path.name().to_vec(), meta: thing.meta.clone(), handle };
            match batches.last_mut() {
                Some(last) if last.directory == directory && last.items.len() < self.batch => last.items.push(item),
                _ => batches.push(ItemBatch { directory, items: vec![item], losses: Vec::new() }),
            }
        }
        if let Some(first) = batches.first_mut() {
            first.losses = std::mem::take(&mut self.losses);
        }
        batches.reverse();
        Ok(Box::new(Batches { batches, given: 0, cancel_after: self.cancel_after.clone() }))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        if self.fail_complete {
            return Err(ConnectorError::new(ErrorKind::Source, "the command ended with exit status 3"));
        }
        Ok(())
    }

    fn confirm(&mut self, _mark: &Mark) -> Result<(), ConnectorError> {
        self.confirmed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

struct Batches {
    batches: Vec<ItemBatch>,
    given: usize,
    cancel_after: Option<(usize, Cancel)>,
}

impl ItemStream for Batches {
    fn next_batch(&mut self) -> Result<Option<ItemBatch>, ConnectorError> {
        if let Some((_, cancel)) = self.cancel_after.as_ref().filter(|(items, _)| self.given >= *items) {
            cancel.cancel();
        }
        let batch = self.batches.pop();
        self.given += batch.as_ref().map_or(0, |batch| batch.items.len());
        Ok(batch)
    }
}

struct ThingHandle {
    thing: Thing,
    read_bytes: Arc<AtomicU64>,
}

impl ItemHandle for ThingHandle {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details { link_target: self.thing.link.clone(), xattrs: self.thing.xattrs.clone(), read_again: false }, None)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        let len = self.thing.body.len();
        let end = end_byte.map_or(len, |end| (end as usize).min(len));
        Ok(Box::new(ThingReader {
            thing: self.thing.clone(),
            at: (start_byte as usize).min(len),
            end,
            left: 0,
            read_bytes: self.read_bytes.clone(),
        }))
    }
}

struct ThingReader {
    thing: Thing,
    at: usize,
    end: usize,
    /// Bytes left of the data extent.
    left: usize,
    read_bytes: Arc<AtomicU64>,
}

impl ThingReader {
    fn is_hole(&self, at: usize) -> bool {
        let block = &self.thing.body[at..(at + HOLE_BLOCK).min(self.end)];
        self.thing.sparse && block.iter().all(|&byte| byte == 0)
    }
}

impl ItemReader for ThingReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        self.at += self.left;
        self.left = 0;
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let hole = self.is_hole(start);
        let mut end = start;
        while end < self.end && (!self.thing.sparse || self.is_hole(end) == hole) {
            end = if self.thing.sparse { (end + HOLE_BLOCK).min(self.end) } else { self.end };
        }
        let len_bytes = (end - start) as u64;
        if hole {
            self.at = end;
            return Ok(Some(Extent::Hole { len_bytes }));
        }
        self.left = end - start;
        Ok(Some(Extent::Data { len_bytes }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let count = buffer.len().min(self.left);
        buffer[..count].copy_from_slice(&self.thing.body[self.at..self.at + count]);
        self.at += count;
        self.left -= count;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        Ok(ReadOutcome { meta_after: Some(self.thing.meta.clone()) })
    }
}

/// A handle that gives its details and then fails.
pub struct Failing(pub LossCause);

impl ItemHandle for Failing {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details::default(), None)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, _start: u64, _end: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        Err(ItemError::new(self.0, "Input/output error (os error 5)"))
    }
}

/// A handle whose item turns out to be `after` once it was read.
pub struct Changing {
    pub thing: Thing,
    pub after: Meta,
}

impl ItemHandle for Changing {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details::default(), None)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start: u64, end: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        let handle = ThingHandle { thing: self.thing.clone(), read_bytes: Arc::default() };
        Ok(Box::new(ChangingReader { inner: handle.open(start, end)?, after: self.after.clone() }))
    }
}

struct ChangingReader {
    inner: Box<dyn ItemReader>,
    after: Meta,
}

impl ItemReader for ChangingReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        self.inner.next_extent()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        self.inner.read(buffer)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        Ok(ReadOutcome { meta_after: Some(self.after) })
    }
}

/// A target over a tree.
#[derive(Clone, Default)]
pub struct TreeTarget(Arc<Mutex<Tree>>);

impl TreeTarget {
    pub fn tree(&self) -> Tree {
        self.0.lock().unwrap().clone()
    }

    fn put(&self, spec: ItemSpec<'_>, body: Arc<Vec<u8>>) -> Result<(), ItemError> {
        let mut tree = self.0.lock().unwrap();
        let parent = spec.path.parent().map(|parent| parent.to_key());
        let is_directory = |thing: &Thing| thing.meta.file_type == FileType::Directory;
        let roof = parent.as_ref().is_none_or(|parent| parent.is_empty() || tree.get(parent).is_some_and(is_directory));
        let stands = tree.contains_key(&spec.path.to_key());
        if !roof || (stands && !spec.replace) {
            return Err(ItemError::new(LossCause::Refused, "nowhere to put it"));
        }
        let thing = Thing {
            meta: spec.meta.clone(),
            link: spec.link_target.map(<[u8]>::to_vec),
            xattrs: spec.xattrs.to_vec(),
            body,
            sparse: false,
        };
        tree.insert(spec.path.to_key(), thing);
        Ok(())
    }
}

impl Target for TreeTarget {
    fn look(&self, path: &ItemPath) -> Result<Option<Found>, ItemError> {
        let tree = self.0.lock().unwrap();
        Ok(tree.get(&path.to_key()).map(|t| Found { meta: t.meta.clone(), link_target: t.link.clone() }))
    }

    fn list(&self, path: &ItemPath) -> Result<Vec<Vec<u8>>, ItemError> {
        let prefix = path.children_prefix();
        let tree = self.0.lock().unwrap();
        Ok(tree.keys().filter_map(|key| key.strip_prefix(&prefix[..])).map(<[u8]>::to_vec).collect())
    }

    fn read(&self, path: &ItemPath) -> Result<Box<dyn ItemReader>, ItemError> {
        let gone = || ItemError::new(LossCause::Vanished, "not there");
        let thing = self.0.lock().unwrap().get(&path.to_key()).cloned().ok_or_else(gone)?;
        ThingHandle { thing, read_bytes: Arc::default() }.open(0, None)
    }

    fn make_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.put(spec, Arc::default())
    }

    fn write_file(&self, spec: ItemSpec<'_>, parts: &[&[u8]]) -> Result<(), ItemError> {
        self.put(spec, Arc::new(parts.concat()))
    }

    fn open_file(&self, spec: ItemSpec<'_>, update: bool) -> Result<Box<dyn ItemSink>, ItemError> {
        let old = self.0.lock().unwrap().get(&spec.path.to_key()).map(|thing| thing.body.to_vec());
        let body = if update { old.unwrap_or_default() } else { Vec::new() };
        Ok(Box::new(TreeSink { target: self.clone(), body }))
    }

    fn make_special(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.put(spec, Arc::default())
    }

    fn make_hard_link(&self, spec: ItemSpec<'_>, existing: &ItemPath) -> Result<(), ItemError> {
        let body = self.0.lock().unwrap().get(&existing.to_key()).map(|thing| thing.body.clone());
        self.put(spec, body.ok_or_else(|| ItemError::new(LossCause::Refused, "no such first name"))?)
    }

    fn set_metadata(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        let body = self.0.lock().unwrap().get(&spec.path.to_key()).map(|thing| thing.body.clone());
        self.put(ItemSpec { replace: true, ..spec }, body.unwrap_or_default())
    }

    fn finish_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.put(ItemSpec { replace: true, ..spec }, Arc::default())
    }

    fn remove(&self, path: &ItemPath) -> Result<(), ItemError> {
        let (start, end) = path.subtree_range();
        let own = path.to_key();
        let is_beneath = |key: &Vec<u8>| *key >= start && end.as_ref().is_none_or(|end| key < end);
        self.0.lock().unwrap().retain(|key, _| *key != own && !is_beneath(key));
        Ok(())
    }

    fn finish(&self) -> Result<(), ConnectorError> {
        Ok(())
    }
}

struct TreeSink {
    target: TreeTarget,
    body: Vec<u8>,
}

impl ItemSink for TreeSink {
    fn write_at(&mut self, offset_byte: u64, data: &[u8]) -> Result<(), ItemError> {
        let start = offset_byte as usize;
        self.body.resize(self.body.len().max(start + data.len()), 0);
        self.body[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn punch(&mut self, offset_byte: u64, len_bytes: u64) -> Result<(), ItemError> {
        let end = (offset_byte + len_bytes).min(self.body.len() as u64) as usize;
        if let Some(hole) = self.body.get_mut(offset_byte as usize..end) {
            hole.fill(0);
        }
        Ok(())
    }

    fn read_at(&mut self, offset_byte: u64, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let rest = self.body.get(offset_byte as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn finish(mut self: Box<Self>, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        self.body.resize(spec.meta.len_bytes as usize, 0);
        let body = std::mem::take(&mut self.body);
        self.target.put(spec, Arc::new(body))
    }
}
