//! From the control database to what the monitor looks at.

use crate::scheduler::{self, Scheduled};
use crate::state::App;
use datakeep_manage::control::ControlError;
use datakeep_manage::control::objects::Kept;
use datakeep_manage::control::runs::{Run, RunKind, RunState};
use datakeep_manage::{PolicySpec, RepositorySpec, SourceSpec};
use datakeep_monitor::metrics::Figures;
use datakeep_monitor::{
    Backup, EndedRun, Finding, Look, Named, Outcome, Protection, RepositoryFacts, RuleSet, TableFacts, findings,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Backups of a source that are looked at.
const HISTORY: u32 = 12;

fn named<D>(kept: &Kept<D>) -> Named {
    Named { id: kept.id.clone(), name: kept.name.clone() }
}

fn ended(run: &Run) -> Option<EndedRun> {
    let ending = run.ending.as_ref()?;
    let outcome = match ending.state {
        RunState::Complete => Outcome::Complete,
        RunState::Partial => Outcome::Partial,
        RunState::Failed => Outcome::Failed,
        RunState::Cancelled => Outcome::Cancelled,
        RunState::Queued | RunState::Running => return None,
    };
    let (code, message) = (ending.code.clone(), ending.message.clone());
    let finished_s = run.finished_ms?.div_euclid(1000);
    Some(EndedRun { id: run.what.id.clone(), kind: run.what.kind.as_str().into(), outcome, code, message, finished_s })
}

fn table(document: &Value) -> Option<TableFacts> {
    let name = document["table"].as_str()?;
    let schema = document["schema"].as_str().filter(|schema| !schema.is_empty());
    let name = schema.map_or(name.to_string(), |schema| format!("{schema}.{name}"));
    Some(TableFacts { name, rows: document["rows"].as_u64()?, columns: document["columns"].as_u64()? })
}

/// What a backup said of itself; `None` where its record was too long to be kept.
fn backup(run: &Run) -> Option<Backup> {
    let document: Value = serde_json::from_str(&run.ending.as_ref()?.summary).ok()?;
    let number = |name: &str| document[name].as_u64().unwrap_or(0);
    let tables = document["tables"].as_array().map(|tables| tables.iter().filter_map(table).collect());
    document.is_object().then(|| Backup {
        run: run.what.id.clone(),
        finished_s: run.finished_ms.unwrap_or(0).div_euclid(1000),
        duration_ms: number("duration_ms"),
        len_bytes: number("len_bytes"),
        read_bytes: number("read_bytes"),
        new_bytes: number("new_bytes"),
        stored_bytes: number("stored_bytes"),
        items_lost: number("items_lost"),
        tables,
    })
}

/// Everything that is known now.
///
/// # Errors
/// Of the control database only.
pub(crate) async fn look(app: &App) -> Result<Look, ControlError> {
    let (control, now_s) = (&app.control, app.now_ms().div_euclid(1000));
    let sources: BTreeMap<String, Kept<SourceSpec>> =
        control.all().await?.into_iter().map(|one: Kept<SourceSpec>| (one.id.clone(), one)).collect();
    let repositories: Vec<Kept<RepositorySpec>> = control.all().await?;
    let policies: Vec<Kept<PolicySpec>> = control.all().await?;
    let overdue: BTreeMap<(String, String), i64> = scheduler::overdue(control, now_s)
        .await?
        .into_iter()
        .map(|one| ((one.policy, one.source), one.since_s))
        .collect();
    let newest = control.newest().await?;
    let mut look = Look { now_s, ..Look::default() };
    for policy in policies.iter().filter(|policy| policy.body.is_enabled) {
        let Some(repository) = repositories.iter().find(|one| one.id == policy.body.repository) else { continue };
        for source in policy.body.sources.iter().filter_map(|id| sources.get(id)) {
            let started = newest.get(&(repository.id.clone(), source.name.clone()));
            let newest_s = started.and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let mut one = Protection {
                policy: named(policy),
                source: named(source),
                repository: named(repository),
                since_s: policy.created_ms.div_euclid(1000),
                rpo_s: policy.body.rpo_s,
                newest_s: newest_s.map(jiff::Timestamp::as_second),
                overdue_since_s: overdue.get(&(policy.id.clone(), source.id.clone())).copied(),
                expected_interval_s: interval_s(policy, now_s),
                ..Protection::default()
            };
            let runs = control.ended_runs(RunKind::Backup, &policy.id, &source.id, HISTORY).await?;
            one.last = runs.first().and_then(ended);
            let failures = runs.iter().take_while(|run| run.state == RunState::Failed).count();
            one.failures = u32::try_from(failures).unwrap_or(u32::MAX);
            one.history = runs.iter().filter(|run| run.state != RunState::Failed).filter_map(backup).collect();
            look.protections.push(one);
        }
    }
    for repository in &repositories {
        look.repositories.push(facts(app, repository).await?);
    }
    Ok(look)
}

/// The time between the newest slot and the next.
fn interval_s(policy: &Kept<PolicySpec>, now_s: i64) -> Option<i64> {
    let scheduled = Scheduled::of(&policy.id, policy.body.schedule.as_ref(), policy.created_ms)?;
    Some(scheduled.schedule.next_after(now_s)? - scheduled.schedule.newest_at(now_s)?)
}

async fn facts(app: &App, repository: &Kept<RepositorySpec>) -> Result<RepositoryFacts, ControlError> {
    let (control, id) = (&app.control, repository.id.as_str());
    let mut work = Vec::new();
    let mut stored = None;
    for kind in [RunKind::Gc, RunKind::Check, RunKind::Catalogue] {
        let runs = control.ended_runs(kind, id, "", 1).await?;
        let Some(run) = runs.first() else { continue };
        if kind == RunKind::Gc && run.state == RunState::Complete {
            stored = stored_of(run);
        }
        work.extend(ended(run));
    }
    Ok(RepositoryFacts {
        repository: named(repository),
        since_s: repository.created_ms.div_euclid(1000),
        proven_s: control.proven_ms(id, repository.body.check_slices).await?.map(|ms| ms.div_euclid(1000)),
        stored,
        work,
    })
}

/// What a collection left: all that was there, less what it deleted.
fn stored_of(run: &Run) -> Option<(u64, i64)> {
    let document: Value = serde_json::from_str(&run.ending.as_ref()?.summary).ok()?;
    let left = document["total_bytes"].as_u64()?.saturating_sub(document["deleted_bytes"].as_u64().unwrap_or(0));
    Some((left, run.finished_ms?.div_euclid(1000)))
}

/// What is not well now, by the usual rules.
///
/// # Errors
/// Of the control database only.
pub(crate) async fn findings_now(app: &App) -> Result<Vec<Finding>, ControlError> {
    Ok(findings(&look(app).await?, &RuleSet::default()))
}

/// All figures.
///
/// # Errors
/// Of the control database only.
pub(crate) async fn figures(app: &App) -> Result<Figures, ControlError> {
    let counts = app.control.run_counts().await?;
    let look = look(app).await?;
    let mut figures = Figures { version: env!("CARGO_PKG_VERSION").into(), ..Figures::default() };
    for finding in findings(&look, &RuleSet::default()) {
        *figures.findings.entry((finding.rule, finding.severity)).or_default() += 1;
    }
    for ((kind, state), count) in counts {
        match RunState::parse(&state) {
            Some(RunState::Queued) => figures.queued += count,
            Some(RunState::Running) => figures.running += count,
            _ => {
                figures.runs.insert((kind, state), count);
            }
        }
    }
    figures.look = look;
    Ok(figures)
}
