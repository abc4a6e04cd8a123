//! What every kind of system must offer to be backed up and restored to.
//!
//! A [`Connector`] describes one kind of system and opens it as a [`Source`] (items out) and/or a [`Target`] (items
//! in). The engine pulls and pushes; a connector never sees the repository, other connectors, or the command line.
//! Everything is synchronous and called from plain threads: a connector over an asynchronous driver blocks on it.

pub mod cancel;
pub mod clock;
pub mod connector;
pub mod error;
pub mod item;
pub mod lease;
pub mod options;
pub mod rows;
pub mod source;
pub mod tables;
pub mod target;

pub use cancel::Cancel;
pub use clock::{Clock, FixedClock, SystemClock};
pub use connector::{Capability, Connector, MissingRight, Options, Part, Role, Statement};
pub use error::{ConnectorError, ItemError};
pub use item::{Details, Extent, Item, ItemBatch, ItemHandle, ItemReader, ReadOutcome, Sameness};
pub use lease::{ByteBudget, Lease};
pub use source::{ItemStream, OwnerNames, Source};
pub use tables::{
    Catalog, ColumnInfo, Hands, Note, RestoreJob, RowStream, SchemaObject, Standing, TableAction, TableHand, TableInfo,
    TableJob, TableName, TableSource, TableTarget,
};
pub use target::{Found, ItemSink, ItemSpec, Target};
