//! What holds for every history and every policy. Seeds follow `DATAKEEP_SEED`; a failure prints how to repeat it.

use crate::histories::{Case, case, policy};
use crate::twin;
use datakeep_manage::{Decision, Plan, Reason, Retention, decide, hold_of};
use datakeep_model::{SessionId, Timestamp};
use datakeep_testkit::XorShift;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

const CASES: u64 = 100_000;

/// Runs a check on many cases, or on the one whose seed `DATAKEEP_SEED` names together with its successors.
fn for_all(test: &str, cases: u64, check: impl Fn(&Case, u64)) {
    let first = std::env::var("DATAKEEP_SEED").ok().and_then(|seed| seed.parse::<u64>().ok()).unwrap_or(1);
    for seed in (0..cases).map(|number| first.wrapping_add(number)) {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&case(seed), seed)));
        assert!(
            outcome.is_ok(),
            "again: DATAKEEP_SEED={seed} cargo test -p datakeep-manage --test it {test} -- --exact"
        );
    }
    println!("{test}: {cases} cases from seed {first}, all good");
}

fn plan(case: &Case) -> Plan {
    decide(&case.history, &case.scope, case.by, &case.policy, &case.zone)
}

fn kept(plan: &Plan) -> BTreeSet<SessionId> {
    plan.decisions().filter(|decision| decision.is_kept()).map(|decision| decision.id).collect()
}

fn with_policy(case: Case, policy: Retention) -> Case {
    Case { policy, ..case }
}

#[test]
fn the_twin_decides_the_same_with_the_same_reasons() {
    for_all("properties::the_twin_decides_the_same_with_the_same_reasons", CASES, |case, _| {
        let plan = plan(case);
        let real: BTreeMap<_, _> = plan.decisions().map(|d| (d.id, d.reasons.clone())).collect();
        assert_eq!(real, twin::decide(case), "{case:#?}");
        assert_eq!(real.len(), plan.decisions().count(), "each once");
    });
}

/// A test of the test: every kind of reason, and forgetting, happen often.
#[test]
fn all_that_can_happen_does() {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..5_000 {
        for decision in plan(&case(seed)).decisions() {
            decision.reasons.iter().for_each(|reason| *seen.entry(reason.as_str()).or_default() += 1);
            *seen.entry(if decision.is_kept() { "kept" } else { "forgotten" }).or_default() += 1;
        }
    }
    let words = "hold newest newest-complete last hourly daily weekly monthly yearly within tag at-least dated-ahead \
                 dated-behind witness no-date no-rule kept forgotten";
    for word in words.split_whitespace() {
        assert!(seen.get(word).is_some_and(|count| *count > 100), "{word}: {seen:?}");
    }
}

/// The comparison can fail: a decision that was made by rules a little wrong differs from the twin's before long.
#[test]
fn rules_that_are_a_little_wrong_are_found_out() {
    type Wrong = fn(&mut Case);
    let wrong: [(&str, Wrong); 6] = [
        ("no hold is seen", |case| case.history.iter_mut().for_each(|past| past.tags.clear())),
        ("no label is kept", |case| case.policy.tags = Default::default()),
        ("no span is kept", |case| case.policy.within = None),
        ("weeks count as months", |case| case.policy.weekly = case.policy.monthly),
        ("nothing is kept in any case", |case| case.policy.at_least = Default::default()),
        ("a clock's limit is passed over", |case| case.policy.not_after = None),
    ];
    for (what, spoil) in wrong {
        let is_found = (0..5_000).any(|seed| {
            let (honest, mut spoilt) = (case(seed), case(seed));
            spoil(&mut spoilt);
            let real: BTreeMap<_, _> = plan(&spoilt).decisions().map(|d| (d.id, d.reasons.clone())).collect();
            real != twin::decide(&honest)
        });
        assert!(is_found, "{what}: nobody has noticed");
    }
}

#[test]
fn deciding_again_forgets_nothing_more() {
    for_all("properties::deciding_again_forgets_nothing_more", CASES / 4, |case, _| {
        let forgotten: BTreeSet<SessionId> = plan(case).forgotten().collect();
        let rest = case.history.iter().filter(|past| !forgotten.contains(&past.id)).cloned().collect();
        let again = Case { history: rest, scope: case.scope.clone(), zone: case.zone.clone(), ..copy(case) };
        assert_eq!(plan(&again).forgotten().count(), 0, "{case:#?}");
    });
}

fn copy(case: &Case) -> Case {
    Case {
        history: case.history.clone(),
        scope: case.scope.clone(),
        by: case.by,
        policy: case.policy.clone(),
        zone: case.zone.clone(),
    }
}

#[test]
fn asking_for_more_keeps_all_that_less_kept() {
    for_all("properties::asking_for_more_keeps_all_that_less_kept", CASES / 4, |case, seed| {
        let (less, other) = (&case.policy, policy(&mut XorShift::new(!seed)));
        if less.is_empty() {
            return;
        }
        let more = Retention {
            last: less.last.max(other.last),
            hourly: less.hourly.max(other.hourly),
            daily: less.daily.max(other.daily),
            weekly: less.weekly.max(other.weekly),
            monthly: less.monthly.max(other.monthly),
            yearly: less.yearly.max(other.yearly),
            within: less.within.or(other.within),
            tags: less.tags.iter().chain(&other.tags).cloned().collect(),
            at_least: less.at_least.max(other.at_least),
            not_after: less.not_after,
        };
        let (few, many) = (kept(&plan(case)), kept(&plan(&with_policy(copy(case), more))));
        assert!(few.is_subset(&many), "{case:#?}");
    });
}

#[test]
fn no_clock_takes_anything_away() {
    for_all("properties::no_clock_takes_anything_away", CASES / 4, |case, seed| {
        let kept_at = |not_after: Option<Timestamp>| {
            kept(&plan(&with_policy(copy(case), Retention { not_after, ..case.policy.clone() })))
        };
        let mut chance = XorShift::new(seed);
        let mut clocks: Vec<i64> = (0..3).map(|_| chance.below(5_000_000_000) as i64).collect();
        clocks.sort_unstable();
        let mut before = kept_at(None);
        for clock in clocks.into_iter().rev() {
            let now = kept_at(Some(Timestamp::new(clock, 0)));
            assert!(before.is_subset(&now), "clock {clock}: {case:#?}");
            before = now;
        }
    });
}

/// Whether the date of a snapshot counts.
fn is_placed(decision: &Decision) -> bool {
    let is_doubt = |r: &Reason| matches!(r, Reason::DatedAhead | Reason::DatedBehind(_) | Reason::NoDate);
    !decision.reasons.iter().any(is_doubt)
}

#[test]
fn the_floor_holds() {
    for_all("properties::the_floor_holds", CASES / 4, |case, _| {
        let plan = plan(case);
        let forgotten: BTreeSet<SessionId> = plan.forgotten().collect();
        let held = case.history.iter().filter(|past| hold_of(&past.tags).is_some());
        assert!(held.clone().all(|past| !forgotten.contains(&past.id)), "a held one is gone: {case:#?}");
        for group in &plan.groups {
            let placed: Vec<&Decision> = group.decisions.iter().filter(|decision| is_placed(decision)).collect();
            assert!(group.decisions.iter().any(Decision::is_kept), "a group vanished: {case:#?}");
            assert!(placed.last().is_none_or(|newest| newest.is_kept()), "the newest is gone: {case:#?}");
            let stay = placed.iter().filter(|decision| decision.is_kept()).count();
            let least = placed.len().min(case.policy.at_least.max(case.policy.last) as usize);
            assert!(stay >= least, "{stay} of {least}: {case:#?}");
        }
    });
}

/// A flood of wrong dates pushes nobody out.
#[test]
fn floods_change_nothing_for_the_others() {
    for_all("properties::floods_change_nothing_for_the_others", CASES / 8, |case, seed| {
        let bound = Timestamp::new(4_000_000_000, 0);
        let mut calm = with_policy(copy(case), Retention { not_after: Some(bound), ..case.policy.clone() });
        calm.history.retain(|past| past.started.seconds > 1_000_000_000 && past.started.seconds < 4_000_000_000);
        let before = kept(&plan(&calm));
        let Some(model) = calm.history.iter().max_by_key(|past| (past.started, past.id)).cloned() else { return };
        let mut chance = XorShift::new(seed);
        for number in 0..10 + chance.below(30) as u8 {
            let mut one = model.clone();
            one.id = SessionId([number + 1; 12]);
            one.parent = Some(model.id);
            let seconds = if seed % 2 == 0 { 5_000_000_000 } else { 0 } + i64::from(number) * 90_000;
            one.started = Timestamp::new(seconds, 0);
            calm.history.push(one);
        }
        assert!(before.is_subset(&kept(&plan(&calm))), "{case:#?}");
    });
}
