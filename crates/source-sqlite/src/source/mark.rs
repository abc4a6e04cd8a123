//! Where in its life a database was read.
//!
//! The header of a database counts its changes (file format, section 1.3.7) as long as it is in a rollback journal mode. In WAL
//! mode that counter mostly rests; there the checkpoint sequence in the header of the log, the last valid frame in the index of
//! the log (WAL format, sections 4.2 and 2.1) and the time at which the file itself was last written are told besides. They are
//! read just before the state is taken, so a mark is never younger than what was read. Marks that differ do not prove that the
//! content does.

use crate::open;
use rusqlite::Connection;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Bytes of the header that hold the change counter.
const COUNTER_AT: u64 = 24;

/// The position of a database in words: `change 42`, in WAL mode `change 42, checkpoint 3, frame 17, file of 1700000000.500000000`; where this system does not
/// let the header be read safely, `schema 5, 120 pages`.
pub(crate) fn position(path: &Path, connection: &Connection, log: Option<String>) -> rusqlite::Result<String> {
    let counter = aside(path, |path| read_at(path, COUNTER_AT)).map(u32::from_be_bytes);
    match (counter, log) {
        (Some(counter), Some(log)) => Ok(format!("change {counter}, {log}")),
        (Some(counter), None) => Ok(format!("change {counter}")),
        (None, _) => {
            let (schema, pages) =
                (open::number(connection, "schema_version")?, open::number(connection, "page_count")?);
            // An empty file is a database without a header.
            Ok(if pages == 0 { "change 0".to_owned() } else { format!("schema {schema}, {pages} pages") })
        }
    }
}

/// The position in the write-ahead log of a database, if it has one.
pub(crate) fn log_position(path: &Path) -> Option<String> {
    aside(path, |path| {
        let checkpoint = read_at(&beside(path, "-wal"), 12).map(u32::from_be_bytes);
        let frame = read_at(&beside(path, "-shm"), 16).map(u32::from_ne_bytes)?;
        let written = std::fs::metadata(path).and_then(|meta| meta.modified()).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let (seconds, nanos) = (written.as_secs(), written.subsec_nanos());
        Some(format!("checkpoint {}, frame {frame}, file of {seconds}.{nanos:09}", checkpoint.unwrap_or(0)))
    })
}

/// The file that SQLite keeps beside a database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn read_at(path: &Path, offset: u64) -> Option<[u8; 4]> {
    let mut bytes = [0; 4];
    File::open(path).ok()?.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

/// Reads files in a thread with a descriptor table of its own. Closing a descriptor drops all locks that the owner of its
/// table has on the file (POSIX, `fcntl`), those of SQLite among them: with its own table the thread owns none. `None` where
/// the system forbids it: then nothing is opened.
fn aside<T: Send>(path: &Path, read: impl FnOnce(&Path) -> Option<T> + Send) -> Option<T> {
    let own_table = || {
        #[expect(
            deprecated,
            reason = "the other name of it is unsafe; this thread uses no descriptor but those it opens itself"
        )]
        rustix::thread::unshare(rustix::thread::UnshareFlags::FILES)
    };
    std::thread::scope(|scope| scope.spawn(|| own_table().ok().and_then(|()| read(path))).join().ok().flatten())
}
