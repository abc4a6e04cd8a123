//! Alerts over time: none flaps, none is lost on a restart, and each is told once.

use crate::shop::{NOW_S, well};
use datakeep_monitor::tell::{LATE_S, is_due};
use datakeep_monitor::{Finding, Known, Open, Rule, RuleSet, Severity, Silence, Step, Told, findings, fold};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a database keeps between two looks; a restart keeps nothing else.
#[derive(Default, Clone)]
struct Kept {
    open: Vec<Open>,
    fired: Vec<(String, i64)>,
    resolved: Vec<(String, i64)>,
}

impl Kept {
    fn look(&mut self, found: Vec<Finding>, calm_s: u64, now_s: i64) {
        for step in fold(&self.open, found, calm_s, now_s) {
            match step {
                Step::Fire(finding) => {
                    self.fired.push((finding.key(), now_s));
                    let id = format!("a{}", self.fired.len());
                    self.open.push(Open { id, key: finding.key(), calm_since_s: None });
                }
                Step::Hold { id, .. } => self.one(&id).calm_since_s = None,
                Step::Calm { id, since_s } => self.one(&id).calm_since_s = Some(since_s),
                Step::Resolve { id } => {
                    let key = self.one(&id).key.clone();
                    self.open.retain(|open| open.id != id);
                    self.resolved.push((key, now_s));
                }
            }
        }
    }

    fn one(&mut self, id: &str) -> &mut Open {
        self.open.iter_mut().find(|open| open.id == id).unwrap()
    }
}

fn two() -> Vec<Finding> {
    let mut look = well();
    look.protections[0].newest_s = None;
    look.protections[0].last = Some(crate::shop::ended(datakeep_monitor::Outcome::Partial, "partial"));
    findings(&look, &RuleSet::default())
}

#[test]
fn a_cause_that_comes_and_goes_is_one_alert() {
    let (mut kept, both) = (Kept::default(), two());
    for minute in 0..20 {
        let found = if minute % 2 == 0 { both.clone() } else { vec![] };
        kept.look(found, 120, NOW_S + minute * 60);
    }
    assert_eq!((kept.fired.len(), kept.resolved.len()), (2, 0));
    (20..23).for_each(|minute| kept.look(vec![], 120, NOW_S + minute * 60));
    assert_eq!((kept.open.len(), kept.resolved.len()), (0, 2));
    kept.look(both, 120, NOW_S + 3000);
    assert_eq!(kept.fired.len(), 4, "what comes again is a new alert");
}

#[test]
fn a_clock_that_is_put_back_resolves_nothing_early() {
    let mut kept = Kept::default();
    kept.look(two(), 120, NOW_S);
    kept.look(vec![], 120, NOW_S + 60);
    kept.look(vec![], 120, NOW_S - 86_400);
    assert_eq!(kept.open[0].calm_since_s, Some(NOW_S - 86_400));
    kept.look(vec![], 120, NOW_S - 86_400 + 119);
    assert_eq!(kept.resolved.len(), 0);
    kept.look(vec![], 120, NOW_S - 86_400 + 120);
    assert_eq!(kept.resolved.len(), 2);
}

proptest! {
    /// For any history of causes and any distances between looks: while a cause is there its alert fires, with the id it began with; an
    /// alert ends only behind `calm_s` without its cause; of one cause never two alerts fire. The state between two looks is what
    /// is kept, so a restart between any two of them changes nothing.
    #[test]
    fn alerts_neither_flap_nor_get_lost(history in proptest::collection::vec((any::<[bool; 2]>(), 1i64..400), 1..60), calm_s in 0u64..600) {
        let (both, mut kept, mut now_s) = (two(), Kept::default(), NOW_S);
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        for (is_there, step_s) in history {
            now_s += step_s;
            let found: Vec<Finding> = both.iter().zip(is_there).filter(|(_, is)| *is).map(|(one, _)| one.clone()).collect();
            let before = kept.open.clone();
            kept.look(found.clone(), calm_s, now_s);
            for finding in &found {
                seen.insert(finding.key(), now_s);
                let open: Vec<&Open> = kept.open.iter().filter(|open| open.key == finding.key()).collect();
                prop_assert_eq!(open.len(), 1);
                let old = before.iter().find(|open| open.key == finding.key());
                prop_assert!(old.is_none_or(|old| old.id == open[0].id));
            }
            for (key, at_s) in kept.resolved.iter().filter(|(_, at_s)| *at_s == now_s) {
                prop_assert!((at_s - seen[key]) as u64 >= calm_s, "{} {}", at_s, seen[key]);
            }
        }
    }
}

fn known() -> Known {
    let severity = Severity::Warning;
    Known { id: "a1".into(), severity, fired_s: NOW_S, resolved_s: None, is_silenced: false, told: None }
}

#[test]
fn each_channel_hears_of_a_beginning_and_an_end_once() {
    let due = |change: fn(&mut Known)| {
        let mut one = known();
        change(&mut one);
        is_due(&one, Severity::Warning, 3600, NOW_S + 100)
    };
    let told = |is_resolved, at_s| Some(Told { is_resolved, at_s });
    assert!(due(|_| {}));
    assert!(!due(|one| one.severity = Severity::Info));
    assert!(!due(|one| one.is_silenced = true));
    let mut one = known();
    one.told = told(false, NOW_S);
    assert!(!is_due(&one, Severity::Info, 3600, NOW_S + 3599) && is_due(&one, Severity::Info, 3600, NOW_S + 3600));
    assert!(!is_due(&one, Severity::Info, 0, NOW_S + 100_000), "0 repeats nothing");
    assert!(!is_due(&one, Severity::Info, 3600, NOW_S - 100_000), "a clock that is put back repeats nothing");
    one.resolved_s = Some(NOW_S + 50);
    assert!(is_due(&one, Severity::Info, 3600, NOW_S + 60));
    one.is_silenced = true;
    assert!(is_due(&one, Severity::Info, 3600, NOW_S + 60), "the end of what was told is told");
    one.told = told(true, NOW_S + 60);
    assert!(!is_due(&one, Severity::Info, 1, NOW_S + 90_000));
    // What came and went while the channel could not be reached.
    let went = Known { resolved_s: Some(NOW_S + 1), ..known() };
    assert!(is_due(&went, Severity::Info, 0, NOW_S + 10) && !is_due(&went, Severity::Info, 0, NOW_S + 2 + LATE_S));
    assert!(!is_due(&Known { is_silenced: true, ..went }, Severity::Info, 0, NOW_S + 10));
}

#[test]
fn silences_cover_what_they_name_while_they_last() {
    let finding = &two()[0];
    let covers = |silence: &Silence, now_s| silence.covers(finding.rule, &finding.subject, now_s);
    let all = Silence { from_s: NOW_S, until_s: NOW_S + 10, ..Silence::default() };
    assert!(covers(&all, NOW_S) && covers(&all, NOW_S + 9) && !covers(&all, NOW_S + 10) && !covers(&all, NOW_S - 1));
    let one = |source: &str| Silence { source: Some(source.into()), ..all.clone() };
    assert!(covers(&one("s1"), NOW_S) && !covers(&one("s2"), NOW_S));
    assert!(covers(&Silence { rule: Some(finding.rule), ..all.clone() }, NOW_S));
    assert!(!covers(&Silence { rule: Some(Rule::Growth), ..all.clone() }, NOW_S));
    assert!(covers(&Silence { policy: Some("p1".into()), repository: Some("r1".into()), ..all.clone() }, NOW_S));
    assert!(!covers(&Silence { policy: Some("p1".into()), repository: Some("r2".into()), ..all }, NOW_S));
}
