//! Items: name, metadata, body. The same item walks in and out.

use crate::error::ItemError;
use datakeep_model::{ItemPath, Loss, Meta, Xattr};
use std::sync::Arc;

/// One entry of a source.
#[derive(Clone)]
pub struct Item {
    /// Last component of its path (empty only for the root itself).
    pub name: Vec<u8>,
    /// What a look without opening tells.
    pub meta: Meta,
    /// How to read the rest, when it turns out to be needed.
    pub handle: Arc<dyn ItemHandle>,
}

/// Entries that share a directory, sorted by name (byte order), no name twice. Batches of one directory may be many;
/// across the stream, keys (see `model::path`) strictly ascend.
pub struct ItemBatch {
    /// The directory that holds the items.
    pub directory: ItemPath,
    /// The entries.
    pub items: Vec<Item>,
    /// What could not be listed or looked at here.
    pub losses: Vec<Loss>,
}

/// What is read only of new and changed items.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Details {
    /// Text of a symbolic link, as it is.
    pub link_target: Option<Vec<u8>>,
    /// Extended attributes, access control lists among them, sorted by name.
    pub xattrs: Vec<Xattr>,
    /// True when the source knows that what it gives of this item is imperfect: its next run reads it again.
    pub read_again: bool,
}

/// What a source knows of how an item compares with earlier runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sameness {
    /// Nothing: metadata and times are compared.
    Unknown,
    /// All there is to know, because its items never change: a snapshot that is copied.
    Exact {
        /// Content and everything that [`ItemHandle::details`] tells are as in the parent snapshot.
        as_in_parent: bool,
        /// As [`Details::read_again`].
        read_again: bool,
    },
}

/// Reads one item. Shared between threads: the ranges of a large file are read side by side.
pub trait ItemHandle: Send + Sync {
    /// Link text and extended attributes. What could not be read comes as an error beside what could.
    fn details(&self) -> (Details, Option<ItemError>);

    /// How it compares with earlier runs.
    fn sameness(&self) -> Sameness {
        Sameness::Unknown
    }

    /// True when [`ItemHandle::open`] accepts any range, any number of times.
    fn is_seekable(&self) -> bool;

    /// Opens the content from `start_byte` to `end_byte` (exclusive; `None`: to the end, wherever it turns out to be).
    /// A handle that is not seekable accepts `0, None` once.
    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError>;
}

/// A run of content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// `len_bytes` of data follow ([`u64::MAX`]: up to the end of the range).
    Data {
        /// Length.
        len_bytes: u64,
    },
    /// A hole: nothing is stored, zeros are read.
    Hole {
        /// Length.
        len_bytes: u64,
    },
}

/// What a finished reader knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadOutcome {
    /// The item's metadata after the last byte, when it can be had. When it differs from what was listed, the item
    /// changed while it was read.
    pub meta_after: Option<Meta>,
}

/// Reads content in order: ask for an extent; read its data; ask for the next.
pub trait ItemReader: Send {
    /// The next extent; `None` at the end of the range.
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError>;

    /// Fills `buffer` from the present data extent as far as it goes and returns the count; 0 only at the extent's
    /// end (or for an empty buffer), so a short count means the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError>;

    /// Closes it and says what became of the item meanwhile.
    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError>;
}
