//! What a snapshot must hold: a tree as plain system calls saw it, or the rows of a database as SQLite itself gave them.

use super::database;
use anyhow::{Context, Result};
use datakeep_testkit::{CompareOptions, Observed, compare_with, observe};
use std::path::{Path, PathBuf};

/// The content of a source when it was backed up, or of a place to which it was restored.
pub enum Content {
    /// A tree.
    Files(Vec<Observed>),
    /// Schema and rows of a database, a line each.
    Rows(Vec<String>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Files(Vec::new())
    }
}

impl Content {
    /// In what other content differs; nothing when it does not.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        match (self, found) {
            (Self::Files(expected), Self::Files(found)) => compare_with(expected, found, &CompareOptions::default()),
            (Self::Rows(expected), Self::Rows(found)) => database::differences(expected, found),
            _ => vec!["files and rows are two things".to_owned()],
        }
    }
}

/// What is restored and to where.
pub struct Way {
    /// The first argument of `restore`.
    pub what: String,
    /// What follows `--to`.
    pub to: String,
    folder: PathBuf,
    /// Whether it is a database.
    pub is_database: bool,
}

impl Way {
    /// From a snapshot that says of itself where its source lies, into the empty `folder`.
    pub fn of(id: &str, location: &str, folder: &Path) -> Result<Self> {
        let is_database = location.starts_with(database::SCHEME);
        let text = folder.to_str().context("a path that is text")?;
        let (what, to) = match is_database {
            true => (id.to_owned(), database::location(folder)?),
            false => (format!("{id}:{location}"), text.to_owned()),
        };
        let _ = std::fs::remove_dir_all(folder);
        if is_database {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { what, to, folder: folder.to_owned(), is_database })
    }

    /// What stands there now.
    pub fn look(&self) -> Result<Content> {
        Ok(match self.is_database {
            true => Content::Rows(database::rows(&self.folder)?),
            false => Content::Files(observe(&self.folder)?),
        })
    }
}
