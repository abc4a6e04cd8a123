//! Rules: from what is known to what is not well. A rule says nothing about what it cannot know.

use crate::facts::Facts;
use crate::look::{EndedRun, Look, Named, Outcome, Protection, RepositoryFacts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

mod tables;

crate::words::words!(
    /// What can be not well.
    Rule {
        /// A snapshot that the schedule promises is not there.
        Overdue = "overdue",
        /// The newest snapshot is older than it may be.
        Rpo = "rpo-breach",
        /// The newest run failed.
        Failed = "failed",
        /// The newest backup lost items.
        Partial = "partial",
        /// Stored bytes were not proven for too long.
        Unverified = "verification-too-old",
        /// A source was not restored for trial for too long.
        Undrilled = "no-drill",
        /// More is stored than usual, or the room ends soon.
        Growth = "capacity-growth",
        /// A table has far fewer or far more rows than usual.
        Rows = "row-count",
        /// Tables came or went, or have another number of columns.
        Schema = "schema-change",
    }
);

crate::words::words!(
    /// How bad it is.
    Severity {
        /// Worth knowing.
        Info = "info",
        /// To be looked at by day.
        Warning = "warning",
        /// To be looked at now.
        Critical = "critical",
    }
);

/// The settings of all rules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSet {
    /// Rules that are not asked.
    pub off: BTreeSet<Rule>,
    /// Severities that differ from the usual ones.
    pub severity: BTreeMap<Rule, Severity>,
    /// So many backups of a source fail one after another before it is told.
    pub failures: u32,
    /// How old the proof of any stored byte may become, in seconds.
    pub verification_max_age_s: u64,
    /// How old the last drill of a source may become, in seconds.
    pub drill_max_age_s: u64,
    /// A backup that stores so many times the usual amount is told.
    pub growth_factor: u32,
    /// A backup that stores less than this is never told, in bytes.
    pub growth_min_bytes: u64,
    /// The room that repositories have, by id, in bytes.
    pub capacity_bytes: BTreeMap<String, u64>,
    /// A repository whose room ends within so many seconds is told.
    pub capacity_ahead_s: u64,
    /// A table whose number of rows differs from the usual by so many per cent is told, if that is also far outside of how it
    /// usually varies.
    pub rows_percent: u32,
    /// Tables that usually have fewer rows are not told.
    pub rows_min: u64,
    /// How long a cause must be gone before its alert is resolved, in seconds.
    pub calm_s: u64,
    /// After how long an alert that still fires is told again, in seconds; 0 for never.
    pub repeat_s: u64,
}

impl Default for RuleSet {
    /// What suits most. Drills are asked for by whoever does them.
    fn default() -> Self {
        Self {
            off: BTreeSet::from([Rule::Undrilled]),
            severity: BTreeMap::new(),
            failures: 1,
            verification_max_age_s: 35 * 86_400,
            drill_max_age_s: 90 * 86_400,
            growth_factor: 5,
            growth_min_bytes: 1 << 30,
            capacity_bytes: BTreeMap::new(),
            capacity_ahead_s: 14 * 86_400,
            rows_percent: 30,
            rows_min: 20,
            calm_s: 120,
            repeat_s: 86_400,
        }
    }
}

impl RuleSet {
    /// Whether a rule is asked.
    pub fn is_on(&self, rule: Rule) -> bool {
        !self.off.contains(&rule)
    }

    /// How bad what a rule finds is.
    pub fn severity(&self, rule: Rule) -> Severity {
        let usual = match rule {
            Rule::Overdue | Rule::Rpo | Rule::Failed | Rule::Rows => Severity::Critical,
            Rule::Partial | Rule::Unverified | Rule::Undrilled | Rule::Growth | Rule::Schema => Severity::Warning,
        };
        self.severity.get(&rule).copied().unwrap_or(usual)
    }
}

/// What a finding is about.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Subject {
    /// The policy, where it is about one.
    pub policy: Option<Named>,
    /// The source, where it is about one.
    pub source: Option<Named>,
    /// The repository.
    pub repository: Named,
    /// What of it, such as the kind of a run; mostly empty.
    pub part: String,
}

impl Subject {
    /// For people: `policy / source`, or the repository.
    pub fn title(&self) -> String {
        let named = [&self.policy, &self.source].into_iter().flatten().map(|one| one.name.as_str());
        let parts: Vec<&str> = named.collect();
        let place = if parts.is_empty() { self.repository.name.clone() } else { parts.join(" / ") };
        if self.part.is_empty() { place } else { format!("{place} ({})", self.part) }
    }
}

/// Something that is not well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What found it.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// Why, in numbers.
    pub facts: Facts,
}

impl Finding {
    /// The same for the same trouble at every look.
    pub fn key(&self) -> String {
        let id = |one: &Option<Named>| one.as_ref().map_or(String::new(), |one| one.id.clone());
        let subject = &self.subject;
        [self.rule.as_str(), &id(&subject.policy), &id(&subject.source), &subject.repository.id, &subject.part]
            .join("|")
    }
}

/// Everything that is not well, by the rules that are on. In a stable order.
pub fn findings(look: &Look, set: &RuleSet) -> Vec<Finding> {
    let mut found: Vec<(Rule, Subject, Facts)> = Vec::new();
    for one in &look.protections {
        protection(one, look.now_s, set, &mut found);
    }
    for one in &look.repositories {
        repository(one, look, set, &mut found);
    }
    let finding = |(rule, subject, facts)| Finding { rule, severity: set.severity(rule), subject, facts };
    found.into_iter().filter(|(rule, _, _)| set.is_on(*rule)).map(finding).collect()
}

fn protection(one: &Protection, now_s: i64, set: &RuleSet, found: &mut Vec<(Rule, Subject, Facts)>) {
    let subject = || Subject {
        policy: Some(one.policy.clone()),
        source: Some(one.source.clone()),
        repository: one.repository.clone(),
        part: String::new(),
    };
    let mut say = |rule: Rule, facts: Facts| found.push((rule, subject(), facts));
    // Of one late snapshot one thing is said: where the objective is breached, that.
    match (breach(one, now_s), one.overdue_since_s.filter(|since_s| *since_s < now_s)) {
        (Some(facts), _) => say(Rule::Rpo, facts),
        (None, Some(since_s)) => say(Rule::Overdue, Facts::Overdue { since_s, newest_s: one.newest_s }),
        (None, None) => {}
    }
    match &one.last {
        Some(last) if last.outcome == Outcome::Failed && one.failures >= set.failures.max(1) => {
            say(Rule::Failed, failed(last, one.failures));
        }
        Some(last) if last.outcome == Outcome::Partial => {
            let lost = one.history.first().filter(|backup| backup.run == last.id).map(|backup| backup.items_lost);
            say(Rule::Partial, Facts::Partial { run: last.id.clone(), items_lost: lost, finished_s: last.finished_s });
        }
        _ => {}
    }
    let drilled_s = one.drilled_s.unwrap_or(one.since_s);
    if one.newest_s.is_some() && is_older(drilled_s, set.drill_max_age_s, now_s) {
        say(Rule::Undrilled, Facts::Undrilled { drilled_s: one.drilled_s, max_age_s: set.drill_max_age_s });
    }
    growth(one, set).into_iter().for_each(|facts| say(Rule::Growth, facts));
    if let [newest, before @ ..] = one.history.as_slice() {
        tables::rows(newest, before, set).into_iter().for_each(|facts| say(Rule::Rows, facts));
        tables::schema(newest, before).into_iter().for_each(|facts| say(Rule::Schema, facts));
    }
}

/// Whether the newest snapshot is older than it may be.
fn breach(one: &Protection, now_s: i64) -> Option<Facts> {
    let rpo_s = one.rpo_s?;
    let deadline_s = one.newest_s.unwrap_or(one.since_s).saturating_add_unsigned(rpo_s);
    (now_s > deadline_s).then_some(Facts::Rpo { since_s: deadline_s, rpo_s, newest_s: one.newest_s })
}

fn failed(run: &EndedRun, times: u32) -> Facts {
    let (run, code, message, finished_s) = (run.id.clone(), run.code.clone(), run.message.clone(), run.finished_s);
    Facts::Failed { run, code, message, finished_s, times }
}

fn is_older(since_s: i64, max_age_s: u64, now_s: i64) -> bool {
    i64::try_from(max_age_s).is_ok_and(|max_age_s| now_s.saturating_sub(since_s) > max_age_s)
}

/// Backups before the newest that are needed before anything is called usual.
const FEWEST: usize = 3;

/// The newest backup against the median of those before it. The first one of a source is large by nature: it has nothing before it.
fn growth(one: &Protection, set: &RuleSet) -> Option<Facts> {
    let (newest, before) = one.history.split_first()?;
    if before.len() < FEWEST || newest.stored_bytes < set.growth_min_bytes {
        return None;
    }
    let usual = median(before.iter().map(|backup| backup.stored_bytes).collect());
    let limit = usual.saturating_mul(u64::from(set.growth_factor.max(1)));
    let (run, stored_bytes) = (newest.run.clone(), newest.stored_bytes);
    (stored_bytes > limit).then_some(Facts::Growth { run, stored_bytes, usual_bytes: usual })
}

fn repository(one: &RepositoryFacts, look: &Look, set: &RuleSet, found: &mut Vec<(Rule, Subject, Facts)>) {
    let subject = |part: &str| Subject { repository: one.repository.clone(), part: part.into(), ..Subject::default() };
    if is_older(one.proven_s.unwrap_or(one.since_s), set.verification_max_age_s, look.now_s) {
        let max_age_s = set.verification_max_age_s;
        found.push((Rule::Unverified, subject(""), Facts::Unverified { proven_s: one.proven_s, max_age_s }));
    }
    for run in one.work.iter().filter(|run| run.outcome == Outcome::Failed) {
        found.push((Rule::Failed, subject(&run.kind), failed(run, 1)));
    }
    capacity(one, look, set).into_iter().for_each(|facts| found.push((Rule::Growth, subject(""), facts)));
}

/// When the room ends, going on as in the backups that are known: the sum over all sources of what they stored, each over the time
/// in which it did.
fn capacity(one: &RepositoryFacts, look: &Look, set: &RuleSet) -> Option<Facts> {
    let capacity_bytes = *set.capacity_bytes.get(&one.repository.id)?;
    let (mut used_bytes, told_s) = one.stored?;
    let mut rate = 0.0;
    for source in look.protections.iter().filter(|source| source.repository.id == one.repository.id) {
        let newer = source.history.iter().filter(|backup| backup.finished_s > told_s).map(|backup| backup.stored_bytes);
        used_bytes = newer.fold(used_bytes, u64::saturating_add);
        // The oldest opens the span, so what it stored came before it.
        if let [.., oldest] = source.history.as_slice() {
            let stored: u64 =
                source.history.iter().rev().skip(1).map(|backup| backup.stored_bytes).fold(0, u64::saturating_add);
            let span_s = look.now_s.saturating_sub(oldest.finished_s);
            rate += if span_s > 0 { stored as f64 / span_s as f64 } else { 0.0 };
        }
    }
    let free_bytes = capacity_bytes.saturating_sub(used_bytes);
    let ahead_s = if rate > 0.0 { free_bytes as f64 / rate } else { f64::INFINITY };
    let is_told = free_bytes == 0 || ahead_s <= set.capacity_ahead_s as f64;
    let full_in_s = if free_bytes == 0 { 0 } else { ahead_s.min(1e12) as i64 };
    is_told.then_some(Facts::Capacity { used_bytes, capacity_bytes, full_in_s })
}

/// The middle one; of an even number the lower of both.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}
