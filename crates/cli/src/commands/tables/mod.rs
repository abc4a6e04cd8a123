//! Databases as tables: `backup`, `restore`, `ls` and the rest where the snapshot holds tables.

pub mod backup;
mod cells;
pub mod diff;
pub mod difference;
mod keys;
pub mod list;
pub mod refuse;
pub mod restore;
mod restore_row;
pub mod rows;
mod sequences;
mod server;
pub mod show;

use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use datakeep_connector::{Connector, Options};
use datakeep_engine::TablesReader;
use datakeep_model::ContentKind;
use datakeep_source_postgres::PostgresConnector;
use datakeep_source_sqlite::SqliteConnector;
use datakeep_store::{Manifest, Repository};
use std::ffi::OsStr;
use std::sync::Arc;

/// The connectors that read and write tables.
fn connectors() -> Vec<Box<dyn Connector>> {
    vec![Box::new(SqliteConnector::new()), Box::new(PostgresConnector::new())]
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

/// Refuses a location that holds a secret.
fn refuse_secret(connector: &dyn Connector, location: &str) -> Result<(), Failure> {
    if !connector.holds_secret(location) {
        return Ok(());
    }
    let message = tr!("the location of the database holds a password", "数据库位置中含有密码");
    Err(Failure::usage(message).hint(tr!(
        "an argument can be read by everybody on this machine: leave the password out, and say --database-option password-file=FILE, or set PGPASSWORD, or write it into ~/.pgpass",
        "本机上的任何人都能看到参数：请去掉密码，改用 --database-option password-file=文件、环境变量 PGPASSWORD 或 ~/.pgpass"
    )))
}

/// A database as it was named on the command line.
pub struct Opened {
    /// What knows it.
    pub connector: Box<dyn Connector>,
    /// Where it is.
    pub location: String,
    /// How it is read.
    pub options: Options,
}

/// A database that is named with options.
pub fn opened(location: &OsStr, given: &[String]) -> Result<Opened, Failure> {
    let shown = datakeep_model::escape_for_terminal(location.as_encoded_bytes());
    let unknown = || {
        Failure::usage(tr!("{shown} is no database", "{shown} 不是数据库"))
            .hint(tr!("name one: postgres://USER@HOST/DATABASE", "请指定数据库：postgres://用户@主机/数据库"))
    };
    let connector = connector_of(location).ok_or_else(unknown)?;
    let location = location.to_str().ok_or_else(unknown)?.to_string();
    refuse_secret(&*connector, &location)?;
    let options = database_options(&*connector, given)?;
    Ok(Opened { connector, location, options })
}

/// The options of a database as they were given, and what the environment says besides.
fn database_options(connector: &dyn Connector, given: &[String]) -> Result<Options, Failure> {
    let mut options = Options::new();
    for option in given {
        let Some((key, value)) = option.split_once('=') else {
            return Err(Failure::usage(tr!("--database-option wants KEY=VALUE", "--database-option 的格式为 键=值"))
                .hint(tr!(
                    "for example: --database-option busy-timeout=30s",
                    "例如：--database-option busy-timeout=30s"
                )));
        };
        if key == "password" {
            return Err(Failure::usage(tr!("a password must not stand in an argument", "参数中不能写密码")).hint(tr!(
                "name a file: --database-option password-file=FILE",
                "请指定文件：--database-option password-file=文件"
            )));
        }
        options.entry(key.to_string()).or_default().push(value.to_string());
    }
    for (variable, option) in connector.surroundings() {
        let is_set = |value: &std::ffi::OsString| !value.is_empty();
        if let Some(value) = std::env::var_os(variable).filter(is_set).and_then(|value| value.into_string().ok()) {
            options.entry((*option).to_string()).or_insert_with(|| vec![value]);
        }
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
