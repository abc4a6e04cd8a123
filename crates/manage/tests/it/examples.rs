//! Histories as people know them.

use datakeep_manage::{GroupBy, Past, Reason, Refusal, Retention, Scope, SlotRule, Span, decide, decide_named};
use datakeep_model::{SessionId, Timestamp};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

const DAY: i64 = 86_400;
/// 2026-11-20 02:00 UTC, a Friday.
const FRIDAY: i64 = 1_795_140_000;

fn past(number: u8, seconds: i64) -> Past {
    Past {
        id: SessionId([number; 12]),
        parent: None,
        kind: "files".into(),
        name: "files".into(),
        host: "h".into(),
        started: Timestamp::new(seconds, 0),
        is_complete: true,
        tags: Vec::new(),
    }
}

fn run(history: &[Past], policy: &Retention, zone: &TimeZone) -> Vec<(u8, Vec<Reason>)> {
    let plan = decide(history, &Scope::default(), GroupBy::default(), policy, zone);
    plan.decisions().map(|decision| (decision.id.0[0], decision.reasons.clone())).collect()
}

fn kept(history: &[Past], policy: &Retention) -> Vec<u8> {
    let kept = run(history, policy, &TimeZone::UTC).into_iter().filter(|(_, reasons)| !reasons.is_empty());
    kept.map(|(number, _)| number).collect()
}

#[test]
fn generations_are_kept_and_named() {
    let history: Vec<Past> = (0..30).map(|day| past(day, FRIDAY - (29 - i64::from(day)) * DAY)).collect();
    let policy = Retention { daily: 3, weekly: 2, monthly: 2, ..Retention::default() };
    assert_eq!(kept(&history, &policy), [9, 24, 27, 28, 29]);
    let decided = run(&history, &policy, &TimeZone::UTC);
    let slot = |rule, name: &str| Reason::Slot(rule, name.into());
    assert_eq!(decided[24].1, [slot(SlotRule::Weekly, "2026-W46")]);
    assert_eq!(decided[9].1, [slot(SlotRule::Monthly, "2026-10")]);
    assert_eq!(decided[28].1, [slot(SlotRule::Daily, "2026-11-19")]);
}

#[test]
fn a_time_zone_moves_the_border_of_days() {
    // 22:00 and 02:00 UTC: two days there, one in Shanghai.
    let history = [past(1, FRIDAY - 4 * 3600), past(2, FRIDAY)];
    let policy = Retention { daily: 5, ..Retention::default() };
    let forgotten = |zone: &TimeZone| run(&history, &policy, zone).iter().filter(|(_, r)| r.is_empty()).count();
    assert_eq!(forgotten(&TimeZone::UTC), 0);
    assert_eq!(forgotten(&TimeZone::fixed(jiff::tz::offset(8))), 1);
}

#[test]
fn the_hour_that_comes_twice_is_two() {
    let Ok(zone) = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3") else { panic!("a zone") };
    // 2026-10-25 02:30 twice.
    let history = [past(1, 1_792_888_200), past(2, 1_792_888_200 + 3600)];
    let decided = run(&history, &Retention { hourly: 9, ..Retention::default() }, &zone);
    assert_eq!(decided[0].1, [Reason::Slot(SlotRule::Hourly, "2026-10-25T02+02:00".into())]);
    assert!(decided[1].1.contains(&Reason::Slot(SlotRule::Hourly, "2026-10-25T02+01:00".into())));
}

#[test]
fn a_complete_snapshot_stands_for_its_slot() {
    let mut history = [past(1, FRIDAY - 2 * DAY), past(2, FRIDAY - 2 * DAY + 60), past(3, FRIDAY)];
    history[1].is_complete = false;
    let policy = Retention { daily: 5, ..Retention::default() };
    assert_eq!(kept(&history, &policy), [1, 3]);
    history[0].is_complete = false;
    assert_eq!(kept(&history, &policy), [2, 3]);
    history[2].is_complete = false;
    history[0].is_complete = true;
    assert_eq!(kept(&history, &Retention { last: 1, ..Retention::default() }), [1, 3], "the last complete one stays");
}

#[test]
fn within_counts_from_the_newest_and_from_no_clock() {
    let history = [past(1, FRIDAY - 31 * DAY), past(2, FRIDAY - 30 * DAY), past(3, FRIDAY)];
    let policy = Retention { within: Span::parse("30d"), ..Retention::default() };
    assert_eq!(kept(&history, &policy), [2, 3]);
}

#[test]
fn wrong_dates_take_nobodys_place() {
    let mut history = vec![past(1, FRIDAY - DAY), past(2, FRIDAY)];
    history.extend((10..20).map(|n| past(n, 4_102_444_800 + i64::from(n))));
    for n in 20..30 {
        let mut one = past(n, i64::from(n));
        one.parent = Some(SessionId([2; 12]));
        history.push(one);
    }
    let not_after = Some(Timestamp::new(FRIDAY + DAY, 0));
    let policy = Retention { last: 1, not_after, ..Retention::default() };
    let decided = run(&history, &policy, &TimeZone::UTC);
    let of = |number: u8| &decided.iter().find(|(n, _)| *n == number).expect("decided").1;
    assert_eq!(of(1), &[]);
    assert!(of(2).contains(&Reason::Last(1)) && of(2).contains(&Reason::Witness));
    assert_eq!(of(15), &[Reason::DatedAhead]);
    assert_eq!(of(25), &[Reason::DatedBehind(SessionId([2; 12]))]);
}

#[test]
fn named_snapshots_go_unless_they_are_held() {
    let mut history = [past(1, FRIDAY - DAY), past(2, FRIDAY)];
    let named: BTreeSet<SessionId> = [SessionId([2; 12])].into();
    let plan = decide_named(&history, &named, GroupBy::default()).expect("not held");
    assert_eq!(plan.forgotten().collect::<Vec<_>>(), [SessionId([2; 12])], "also the newest");
    history[1].tags = vec!["hold:audit".into()];
    let refused = decide_named(&history, &named, GroupBy::default());
    assert_eq!(refused, Err(Refusal::Held { id: SessionId([2; 12]), label: "hold:audit".into() }));
}
