//! Local times out, times as people write them in.

use datakeep_model::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};

fn instant(time: Timestamp) -> Option<Instant> {
    Instant::new(time.seconds, i32::try_from(time.nanos).ok()?).ok()
}

fn zoned(time: Timestamp) -> Option<Zoned> {
    zoned_in(time, &TimeZone::system())
}

/// An instant on the wall of a time zone; `None` when no calendar has it.
pub fn zoned_in(time: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    Some(instant(time)?.to_zoned(zone.clone()))
}

/// Local time to the second: `2026-01-02 10:11:12`.
pub fn local(time: Timestamp) -> String {
    on_wall(time, &TimeZone::system())
}

/// As [`local`], in some time zone.
pub fn on_wall(time: Timestamp, zone: &TimeZone) -> String {
    zoned_in(time, zone)
        .map_or_else(|| format!("@{}", time.seconds), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Local time with nanoseconds and offset.
pub fn local_exact(time: Timestamp) -> String {
    match zoned(time) {
        Some(zoned) => zoned.strftime("%Y-%m-%d %H:%M:%S.%9f %:z").to_string(),
        None => format!("@{}.{:09}", time.seconds, time.nanos),
    }
}

/// RFC 3339 in UTC, for JSON.
pub fn utc(time: Timestamp) -> String {
    instant(time).map_or_else(|| format!("@{}.{:09}", time.seconds, time.nanos), |instant| instant.to_string())
}

/// An instant as people write it: RFC 3339, or local `YYYY-MM-DD[( |T)HH[:MM[:SS]]]`, or `now`, or an age such as
/// `90m`, `36h`, `7d`, `2w`. What leaves out smaller units means their end: a date is the whole day, so that
/// `files@2026-01-02` is the last state of that day.
pub fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if text == "now" {
        return Some(now);
    }
    if let Some(age) = age_seconds(text) {
        return Some(Timestamp::new(now.seconds.checked_sub(age)?, now.nanos));
    }
    if let Ok(instant) = text.parse::<Instant>() {
        return Some(stamp(instant, text.contains('.')));
    }
    let (date, rest) = match text.split_once(['T', ' ', 't']) {
        Some((date, rest)) => (date, Some(rest)),
        None => (text, None),
    };
    let date: Date = if date.len() == 10 { date.parse().ok()? } else { return None };
    let (time, exact) = rest.map_or_else(|| Some((Time::constant(23, 59, 59, 0), false)), end_of)?;
    let zoned = TimeZone::system().to_zoned(DateTime::from_parts(date, time)).ok()?;
    Some(stamp(zoned.timestamp(), exact))
}

/// The last second of what a time of day says; the answer's second half is true when it names a fraction.
fn end_of(text: &str) -> Option<(Time, bool)> {
    let full = match text.len() {
        2 => format!("{text}:59:59"),
        5 => format!("{text}:59"),
        _ => text.to_string(),
    };
    full.parse::<Time>().ok().map(|time| (time, full.contains('.')))
}

fn stamp(instant: Instant, exact: bool) -> Timestamp {
    let nanos = u32::try_from(instant.subsec_nanosecond()).unwrap_or(0);
    Timestamp::new(instant.as_second(), if exact { nanos } else { 999_999_999 })
}

fn age_seconds(text: &str) -> Option<i64> {
    let unit = match text.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u32>().ok().map(|number| i64::from(number) * unit)
}

/// A span of time in milliseconds: `90s`, `10m`, `1h`, `2d`, or a number of seconds.
pub fn parse_duration_ms(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// A duration for people: `0.84 s`, `2 min 03 s`, `5 h 10 min`.
pub fn duration(nanos: u64) -> String {
    let seconds = nanos as f64 / 1e9;
    match nanos / 1_000_000_000 {
        0..10 => format!("{seconds:.2} s"),
        10..60 => format!("{seconds:.1} s"),
        whole @ 60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        whole => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_end_of_their_unit() {
        let now = Timestamp::new(1_000_000, 5);
        assert_eq!(parse("now", now), Some(now));
        assert_eq!(parse("2h", now), Some(Timestamp::new(1_000_000 - 7200, 5)));
        assert_eq!(parse("1970-01-02T00:00:00Z", now), Some(Timestamp::new(86_400, 999_999_999)));
        assert_eq!(parse("1970-01-02T00:00:00.5Z", now), Some(Timestamp::new(86_400, 500_000_000)));
        let day = parse("2026-01-02", now).expect("a day");
        assert_eq!(parse("2026-01-02 23:59:59", now), Some(day));
        assert_eq!(parse("2026-01-02T23", now), Some(day));
        assert_eq!(parse("2026-01-02T23:59", now), Some(day));
        for bad in ["", "yesterdayish", "2026-13-01", "2026-1-1", "12:00", "2026-01-02T25"] {
            assert_eq!(parse(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(840_000_000), "0.84 s");
        assert_eq!(duration(123_000_000_000), "2 min 03 s");
        assert_eq!(duration(18_600_000_000_000), "5 h 10 min");
    }
}
