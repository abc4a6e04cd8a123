//! The end of a restore: it is made durable, its schema is read again, and it gets its name.

use super::work::Work;
use crate::fault::Side;
use crate::large::is_of_large;
use crate::location::Location;
use crate::options::Settings;
use crate::schema::{self, Asked, kind, state};
use datakeep_connector::{Catalog, ConnectorError, SchemaObject};
use datakeep_model::escape_for_terminal;
use std::collections::BTreeMap;

/// Objects that are named where they are not as they were.
const NAMED_MAX: usize = 5;

/// Commits, compares the schema with the captured one where all of it was restored, and gives a new database its name.
pub(crate) fn publish(
    work: Work,
    location: &Location,
    settings: &Settings,
    losses: &mut Vec<String>,
) -> Result<Vec<String>, ConnectorError> {
    let connection = work.connection();
    connection.run("cannot make the changes durable in", "COMMIT")?;
    let mut told = work.verified();
    losses.extend(work.maker.losses.sentences());
    let major = connection.version()? / 10_000;
    let Work { maker, job, database, .. } = work;
    drop(maker);
    if job.whole {
        let place = database.as_ref().map_or_else(|| location.clone(), |database| database.location());
        match read(&place, settings, major) {
            Ok(standing) => compare(&job.catalog, &standing, major, &mut told, losses),
            Err(error) => told.push(format!("its schema was not read again: {}", error.message)),
        }
    }
    if let Some(database) = database {
        database.publish()?;
    }
    Ok(told)
}

fn read(location: &Location, settings: &Settings, major: u32) -> Result<Vec<SchemaObject>, ConnectorError> {
    let (patience, program) = (settings.patience, settings.pg_dump.as_deref());
    let asked = Asked { location, major, snapshot: None, patience, program, without: &[], side: Side::Target };
    schema::read(&schema::dump(&asked)?.archive)
}

/// True for objects of the schema itself, whose statements are the same in every database.
fn is_of_schema(object: &SchemaObject) -> bool {
    let is_apart = matches!(object.kind.as_str(), state::ROLE | state::MEMBER | kind::SEQUENCE_SET | kind::REFRESH);
    let is_of_database = object.kind.starts_with("DATABASE")
        || object.name.starts_with("DATABASE ")
        || object.sql.starts_with("ALTER DATABASE ");
    !is_apart && !is_of_database && !is_of_large(object)
}

fn by_name(objects: &[SchemaObject]) -> BTreeMap<(&str, &str), &str> {
    let own = objects.iter().filter(|object| is_of_schema(object));
    own.map(|object| ((object.kind.as_str(), object.name.as_str()), object.sql.as_str())).collect()
}

/// Compares what was captured with what stands: names, and statements where the same version of the server writes them.
fn compare(
    captured: &Catalog,
    standing: &[SchemaObject],
    major: u32,
    told: &mut Vec<String>,
    losses: &mut Vec<String>,
) {
    let version = captured.settings.iter().find(|note| note.name == "server-version");
    let written = version.and_then(|note| std::str::from_utf8(&note.value).ok()).unwrap_or_default();
    let is_same_major = written.split(['.', ' ']).next() == Some(&major.to_string());
    let (before, after) = (by_name(&captured.objects), by_name(standing));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let is_other = |(name, sql): &(&(&str, &str), &&str)| after.get(*name).is_some_and(|found| found != *sql);
    let other = before.iter().filter(is_other).map(|(name, _)| name);
    let (gone, other) = (named(gone), named(other.filter(|_| is_same_major)));
    told.push(format!("its schema of {} objects was read again", before.len()));
    losses.extend(gone.map(|names| format!("not there after all: {names}")));
    // What ran without an error and reads otherwise was put in other words by the server itself.
    told.extend(other.map(|names| format!("the server writes in other words: {names}")));
}

/// Objects in words; `None` when there are none.
fn named<'a>(objects: impl Iterator<Item = &'a (&'a str, &'a str)>) -> Option<String> {
    let names: Vec<_> = objects.map(|(kind, name)| format!("{} {name}", kind.to_lowercase())).collect();
    let shown = escape_for_terminal(names[..names.len().min(NAMED_MAX)].join(", ").as_bytes());
    match names.len() {
        0 => None,
        len if len > NAMED_MAX => Some(format!("{shown} and {} more", len - NAMED_MAX)),
        _ => Some(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_connector::Note;

    fn object(kind: &str, name: &str, sql: &str) -> SchemaObject {
        SchemaObject { kind: kind.into(), name: name.into(), table: String::new(), sql: sql.into() }
    }

    #[test]
    fn what_is_not_there_is_a_loss() {
        let objects = vec![
            object("TABLE", "a.t", "x"),
            object("INDEX", "a.i", "y"),
            object("ROLE", "r", ""),
            object("VIEW", "a.v", "z"),
        ];
        let settings = vec![Note { name: "server-version".into(), value: b"15.3".to_vec() }];
        let captured = Catalog { objects, settings, ..Catalog::default() };
        let standing = [object("TABLE", "a.t", "x"), object("INDEX", "a.i", "other")];
        let check = |major, expect: &[&str]| {
            let (mut told, mut losses) = (Vec::new(), Vec::new());
            compare(&captured, &standing, major, &mut told, &mut losses);
            assert_eq!(
                (told[1..].iter().map(String::as_str).collect::<Vec<_>>(), losses),
                (expect.to_vec(), vec!["not there after all: view a.v".to_owned()])
            );
        };
        check(15, &["the server writes in other words: index a.i"]);
        check(16, &[]);
    }
}
