//! What a snapshot holds, whatever kind it is of: a tree of files, or a database as tables.

use crate::memory::{self, Tree, TreeSource};
use crate::support::{restore_tree, run};
use crate::tables::source::{Database, ModelSource};
use crate::tables::{self, captured, reading};
use datakeep_engine::{BackupOptions, EngineError, TablesReader};
use datakeep_model::ContentKind;
use datakeep_store::{Manifest, Repository};
use std::sync::Arc;

/// The content of a snapshot.
#[derive(Clone, Debug)]
pub enum Held {
    /// Of files.
    Files(Tree),
    /// Of tables.
    Tables(Database),
}

impl From<Tree> for Held {
    fn from(tree: Tree) -> Self {
        Self::Files(tree)
    }
}

impl From<Database> for Held {
    fn from(database: Database) -> Self {
        Self::Tables(database)
    }
}

impl Held {
    /// Makes a snapshot of it.
    pub fn back_up(
        &self,
        repository: &Arc<Repository>,
        source: &str,
        options: &BackupOptions,
    ) -> Result<Manifest, EngineError> {
        let manifest = match self {
            Self::Files(tree) => run(repository, &mut TreeSource::new(source, tree), options)?.manifest,
            Self::Tables(database) => captured(repository, &mut ModelSource::new(source, database), options)?.manifest,
        };
        Ok(manifest.expect("no dry run"))
    }

    /// What comes out of a snapshot; an error where it is not all of it.
    pub fn out_of(repository: &Arc<Repository>, manifest: &Manifest) -> Result<Self, String> {
        if manifest.snapshot.content == ContentKind::Tables {
            return reading::read(&reader(repository, manifest)?).map(Self::Tables).map_err(|error| error.to_string());
        }
        let (tree, report) = restore_tree(repository, manifest).map_err(|error| error.to_string())?;
        match report.tally.lost.first() {
            Some(loss) => Err(format!("lost {loss:?}")),
            None if report.tally.losses > 0 => Err(format!("lost {} things", report.tally.losses)),
            None => Ok(Self::Files(tree)),
        }
    }

    /// The first thing in which a snapshot is not this; also an error of reading it.
    pub fn differs(&self, repository: &Arc<Repository>, manifest: &Manifest) -> Option<String> {
        match self {
            Self::Files(_) => match Self::out_of(repository, manifest) {
                Ok(found) => self.first_difference(&found),
                Err(error) => Some(error),
            },
            // With what is said of the tables beside their rows.
            Self::Tables(database) => match reader(repository, manifest) {
                Ok(reader) => tables::difference(&reader, database).unwrap_or_else(|error| Some(error.to_string())),
                Err(error) => Some(error),
            },
        }
    }

    /// The first thing in which other content is not this.
    pub fn first_difference(&self, found: &Self) -> Option<String> {
        match (self, found) {
            (Self::Files(expected), Self::Files(found)) => memory::first_difference(expected, found),
            (Self::Tables(expected), Self::Tables(found)) => reading::first_difference(expected, found),
            _ => Some("it is of another kind".to_string()),
        }
    }
}

fn reader(repository: &Arc<Repository>, manifest: &Manifest) -> Result<TablesReader, String> {
    TablesReader::new(repository.clone(), manifest.clone()).map_err(|error| error.to_string())
}
