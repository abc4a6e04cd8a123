//! The machines every row passes through: ordered, split into row groups, named by what its values are.
//!
//! Pure and synchronous, as `process` is for bytes. The byte-level specification is `docs/format.md`, section 17.
//!
//! | Module | Turns | Into |
//! |---|---|---|
//! | [`key`] | the key columns of rows | byte strings whose order is the table's order |
//! | [`split`] | keyed hashes of keys | the ends of row groups |
//! | [`hash`] | columns, groups, tables, rows | their identity, independent of how they are encoded |
//! | [`chunk`] | typed values of a column | a finished Parquet column chunk |
//! | [`aside`] | rows with long values | rows without them, and these |
//! | [`rowcodec`] | exceptions of a column | bytes |
//! | [`patch`] | a group and what it was | what changed, as bytes; and back |
//! | [`stats`] | a column | bounds, counts, a sketch of its distinct values |
//! | [`describe`] | what a snapshot says of databases, tables and groups | bytes and keys of the tree |

pub mod aside;
mod cells;
pub mod chunk;
mod codec;
pub mod describe;
#[cfg(test)]
mod fuzz;
pub mod hash;
mod join;
pub mod key;
#[cfg(test)]
mod measure;
pub mod patch;
pub mod rowcodec;
pub mod split;
pub mod stats;
mod types;

pub use chunk::{ChunkError, ChunkForm, Layout};
pub use codec::CodecError;
pub use describe::{
    Changes, DatabaseDescription, GroupColumn, GroupDescription, LargeValue, PatchDescription, TableDescription,
};
pub use hash::{ColumnHash, GroupHash, LargeName, RowSum, TableHasher};
pub use join::join;
pub use key::{Keys, encode_keys};
pub use patch::{Patch, PatchError};
pub use split::{MAX_WINDOW, Splitter};
pub use stats::{Bound, BoundValue, ColumnStats, Distinct, ExceptionKinds};

#[cfg(not(target_endian = "little"))]
compile_error!("values are hashed as they lie in memory: a big-endian machine needs a conversion here");
