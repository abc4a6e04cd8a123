//! What the command line asks for.

use super::held_failure;
use crate::args_forget::{ForgetArgs, KeepArgs};
use crate::errors::Failure;
use crate::open::App;
use crate::words::tr;
use datakeep_manage::{GroupBy, Past, Plan, Refusal, Retention, Scope, SlotRule, Span, decide_named};
use datakeep_model::{Timestamp, escape_for_terminal};
use datakeep_store::Manifest;
use jiff::tz::TimeZone;

/// Dates are believed up to this long after the present: clocks of hosts differ.
const AHEAD_S: i64 = 86_400;

/// Names, or rules.
pub enum Request {
    /// Exactly these.
    Named(Vec<String>),
    /// All that no rule keeps.
    Rules {
        /// The rules.
        policy: Retention,
        /// Whom they are about.
        scope: Scope,
        /// Who competes with whom.
        by: GroupBy,
    },
}

impl Request {
    /// Reads the arguments.
    pub fn new(app: &App, args: &ForgetArgs) -> Result<Self, Failure> {
        if !args.snapshots.is_empty() {
            return Ok(Self::Named(args.snapshots.clone()));
        }
        let policy = policy(app, &args.keep)?;
        if policy.is_empty() {
            let message = tr!("nothing says what to keep, or what to forget", "没有说明保留什么或遗忘什么");
            return Err(Failure::usage(message).hint(tr!(
                "give rules such as --keep-daily 7 --keep-weekly 5 --keep-monthly 12 (--keep-at-least is no rule by itself), or name snapshots",
                "请给出规则，例如 --keep-daily 7 --keep-weekly 5 --keep-monthly 12（仅有 --keep-at-least 不算规则），或指定备份集"
            )));
        }
        let scope = Scope { sources: args.source.clone(), hosts: args.host.clone(), tags: args.tag.clone() };
        let by = GroupBy::parse(&args.group_by).ok_or_else(|| {
            let shown = escape_for_terminal(args.group_by.as_bytes());
            Failure::usage(tr!("there is no grouping {shown}", "没有分组方式 {shown}"))
                .hint(tr!("some of source,host,tags, or none", "source,host,tags 的组合，或 none"))
        })?;
        Ok(Self::Rules { policy, scope, by })
    }

    /// The reason that is recorded when none is given.
    pub fn in_words(&self) -> String {
        match self {
            Self::Named(_) => "named".into(),
            Self::Rules { policy, .. } => rules_in_words(policy),
        }
    }
}

fn policy(app: &App, keep: &KeepArgs) -> Result<Retention, Failure> {
    let span = |text: &String| {
        let shown = escape_for_terminal(text.as_bytes());
        Span::parse(text).ok_or_else(|| {
            Failure::usage(tr!("{shown} is no span of time", "{shown} 不是有效的时长")).hint(tr!(
                "numbers with h, d, w, mo or y: 36h, 30d, 8w, 6mo, 1y6mo",
                "数字加 h、d、w、mo 或 y：36h、30d、8w、6mo、1y6mo"
            ))
        })
    };
    let now = app.now();
    Ok(Retention {
        last: keep.keep_last.unwrap_or(0),
        hourly: keep.keep_hourly.unwrap_or(0),
        daily: keep.keep_daily.unwrap_or(0),
        weekly: keep.keep_weekly.unwrap_or(0),
        monthly: keep.keep_monthly.unwrap_or(0),
        yearly: keep.keep_yearly.unwrap_or(0),
        within: keep.keep_within.as_ref().map(span).transpose()?,
        tags: keep.keep_tag.clone(),
        at_least: keep.keep_at_least.unwrap_or(0),
        not_after: Some(Timestamp::new(now.seconds.saturating_add(AHEAD_S), now.nanos)),
    })
}

fn rules_in_words(policy: &Retention) -> String {
    let number = |count: u32| if count == u32::MAX { "all".to_string() } else { count.to_string() };
    let mut rules = Vec::new();
    if policy.last > 0 {
        rules.push(format!("keep-last {}", number(policy.last)));
    }
    for rule in SlotRule::ALL.into_iter().filter(|rule| policy.count(*rule) > 0) {
        rules.push(format!("keep-{} {}", rule.as_str(), number(policy.count(rule))));
    }
    rules.extend(policy.within.map(|span| format!("keep-within {span}")));
    rules.extend(policy.tags.iter().map(|tag| format!("keep-tag {tag}")));
    rules.join(", ")
}

/// The time zone slots are cut in.
pub fn zone(name: Option<&str>) -> Result<TimeZone, Failure> {
    let Some(name) = name else { return Ok(TimeZone::system()) };
    TimeZone::get(name).map_err(|error| {
        let shown = escape_for_terminal(name.as_bytes());
        Failure::usage(tr!("there is no time zone {shown}", "没有时区 {shown}")).detail(error.to_string()).hint(tr!(
            "a name such as UTC, Asia/Shanghai or Europe/Berlin",
            "时区名称例如 UTC、Asia/Shanghai 或 Europe/Berlin"
        ))
    })
}

/// The plan to forget exactly those that are named.
pub fn named(app: &App, manifests: &[Manifest], history: &[Past], names: &[String]) -> Result<Plan, Failure> {
    let mut ids = std::collections::BTreeSet::new();
    for name in names {
        must_name_one(manifests, name)?;
        ids.insert(app.choose(manifests, name)?.snapshot.id);
    }
    decide_named(history, &ids, GroupBy::default()).map_err(|Refusal::Held { id, label }| held_failure(id, &label))
}

/// Elsewhere a source's name, or nothing, stands for its newest snapshot. Whoever forgets says which one is meant.
fn must_name_one(manifests: &[Manifest], name: &str) -> Result<(), Failure> {
    let shown = escape_for_terminal(name.as_bytes());
    if name.is_empty() || name.ends_with('@') {
        return Err(Failure::usage(tr!("{shown:?} names no snapshot", "{shown:?} 没有指明备份集"))
            .hint(tr!("give an id: datakeep snapshots shows them", "请给出编号，可用 datakeep snapshots 查看")));
    }
    if manifests.iter().any(|m| m.snapshot.source.name == name) {
        return Err(Failure::usage(tr!("{shown} is a source, not a snapshot", "{shown} 是数据源，不是备份集")).hint(
            tr!(
                "give an id or {shown}@latest; rules for the source: --source {shown} --keep-daily 7",
                "请给出编号或 {shown}@latest；对该数据源使用规则：--source {shown} --keep-daily 7"
            ),
        ));
    }
    Ok(())
}
