//! What a channel has yet to hear. What it has heard is kept by whoever calls: a message that could not be sent is due again.

use crate::rules::{Rule, Severity, Subject};
use serde::{Deserialize, Serialize};

/// What a channel was told last about an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// That it was resolved: nothing more is to be told.
    pub is_resolved: bool,
    /// When, in seconds since 1970.
    pub at_s: i64,
}

/// An alert, as one channel sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it began to fire, in seconds since 1970.
    pub fired_s: i64,
    /// When it was resolved.
    pub resolved_s: Option<i64>,
    /// A silence covers it.
    pub is_silenced: bool,
    /// What the channel was told last.
    pub told: Option<Told>,
}

/// Alerts that came and went unheard longer ago are not told any more, in seconds.
pub const LATE_S: i64 = 86_400;

/// Whether the channel is to hear of this alert now.
///
/// Each alert is told once when it begins and once when it ends, and again after `repeat_s` seconds while it fires. A silence holds back
/// beginnings and repetitions, not the end of what was told. What begins and ends while a channel cannot be reached is told as ended.
pub fn is_due(alert: &Known, at_least: Severity, repeat_s: u64, now_s: i64) -> bool {
    if alert.severity < at_least {
        return false;
    }
    match (alert.resolved_s, alert.told) {
        (_, Some(Told { is_resolved: true, .. })) => false,
        (Some(_), Some(_)) => true,
        (Some(resolved_s), None) => !alert.is_silenced && now_s.saturating_sub(resolved_s) <= LATE_S,
        (None, None) => !alert.is_silenced,
        (None, Some(told)) => {
            !alert.is_silenced
                && repeat_s > 0
                && now_s.saturating_sub(told.at_s).unsigned_abs() >= repeat_s
                && now_s > told.at_s
        }
    }
}

/// Alerts of which nobody is to hear, for a time. What it does not name it does not ask for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Only of this rule.
    #[serde(default)]
    pub rule: Option<Rule>,
    /// Only of the policy with this id.
    #[serde(default)]
    pub policy: Option<String>,
    /// Only of the source with this id.
    #[serde(default)]
    pub source: Option<String>,
    /// Only of the repository with this id.
    #[serde(default)]
    pub repository: Option<String>,
    /// From this second on, since 1970.
    pub from_s: i64,
    /// Before this second, since 1970.
    pub until_s: i64,
}

impl Silence {
    /// Whether it covers an alert now.
    pub fn covers(&self, rule: Rule, subject: &Subject, now_s: i64) -> bool {
        let is = |wanted: &Option<String>, id: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == id);
        let id = |one: &Option<crate::look::Named>| one.as_ref().map(|one| one.id.clone());
        (self.from_s..self.until_s).contains(&now_s)
            && self.rule.is_none_or(|wanted| wanted == rule)
            && is(&self.policy, id(&subject.policy).as_deref())
            && is(&self.source, id(&subject.source).as_deref())
            && is(&self.repository, Some(&subject.repository.id))
    }
}
