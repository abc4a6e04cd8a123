//! Deciding: a history and a policy in, a decision with all its reasons for every snapshot out.
//!
//! What no policy takes away:
//! - held snapshots;
//! - the newest snapshot of each group, and the newest one that lost nothing;
//! - snapshots whose date cannot be right (`lineage`, [`Retention::not_after`]), and what shows that it is not. They
//!   take no place in any rule, so a flood of future or ancient dates pushes nobody out.
//!
//! Within a slot the newest complete snapshot stands for it; one with losses does so only where there is no complete
//! one. For `last` every snapshot counts. Times are compared as instants, slots by the wall clock of the time zone.
//!
//! Applying a plan and deciding again forgets nothing more, and a policy that asks for more keeps all that the smaller
//! one kept. `tests/it` compares this with a plain quadratic twin.

use crate::calendar::{self, Slot};
use crate::lineage;
use crate::past::{GroupBy, GroupKey, Past, Scope, hold_of};
use crate::retention::{Reason, Retention, SlotRule};
use datakeep_model::SessionId;
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// What is decided about one snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The snapshot.
    pub id: SessionId,
    /// Why it stays, in order; forgotten when there is no reason.
    pub reasons: Vec<Reason>,
}

impl Decision {
    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// A group and what is decided about its snapshots, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// What they have in common.
    pub key: GroupKey,
    /// One for each.
    pub decisions: Vec<Decision>,
}

impl Group {
    /// How many are forgotten.
    pub fn forgotten(&self) -> usize {
        self.decisions.iter().filter(|decision| !decision.is_kept()).count()
    }

    /// Whether more are forgotten than stay.
    pub fn loses_most(&self) -> bool {
        self.forgotten() * 2 > self.decisions.len()
    }
}

/// Decisions about everything in scope, groups in the order of their keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The groups.
    pub groups: Vec<Group>,
}

impl Plan {
    /// All decisions.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.groups.iter().flat_map(|group| &group.decisions)
    }

    /// Who is forgotten.
    pub fn forgotten(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.decisions().filter(|decision| !decision.is_kept()).map(|decision| decision.id)
    }
}

/// Why snapshots that were named are not forgotten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A label holds one.
    Held {
        /// The snapshot.
        id: SessionId,
        /// The label.
        label: String,
    },
}

/// Decides about all snapshots in scope. The whole history is wanted, also beyond the scope: it shows which dates cannot
/// be right. An empty policy keeps everything, without further reasons than the standing ones.
pub fn decide(history: &[Past], scope: &Scope, by: GroupBy, policy: &Retention, zone: &TimeZone) -> Plan {
    let behind = lineage::dated_behind(history);
    let witnesses: BTreeSet<SessionId> = behind.values().copied().collect();
    let facts = Facts { policy, zone, behind: &behind, witnesses: &witnesses };
    let decide_group = |(key, members): (GroupKey, Vec<&Past>)| Group { key, decisions: facts.decide(&members) };
    Plan { groups: grouped(history, scope, by).into_iter().map(decide_group).collect() }
}

/// The decision to forget exactly the named ones; groups that have none of them are left out.
pub fn decide_named(history: &[Past], named: &BTreeSet<SessionId>, by: GroupBy) -> Result<Plan, Refusal> {
    let wanted = |past: &&Past| named.contains(&past.id);
    for past in history.iter().filter(wanted) {
        if let Some(label) = hold_of(&past.tags) {
            return Err(Refusal::Held { id: past.id, label: label.to_string() });
        }
    }
    let mut groups = Vec::new();
    for (key, members) in grouped(history, &Scope::default(), by) {
        if members.iter().any(wanted) {
            let reasons = |past: &&Past| if wanted(past) { Vec::new() } else { vec![Reason::NotNamed] };
            let decide = |past: &&Past| Decision { id: past.id, reasons: reasons(past) };
            groups.push(Group { key, decisions: members.iter().map(decide).collect() });
        }
    }
    Ok(Plan { groups })
}

/// Members of each group, oldest first.
fn grouped<'h>(history: &'h [Past], scope: &Scope, by: GroupBy) -> BTreeMap<GroupKey, Vec<&'h Past>> {
    let mut groups: BTreeMap<GroupKey, Vec<&Past>> = BTreeMap::new();
    for past in history.iter().filter(|past| scope.holds(past)) {
        groups.entry(by.key(past)).or_default().push(past);
    }
    for members in groups.values_mut() {
        members.sort_by_key(|past| (past.started, past.id));
    }
    groups
}

/// A snapshot whose date counts, and where that date stands on the wall.
struct Placed<'h> {
    past: &'h Past,
    at: Zoned,
}

type Reasons = BTreeMap<SessionId, Vec<Reason>>;

fn give(reasons: &mut Reasons, past: &Past, reason: Reason) {
    reasons.entry(past.id).or_default().push(reason);
}

struct Facts<'a> {
    policy: &'a Retention,
    zone: &'a TimeZone,
    behind: &'a BTreeMap<SessionId, SessionId>,
    witnesses: &'a BTreeSet<SessionId>,
}

impl Facts<'_> {
    fn decide(&self, members: &[&Past]) -> Vec<Decision> {
        let mut reasons = Reasons::new();
        let mut placed: Vec<Placed<'_>> = Vec::new();
        for past in members.iter().copied() {
            self.standing(past, &mut reasons);
            match self.place(past) {
                Ok(at) => placed.push(Placed { past, at }),
                Err(reason) => give(&mut reasons, past, reason),
            }
        }
        placed.reverse();
        self.floor(&placed, &mut reasons);
        self.rules(&placed, &mut reasons);
        let take = |past: &&Past| Decision { id: past.id, reasons: reasons.remove(&past.id).unwrap_or_default() };
        let mut decisions: Vec<Decision> = members.iter().map(take).collect();
        decisions.iter_mut().for_each(|decision| decision.reasons.sort());
        decisions
    }

    /// Reasons that depend on nobody else in the group.
    fn standing(&self, past: &Past, reasons: &mut Reasons) {
        if let Some(label) = hold_of(&past.tags) {
            give(reasons, past, Reason::Held(label.to_string()));
        }
        if self.witnesses.contains(&past.id) {
            give(reasons, past, Reason::Witness);
        }
        for tag in self.policy.tags.iter().filter(|tag| past.tags.contains(tag)) {
            give(reasons, past, Reason::Tag(tag.clone()));
        }
        if self.policy.is_empty() {
            give(reasons, past, Reason::NoRule);
        }
    }

    /// Where a snapshot stands in time, or why that is not known.
    fn place(&self, past: &Past) -> Result<Zoned, Reason> {
        if let Some(witness) = self.behind.get(&past.id) {
            return Err(Reason::DatedBehind(*witness));
        }
        if self.policy.not_after.is_some_and(|bound| past.started > bound) {
            return Err(Reason::DatedAhead);
        }
        calendar::zoned(past.started, self.zone).ok_or(Reason::NoDate)
    }

    /// What stays whatever the rules say; `placed` is newest first.
    fn floor(&self, placed: &[Placed<'_>], reasons: &mut Reasons) {
        if let Some(newest) = placed.first() {
            give(reasons, newest.past, Reason::Newest);
        }
        let (complete, partial): (Vec<_>, Vec<_>) = placed.iter().partition(|one| one.past.is_complete);
        if let Some(newest) = complete.first() {
            give(reasons, newest.past, Reason::NewestComplete);
        }
        for one in complete.into_iter().chain(partial).take(self.policy.at_least as usize) {
            give(reasons, one.past, Reason::AtLeast(self.policy.at_least));
        }
    }

    fn rules(&self, placed: &[Placed<'_>], reasons: &mut Reasons) {
        for (number, one) in (1..=self.policy.last).zip(placed) {
            give(reasons, one.past, Reason::Last(number));
        }
        for rule in SlotRule::ALL {
            self.slots(rule, placed, reasons);
        }
        let Some((span, newest)) = self.policy.within.zip(placed.first()) else { return };
        // No such date: it is before all that there are.
        let oldest = span.before(newest.past.started, self.zone);
        for one in placed.iter().filter(|one| oldest.is_none_or(|oldest| one.past.started >= oldest)) {
            give(reasons, one.past, Reason::Within(span));
        }
    }

    fn slots(&self, rule: SlotRule, placed: &[Placed<'_>], reasons: &mut Reasons) {
        let most = self.policy.count(rule) as usize;
        if most == 0 {
            return;
        }
        let mut slots: BTreeMap<Slot, (String, &Past)> = BTreeMap::new();
        for one in placed {
            let (slot, name) = calendar::slot(rule, &one.at);
            let stands = slots.entry(slot).or_insert((name, one.past));
            if one.past.is_complete && !stands.1.is_complete {
                stands.1 = one.past;
            }
        }
        for (name, past) in slots.into_values().rev().take(most) {
            give(reasons, past, Reason::Slot(rule, name));
        }
    }
}
