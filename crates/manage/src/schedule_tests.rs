use super::*;
use crate::due::{Slot, Timetable, due, overdue, too_old};
use datakeep_testkit::XorShift;
use std::collections::{BTreeMap, BTreeSet};

fn schedule(cron: &str, zone: &str) -> Schedule {
    with(cron, zone, 0, None, CatchUp::Latest)
}

fn with(cron: &str, zone: &str, jitter_s: u32, window_s: Option<u32>, catch_up: CatchUp) -> Schedule {
    Schedule::new(&ScheduleSpec { cron: cron.into(), zone: zone.into(), jitter_s, window_s, catch_up }).unwrap()
}

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// Every slot of some days, by asking each minute on the wall whether it is one: slow and plain.
fn twin(schedule: &Schedule, from_s: i64, to_s: i64) -> BTreeSet<i64> {
    let zone = &schedule.zone;
    let wall = |second: i64| zone.to_datetime(Timestamp::from_second(second).unwrap());
    let (mut at, end) = (wall(from_s - 200_000), wall(to_s + 200_000));
    at = at.with().second(0).build().unwrap();
    let mut slots = BTreeSet::new();
    while at < end {
        if schedule.cron.is_time_matching(&at).unwrap() {
            let either = zone.to_ambiguous_zoned(at);
            if schedule.is_interval && either.is_ambiguous() && matches!(either.offset(), AmbiguousOffset::Fold { .. })
            {
                slots.insert(zone.to_ambiguous_zoned(at).later().unwrap().timestamp().as_second());
            }
            slots.insert(either.compatible().unwrap().timestamp().as_second());
        }
        at = at.checked_add(SignedDuration::from_mins(1)).unwrap();
    }
    slots.into_iter().filter(|slot| (from_s..=to_s).contains(slot)).collect()
}

#[test]
fn a_change_of_clocks_loses_and_doubles_no_day() {
    // Berlin: 2026-03-29 02:00 is 03:00, and 2026-10-25 03:00 is 02:00 again.
    let daily = schedule("30 2 * * *", "Europe/Berlin");
    assert_eq!(daily.next_after(at("2026-03-28T12:00:00Z")), Some(at("2026-03-29T01:30:00Z")));
    assert_eq!(daily.next_after(at("2026-03-29T01:30:00Z")), Some(at("2026-03-30T00:30:00Z")));
    assert_eq!(daily.next_after(at("2026-10-24T12:00:00Z")), Some(at("2026-10-25T00:30:00Z")));
    assert_eq!(daily.next_after(at("2026-10-25T00:30:00Z")), Some(at("2026-10-26T01:30:00Z")));
    let often = schedule("*/30 * * * *", "Europe/Berlin");
    assert_eq!(often.next_after(at("2026-10-25T00:30:00Z")), Some(at("2026-10-25T01:00:00Z")));
    assert_eq!(often.next_after(at("2026-10-25T01:00:00Z")), Some(at("2026-10-25T01:30:00Z")));
    assert_eq!(often.next_after(at("2026-03-29T00:30:00Z")), Some(at("2026-03-29T01:00:00Z")));
    let monthly = schedule("0 0 31 * *", "Asia/Shanghai");
    assert_eq!(monthly.next_after(at("2026-01-31T00:00:00Z")), Some(at("2026-03-30T16:00:00Z")));
}

#[test]
fn slots_are_those_of_the_twin() {
    let crons = [
        "*/15 * * * *",
        "30 2 * * *",
        "0 */2 * * *",
        "*/20 1-3 * * *",
        "5 0 * * 0",
        "0 3 29 * 1",
        "@hourly",
        "59 23 * * *",
    ];
    let zones =
        ["UTC", "Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"];
    let begins = [
        "2026-03-28T00:00:00Z",
        "2026-10-24T00:00:00Z",
        "2026-03-07T00:00:00Z",
        "2026-04-04T00:00:00Z",
        "2018-11-03T00:00:00Z",
    ];
    let mut random = XorShift::new(7);
    for cron in crons {
        for zone in zones {
            let schedule = schedule(cron, zone);
            let from = at(begins[random.below(begins.len() as u64) as usize]);
            let slots = twin(&schedule, from, from + 3 * 86_400);
            for _ in 0..4 {
                let now = from + 86_400 + random.below(86_400) as i64;
                if let Some(newest) = slots.range(..=now).next_back() {
                    assert_eq!(schedule.newest_at(now), Some(*newest), "{cron} {zone} {now}");
                }
                if let Some(next) = slots.range(now + 1..).next() {
                    assert_eq!(schedule.next_after(now), Some(*next), "{cron} {zone} {now}");
                }
            }
        }
    }
}

/// What is due, by looking at every slot of the twin.
fn due_twin(schedule: &Schedule, since: i64, last: Option<i64>, now: i64) -> Option<i64> {
    let started = |slot: &i64| slot + schedule.jitter_of("p", *slot) <= now;
    let slots = twin(schedule, now - 4 * 86_400, now);
    let newest =
        slots.into_iter().filter(|slot| *slot > since && last.is_none_or(|last| *slot > last)).filter(started).max()?;
    let late = now - newest - schedule.jitter_of("p", newest);
    let in_window = schedule.spec.window_s.is_none_or(|window| late <= i64::from(window));
    (in_window && (schedule.spec.catch_up == CatchUp::Latest || late <= 60)).then_some(newest)
}

#[test]
fn what_is_due_is_what_the_twin_says() {
    let mut random = XorShift::new(11);
    let begin = at("2026-03-29T00:00:00Z");
    for round in 0..60 {
        let cron = ["*/10 * * * *", "0 */3 * * *", "15 2 * * *"][random.below(3) as usize];
        let zone = ["UTC", "Europe/Berlin"][random.below(2) as usize];
        let window = [None, Some(0), Some(600), Some(7200)][random.below(4) as usize];
        let catch_up = [CatchUp::Latest, CatchUp::Never][random.below(2) as usize];
        let schedule = with(cron, zone, [0, 300, 5000][random.below(3) as usize], window, catch_up);
        let now = begin + random.below(2 * 86_400) as i64;
        let since = now - random.below(3 * 86_400) as i64;
        let last = (random.below(2) == 0).then(|| now - random.below(2 * 86_400) as i64);
        let table = Timetable { id: "p", schedule: &schedule, since_s: since };
        let known: BTreeMap<String, i64> = last.map(|last| ("p".to_string(), last)).into_iter().collect();
        let found = due(&[table], &known, now);
        let expected = due_twin(&schedule, since, last, now);
        assert_eq!(
            found,
            expected.map(|slot_s| Slot { id: "p".into(), slot_s }).into_iter().collect::<Vec<_>>(),
            "round {round}"
        );
    }
}

#[test]
fn a_clock_that_jumps_starts_once_or_not_at_all() {
    let schedule = schedule("0 * * * *", "UTC");
    let now = at("2026-11-30T12:30:00Z");
    let table = Timetable { id: "p", schedule: &schedule, since_s: now - 86_400 };
    let started = BTreeMap::from([("p".to_string(), at("2026-11-30T12:00:00Z"))]);
    assert_eq!(due(&[table], &started, now), []);
    assert_eq!(due(&[table], &started, now - 7 * 3600), [], "put back");
    assert_eq!(due(&[table], &started, now + 400 * 86_400).len(), 1, "put forward");
}

#[test]
fn overdue_is_computed_from_what_is_not_there() {
    let schedule = schedule("0 2 * * *", "UTC");
    let table = Timetable { id: "p", schedule: &schedule, since_s: at("2026-11-28T12:00:00Z") };
    let now = at("2026-11-30T03:30:00Z");
    let slot = at("2026-11-30T02:00:00Z");
    assert_eq!(overdue(&table, None, at("2026-11-29T02:59:00Z")), None, "an hour to run is given");
    assert_eq!(overdue(&table, None, now), Some(slot + 3600));
    assert_eq!(overdue(&table, Some(slot + 5), now), None);
    assert_eq!(overdue(&table, Some(slot - 86_000), now), Some(slot + 3600));
    assert_eq!(
        too_old(0, Some(now - 900), 600, now),
        Some(now - 300),
        "the objective counts, with a schedule or without"
    );
    assert_eq!(too_old(0, Some(now - 500), 600, now), None);
    assert_eq!(too_old(now - 700, None, 600, now), Some(now - 100));
}

#[test]
fn jitter_stays_within_its_bound_and_differs() {
    let schedule = with("0 2 * * *", "UTC", 600, None, CatchUp::Latest);
    let drawn: BTreeSet<i64> = (0..50).map(|number| schedule.jitter_of(&format!("p{number}"), 7200)).collect();
    assert!(drawn.iter().all(|jitter| (0..=600).contains(jitter)) && drawn.len() > 20);
    assert_eq!(schedule.jitter_of("p", 7200), schedule.jitter_of("p", 7200));
}
