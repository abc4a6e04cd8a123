//! Snapshots as plain data.

use crate::event::{Counters, LossCause};
use crate::id::{ChunkId, RepositoryId, SessionId};
use crate::path::ItemPath;
use crate::time::Timestamp;

/// Where a snapshot comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceInfo {
    /// Kind of connector (`files`, `stream`).
    pub kind: String,
    /// The source's name: given, or derived from the location.
    pub name: String,
    /// The location as given, without secrets (`/srv/files`, `-`, `pg_dump shop`).
    pub location: String,
    /// The host it was read on.
    pub host: String,
}

/// True for a character that has no place in a source's name: `@` and `:` divide `SOURCE@TIME:PATH`, and what a terminal
/// acts on cannot be typed.
fn is_foreign_to_names(character: char) -> bool {
    let mut bytes = [0; 4];
    let text = character.encode_utf8(&mut bytes);
    matches!(character, '@' | ':' | char::REPLACEMENT_CHARACTER)
        || (character != '\\' && crate::escape_for_terminal(text.as_bytes()) != *text)
}

impl SourceInfo {
    /// True for a name by which a source can be addressed on a command line.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty() && name != "latest" && !name.chars().any(is_foreign_to_names)
    }

    /// A name made from any text, such as a directory's name.
    pub fn to_name(text: &str) -> String {
        let name: String = text.chars().map(|c| if is_foreign_to_names(c) { '-' } else { c }).collect();
        match name.as_str() {
            "" => "unnamed".to_owned(),
            "latest" => "latest-".to_owned(),
            _ => name,
        }
    }
}

/// The consistent point a source was read at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The file system's time just before the first entry was looked at. Files are not frozen: each is consistent in
    /// itself or marked as changed while read.
    FileTime(Timestamp),
    /// A stream has no point of its own; the time its first byte was asked for.
    Stream(Timestamp),
    /// A point that the source names in its own words (`change 42`, `lsn 0/16B3748`), with the time by the clock of the machine
    /// that read it.
    Position(Timestamp, String),
}

/// What a snapshot is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ContentKind {
    /// Files, directories and what else a file system has; a stream is one file.
    #[default]
    Files,
    /// A database: typed tables and their schema.
    Tables,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything was taken.
    Complete,
    /// Some items were lost; they are counted and listed.
    Partial,
}

/// One lost item as the snapshot remembers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LossNote {
    /// The item.
    pub path: ItemPath,
    /// What befell it.
    pub cause: LossCause,
    /// The system's own words, shortened to 200 bytes.
    pub detail: String,
}

/// A snapshot by the repository it is in and its name there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Whence {
    /// The repository.
    pub repository: RepositoryId,
    /// The snapshot's name there.
    pub snapshot: SessionId,
}

/// Where a copy comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// What it was on its way here: the original first, last the snapshot it was copied from. Never empty.
    pub chain: Vec<Whence>,
    /// When it was copied, by the copier's clock (display only).
    pub copied: Timestamp,
    /// Items of the original that copying lost, or brought over imperfect, on the whole way; part of the snapshot's count
    /// of losses.
    pub losses: u64,
}

impl Origin {
    /// Steps of a chain, at most.
    pub const MAX_STEPS: usize = 64;

    /// The origin of a copy of `original`, which is in `repository`; nothing lost yet by this step. Of a chain that would be
    /// too long the original stays and the second goes.
    pub fn of_copy(original: &Snapshot, repository: RepositoryId, copied: Timestamp) -> Self {
        let (mut chain, losses) =
            original.origin.as_ref().map_or((Vec::new(), 0), |origin| (origin.chain.clone(), origin.losses));
        if chain.len() >= Self::MAX_STEPS {
            chain.remove(1);
        }
        chain.push(Whence { repository, snapshot: original.id });
        Self { chain, copied, losses }
    }
}

/// The immutable record of one source at one mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Its name: the session that made it.
    pub id: SessionId,
    /// Commit epoch it was published in.
    pub epoch: u64,
    /// Where it comes from.
    pub source: SourceInfo,
    /// The point it was read at.
    pub mark: Mark,
    /// When the run began and ended, by the writer's clock (display only).
    pub started: Timestamp,
    /// See `started`.
    pub finished: Timestamp,
    /// The snapshot it was compared with, when there was one. A hint only.
    pub parent: Option<SessionId>,
    /// What it is made of.
    pub content: ContentKind,
    /// Root node of the tree.
    pub root: ChunkId,
    /// Paths that were asked for, as item paths.
    pub roots: Vec<ItemPath>,
    /// What the run did.
    pub counters: Counters,
    /// Items lost; at most the first [`Snapshot::MAX_LOSS_NOTES`], the counter knows all.
    pub losses: Vec<LossNote>,
    /// Labels now in force, sorted.
    pub tags: Vec<String>,
    /// Program and version that wrote it.
    pub writer: String,
    /// Names of the user ids that own entries.
    pub users: Vec<(u32, String)>,
    /// Names of the group ids that own entries.
    pub groups: Vec<(u32, String)>,
    /// Where it was copied from; `None` when it was made here. Everything else is as in the original, but for its name,
    /// epoch, parent and root, and for what its counters say of chunks and of bytes new and stored: that is of here.
    pub origin: Option<Origin>,
}

impl Snapshot {
    /// How many losses a snapshot lists by name.
    pub const MAX_LOSS_NOTES: usize = 1000;

    /// All that it is, in `repository` and wherever it was copied from: snapshots that share one of these have the same
    /// content, but for what copying lost.
    pub fn identities(&self, repository: RepositoryId) -> impl Iterator<Item = Whence> + '_ {
        let own = Whence { repository, snapshot: self.id };
        self.origin.iter().flat_map(|origin| origin.chain.iter().copied()).chain([own])
    }

    /// Complete when nothing was lost.
    pub fn outcome(&self) -> Outcome {
        if self.counters.losses == 0 { Outcome::Complete } else { Outcome::Partial }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_can_be_addressed() {
        for (text, name) in [
            ("files", "files"),
            ("me@host:a", "me-host-a"),
            ("latest", "latest-"),
            ("a\x1b[31m\nb", "a-[31m-b"),
            ("\u{202e}x\u{fffd}", "-x-"),
            ("", "unnamed"),
            ("中文 \\x", "中文 \\x"),
        ] {
            assert_eq!(SourceInfo::to_name(text), name);
            assert!(SourceInfo::is_name(name));
            assert_eq!(SourceInfo::is_name(text), text == name, "{text:?}");
        }
    }
}
