//! Lengths of time as people write them: `30d`, `1y6mo`, `36h`.

use datakeep_model::Timestamp;
use jiff::tz::TimeZone;

/// A length of calendar time. Years, months, weeks and days keep the time of day across a change of clocks; hours are
/// hours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span {
    /// Years.
    pub years: u16,
    /// Months.
    pub months: u16,
    /// Weeks.
    pub weeks: u16,
    /// Days.
    pub days: u16,
    /// Hours.
    pub hours: u16,
}

impl Span {
    /// Reads numbers, each with `y`, `mo`, `w`, `d` or `h`, every unit at most once; `None` for anything else, also for
    /// nothing at all. A plain `m` is refused: it could be minutes or months.
    pub fn parse(text: &str) -> Option<Self> {
        let mut span = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u16 = rest[..digits].parse().ok()?;
            let after = &rest[digits..];
            let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
            let field = match &after[..letters] {
                "y" => &mut span.years,
                "mo" => &mut span.months,
                "w" => &mut span.weeks,
                "d" => &mut span.days,
                "h" => &mut span.hours,
                _ => return None,
            };
            if *field != 0 || number == 0 {
                return None;
            }
            *field = number;
            rest = &after[letters..];
        }
        (span != Self::default()).then_some(span)
    }

    /// The instant this long before another; `None` when there is no such date. A time of day that a change of clocks
    /// leaves out or doubles is taken as RFC 5545 takes it.
    pub(crate) fn before(self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let instant = jiff::Timestamp::new(time.seconds, i32::try_from(time.nanos).ok()?).ok()?;
        let span = jiff::Span::new()
            .try_years(self.years)
            .and_then(|span| span.try_months(self.months))
            .and_then(|span| span.try_weeks(self.weeks))
            .and_then(|span| span.try_days(self.days))
            .and_then(|span| span.try_hours(self.hours));
        let earlier = instant.to_zoned(zone.clone()).checked_sub(span.ok()?).ok()?.timestamp();
        let nanos = earlier.as_nanosecond();
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
        Some(Timestamp::new(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?))
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [(self.years, "y"), (self.months, "mo"), (self.weeks, "w"), (self.days, "d"), (self.hours, "h")];
        parts.iter().filter(|(number, _)| *number > 0).try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_printed() {
        for good in ["30d", "36h", "8w", "6mo", "1y6mo", "1y2mo3w4d5h"] {
            assert_eq!(Span::parse(good).map(|span| span.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "30", "d", "30m", "0d", "1d1d", "-3d", "3 d", "70000d", "1D", "三d"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_day_keeps_its_hour_when_clocks_change() {
        let Ok(zone) = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3") else { panic!("a zone") };
        // 2026-10-26 12:00 +01:00; two days before at noon it was +02:00, 49 hours earlier.
        let noon = Timestamp::new(1_793_012_400, 7);
        let before = |text: &str| Span::parse(text).and_then(|span| span.before(noon, &zone));
        assert_eq!(before("2d"), Some(Timestamp::new(noon.seconds - 49 * 3600, 7)));
        assert_eq!(before("48h"), Some(Timestamp::new(noon.seconds - 48 * 3600, 7)));
        assert_eq!(before("60000y"), None);
    }
}
