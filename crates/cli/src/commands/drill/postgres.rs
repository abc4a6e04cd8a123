//! Drills of PostgreSQL databases, in a private server.

use super::scratch::Scratch;
use super::tables::{Place, steps};
use super::{Job, Outcome};
use crate::errors::Failure;
use crate::progress::Watch;
use datakeep_connector::Options;
use datakeep_engine::TablesReader;
use datakeep_source_postgres::{PostgresConnector, Programs, ScratchServer};

/// A database, its indexes and its log, for each byte of content.
const BYTES_PER_BYTE: u64 = 3;
/// Room for an empty server with its log.
const LEAST_BYTES: u64 = 256 << 20;
/// The name of the restored database.
const DATABASE: &str = "drill";

/// Restores into a server of the version of the captured one, or the next newer one that is here.
pub(super) fn drill(job: &Job<'_>, reader: &TablesReader, watch: &Watch<'_>) -> Result<Outcome, Failure> {
    let programs = Programs::find(captured_major(reader)?, job.args.postgres_programs.as_deref())?;
    let len_bytes = job.manifest.snapshot.counters.len_bytes;
    let needed_bytes = len_bytes.saturating_mul(BYTES_PER_BYTE).saturating_add(LEAST_BYTES);
    let scratch = Scratch::new(job.args.scratch.as_deref(), needed_bytes)?;
    // The server may run as another user, which reaches its own folder through this one.
    scratch.let_through()?;
    let server = ScratchServer::start(&programs, &scratch.within("server")?, &job.app.cancel)?;
    let mut options = Options::new();
    if let Some(pg_dump) = programs.pg_dump() {
        options.insert("pg-dump".into(), vec![pg_dump.to_string_lossy().into_owned()]);
    }
    let place = Place {
        connector: &PostgresConnector::new(),
        location: &server.location(DATABASE),
        target: options.clone(),
        source: options,
        for_faults: &server.conninfo(DATABASE),
        prepare: &|catalog| Ok(server.make_roles(catalog)?),
    };
    let mut outcome = steps(job, reader, &place, watch)?;
    outcome.postgres = Some(programs.major());
    drop(server);
    outcome.kept = job.args.keep.then(|| scratch.keep());
    Ok(outcome)
}

/// The major version of the server that was captured; 0 where the snapshot does not say.
fn captured_major(reader: &TablesReader) -> Result<u32, Failure> {
    let settings = reader.database()?.settings;
    let version = settings.iter().find(|note| note.name == "server-version");
    let text = version.map(|note| String::from_utf8_lossy(&note.value).into_owned()).unwrap_or_default();
    Ok(text.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok()).unwrap_or_default())
}
