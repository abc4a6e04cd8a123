//! The machines every row passes through: ordered, split into row groups, named by what its values are.
//!
//! Pure and synchronous, as `process` is for bytes. The byte-level specification is `docs/format.md`, section 17.
//!
//! | Module | Turns | Into |
//! |---|---|---|
//! | [`key`] | the key columns of rows | byte strings whose order is the table's order |
//! | [`split`] | keyed hashes of keys | the ends of row groups |
//! | [`hash`] | columns, groups, tables, rows | their identity, independent of how they are encoded |

mod cells;
pub mod chunk;
mod codec;
pub mod hash;
pub mod key;
pub mod rowcodec;
pub mod split;

pub use chunk::{ChunkError, ChunkForm, Layout};
pub use codec::CodecError;
pub use hash::{ColumnHash, GroupHash, RowSum, TableHasher};
pub use key::{Keys, encode_keys};
pub use split::{MAX_WINDOW, Splitter};

#[cfg(not(target_endian = "little"))]
compile_error!("values are hashed as they lie in memory: a big-endian machine needs a conversion here");
