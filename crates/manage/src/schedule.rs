//! When something is due: a cron expression on the wall of a time zone, as a pure function of instants.
//!
//! A slot is an instant, in whole seconds since 1970. What a change of clocks does to it: a time of day that is left out is
//! taken as RFC 5545 takes it, so much later; one that comes twice is its first coming, and both where the hour is given as
//! `*` or `*/N`, since such a schedule asks for a distance and not for a time of day.

use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, Direction};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far the wall and the instants may be out of step around a change of clocks: no zone has moved by more since 2011, when
/// Samoa left out a day.
const SLACK: SignedDuration = SignedDuration::from_hours(3);
/// The most slots a search looks at: one a minute for twice the slack.
const MOST_STEPS: usize = 2 * 3 * 60 + 2;
/// The longest jitter: a longer one would be another schedule.
pub const MAX_JITTER_S: u32 = 6 * 3600;

/// What becomes of slots that passed while nobody could start them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatchUp {
    /// The newest one is started as soon as it can be, as long as its window is open.
    #[default]
    Latest,
    /// None: only what is started within a minute of its time is started at all.
    Never,
}

/// A schedule as it is written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Five fields (minute, hour, day of month, month, day of week), or `@hourly` and the like.
    pub cron: String,
    /// A name of the IANA time zone database, such as `Asia/Shanghai`.
    pub zone: String,
    /// Starts are spread over so many seconds behind their slot, each schedule by an amount of its own.
    #[serde(default)]
    pub jitter_s: u32,
    /// A slot that was not started within so many seconds of its start is given up; without one it waits for the next slot.
    #[serde(default)]
    pub window_s: Option<u32>,
    /// What becomes of missed slots.
    #[serde(default)]
    pub catch_up: CatchUp,
}

/// Why a schedule makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The expression cannot be read.
    #[error("the cron expression {cron:?} cannot be read: {detail}")]
    Cron {
        /// As it was given.
        cron: String,
        /// What the parser says.
        detail: String,
    },
    /// The expression names no date there is.
    #[error("the cron expression {cron:?} never comes")]
    Never {
        /// As it was given.
        cron: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone {zone:?}")]
    Zone {
        /// As it was given.
        zone: String,
    },
    /// The jitter is too long.
    #[error("a jitter of {jitter_s} s is longer than {MAX_JITTER_S} s")]
    Jitter {
        /// As it was given.
        jitter_s: u32,
    },
}

/// A schedule that can be asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    spec: ScheduleSpec,
    cron: Cron,
    zone: TimeZone,
    /// The hour is `*` or `*/N`: hours that come twice count twice.
    is_interval: bool,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// An expression that cannot be read or never comes, a zone that does not exist, a jitter that is too long.
    pub fn new(spec: &ScheduleSpec) -> Result<Self, ScheduleError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let refused = |error: croner::errors::CronError| ScheduleError::Cron {
            cron: spec.cron.clone(),
            detail: error.to_string(),
        };
        let cron = parser.parse(&spec.cron).map_err(refused)?;
        let is_known = !spec.zone.is_empty() && spec.zone.len() <= 64;
        let zone = is_known.then(|| TimeZone::get(&spec.zone).ok()).flatten();
        let zone = zone.ok_or_else(|| ScheduleError::Zone { zone: spec.zone.clone() })?;
        if spec.jitter_s > MAX_JITTER_S {
            return Err(ScheduleError::Jitter { jitter_s: spec.jitter_s });
        }
        // From a fixed date, so that what is accepted does not depend on the day it is asked.
        let begin = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0);
        cron.find_next_occurrence(&begin, true).map_err(|_| ScheduleError::Never { cron: spec.cron.clone() })?;
        let hour = spec.cron.split_whitespace().nth(1);
        let is_interval = hour.map_or(spec.cron.trim().eq_ignore_ascii_case("@hourly"), |hour| hour.starts_with('*'));
        Ok(Self { spec: spec.clone(), cron, zone, is_interval })
    }

    /// As it was written down.
    pub fn spec(&self) -> &ScheduleSpec {
        &self.spec
    }

    /// The newest slot that is not after `now_s`; `None` when the calendar ends first.
    pub fn newest_at(&self, now_s: i64) -> Option<i64> {
        let wall = self.wall(now_s)?;
        let is_past = |instant: i64| instant <= now_s;
        self.search(wall.checked_add(SLACK).ok()?, Direction::Backward, is_past, Ord::max)
    }

    /// The first slot after `now_s`.
    pub fn next_after(&self, now_s: i64) -> Option<i64> {
        let wall = self.wall(now_s)?;
        let is_ahead = |instant: i64| instant > now_s;
        self.search(wall.checked_sub(SLACK).ok()?, Direction::Forward, is_ahead, Ord::min)
    }

    /// The best slot that fits, walking along the wall: the wall is left only when no later step can be better.
    fn search(
        &self,
        from: DateTime,
        way: Direction,
        fits: impl Fn(i64) -> bool,
        better: fn(i64, i64) -> i64,
    ) -> Option<i64> {
        let (mut at, mut best, mut is_first) = (from, None::<(i64, DateTime)>, true);
        // Before anything fits the walk passes the slack, behind it once more.
        for _ in 0..2 * MOST_STEPS {
            let found = match way {
                Direction::Forward => self.cron.find_next_occurrence(&at, is_first),
                Direction::Backward => self.cron.find_previous_occurrence(&at, is_first),
            };
            (at, is_first) = (found.ok()?, false);
            if best.is_some_and(|(_, wall)| wall.duration_until(at).abs() > SLACK) {
                break;
            }
            for instant in self.instants(at).into_iter().flatten().filter(|&instant| fits(instant)) {
                let wall = best.map_or(at, |(_, wall)| wall);
                best = Some((best.map_or(instant, |(old, _)| better(old, instant)), wall));
            }
        }
        best.map(|(instant, _)| instant)
    }

    /// The instants a time on the wall stands for.
    fn instants(&self, wall: DateTime) -> [Option<i64>; 2] {
        let at = |offset: jiff::tz::Offset| offset.to_timestamp(wall).ok().map(Timestamp::as_second);
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [at(offset), None],
            AmbiguousOffset::Gap { before, .. } => [at(before), None],
            AmbiguousOffset::Fold { before, after } => [at(before), if self.is_interval { at(after) } else { None }],
        }
    }

    fn wall(&self, now_s: i64) -> Option<DateTime> {
        Some(self.zone.to_datetime(Timestamp::from_second(now_s).ok()?))
    }

    /// The delay of one slot behind its time, in seconds: the same whenever it is asked.
    pub fn jitter_of(&self, id: &str, slot_s: i64) -> i64 {
        if self.spec.jitter_s == 0 {
            return 0;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(id.as_bytes()).update(&slot_s.to_be_bytes());
        let mut word = [0u8; 8];
        word.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        i64::try_from(u64::from_be_bytes(word) % (u64::from(self.spec.jitter_s) + 1)).unwrap_or(0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#[path = "schedule_tests.rs"]
mod tests;
