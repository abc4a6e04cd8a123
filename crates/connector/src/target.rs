//! Writing to a system.
//!
//! A target is driven in this order: directories from the top down, then files, links and special entries in any
//! order and from several threads, then hard links, then [`Target::finish_directory`] from the bottom up, then
//! [`Target::finish`]. It stays beneath the place it was opened on and follows no symbolic link.

use crate::error::{ConnectorError, ItemError};
use datakeep_model::{ItemPath, Meta, Xattr};

/// Everything about an item that a target writes, its content apart.
#[derive(Clone, Copy)]
pub struct ItemSpec<'a> {
    /// Where it goes, relative to the target.
    pub path: &'a ItemPath,
    /// Its metadata.
    pub meta: &'a Meta,
    /// Text of a symbolic link.
    pub link_target: Option<&'a [u8]>,
    /// Extended attributes.
    pub xattrs: &'a [Xattr],
    /// True when something stands at `path` that is to be replaced (for a directory: kept and filled).
    pub replace: bool,
}

/// What stands at a path of a target now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its metadata.
    pub meta: Meta,
    /// Its link text.
    pub link_target: Option<Vec<u8>>,
}

/// A system opened for writing. Methods are called from several threads at once.
///
/// An error in an item's attributes after its content was written well is reported with cause `Attributes`, and the
/// item stays.
pub trait Target: Send + Sync {
    /// What stands at `path` now; `None` for nothing. Never follows a link; a path that runs through something that is
    /// not a directory is nothing.
    fn look(&self, path: &ItemPath) -> Result<Option<Found>, ItemError>;

    /// Names in the directory at `path`, unsorted; empty when there is none.
    fn list(&self, path: &ItemPath) -> Result<Vec<Vec<u8>>, ItemError>;

    /// Opens what stands at `path` for reading, to compare it.
    fn read(&self, path: &ItemPath) -> Result<Box<dyn crate::item::ItemReader>, ItemError>;

    /// Makes a directory that can be filled; its final metadata comes with [`Target::finish_directory`].
    fn make_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError>;

    /// Writes a whole regular file of which all content is at hand: `parts`, one after another.
    fn write_file(&self, spec: ItemSpec<'_>, parts: &[&[u8]]) -> Result<(), ItemError>;

    /// Opens a regular file to be written in pieces. With `update` the existing file's bytes stay and only what is
    /// written changes; without it the file starts empty.
    fn open_file(&self, spec: ItemSpec<'_>, update: bool) -> Result<Box<dyn ItemSink>, ItemError>;

    /// Makes a symbolic link, pipe, socket or device, with its metadata.
    fn make_special(&self, spec: ItemSpec<'_>) -> Result<(), ItemError>;

    /// Makes `spec.path` another name of `existing`, which this run has written.
    fn make_hard_link(&self, spec: ItemSpec<'_>, existing: &ItemPath) -> Result<(), ItemError>;

    /// Sets the metadata of something that stands there with the right content.
    fn set_metadata(&self, spec: ItemSpec<'_>) -> Result<(), ItemError>;

    /// Gives a directory its final metadata, once everything in it is done.
    fn finish_directory(&self, spec: ItemSpec<'_>) -> Result<(), ItemError>;

    /// Removes what stands at `path`; a directory with everything in it.
    fn remove(&self, path: &ItemPath) -> Result<(), ItemError>;

    /// Makes everything durable as far as the target was asked to.
    fn finish(&self) -> Result<(), ConnectorError>;
}

/// A regular file being written in pieces, in any order, from one thread at a time.
pub trait ItemSink: Send {
    /// Writes all of `data` at `offset_byte`.
    fn write_at(&mut self, offset_byte: u64, data: &[u8]) -> Result<(), ItemError>;

    /// Makes `offset_byte .. offset_byte + len_bytes` a hole, where the target knows holes; zeros elsewhere.
    fn punch(&mut self, offset_byte: u64, len_bytes: u64) -> Result<(), ItemError>;

    /// Reads back, for comparing before writing. Fills the buffer as far as the file goes.
    fn read_at(&mut self, offset_byte: u64, buffer: &mut [u8]) -> Result<usize, ItemError>;

    /// Sets the length, the metadata, and closes it.
    fn finish(self: Box<Self>, spec: ItemSpec<'_>) -> Result<(), ItemError>;
}
