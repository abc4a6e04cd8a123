//! The schema of a database: read by PostgreSQL's own `pg_dump`, and taken apart into objects.

mod archive;
mod dump;
pub(crate) mod kind;
mod narrow;
pub(crate) mod object;
pub(crate) mod state;
pub(crate) mod tokens;

pub(crate) use dump::{Asked, FOLDERS, dump};
pub(crate) use narrow::{CatalogId, Scope};
pub(crate) use object::shown_name;

use datakeep_connector::{ConnectorError, SchemaObject};
use datakeep_model::ErrorKind;

/// The objects of an archive of a schema, in the order in which they are to be made.
pub(crate) fn read(archive: &[u8]) -> Result<Vec<SchemaObject>, ConnectorError> {
    Ok(object::objects(&entries(archive)?))
}

/// Objects of what was chosen.
pub(crate) struct Chosen {
    pub objects: Vec<SchemaObject>,
    /// What the server's catalogue knows them by.
    pub ids: Vec<CatalogId>,
    /// What is left out though it was chosen, one sentence each.
    pub left_out: Vec<String>,
}

/// As [`read`], of what was chosen.
pub(crate) fn read_chosen(archive: &[u8], scope: &Scope<'_>) -> Result<Chosen, ConnectorError> {
    let narrowed = narrow::narrow(entries(archive)?, scope);
    let ids = narrowed.entries.iter().map(|entry| entry.catalog).filter(|id| *id != (0, 0)).collect();
    Ok(Chosen { objects: object::objects(&narrowed.entries), ids, left_out: narrowed.left_out })
}

fn entries(archive: &[u8]) -> Result<Vec<archive::Entry>, ConnectorError> {
    archive::entries(archive).map_err(|error| {
        let message = format!("cannot read what pg_dump wrote of the schema: {error}");
        ConnectorError::new(ErrorKind::Source, message)
            .with_hint("name a pg_dump of PostgreSQL 13 to 18, not older than the server, with the option `pg-dump`")
    })
}
