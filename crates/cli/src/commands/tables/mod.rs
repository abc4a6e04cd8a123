//! Databases as tables: `backup`, `restore`, `ls` and the rest where the snapshot holds tables.

pub mod backup;
mod cells;
pub mod diff;
mod difference;
mod keys;
pub mod list;
pub mod refuse;
pub mod restore;
mod restore_row;
pub mod rows;
mod sequences;
pub mod show;

use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use datakeep_connector::{Connector, Options};
use datakeep_engine::TablesReader;
use datakeep_model::ContentKind;
use datakeep_source_sqlite::SqliteConnector;
use datakeep_store::{Manifest, Repository};
use std::ffi::OsStr;
use std::sync::Arc;

/// The connectors that read and write tables.
fn connectors() -> Vec<Box<dyn Connector>> {
    vec![Box::new(SqliteConnector::new())]
}

/// The connector that takes this location, if it is one of tables.
pub fn connector_of(location: &OsStr) -> Option<Box<dyn Connector>> {
    let location = location.to_str()?;
    connectors().into_iter().find(|connector| connector.accepts(location))
}

/// True for a snapshot that holds tables.
pub fn holds_tables(manifest: &Manifest) -> bool {
    manifest.snapshot.content == ContentKind::Tables
}

/// A snapshot as it was named, if it holds tables, with what was named in it.
pub fn find<'m>(
    app: &App,
    manifests: &'m [Manifest],
    place: &OsStr,
) -> Result<Option<(&'m Manifest, Option<String>)>, Failure> {
    let (name, path) = crate::place::split(place)?;
    let manifest = app.choose(manifests, &name)?;
    let within = path.filter(|path| !path.is_root()).map(|path| String::from_utf8_lossy(path.as_bytes()).into_owned());
    Ok(holds_tables(manifest).then_some((manifest, within)))
}

/// Reads the tables of a snapshot.
pub fn reader(repository: Arc<Repository>, manifest: &Manifest) -> Result<TablesReader, Failure> {
    Ok(TablesReader::new(repository, manifest.clone())?)
}

/// The options of a database as they were given.
fn database_options(given: &[String]) -> Result<Options, Failure> {
    let mut options = Options::new();
    for option in given {
        let Some((key, value)) = option.split_once('=') else {
            return Err(Failure::usage(tr!("--database-option wants KEY=VALUE", "--database-option 的格式为 键=值"))
                .hint(tr!(
                    "for example: --database-option busy-timeout=30s",
                    "例如：--database-option busy-timeout=30s"
                )));
        };
        options.entry(key.to_string()).or_default().push(value.to_string());
    }
    Ok(options)
}

/// A database among other things to be backed up, and other wishes that databases do not know.
fn one_location(paths: &[std::ffi::OsString]) -> Result<&str, Failure> {
    match paths {
        [one] => one
            .to_str()
            .ok_or_else(|| Failure::usage(tr!("a location of a database must be UTF-8", "数据库位置必须是 UTF-8"))),
        _ => Err(Failure::usage(tr!("a database is a source by itself", "数据库只能单独作为数据源"))
            .hint(tr!("back each of them up by a command of its own", "请分别备份"))),
    }
}
