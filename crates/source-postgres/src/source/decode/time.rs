//! Days and moments. A server counts them from 2000, columns from 1970.

use super::column::Unfit;

/// Days from 1970 to 2000.
const DAYS: i32 = 10_957;
const MICROS_OF_DAY: i64 = 86_400_000_000;
const MICROS: i64 = DAYS as i64 * MICROS_OF_DAY;

/// Days since 1970.
#[inline]
pub(super) fn date(days: i32) -> Result<i32, Unfit> {
    match days {
        i32::MAX => Err(Unfit("infinity".to_owned())),
        i32::MIN => Err(Unfit("-infinity".to_owned())),
        // The last day a server knows is in the year 5874897.
        days => days.checked_add(DAYS).ok_or_else(|| Unfit(day_text(i64::from(days)))),
    }
}

/// Microseconds since midnight; the end of the day is none of them.
#[inline]
pub(super) fn time(micros: i64) -> Result<i64, Unfit> {
    if (0..MICROS_OF_DAY).contains(&micros) { Ok(micros) } else { Err(Unfit(clock_text(micros))) }
}

/// Microseconds since 1970.
#[inline]
pub(super) fn timestamp(micros: i64, has_zone: bool) -> Result<i64, Unfit> {
    match micros {
        i64::MAX => Err(Unfit("infinity".to_owned())),
        i64::MIN => Err(Unfit("-infinity".to_owned())),
        micros => micros.checked_add(MICROS).ok_or_else(|| {
            let (days, rest) = (micros.div_euclid(MICROS_OF_DAY), micros.rem_euclid(MICROS_OF_DAY));
            let zone = if has_zone { "+00" } else { "" };
            Unfit(format!("{} {}{zone}", day_text(days), clock_text(rest)))
        }),
    }
}

/// `15:04:05.06`, without zeros at the end of a fraction.
fn clock_text(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { clock } else { format!("{clock}.{}", format!("{fraction:06}").trim_end_matches('0')) }
}

/// A day after 2000, by its days since then.
fn day_text(days: i64) -> String {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: eras of 400 years that begin in March.
    let days = days + i64::from(DAYS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T>(result: Result<T, Unfit>) -> Option<String> {
        result.err().map(|Unfit(text)| text)
    }

    #[test]
    fn what_no_column_holds_is_said_as_the_server_says_it() {
        assert_eq!(date(0).ok(), Some(DAYS));
        assert_eq!(said(date(i32::MIN)).as_deref(), Some("-infinity"));
        assert_eq!(time(MICROS_OF_DAY - 1).ok(), Some(MICROS_OF_DAY - 1));
        assert_eq!(said(time(MICROS_OF_DAY)).as_deref(), Some("24:00:00"));
        assert_eq!(timestamp(0, true).ok(), Some(946_684_800_000_000));
        assert_eq!(said(timestamp(i64::MAX, false)).as_deref(), Some("infinity"));
        // The last moment of a server: 294276-12-31 23:59:59.999999.
        let last = 9_223_371_331_199_999_999;
        assert_eq!(said(timestamp(last, true)).as_deref(), Some("294276-12-31 23:59:59.999999+00"));
        assert_eq!(said(timestamp(last - 499_999, false)).as_deref(), Some("294276-12-31 23:59:59.5"));
        assert_eq!(day_text(0), "2000-01-01");
        assert_eq!(day_text(59), "2000-02-29");
    }
}
