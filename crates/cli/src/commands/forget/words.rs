//! A plan in words.

use super::View;
use crate::errors::Failure;
use crate::out::{Style, table as lines_of};
use crate::words::tr;
use crate::{losses, sizes, time};
use datakeep_manage::{Decision, Reason, SlotRule};
use datakeep_model::escape_for_terminal;

/// Every snapshot and what is decided about it; of snapshots that were named, only those.
pub fn table(view: &View<'_>) -> Result<(), Failure> {
    let mut rows = vec![heading()];
    let mut styles = vec![Style::Bold];
    for decision in view.plan.decisions().filter(|decision| !(view.is_named && decision.is_kept())) {
        rows.extend(row(view, decision));
        styles.push(if decision.is_kept() { Style::Green } else { Style::Yellow });
    }
    if rows.len() == 1 {
        view.app.out.inform(tr!("there are no such snapshots", "没有符合条件的备份集"));
        return Ok(());
    }
    for (line, style) in lines_of(&rows, &[]).iter().zip(styles) {
        view.app.out.line(view.app.out.styled(style, line))?;
    }
    Ok(())
}

fn heading() -> Vec<String> {
    vec![
        tr!("ID", "编号"),
        tr!("TIME", "时间"),
        tr!("SOURCE", "数据源"),
        tr!("HOST", "主机"),
        tr!("STATE", "状态"),
        tr!("DECISION", "决定"),
    ]
}

fn row(view: &View<'_>, decision: &Decision) -> Option<Vec<String>> {
    let snapshot = view.snapshots.get(&decision.id)?;
    let safe = |text: &str| escape_for_terminal(text.as_bytes());
    let why = in_words(&decision.reasons);
    let verdict = if decision.is_kept() { tr!("kept: {why}", "保留：{why}") } else { tr!("forgotten", "遗忘") };
    Some(vec![
        snapshot.id.short(),
        time::on_wall(snapshot.started, view.zone),
        safe(&snapshot.source.name),
        safe(&snapshot.source.host),
        losses::state(snapshot.counters.losses),
        verdict,
    ])
}

fn in_words(reasons: &[Reason]) -> String {
    let is_newest = reasons.contains(&Reason::Newest);
    let told = reasons.iter().filter(|reason| !(is_newest && **reason == Reason::NewestComplete));
    told.map(reason).collect::<Vec<_>>().join(&tr!(", ", "、"))
}

fn reason(reason: &Reason) -> String {
    let safe = |text: &str| escape_for_terminal(text.as_bytes());
    match reason {
        Reason::Held(label) => {
            let label = safe(label);
            tr!("held by label {label}", "被标签 {label} 锁定")
        }
        Reason::Newest => tr!("newest", "最新"),
        Reason::NewestComplete => tr!("newest complete", "最新的完整备份集"),
        Reason::Last(number) => tr!("last {number}", "最近第 {number} 个"),
        Reason::Slot(rule, name) => format!("{} {name}", slot_rule(*rule)),
        Reason::Within(span) => tr!("within {span}", "{span} 以内"),
        Reason::Tag(label) => {
            let label = safe(label);
            tr!("label {label}", "标签 {label}")
        }
        Reason::AtLeast(u32::MAX) => tr!("at least all", "至少全部"),
        Reason::AtLeast(number) => tr!("at least {number}", "至少 {number} 个"),
        Reason::DatedAhead => tr!("dated in the future", "日期在未来"),
        Reason::DatedBehind(earlier) => {
            let earlier = earlier.short();
            tr!("dated before {earlier}, which was there first", "日期早于先于其存在的 {earlier}")
        }
        Reason::Witness => tr!("shows that a date is wrong", "可证明其他日期有误"),
        Reason::NoDate => tr!("impossible date", "日期无效"),
        Reason::NoRule => tr!("no rule", "没有规则"),
        Reason::NotNamed => tr!("not named", "未指定"),
    }
}

fn slot_rule(rule: SlotRule) -> String {
    match rule {
        SlotRule::Hourly => tr!("hourly", "每小时"),
        SlotRule::Daily => tr!("daily", "每日"),
        SlotRule::Weekly => tr!("weekly", "每周"),
        SlotRule::Monthly => tr!("monthly", "每月"),
        SlotRule::Yearly => tr!("yearly", "每年"),
    }
}

/// How many stay and go.
pub fn numbers(view: &View<'_>, dry_run: bool) -> Result<(), Failure> {
    let all = view.plan.decisions().count();
    let forgotten = view.forgotten();
    let [kept, count] = [all - forgotten, forgotten].map(|number| sizes::count(number as u64));
    let groups = sizes::count(view.plan.groups.len() as u64);
    view.app
        .out
        .say(tr!("keep {kept}, forget {count}, groups: {groups}", "保留 {kept} 个，遗忘 {count} 个，共 {groups} 组"))?;
    if dry_run {
        view.app.out.say(tr!("nothing was written (--dry-run)", "未写入任何内容（--dry-run）"))?;
    }
    Ok(())
}

/// Tells of dates that cannot be right.
pub fn warn_about_dates(view: &View<'_>) {
    let is_wrong = |reason: &Reason| matches!(reason, Reason::DatedAhead | Reason::DatedBehind(_) | Reason::NoDate);
    let wrong = view.plan.decisions().filter(|decision| decision.reasons.iter().any(is_wrong)).count();
    if wrong > 0 {
        let wrong = sizes::count(wrong as u64);
        view.app.out.warn(tr!(
            "snapshots whose date cannot be right: {wrong}. They are kept and count for no rule; look at the clocks, and name those that may go",
            "{wrong} 个备份集的日期不可能正确。它们会被保留，且不计入任何规则；请检查系统时钟，并指定可以遗忘的备份集"
        ));
    }
}
