//! Alerts: findings with a beginning and an end. What is open is kept by whoever calls, so that nothing here is lost on a restart.

use crate::rules::Finding;
use std::collections::BTreeMap;

/// An alert that fires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// Its id.
    pub id: String,
    /// See [`Finding::key`]; of each key at most one alert fires.
    pub key: String,
    /// Since when its cause is gone, in seconds since 1970; `None` while it is there.
    pub calm_since_s: Option<i64>,
}

/// What is to be written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A new alert fires.
    Fire(Finding),
    /// The cause of an alert is there, with these facts.
    Hold {
        /// The alert.
        id: String,
        /// What was found now.
        finding: Finding,
    },
    /// The cause of an alert is gone since this second; it still fires.
    Calm {
        /// The alert.
        id: String,
        /// Seconds since 1970.
        since_s: i64,
    },
    /// The cause was gone for long enough.
    Resolve {
        /// The alert.
        id: String,
    },
}

/// From what fires and what was found to what changes.
///
/// A cause that is there keeps its alert, whatever happened between two looks; one that is gone ends it only after `calm_s`
/// seconds without it, so that a cause that comes and goes makes one alert. A clock that is put back begins that time anew.
pub fn fold(open: &[Open], found: Vec<Finding>, calm_s: u64, now_s: i64) -> Vec<Step> {
    let mut by_key: BTreeMap<String, Finding> = BTreeMap::new();
    for finding in found {
        by_key.entry(finding.key()).or_insert(finding);
    }
    let mut steps = Vec::new();
    for alert in open {
        let id = alert.id.clone();
        let step = match (by_key.remove(&alert.key), alert.calm_since_s) {
            (Some(finding), _) => Step::Hold { id, finding },
            (None, Some(since_s)) if since_s <= now_s => {
                let is_over = now_s.saturating_sub(since_s) as u64 >= calm_s;
                if !is_over {
                    continue;
                }
                Step::Resolve { id }
            }
            (None, _) => Step::Calm { id, since_s: now_s },
        };
        steps.push(step);
    }
    steps.extend(by_key.into_values().map(Step::Fire));
    steps
}
