//! Names in a query, and the tables of snapshots they mean.
//!
//! | written | means |
//! |---|---|
//! | `orders` | table `orders` of the default snapshot, or of the only source that has one |
//! | `main.orders` | the same, with its schema |
//! | `shop.orders`, `shop.main.orders` | of the newest snapshot of source `shop` |
//! | `"shop@2026-03-01".orders` | of the newest snapshot of that source at or before that time |
//! | `"3fa9c01b".orders` | of the snapshot with this id |
//! | `datakeep.snapshots`, ... | what is known of snapshots ([`crate::system`]) |
//! | `'docs/2026.csv'`, `'files@latest:/docs/2026.csv'` | a file inside a snapshot of files ([`crate::files`]) |
//!
//! Names are matched as they are written; where nothing fits, without regard to upper and lower case.

use crate::error::SqlError;
use crate::system;
use crate::table::SnapshotTable;
use crate::{files, values::Shown};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datakeep_distribute::near::nearest;
use datakeep_distribute::tables::{find_table, names};
use datakeep_distribute::{DistributeError, choose};
use datakeep_engine::TablesReader;
use datakeep_model::{ContentKind, SessionId, Timestamp};
use datakeep_process_table::TableDescription;
use datakeep_store::{Manifest, Repository};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Turns a time as people write it into an instant; time zones are the caller's business.
pub type ParseTime = Arc<dyn Fn(&str) -> Option<Timestamp> + Send + Sync>;

/// The schema of what is known of snapshots.
pub(crate) const SYSTEM: &str = "datakeep";

/// An opened snapshot of tables.
pub(crate) struct Opened {
    pub reader: Arc<TablesReader>,
    pub tables: Vec<TableDescription>,
}

/// Everything that names can mean.
pub(crate) struct Catalogue {
    pub repository: Arc<Repository>,
    /// Oldest first.
    pub manifests: Vec<Manifest>,
    pub parse_time: ParseTime,
    /// Whose tables are meant where no source is named.
    pub default: Option<String>,
    /// As of when, where no time is named.
    pub as_of: Option<String>,
    /// Bytes of a file inside a snapshot that are read, at most.
    pub max_file_bytes: u64,
    opened: Mutex<BTreeMap<SessionId, Arc<Opened>>>,
}

impl Catalogue {
    pub fn new(repository: Arc<Repository>, manifests: Vec<Manifest>, parse_time: ParseTime) -> Self {
        Self {
            repository,
            manifests,
            parse_time,
            default: None,
            as_of: None,
            max_file_bytes: 256 << 20,
            opened: Mutex::default(),
        }
    }

    /// The snapshot of a name; as of the set time where the name has none.
    pub fn snapshot(&self, name: &str) -> Result<&Manifest, SqlError> {
        let is_source = self.manifests.iter().any(|manifest| manifest.snapshot.source.name == name);
        let dated = match &self.as_of {
            Some(time) if is_source => format!("{name}@{time}"),
            _ => name.to_string(),
        };
        Ok(choose(&self.manifests, &dated, &|text| (self.parse_time)(text))?)
    }

    /// A snapshot of tables, opened once.
    pub fn open(&self, manifest: &Manifest) -> Result<Arc<Opened>, SqlError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = opened.get(&manifest.snapshot.id) {
            return Ok(found.clone());
        }
        let reader = Arc::new(TablesReader::new(self.repository.clone(), manifest.clone())?);
        let tables = reader.tables()?;
        let found = Arc::new(Opened { reader, tables });
        opened.insert(manifest.snapshot.id, found.clone());
        Ok(found)
    }

    /// The snapshots that are meant where no source is named: the default, or the newest of every source of tables.
    pub fn defaults(&self) -> Result<Vec<&Manifest>, SqlError> {
        if let Some(name) = &self.default {
            return Ok(vec![self.snapshot(name)?]);
        }
        let mut sources: Vec<&str> = Vec::new();
        for manifest in &self.manifests {
            let name = manifest.snapshot.source.name.as_str();
            if manifest.snapshot.content == ContentKind::Tables && !sources.contains(&name) {
                sources.push(name);
            }
        }
        let newest = sources.into_iter().map(|source| self.snapshot(source));
        // A source may have nothing yet as of an early time.
        let found: Vec<&Manifest> =
            newest.filter_map(Result::ok).filter(|m| m.snapshot.content == ContentKind::Tables).collect();
        Ok(found)
    }

    /// What a name in a query means.
    pub fn table(&self, reference: &TableReference) -> Result<Arc<dyn TableProvider>, SqlError> {
        match reference {
            TableReference::Bare { table } if files::is_file(table) => files::open(self, table),
            TableReference::Bare { table } => self.anywhere(table),
            TableReference::Partial { schema, table } if &**schema == SYSTEM => {
                system::table(self, table, &self.defaults()?)
            }
            TableReference::Partial { schema, table } => match self.of_default(schema, table)? {
                Some(found) => Ok(found),
                None => self.of_source(schema, table),
            },
            TableReference::Full { catalog, schema, table } if &**schema == SYSTEM => {
                system::table(self, table, &[self.snapshot_near(catalog)?])
            }
            TableReference::Full { catalog, schema, table } => self.of_source(catalog, &format!("{schema}.{table}")),
        }
    }

    /// Described tables by the same names, for functions.
    pub fn described(&self, name: &str, snapshot: Option<&str>) -> Result<(Arc<Opened>, TableDescription), SqlError> {
        let manifests = match snapshot {
            Some(snapshot) => vec![self.snapshot_near(snapshot)?],
            None => self.defaults()?,
        };
        self.among(&manifests, name)
    }

    /// A described table by any name that a query may have for it.
    pub fn named(&self, name: &str) -> Result<(Arc<Opened>, TableDescription), SqlError> {
        let error = match self.described(name, None) {
            Err(error @ SqlError::Distribute(DistributeError::NotFound { .. })) => error,
            other => return other,
        };
        // A source may have dots in its name, and so may a time.
        let places = name.match_indices('.').map(|(at, _)| at);
        let mut in_source = places.filter_map(|at| {
            let manifest = self.snapshot_near(&name[..at]).ok()?;
            Some(self.among(&[manifest], &name[at + 1..]))
        });
        in_source.find(Result::is_ok).unwrap_or(Err(error))
    }

    /// The one table of this name in these snapshots.
    fn among(&self, manifests: &[&Manifest], name: &str) -> Result<(Arc<Opened>, TableDescription), SqlError> {
        if self.manifests.is_empty() {
            return Err(DistributeError::NoSnapshots.into());
        }
        if let (Some(time), true) = (&self.as_of, manifests.is_empty()) {
            let what = format!("a snapshot of tables at or before {time}");
            return Err(DistributeError::NotFound { what, near: None }.into());
        }
        let (mut found, mut missed, mut known) = (Vec::new(), None, Vec::new());
        for manifest in manifests {
            if manifest.snapshot.content != ContentKind::Tables {
                missed =
                    Some(TablesReader::new(self.repository.clone(), (*manifest).clone()).err().map(SqlError::from));
                continue;
            }
            let opened = self.open(manifest)?;
            match find_exactly_or_nearly(&opened.tables, name) {
                Ok(table) => found.push((manifest, opened.clone(), table.clone())),
                Err(error @ DistributeError::Ambiguous { .. }) => return Err(error.into()),
                Err(_) => {}
            }
            known.extend(names(&opened.tables));
            known.extend(opened.tables.iter().map(|table| table.info.name.table.clone()));
        }
        let candidates: Vec<String> = found
            .iter()
            .map(|(manifest, _, table)| format!("\"{}\".{}", manifest.snapshot.source.name, table.info.name))
            .collect();
        match (found.pop(), found.is_empty()) {
            (Some((_, opened, table)), true) => Ok((opened, table)),
            (Some(_), false) => Err(DistributeError::Ambiguous { what: format!("table {name}"), candidates }.into()),
            (None, _) => {
                if let Some(Some(error)) = missed {
                    return Err(error);
                }
                let near = nearest(name, known.iter().map(String::as_str)).map(str::to_string);
                Err(DistributeError::NotFound { what: format!("table {name}"), near }.into())
            }
        }
    }

    fn anywhere(&self, table: &str) -> Result<Arc<dyn TableProvider>, SqlError> {
        let (opened, table) = self.among(&self.defaults()?, table)?;
        provider(&opened, table)
    }

    /// A table of the default snapshots by schema and name; nothing when none has such a schema.
    fn of_default(&self, schema: &str, table: &str) -> Result<Option<Arc<dyn TableProvider>>, SqlError> {
        let defaults = self.defaults()?;
        let mut with_schema = Vec::new();
        for manifest in defaults.into_iter().filter(|manifest| manifest.snapshot.content == ContentKind::Tables) {
            let is_it = |found: &TableDescription| found.info.name.schema.eq_ignore_ascii_case(schema);
            if self.open(manifest)?.tables.iter().any(is_it) {
                with_schema.push(manifest);
            }
        }
        if with_schema.is_empty() {
            return Ok(None);
        }
        let (opened, table) = self.among(&with_schema, &format!("{schema}.{table}"))?;
        provider(&opened, table).map(Some)
    }

    fn of_source(&self, source: &str, table: &str) -> Result<Arc<dyn TableProvider>, SqlError> {
        let manifest = self.snapshot_near(source)?;
        let (opened, table) = self.among(&[manifest], table)?;
        provider(&opened, table)
    }

    /// As [`Catalogue::snapshot`]; where no source has just this name, one that differs in upper and lower case only.
    fn snapshot_near(&self, name: &str) -> Result<&Manifest, SqlError> {
        let error = match self.snapshot(name) {
            Err(error) => error,
            found => return found,
        };
        let (source, point) = name.rsplit_once('@').map_or((name, None), |(source, point)| (source, Some(point)));
        let known = self.manifests.iter().map(|manifest| manifest.snapshot.source.name.as_str());
        match known.filter(|known| *known != source).find(|known| known.eq_ignore_ascii_case(source)) {
            Some(known) => self.snapshot(&point.map_or(known.to_string(), |point| format!("{known}@{point}"))),
            None => Err(error),
        }
    }
}

/// A table by its name; without regard to upper and lower case where that names one.
fn find_exactly_or_nearly<'t>(
    tables: &'t [TableDescription],
    name: &str,
) -> Result<&'t TableDescription, DistributeError> {
    let error = match find_table(tables, name) {
        Err(error @ DistributeError::NotFound { .. }) => error,
        other => return other,
    };
    let own = |table: &TableDescription| {
        let whole = table.info.name.to_string();
        whole.eq_ignore_ascii_case(name) || table.info.name.table.eq_ignore_ascii_case(name)
    };
    let mut found = tables.iter().filter(|table| own(table));
    match (found.next(), found.next()) {
        (Some(table), None) => Ok(table),
        _ => Err(error),
    }
}

fn provider(opened: &Opened, table: TableDescription) -> Result<Arc<dyn TableProvider>, SqlError> {
    Ok(Arc::new(SnapshotTable::new(opened.reader.clone(), table)?))
}

/// How a table of these is shown, for functions.
pub(crate) fn shown(opened: &Opened, table: &TableDescription) -> Result<Shown, SqlError> {
    Ok(Shown::new(table, &opened.reader.statistics(&table.info.name)?))
}
