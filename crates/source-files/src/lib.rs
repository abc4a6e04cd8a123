//! Files and streams: directory trees, standard input and the output of commands.
//!
//! ```text
//! location ── Point tree ──> walk ──> Item + FileHandle ──> FileReader       reading
//!                            │ DirRef, FdCache: descriptors, never paths
//! ItemSpec ──> FilesTarget ──> parent descriptor ──> one entry               writing
//! ```
//!
//! Beneath a location nothing is reached by its path: every directory is opened relative to its parent, no symbolic
//! link is followed, and no pipe, socket or device is opened. A target writes beneath the directory it was opened on
//! and nowhere else.

mod connector;
mod dir;
mod exclude;
mod handle;
mod location;
mod near;
mod options;
mod owner;
mod read;
mod stream;
mod sys;
mod target;
mod walk;
mod xattr;

#[cfg(test)]
mod fuzz;

pub use connector::FilesConnector;
pub use stream::StreamConnector;
pub use target::FilesTarget;
