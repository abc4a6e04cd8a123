//! The slot of a calendar an instant falls into.

use crate::retention::SlotRule;
use datakeep_model::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// An instant on the wall of a time zone; `None` when no calendar has it.
pub(crate) fn zoned(time: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    let instant = jiff::Timestamp::new(time.seconds, i32::try_from(time.nanos).ok()?).ok()?;
    Some(instant.to_zoned(zone.clone()))
}

/// A slot: comparable with others of its rule, later ones being greater.
pub(crate) type Slot = (i64, i32);

/// The slot of a rule, and its name. An hour carries its offset, so that the hour which comes twice in autumn is two
/// slots. A day is a date: where clocks go back past midnight, both stretches of the day are one slot.
pub(crate) fn slot(rule: SlotRule, at: &Zoned) -> (Slot, String) {
    let (year, month) = (i64::from(at.year()), i64::from(at.month()));
    match rule {
        SlotRule::Hourly => {
            let offset = at.offset().seconds();
            // Not as_second(), which rounds towards 1970: half a second before is in the hour before.
            let nanos = at.timestamp().as_nanosecond() + i128::from(offset) * 1_000_000_000;
            let hour = i64::try_from(nanos.div_euclid(3_600_000_000_000)).unwrap_or_default();
            ((hour * 3600 - i64::from(offset), offset), at.strftime("%Y-%m-%dT%H%:z").to_string())
        }
        SlotRule::Daily => ((year * 400 + i64::from(at.day_of_year()), 0), at.strftime("%Y-%m-%d").to_string()),
        SlotRule::Weekly => {
            // The year of a week is not that of each of its days.
            let week = at.date().iso_week_date();
            let (year, number) = (week.year(), week.week());
            ((i64::from(year) * 60 + i64::from(number), 0), format!("{year:04}-W{number:02}"))
        }
        SlotRule::Monthly => ((year * 12 + month, 0), at.strftime("%Y-%m").to_string()),
        SlotRule::Yearly => ((year, 0), at.strftime("%Y").to_string()),
    }
}
