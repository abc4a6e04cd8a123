//! Holds what stands in a folder against the snapshot that it was restored from.
//!
//! The folder is read as a backup reads it, and nothing is taken from the restore: every name, every attribute, and of every file each
//! byte, whose chunks are named again and compared with the names in the snapshot. So what the restore did and what the disk kept are
//! both proven.

use crate::error::DistributeError;
use crate::select::relative;
use datakeep_connector::{Extent, Item, ItemBatch, ItemError, ItemReader, Source};
use datakeep_engine::{EngineError, RunContext};
use datakeep_model::{ChunkKind, Event, FileType, ItemPath, Meta, Phase, Xattr};
use datakeep_store::{Entry, FrameDecoder, KeyRange, Manifest, Part, Repository, content_parts};
use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};

/// How much of what was captured the restore was able to bring back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attributes {
    /// Everything: owners, set-id bits, capabilities.
    All,
    /// What a user may set on its own files: the other bits, owners and attributes are not compared.
    Plain,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Held {
    /// Entries of the snapshot that were looked for.
    pub entries: u64,
    /// Bytes of files that were read again.
    pub read_bytes: u64,
    /// How many differences there are that nothing excuses.
    pub different: u64,
    /// Differences in words; at most the first [`Held::MAX_DIFFERENCES`].
    pub differences: Vec<String>,
}

impl Held {
    /// How many differences are told.
    pub const MAX_DIFFERENCES: usize = 20;
}

/// Bits that everybody may set.
const PLAIN_BITS: u16 = 0o777;

/// Reads everything beneath `folder` by `source`, which was opened on it, and compares it with the whole snapshot. The folder
/// itself is not compared. `excused` are entries of which the restore said itself that they are missing or imperfect. Fails where the repository cannot be read; what the folder does not give is a difference.
pub fn hold(
    repository: &Repository,
    manifest: &Manifest,
    (source, folder): (&mut dyn Source, &ItemPath),
    (attributes, excused): (Attributes, &HashSet<ItemPath>),
    context: &RunContext<'_>,
) -> Result<Held, DistributeError> {
    context.observer.observe(&Event::Phase(Phase::Verifying));
    source.begin()?;
    let mut hold = Hold {
        repository,
        decoder: FrameDecoder::searching()?,
        attributes,
        excused,
        context,
        groups: HashMap::new(),
        held: Held::default(),
    };
    let (start, end) = ItemPath::root().subtree_range();
    let mut captured = repository.entries(manifest, KeyRange { start, end })?;
    let mut next = captured.next_entry()?;
    let mut items = source.items()?;
    while let Some(batch) = items.next_batch()? {
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled.into());
        }
        hold.lost(&batch, folder);
        for item in &batch.items {
            let Some(path) = beneath(&batch, item, folder) else { continue };
            let key = path.to_key();
            while let Some(entry) = next.take_if(|entry| entry.key < key) {
                hold.missing(&entry);
                next = captured.next_entry()?;
            }
            match next.take_if(|entry| entry.key == key) {
                None => hold.differ(&path, "stands there and was not captured"),
                Some(entry) => {
                    hold.both(&path, &entry, item)?;
                    next = captured.next_entry()?;
                }
            }
        }
    }
    while let Some(entry) = next {
        hold.missing(&entry);
        next = captured.next_entry()?;
    }
    Ok(hold.held)
}

/// The path of an item beneath the folder; `None` for the folder itself and what leads to it.
fn beneath(batch: &ItemBatch, item: &Item, folder: &ItemPath) -> Option<ItemPath> {
    let path = if item.name.is_empty() { batch.directory.clone() } else { batch.directory.join(&item.name).ok()? };
    (path.is_within(folder) && path != *folder).then(|| relative(&path, folder))
}

struct Hold<'a> {
    repository: &'a Repository,
    decoder: FrameDecoder,
    attributes: Attributes,
    excused: &'a HashSet<ItemPath>,
    context: &'a RunContext<'a>,
    /// Files of several names: device and inode in the snapshot, and those that stand for them.
    groups: HashMap<(u64, u64), (u64, u64)>,
    held: Held,
}

impl Hold<'_> {
    fn differ(&mut self, path: &ItemPath, what: &str) {
        if self.excused.contains(path) {
            return;
        }
        self.held.different += 1;
        if self.held.differences.len() < Held::MAX_DIFFERENCES {
            self.held.differences.push(format!("{path}: {what}"));
        }
    }

    fn lost(&mut self, batch: &ItemBatch, folder: &ItemPath) {
        for loss in &batch.losses {
            self.differ(&relative(&loss.path, folder), &format!("cannot be read: {}", loss.detail));
        }
    }

    fn missing(&mut self, entry: &Entry) {
        self.held.entries += 1;
        self.differ(&ItemPath::from_key(&entry.key).unwrap_or_default(), "is missing");
    }

    fn both(&mut self, path: &ItemPath, entry: &Entry, item: &Item) -> Result<(), DistributeError> {
        self.held.entries += 1;
        if let Some(what) = self.metadata(&entry.meta, &item.meta) {
            self.differ(path, what);
        }
        let (details, fault) = item.handle.details();
        if let Some(fault) = fault {
            self.differ(path, &format!("its attributes cannot be read: {fault}"));
        }
        if entry.link_target != details.link_target {
            self.differ(path, "the link leads elsewhere");
        }
        let captured = self.repository.attributes(&entry.attributes, &mut self.decoder)?;
        if self.comparable(&captured) != self.comparable(&details.xattrs) {
            self.differ(path, "its extended attributes are others");
        }
        self.is_same_file(path, entry, item);
        let mut read_bytes = 0;
        if entry.meta.file_type == FileType::File && item.meta.file_type == FileType::File {
            read_bytes = self.content(path, entry, item)?;
        }
        self.context.observer.observe(&Event::Progress { items: 1, bytes: read_bytes });
        Ok(())
    }

    fn metadata(&self, captured: &Meta, standing: &Meta) -> Option<&'static str> {
        let is_all = self.attributes == Attributes::All;
        let bits = |meta: &Meta| meta.mode & if is_all { u16::MAX } else { PLAIN_BITS };
        if captured.file_type != standing.file_type {
            Some("is of another kind")
        } else if captured.rdev != standing.rdev {
            Some("is another device")
        } else if captured.file_type != FileType::Symlink && bits(captured) != bits(standing) {
            Some("its permissions are others")
        } else if is_all && (captured.uid, captured.gid) != (standing.uid, standing.gid) {
            Some("its owner is another")
        } else if captured.mtime != standing.mtime {
            Some("its time of change is another")
        } else {
            None
        }
    }

    /// Attributes that a restore brings back, sorted; security labels are the machine's.
    fn comparable(&self, xattrs: &[Xattr]) -> Vec<Xattr> {
        let is_all = self.attributes == Attributes::All;
        let is_compared = |name: &[u8]| {
            name.starts_with(b"user.")
                || name.starts_with(b"system.posix_acl_")
                || (is_all && (name == b"security.capability" || name.starts_with(b"trusted.")))
        };
        let mut compared: Vec<Xattr> = xattrs.iter().filter(|xattr| is_compared(&xattr.name)).cloned().collect();
        compared.sort_by(|a, b| a.name.cmp(&b.name));
        compared
    }

    /// Names of one file must be names of one file again.
    fn is_same_file(&mut self, path: &ItemPath, entry: &Entry, item: &Item) {
        if !entry.meta.is_hard_linked() {
            return;
        }
        let (captured, standing) = ((entry.meta.device, entry.meta.inode), (item.meta.device, item.meta.inode));
        match self.groups.entry(captured) {
            Slot::Vacant(slot) => {
                slot.insert(standing);
            }
            Slot::Occupied(slot) if *slot.get() != standing => {
                self.differ(path, "was another name of a file and is a file by itself");
            }
            Slot::Occupied(_) => {}
        }
    }

    /// Reads a file and names its chunks again. The bytes that were read.
    fn content(&mut self, path: &ItemPath, entry: &Entry, item: &Item) -> Result<u64, DistributeError> {
        let parts = content_parts(self.repository, &entry.content, &mut self.decoder)?;
        let mut bytes = match item.handle.open(0, None) {
            Ok(reader) => Bytes { reader, extent: None },
            Err(error) => {
                self.differ(path, &format!("cannot be read: {error}"));
                return Ok(0);
            }
        };
        let found = self.compare(&parts, &mut bytes);
        let read_bytes: u64 = parts.iter().map(Part::len_bytes).sum();
        self.held.read_bytes += read_bytes;
        match found {
            Ok(true) => {}
            Ok(false) => self.differ(path, "its content is not what was captured"),
            Err(error) => self.differ(path, &format!("cannot be read: {error}")),
        }
        Ok(read_bytes)
    }

    fn compare(&self, parts: &[Part], bytes: &mut Bytes) -> Result<bool, ItemError> {
        let mut buffer = Vec::new();
        for part in parts {
            match part {
                Part::Chunk(chunk) => {
                    buffer.resize(chunk.len_bytes as usize, 0);
                    let is_whole = bytes.fill(&mut buffer)? == buffer.len();
                    if !is_whole || self.repository.ids().id(ChunkKind::Data, &buffer) != chunk.id {
                        return Ok(false);
                    }
                }
                Part::Hole(len_bytes) => {
                    if !bytes.are_zeros(*len_bytes)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(bytes.fill(&mut [0])? == 0)
    }
}

/// The bytes of a file one after another, holes as zeros.
struct Bytes {
    reader: Box<dyn ItemReader>,
    extent: Option<Extent>,
}

/// Bytes of a hole that are looked at at a time.
const STEP_BYTES: usize = 64 << 10;

impl Bytes {
    /// Fills the buffer as far as the file goes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            match &mut self.extent {
                Some(Extent::Hole { len_bytes }) if *len_bytes > 0 => {
                    let step = rest.len().min(usize::try_from(*len_bytes).unwrap_or(usize::MAX));
                    rest[..step].fill(0);
                    *len_bytes -= step as u64;
                    filled += step;
                    continue;
                }
                Some(Extent::Data { .. }) => {
                    let read = self.reader.read(rest)?;
                    filled += read;
                    if read > 0 {
                        continue;
                    }
                }
                _ => {}
            }
            self.extent = self.reader.next_extent()?;
            if self.extent.is_none() {
                break;
            }
        }
        Ok(filled)
    }

    fn are_zeros(&mut self, mut len_bytes: u64) -> Result<bool, ItemError> {
        let mut buffer = vec![0; STEP_BYTES];
        while len_bytes > 0 {
            let step = usize::try_from(len_bytes).unwrap_or(usize::MAX).min(STEP_BYTES);
            if self.fill(&mut buffer[..step])? < step || buffer[..step].iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            len_bytes -= step as u64;
        }
        Ok(true)
    }
}
