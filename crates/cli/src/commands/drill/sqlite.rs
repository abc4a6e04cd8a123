//! Drills of SQLite databases.

use super::scratch::Scratch;
use super::tables::{Place, steps};
use super::{Job, Outcome};
use crate::errors::Failure;
use crate::progress::Watch;
use datakeep_connector::Options;
use datakeep_engine::TablesReader;
use datakeep_source_sqlite::SqliteConnector;

/// A database, its indexes, and the copy of it that is read where its journal mode wants one, for each byte of content.
const BYTES_PER_BYTE: u64 = 3;
/// Room in any case.
const LEAST_BYTES: u64 = 16 << 20;

/// Restores into a new file; SQLite itself checks it when it is read again (`PRAGMA integrity_check`).
pub(super) fn drill(job: &Job<'_>, reader: &TablesReader, watch: &Watch<'_>) -> Result<Outcome, Failure> {
    let len_bytes = job.manifest.snapshot.counters.len_bytes;
    let needed_bytes = len_bytes.saturating_mul(BYTES_PER_BYTE).saturating_add(LEAST_BYTES);
    let scratch = Scratch::new(job.args.scratch.as_deref(), needed_bytes)?;
    let folder = scratch.within("database")?;
    let spool = scratch.within("spool")?;
    let file = folder.join("restored.db").to_string_lossy().into_owned();
    let mut source = Options::new();
    source.insert("spool".into(), vec![spool.to_string_lossy().into_owned()]);
    source.insert("integrity-check".into(), vec!["full".into()]);
    let place = Place {
        connector: &SqliteConnector::new(),
        location: &format!("sqlite:{file}"),
        target: Options::new(),
        source,
        for_faults: &file,
        prepare: &|_| Ok(()),
    };
    let mut outcome = steps(job, reader, &place, watch)?;
    if outcome.faults.is_empty() {
        outcome.verified.push("PRAGMA integrity_check: ok".into());
    }
    outcome.kept = job.args.keep.then(|| scratch.keep());
    Ok(outcome)
}
