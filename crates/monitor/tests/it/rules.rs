//! Each rule against examples: what it finds, what it says, and what it leaves alone.

use crate::shop::{DAY_S, NOW_S, ended, well};
use datakeep_monitor::{Facts, Finding, Language, Look, Outcome, Rule, RuleSet, Severity, findings};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn all_on() -> RuleSet {
    RuleSet { off: BTreeSet::new(), ..RuleSet::default() }
}

/// What is found when one thing is changed.
#[track_caller]
fn check(change: impl FnOnce(&mut Look), expected: &[(Rule, &str)]) -> Vec<Finding> {
    let mut look = well();
    change(&mut look);
    let found = findings(&look, &all_on());
    let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, expected.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), "{found:#?}");
    for (finding, (_, part)) in found.iter().zip(expected) {
        let (english, chinese) = (finding.facts.why(Language::English), finding.facts.why(Language::Chinese));
        assert!(english.contains(part), "{part:?} in {english:?}");
        assert!(english.ends_with('.') && chinese.ends_with('。'), "{english} {chinese}");
        assert!(
            !finding.facts.next_step(Language::English).is_empty()
                && !finding.facts.next_step(Language::Chinese).is_ascii()
        );
        let json = serde_json::to_string(&finding.facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), finding.facts, "{json}");
    }
    found
}

#[test]
fn what_is_well_is_quiet() {
    check(|_| {}, &[]);
    assert_eq!(findings(&Look { now_s: NOW_S, ..Look::default() }, &all_on()), []);
}

#[test]
fn absence_is_found_whatever_ran() {
    check(
        |look| look.protections[0].overdue_since_s = Some(NOW_S - 60),
        &[(Rule::Overdue, "should have been there by")],
    );
    check(|look| look.protections[0].overdue_since_s = Some(NOW_S + 60), &[]);
    check(|look| look.protections[0].newest_s = Some(NOW_S - 90_001), &[(Rule::Rpo, "1 d 1 h old")]);
    check(|look| look.protections[0].newest_s = Some(NOW_S - 90_000), &[]);
    let both = |look: &mut Look| {
        look.protections[0].newest_s = Some(NOW_S - 90_001);
        look.protections[0].overdue_since_s = Some(NOW_S - 60);
    };
    check(both, &[(Rule::Rpo, "1 d 1 h old")]);
    check(|look| look.protections[0].newest_s = None, &[(Rule::Rpo, "there is none yet")]);
}

#[test]
fn the_newest_run_decides() {
    let failed = |look: &mut Look| {
        look.protections[0].last = Some(ended(Outcome::Failed, "source"));
        look.protections[0].failures = 3;
    };
    check(failed, &[(Rule::Failed, "3 times in a row (source): the server refused the connection.")]);
    let partial = |look: &mut Look| {
        look.protections[0].last = Some(ended(Outcome::Partial, "partial"));
        look.protections[0].history[0].items_lost = 7;
    };
    check(partial, &[(Rule::Partial, "lost 7 items")]);
    let mut look = well();
    failed(&mut look);
    assert_eq!(findings(&look, &RuleSet { failures: 4, ..RuleSet::default() }), []);
    let mut work = ended(Outcome::Failed, "integrity");
    work.kind = "check".into();
    let found = check(|look| look.repositories[0].work.push(work), &[(Rule::Failed, "(integrity)")]);
    assert_eq!(found[0].subject.title(), "main (check)");
}

#[test]
fn proofs_grow_old() {
    check(|look| look.repositories[0].proven_s = Some(NOW_S - 36 * DAY_S), &[(Rule::Unverified, "35 d old")]);
    check(|look| look.repositories[0].proven_s = None, &[(Rule::Unverified, "ever proven")]);
    check(
        |look| look.protections[0].drilled_s = Some(NOW_S - 91 * DAY_S),
        &[(Rule::Undrilled, "The last successful drill")],
    );
    check(|look| look.protections[0].drilled_s = None, &[]);
    let mut look = well();
    look.protections[0].drilled_s = Some(NOW_S - 91 * DAY_S);
    assert_eq!(findings(&look, &RuleSet::default()), [], "drills are asked for by whoever does them");
}

#[test]
fn rows_and_schemas_are_compared_with_what_is_usual() {
    let rows = |rows: u64| move |look: &mut Look| look.protections[0].history[0].tables = crate::shop::tables(rows);
    check(rows(0), &[(Rule::Rows, "app.orders has 0 rows, usually 1001")]);
    check(rows(690), &[(Rule::Rows, "690 rows")]);
    check(rows(2000), &[(Rule::Rows, "2000 rows")]);
    check(rows(800), &[]);
    check(rows(1200), &[]);
    // What varies much by itself is not told.
    let wild = |look: &mut Look| {
        for (day, backup) in look.protections[0].history.iter_mut().enumerate() {
            backup.tables = crate::shop::tables(1000 + 700 * (day as u64 % 4));
        }
        look.protections[0].history[0].tables = crate::shop::tables(500);
    };
    check(wild, &[]);
    // Too little is known to call anything usual.
    let young = |look: &mut Look| {
        look.protections[0].history.truncate(3);
        look.protections[0].history[0].tables = crate::shop::tables(0);
    };
    check(young, &[]);
    let gone = |look: &mut Look| {
        look.protections[0].history[0].tables.as_mut().unwrap().remove(1);
    };
    check(gone, &[(Rule::Schema, "app.users is gone")]);
    let wider = |look: &mut Look| look.protections[0].history[0].tables.as_mut().unwrap()[1].columns = 4;
    check(wider, &[(Rule::Schema, "app.users has 4 columns instead of 3")]);
    let unknown = |look: &mut Look| look.protections[0].history[0].tables = None;
    check(unknown, &[]);
}

#[test]
fn many_tables_make_one_finding() {
    let many = |look: &mut Look| {
        let table = |number: usize, rows| datakeep_monitor::TableFacts { name: format!("t{number}"), rows, columns: 1 };
        for (day, backup) in look.protections[0].history.iter_mut().enumerate() {
            backup.tables = Some((0..100).map(|number| table(number, if day == 0 { 1 } else { 5000 })).collect());
        }
    };
    check(many, &[(Rule::Rows, ", and 90 more.")]);
}

#[test]
fn room_ends() {
    let large = |look: &mut Look| look.protections[0].history[0].stored_bytes = 2 << 30;
    check(large, &[(Rule::Growth, "stored 2.0 GiB, where 1.0 MiB is usual")]);
    let mut look = well();
    look.protections[0].history.iter_mut().for_each(|backup| backup.stored_bytes = 1 << 30);
    let set =
        |gib: u64| RuleSet { capacity_bytes: BTreeMap::from([("r1".to_string(), gib << 30)]), ..RuleSet::default() };
    assert_eq!(findings(&look, &set(100)), [], "49 days are far");
    let found = findings(&look, &set(60));
    assert!(found[0].facts.why(Language::English).contains("51.0 GiB of 60.0 GiB are used"), "{found:?}");
    let found = findings(&look, &set(10));
    assert!(found[0].facts.why(Language::English).contains("ends in 0 s"), "{found:?}");
}

#[test]
fn rules_are_switched_off_and_weighed() {
    let mut look = well();
    look.protections[0].newest_s = None;
    let off = RuleSet { off: BTreeSet::from([Rule::Rpo]), ..RuleSet::default() };
    assert_eq!(findings(&look, &off), []);
    let light = RuleSet { severity: BTreeMap::from([(Rule::Rpo, Severity::Info)]), ..RuleSet::default() };
    assert_eq!(findings(&look, &light)[0].severity, Severity::Info);
    let json = serde_json::to_string(&light).unwrap();
    assert_eq!(serde_json::from_str::<RuleSet>(&json).unwrap(), light);
    assert!(serde_json::from_str::<RuleSet>(r#"{"colour": 1}"#).is_err());
}

proptest! {
    /// Numbers of any size make no panic, and what is equal everywhere is never unusual.
    #[test]
    fn numbers_of_any_size_are_judged(rows in proptest::collection::vec(any::<u64>(), 0..12), stored in any::<u64>(), now_s in any::<i64>(),
        newest_s in any::<Option<i64>>(), rpo_s in any::<Option<u64>>()) {
        let mut look = well();
        look.now_s = now_s;
        let one = &mut look.protections[0];
        (one.newest_s, one.rpo_s) = (newest_s, rpo_s);
        one.history.iter_mut().zip(&rows).for_each(|(backup, rows)| { backup.tables = crate::shop::tables(*rows); backup.stored_bytes = stored; });
        let set = RuleSet { capacity_bytes: BTreeMap::from([("r1".to_string(), stored)]), ..all_on() };
        for finding in findings(&look, &set) {
            prop_assert!(!finding.facts.why(Language::Chinese).is_empty() && !finding.facts.why(Language::English).is_empty());
        }
        look.protections[0].history.iter_mut().for_each(|backup| backup.tables = crate::shop::tables(stored));
        prop_assert!(findings(&look, &set).iter().all(|finding| finding.rule != Rule::Rows && finding.rule != Rule::Schema));
    }
}
