//! A retention policy as plain data, and the reasons it gives.

use crate::span::Span;
use datakeep_model::Timestamp;

/// Which snapshots of a group are to stay. A count of zero is no rule.
///
/// Counts of days and so on count days that have a snapshot, newest first, not days that have passed: a source that
/// rests loses nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retention {
    /// The newest N.
    pub last: u32,
    /// One of each of the newest N hours that have one; so on below.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// Weeks as ISO 8601 numbers them, Monday to Sunday.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
    /// Years.
    pub yearly: u32,
    /// All that are no older than this, counted from the newest of the group and never from a clock.
    pub within: Option<Span>,
    /// All that have one of these labels.
    pub tags: Vec<String>,
    /// The floor: whatever the rules above say, this many stay, the newest complete ones, then the newest others. It
    /// is no rule of its own.
    pub at_least: u32,
    /// A bound on dates, a little after the present: what is dated later is kept and takes nobody's place. An earlier
    /// bound only ever keeps more, so no clock, however wrong, can take a snapshot away.
    pub not_after: Option<Timestamp>,
}

impl Retention {
    /// True when it names no rule at all: it keeps everything.
    pub fn is_empty(&self) -> bool {
        let counts = self.last == 0 && SlotRule::ALL.iter().all(|rule| self.count(*rule) == 0);
        counts && self.within.is_none() && self.tags.is_empty()
    }

    /// How many slots of a rule are asked for.
    pub fn count(&self, rule: SlotRule) -> u32 {
        match rule {
            SlotRule::Hourly => self.hourly,
            SlotRule::Daily => self.daily,
            SlotRule::Weekly => self.weekly,
            SlotRule::Monthly => self.monthly,
            SlotRule::Yearly => self.yearly,
        }
    }
}

/// A rule that keeps one snapshot in each slot of a calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SlotRule {
    /// Hours of local time; the hour that comes twice in autumn is two.
    Hourly,
    /// Days of local time.
    Daily,
    /// ISO weeks.
    Weekly,
    /// Months.
    Monthly,
    /// Years.
    Yearly,
}

impl SlotRule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

/// Why a snapshot stays.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Held by this label.
    Held(String),
    /// The newest of its group.
    Newest,
    /// The newest of its group that lost nothing.
    NewestComplete,
    /// The n-th newest.
    Last(u32),
    /// Stands for a slot, named as `2026-11-20T14+08:00`, `2026-11-20`, `2026-W47`, `2026-11` or `2026`.
    Slot(SlotRule, String),
    /// No older than a span before the newest.
    Within(Span),
    /// Has this label.
    Tag(String),
    /// Belongs to the floor of this many.
    AtLeast(u32),
    /// Dated after the bound: some clock was wrong, and its place is not known.
    DatedAhead,
    /// Dated long before the snapshot it was compared with, which was there when it was made.
    DatedBehind(datakeep_model::SessionId),
    /// Shows that the date of another one is wrong.
    Witness,
    /// Its date is none that a calendar knows.
    NoDate,
    /// There is no rule.
    NoRule,
    /// Others were named.
    NotNamed,
}

impl Reason {
    /// A stable word for the kind of reason.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Held(_) => "hold",
            Self::Newest => "newest",
            Self::NewestComplete => "newest-complete",
            Self::Last(_) => "last",
            Self::Slot(rule, _) => rule.as_str(),
            Self::Within(_) => "within",
            Self::Tag(_) => "tag",
            Self::AtLeast(_) => "at-least",
            Self::DatedAhead => "dated-ahead",
            Self::DatedBehind(_) => "dated-behind",
            Self::Witness => "witness",
            Self::NoDate => "no-date",
            Self::NoRule => "no-rule",
            Self::NotNamed => "not-named",
        }
    }
}
