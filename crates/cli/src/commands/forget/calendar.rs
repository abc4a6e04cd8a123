//! A plan as a calendar: a row for each month that has snapshots, a column for each day.

use super::View;
use crate::errors::Failure;
use crate::out::Style;
use crate::time;
use crate::words::tr;
use datakeep_manage::{Group, GroupKey};
use datakeep_model::escape_for_terminal;
use std::collections::BTreeMap;

/// Kept and forgotten snapshots of a day.
type Day = (u32, u32);

/// Prints one for each group.
pub fn show(view: &View<'_>) -> Result<(), Failure> {
    let out = &view.app.out;
    for group in &view.plan.groups {
        out.line("")?;
        out.line(out.styled(Style::Bold, &name(&group.key)))?;
        out.line(out.styled(Style::Dim, &ruler()))?;
        for ((year, month), days) in months(view, group) {
            out.line(row(year, month, &days))?;
        }
    }
    out.line("")?;
    let legend = tr!("# kept  + some kept, some forgotten  - forgotten", "# 保留  + 部分保留、部分遗忘  - 遗忘");
    out.line(out.styled(Style::Dim, &legend))
}

fn name(key: &GroupKey) -> String {
    let safe = |text: &str| escape_for_terminal(text.as_bytes());
    let mut parts = Vec::new();
    parts.extend(key.source.as_ref().map(|(kind, name)| format!("{} ({})", safe(name), safe(kind))));
    parts.extend(key.host.as_ref().map(|host| safe(host)));
    let labels =
        |tags: &std::collections::BTreeSet<String>| tags.iter().map(|tag| safe(tag)).collect::<Vec<_>>().join(",");
    parts.extend(key.tags.as_ref().map(labels));
    if parts.is_empty() { tr!("all snapshots", "全部备份集") } else { parts.join(" · ") }
}

fn months(view: &View<'_>, group: &Group) -> BTreeMap<(i16, i8), BTreeMap<i8, Day>> {
    let mut months: BTreeMap<(i16, i8), BTreeMap<i8, Day>> = BTreeMap::new();
    for decision in &group.decisions {
        let started = view.snapshots.get(&decision.id).map(|snapshot| snapshot.started);
        let Some(at) = started.and_then(|started| time::zoned_in(started, view.zone)) else { continue };
        let day = months.entry((at.year(), at.month())).or_default().entry(at.day()).or_default();
        *(if decision.is_kept() { &mut day.0 } else { &mut day.1 }) += 1;
    }
    months
}

/// Numbers above their columns.
fn ruler() -> String {
    let mut line = " ".repeat(9);
    for day in [1, 5, 10, 15, 20, 25, 30] {
        line.push_str(&" ".repeat(8 + day - line.len()));
        line.push_str(&day.to_string());
    }
    line
}

fn row(year: i16, month: i8, days: &BTreeMap<i8, Day>) -> String {
    let length = jiff::civil::Date::new(year, month, 1).map_or(31, jiff::civil::Date::days_in_month);
    let mark = |day: i8| match days.get(&day) {
        None => '.',
        Some((_, 0)) => '#',
        Some((0, _)) => '-',
        Some(_) => '+',
    };
    format!("{year:04}-{month:02}  {}", (1..=length).map(mark).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_stand_below_their_numbers() {
        assert_eq!(ruler(), "         1   5    10   15   20   25   30");
        let days = [(1, (1, 0)), (5, (0, 2)), (28, (1, 1))].into();
        assert_eq!(row(2026, 2, &days), "2026-02  #...-......................+");
    }
}
