//! Reading a system.

use crate::error::ConnectorError;
use crate::item::ItemBatch;
use datakeep_model::{ItemPath, Mark, SourceInfo};

/// Ids of users or groups with their names.
pub type OwnerNames = Vec<(u32, String)>;

/// A system opened for reading. Used as `begin`, `items` to the end, then (once the snapshot is durable) `confirm`.
pub trait Source: Send {
    /// Kind, derived name, location and host.
    fn info(&self) -> SourceInfo;

    /// The paths that were asked for, as they stand in the snapshot.
    fn roots(&self) -> Vec<ItemPath>;

    /// Fixes the consistent point to be read. Called once, before `items`. Must not need the repository, and may
    /// begin to read ahead.
    fn begin(&mut self) -> Result<Mark, ConnectorError>;

    /// The items, in key order. Called once, after `begin`.
    fn items(&mut self) -> Result<Box<dyn ItemStream>, ConnectorError>;

    /// Called after the last item was read: the last word on whether the source as a whole was read well (a command's
    /// exit status, a server's transaction). An error means that no snapshot is made.
    fn complete(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// Called after the snapshot is durable; the source may now let go of what it kept for this mark.
    fn confirm(&mut self, mark: &Mark) -> Result<(), ConnectorError> {
        let _ = mark;
        Ok(())
    }

    /// Names of the users and groups with these ids, for display and for restores on other machines. Unknown ids are
    /// left out.
    fn owner_names(&self, users: &[u32], groups: &[u32]) -> (OwnerNames, OwnerNames) {
        let _ = (users, groups);
        (Vec::new(), Vec::new())
    }
}

/// A pull stream of item batches.
pub trait ItemStream: Send {
    /// The next batch; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<ItemBatch>, ConnectorError>;
}
