//! The schema of a database: read by PostgreSQL's own `pg_dump`, and taken apart into objects.

mod archive;
mod dump;
pub(crate) mod kind;
pub(crate) mod object;
pub(crate) mod state;
pub(crate) mod tokens;

pub(crate) use dump::{Asked, dump};
pub(crate) use object::shown_name;

use datakeep_connector::{ConnectorError, SchemaObject};
use datakeep_model::ErrorKind;

/// The objects of an archive of a schema, in the order in which they are to be made.
pub(crate) fn read(archive: &[u8]) -> Result<Vec<SchemaObject>, ConnectorError> {
    let entries = archive::entries(archive).map_err(|error| {
        let message = format!("cannot read what pg_dump wrote of the schema: {error}");
        ConnectorError::new(ErrorKind::Source, message)
            .with_hint("name a pg_dump of PostgreSQL 13 to 18, not older than the server, with the option `pg-dump`")
    })?;
    Ok(object::objects(&entries))
}
