//! The same decisions the plainest way: every question is asked of every pair, dates are counted by hand.

use crate::histories::Case;
use datakeep_manage::{Past, Reason, SlotRule, Span};
use datakeep_model::{SessionId, Timestamp};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Reasons of every snapshot in scope.
pub fn decide(case: &Case) -> BTreeMap<SessionId, Vec<Reason>> {
    let in_scope = |past: &&Past| {
        let (scope, p) = (&case.scope, past);
        (scope.sources.is_empty() || scope.sources.contains(&p.name))
            && (scope.hosts.is_empty() || scope.hosts.contains(&p.host))
            && scope.tags.iter().all(|tag| p.tags.contains(tag))
    };
    let mut all = BTreeMap::new();
    for past in case.history.iter().filter(in_scope) {
        let group = case.history.iter().filter(in_scope).filter(|other| same_group(case, past, other));
        let placed: Vec<&Past> = group.filter(|other| trouble(case, other).is_none()).collect();
        let mut reasons = standing(case, past);
        match trouble(case, past) {
            Some(reason) => reasons.push(reason),
            None => reasons.extend(by_rules(case, past, &placed)),
        }
        reasons.sort();
        all.insert(past.id, reasons);
    }
    all
}

fn same_group(case: &Case, a: &Past, b: &Past) -> bool {
    let set = |past: &Past| past.tags.iter().cloned().collect::<BTreeSet<_>>();
    (!case.by.source || (a.kind == b.kind && a.name == b.name))
        && (!case.by.host || a.host == b.host)
        && (!case.by.tags || set(a) == set(b))
}

fn standing(case: &Case, past: &Past) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(label) = past.tags.iter().find(|tag| *tag == "hold" || tag.starts_with("hold:")) {
        reasons.push(Reason::Held(label.clone()));
    }
    for tag in &case.policy.tags {
        if past.tags.contains(tag) {
            reasons.push(Reason::Tag(tag.clone()));
        }
    }
    if case.history.iter().any(|other| behind(case, other) == Some(past.id)) {
        reasons.push(Reason::Witness);
    }
    let p = &case.policy;
    let counts = [p.last, p.hourly, p.daily, p.weekly, p.monthly, p.yearly];
    if counts == [0; 6] && p.within.is_none() && p.tags.is_empty() {
        reasons.push(Reason::NoRule);
    }
    reasons
}

fn trouble(case: &Case, past: &Past) -> Option<Reason> {
    if let Some(witness) = behind(case, past) {
        return Some(Reason::DatedBehind(witness));
    }
    if case.policy.not_after.is_some_and(|bound| past.started > bound) {
        return Some(Reason::DatedAhead);
    }
    // The years -9999 to 9999, less a day for zones.
    let known = -377_705_023_201..=253_402_207_200;
    (!known.contains(&past.started.seconds)).then_some(Reason::NoDate)
}

/// Walks up the parents: what the eldest are worth is known first.
fn behind(case: &Case, past: &Past) -> Option<SessionId> {
    let mut line: Vec<&Past> = vec![past];
    loop {
        let last = line[line.len() - 1];
        let Some(parent) = case.history.iter().find(|other| Some(other.id) == last.parent) else { break };
        if let Some(begin) = line.iter().position(|other| other.id == parent.id) {
            // A circle says nothing about its members.
            line.truncate(begin + 1);
            break;
        }
        line.push(parent);
    }
    let mut reference: Option<&Past> = None;
    let mut verdict = None;
    for one in line.iter().rev() {
        let wrong =
            reference.filter(|other| i128::from(other.started.seconds) - i128::from(one.started.seconds) > 86_400);
        verdict = wrong.map(|other| other.id);
        if verdict.is_none() {
            reference = Some(one);
        }
    }
    verdict
}

fn by_rules(case: &Case, past: &Past, placed: &[&Past]) -> Vec<Reason> {
    let (policy, mut reasons) = (&case.policy, Vec::new());
    let is_newer = |a: &Past, b: &Past| (a.started, a.id) > (b.started, b.id);
    let newer: Vec<&&Past> = placed.iter().filter(|other| is_newer(other, past)).collect();
    if newer.is_empty() {
        reasons.push(Reason::Newest);
    }
    if past.is_complete && !newer.iter().any(|other| other.is_complete) {
        reasons.push(Reason::NewestComplete);
    }
    if (newer.len() as u32) < policy.last {
        reasons.push(Reason::Last(newer.len() as u32 + 1));
    }
    let better =
        |other: &&&Past| (other.is_complete, other.started, other.id) > (past.is_complete, past.started, past.id);
    if (placed.iter().filter(better).count() as u32) < policy.at_least {
        reasons.push(Reason::AtLeast(policy.at_least));
    }
    for rule in SlotRule::ALL {
        let (own, name) = slot(rule, past.started, &case.zone);
        let stands = !placed.iter().any(|other| {
            slot(rule, other.started, &case.zone).0 == own
                && (other.is_complete, other.started, other.id) > (past.is_complete, past.started, past.id)
        });
        let later: BTreeSet<_> =
            placed.iter().map(|other| slot(rule, other.started, &case.zone).0).filter(|other| *other > own).collect();
        if stands && (later.len() as u32) < policy.count(rule) {
            reasons.push(Reason::Slot(rule, name));
        }
    }
    let newest = placed.iter().max_by_key(|other| (other.started, other.id)).unwrap();
    if let Some(span) = policy.within
        && before(span, newest.started, &case.zone).is_none_or(|oldest| past.started >= oldest)
    {
        reasons.push(Reason::Within(span));
    }
    reasons
}

/// Day of the common era from a date, and back: Howard Hinnant, "chrono-compatible low-level date algorithms".
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let index = (5 * of_year + 2) / 153;
    let month = if index < 10 { index + 3 } else { index - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * index + 2) / 5 + 1)
}

fn offset(time: Timestamp, zone: &TimeZone) -> i64 {
    i64::from(zone.to_offset(jiff::Timestamp::new(time.seconds, time.nanos as i32).unwrap()).seconds())
}

type Key = (i64, i64, i64, i64, i64);

fn slot(rule: SlotRule, time: Timestamp, zone: &TimeZone) -> (Key, String) {
    let offset = offset(time, zone);
    let wall = time.seconds + offset;
    let day = wall.div_euclid(86_400);
    let (y, m, d) = date(day);
    let sign = if y < 0 { "-" } else { "" };
    let year = |y: i64| format!("{}{:04}", if y < 0 { "-" } else { "" }, y.abs());
    match rule {
        SlotRule::Hourly => {
            let hour = wall.rem_euclid(86_400) / 3600;
            // The hour's first instant tells the two hours of one name apart.
            let begin = day * 86_400 + hour * 3600 - offset;
            let (o, minus) = (offset.abs() / 60, if offset < 0 { '-' } else { '+' });
            let name = format!("{sign}{:04}-{m:02}-{d:02}T{hour:02}{minus}{:02}:{:02}", y.abs(), o / 60, o % 60);
            ((begin, offset, 0, 0, 0), name)
        }
        SlotRule::Daily => ((y, m, d, 0, 0), format!("{}-{m:02}-{d:02}", year(y))),
        SlotRule::Weekly => {
            // A week is its Thursday's: the first of January 1970 was one.
            let thursday = day - (day + 3).rem_euclid(7) + 3;
            let of = date(thursday).0;
            let number = (thursday - days(of, 1, 1)) / 7 + 1;
            ((of, number, 0, 0, 0), format!("{of:04}-W{number:02}"))
        }
        SlotRule::Monthly => ((y, m, 0, 0, 0), format!("{}-{m:02}", year(y))),
        SlotRule::Yearly => ((y, 0, 0, 0, 0), year(y)),
    }
}

/// Months first, the day cut to what the month has; then days; then the wall clock is read again; then hours.
fn before(span: Span, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut seconds = time.seconds;
    if (span.years, span.months, span.weeks, span.days) != (0, 0, 0, 0) {
        let wall = time.seconds + offset(time, zone);
        let (y, m, d) = date(wall.div_euclid(86_400));
        let months = y * 12 + m - 1 - i64::from(span.years) * 12 - i64::from(span.months);
        let (y, m) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let length = if m == 12 { 31 } else { days(y, m + 1, 1) - days(y, m, 1) };
        let day = days(y, m, d.min(length)) - i64::from(span.weeks) * 7 - i64::from(span.days);
        let (y, m, d) = date(day);
        if y < -9999 {
            return None;
        }
        let of_day = wall.rem_euclid(86_400);
        let [hour, minute, second] = [of_day / 3600, of_day / 60 % 60, of_day % 60].map(|n| n as i8);
        let wall = jiff::civil::date(y as i16, m as i8, d as i8).at(hour, minute, second, 0);
        seconds = zone.to_ambiguous_timestamp(wall).compatible().ok()?.as_second();
    }
    Some(Timestamp::new(seconds - i64::from(span.hours) * 3600, time.nanos))
}
