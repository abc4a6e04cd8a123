//! Snapshots as retention sees them, and how they are grouped.

use datakeep_model::{Outcome, SessionId, Snapshot, Timestamp};
use std::collections::BTreeSet;

/// What retention knows of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Past {
    /// Its id.
    pub id: SessionId,
    /// The snapshot it was compared with when it was made: the newest one of its source at that moment.
    pub parent: Option<SessionId>,
    /// Kind of the source.
    pub kind: String,
    /// Name of the source.
    pub name: String,
    /// Host it was read on.
    pub host: String,
    /// When its run began, by the writer's clock.
    pub started: Timestamp,
    /// False when items were lost.
    pub is_complete: bool,
    /// Labels now in force.
    pub tags: Vec<String>,
}

impl From<&Snapshot> for Past {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            id: snapshot.id,
            parent: snapshot.parent,
            kind: snapshot.source.kind.clone(),
            name: snapshot.source.name.clone(),
            host: snapshot.source.host.clone(),
            started: snapshot.started,
            is_complete: snapshot.outcome() == Outcome::Complete,
            tags: snapshot.tags.clone(),
        }
    }
}

/// The label that holds a snapshot: `hold`, or `hold:` and a reason.
pub fn hold_of(tags: &[String]) -> Option<&str> {
    tags.iter().map(String::as_str).find(|tag| *tag == "hold" || tag.starts_with("hold:"))
}

/// What snapshots must have in common to compete for the same places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupBy {
    /// Kind and name of the source.
    pub source: bool,
    /// The host.
    pub host: bool,
    /// The set of labels.
    pub tags: bool,
}

impl Default for GroupBy {
    /// By source and host: one history is never thinned because of another.
    fn default() -> Self {
        Self { source: true, host: true, tags: false }
    }
}

impl GroupBy {
    /// `none`, or some of `source`, `host` and `tags` with commas between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut by = Self { source: false, host: false, tags: false };
        if text == "none" {
            return Some(by);
        }
        for word in text.split(',') {
            let field = match word {
                "source" => &mut by.source,
                "host" => &mut by.host,
                "tags" => &mut by.tags,
                _ => return None,
            };
            *field = true;
        }
        Some(by)
    }

    /// The group a snapshot belongs to.
    pub fn key(self, past: &Past) -> GroupKey {
        GroupKey {
            source: self.source.then(|| (past.kind.clone(), past.name.clone())),
            host: self.host.then(|| past.host.clone()),
            tags: self.tags.then(|| past.tags.iter().cloned().collect()),
        }
    }
}

/// Name of a group: what its snapshots have in common; absent is what was not asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GroupKey {
    /// Kind and name of the source.
    pub source: Option<(String, String)>,
    /// The host.
    pub host: Option<String>,
    /// The labels.
    pub tags: Option<BTreeSet<String>>,
}

/// The snapshots a decision is about; all others are left alone. An empty list asks for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    /// Names of sources, one of which it must have.
    pub sources: Vec<String>,
    /// Hosts, one of which it must have.
    pub hosts: Vec<String>,
    /// Labels, all of which it must have.
    pub tags: Vec<String>,
}

impl Scope {
    /// Whether the decision is about this snapshot.
    pub fn holds(&self, past: &Past) -> bool {
        let one_of = |wanted: &[String], is: &String| wanted.is_empty() || wanted.contains(is);
        one_of(&self.sources, &past.name)
            && one_of(&self.hosts, &past.host)
            && self.tags.iter().all(|tag| past.tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_labels_of_one_form() {
        let hold = |tag: &str| hold_of(&[tag.to_string()]).is_some();
        assert!(hold("hold") && hold("hold:audit 2026") && hold("hold:"));
        assert!(!hold("holdings") && !hold("household") && !hold("Hold"));
    }

    #[test]
    fn groupings_are_read() {
        assert_eq!(GroupBy::parse("source,host"), Some(GroupBy::default()));
        assert_eq!(GroupBy::parse("none"), Some(GroupBy { source: false, host: false, tags: false }));
        assert_eq!(GroupBy::parse("tags").map(|by| by.tags), Some(true));
        assert_eq!(GroupBy::parse(""), None);
        assert_eq!(GroupBy::parse("source,paths"), None);
    }
}
