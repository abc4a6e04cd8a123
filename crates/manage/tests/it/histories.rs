//! Random histories, policies and time zones, all from one seed.

use datakeep_manage::{GroupBy, Past, Retention, Scope, Span};
use datakeep_model::{SessionId, Timestamp};
use datakeep_testkit::XorShift;
use jiff::tz::TimeZone;

/// Everything that is asked in one case.
#[derive(Debug)]
pub struct Case {
    pub history: Vec<Past>,
    pub scope: Scope,
    pub by: GroupBy,
    pub policy: Retention,
    pub zone: TimeZone,
}

/// Zones whose rules do not depend on the machine: none, whole hours, half hours, a day's end that comes twice, and
/// one at the edge of the world.
pub fn zones() -> Vec<TimeZone> {
    let rules = [
        "UTC0",
        "CST-8",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "LHST-10:30LHDT-11,M10.1.0,M4.1.0",
        "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01",
        "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
        "<+14>-14",
    ];
    rules.iter().map(|rule| TimeZone::posix(rule).unwrap()).collect()
}

/// Moments at which something happens in some zone or calendar.
const EDGES: [i64; 10] = [
    0,
    1_792_890_000, // around the end of summer time in Europe, 2026
    1_793_505_600, // and in America
    1_774_746_000, // the beginning in Europe
    1_798_761_600, // new year 2027, a Friday in week 53
    1_767_225_600, // new year 2026
    1_772_323_200, // the first of March
    1_743_865_200, // the end of summer in Lord Howe
    4_102_444_800, // 2100
    1_793_500_200, // Newfoundland, around one minute past midnight
];

pub fn case(seed: u64) -> Case {
    let mut chance = XorShift::new(seed);
    let zones = zones();
    Case {
        history: history(&mut chance),
        scope: scope(&mut chance),
        by: by(&mut chance),
        policy: policy(&mut chance),
        zone: zones[chance.below(zones.len() as u64) as usize].clone(),
    }
}

fn one_in(chance: &mut XorShift, n: u64) -> bool {
    chance.below(n) == 0
}

fn by(chance: &mut XorShift) -> GroupBy {
    if one_in(chance, 2) {
        return GroupBy::default();
    }
    GroupBy { source: one_in(chance, 2), host: one_in(chance, 2), tags: one_in(chance, 4) }
}

fn scope(chance: &mut XorShift) -> Scope {
    let mut scope = Scope::default();
    if one_in(chance, 8) {
        scope.sources.push("a".into());
    }
    if one_in(chance, 8) {
        scope.hosts.push("x".into());
    }
    if one_in(chance, 12) {
        scope.tags.push("t".into());
    }
    scope
}

fn small(chance: &mut XorShift) -> u32 {
    if one_in(chance, 2) { 0 } else { chance.below(7) as u32 }
}

pub fn policy(chance: &mut XorShift) -> Retention {
    let spans = ["1d", "24h", "36h", "1w", "30d", "1mo", "1y6mo", "3h", "9000y"];
    let span = Span::parse(spans[chance.below(spans.len() as u64) as usize]);
    let bound = EDGES[chance.below(EDGES.len() as u64) as usize] + 400 * 86_400;
    Retention {
        last: small(chance),
        hourly: small(chance),
        daily: small(chance),
        weekly: small(chance),
        monthly: small(chance),
        yearly: small(chance),
        within: span.filter(|_| one_in(chance, 3)),
        tags: if one_in(chance, 4) { vec!["t".into()] } else { Vec::new() },
        at_least: if one_in(chance, 3) { small(chance) } else { 0 },
        not_after: one_in(chance, 2).then_some(Timestamp::new(bound, 0)),
    }
}

fn history(chance: &mut XorShift) -> Vec<Past> {
    let steps = [60, 600, 1800, 3600, 7200, 86_400, 7 * 86_400, 31 * 86_400];
    let step = steps[chance.below(steps.len() as u64) as usize];
    let mut now = EDGES[chance.below(EDGES.len() as u64) as usize] - step * chance.below(12) as i64;
    let mut made: Vec<Past> = Vec::new();
    // In steps of one length, snapshots stand exactly on the edges of spans.
    let is_even = one_in(chance, 4);
    for number in 0..chance.below(24) {
        now += if is_even { step } else { chance.below(2 * step as u64) as i64 };
        let started = if is_even { Timestamp::new(now, 0) } else { date(chance, now) };
        let past = snapshot(chance, number, started, &made);
        made.push(past);
    }
    // The order a repository lists them in must not matter.
    for index in (1..made.len()).rev() {
        made.swap(index, chance.below(index as u64 + 1) as usize);
    }
    made
}

/// Mostly the truth; else a clock that is wrong by a bit, by years, or by everything.
fn date(chance: &mut XorShift, now: i64) -> Timestamp {
    let seconds = match chance.below(24) {
        0 => now + 400 * 86_400,
        1 => now - 400 * 86_400,
        2 => chance.below(3) as i64,
        3 => 4_102_444_800,
        4 => now - 7200,
        5 if one_in(chance, 4) => [i64::MIN, i64::MAX, -377_705_116_800, 253_402_300_799][chance.below(4) as usize],
        _ => now,
    };
    Timestamp::new(seconds, if one_in(chance, 4) { chance.below(1_000_000_000) as u32 } else { 0 })
}

fn snapshot(chance: &mut XorShift, number: u64, started: Timestamp, made: &[Past]) -> Past {
    let mut tags = Vec::new();
    for (tag, n) in [("t", 4), ("u", 6), ("hold", 20), ("hold:why", 30), ("holdings", 20)] {
        if one_in(chance, n) {
            tags.push(tag.to_string());
        }
    }
    let name = if one_in(chance, 4) { "b" } else { "a" }.to_string();
    let newest = made.iter().filter(|past| past.name == name).max_by_key(|past| (past.started, past.id));
    let parent = match chance.below(12) {
        0 => None,
        // Forgotten by now, or a lie, or itself.
        1 => Some(SessionId([200; 12])),
        2 => Some(id(chance.below(number + 3))),
        _ => newest.map(|past| past.id),
    };
    Past {
        id: id(number),
        parent,
        kind: if one_in(chance, 9) { "stream" } else { "files" }.into(),
        name,
        host: if one_in(chance, 4) { "y" } else { "x" }.into(),
        started,
        is_complete: !one_in(chance, 4),
        tags,
    }
}

/// Ids are in no order of time.
fn id(number: u64) -> SessionId {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[11] = number as u8;
    SessionId(bytes)
}
