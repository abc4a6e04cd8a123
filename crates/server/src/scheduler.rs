//! From policies and the present to queued runs. What is due is decided by `manage::due`; here it is only read and written.

use crate::state::App;
use datakeep_manage::control::objects::Kept;
use datakeep_manage::control::runs::{NewRun, RunKind};
use datakeep_manage::control::{Control, ControlError};
use datakeep_manage::due::{self, Timetable};
use datakeep_manage::{PolicySpec, RepositorySpec, Schedule, ScheduleSpec, SourceSpec};
use std::collections::BTreeMap;

/// Runs of a policy: one of each source.
pub(crate) fn backups(
    policy: &Kept<PolicySpec>,
    slot_s: Option<i64>,
    mut new_id: impl FnMut() -> String,
) -> Vec<NewRun> {
    let sources = policy.body.sources.iter();
    let run = |source: &String| NewRun {
        id: new_id(),
        kind: RunKind::Backup,
        owner: policy.id.clone(),
        source: source.clone(),
        repository: policy.body.repository.clone(),
        slot_s,
    };
    sources.map(run).collect()
}

/// A run of a repository's own work.
pub(crate) fn work(repository: &str, kind: RunKind, slot_s: Option<i64>, id: String) -> NewRun {
    NewRun {
        id,
        kind,
        owner: repository.to_string(),
        source: String::new(),
        repository: repository.to_string(),
        slot_s,
    }
}

/// Something with a schedule that can be asked.
pub(crate) struct Scheduled {
    id: String,
    pub(crate) schedule: Schedule,
    since_s: i64,
}

impl Scheduled {
    /// A schedule that cannot be read is of a later version, and starts nothing.
    pub(crate) fn of(id: &str, spec: Option<&ScheduleSpec>, updated_ms: i64) -> Option<Self> {
        let schedule = Schedule::new(spec?).ok()?;
        Some(Self { id: id.to_string(), schedule, since_s: updated_ms.div_euclid(1000) })
    }

    fn timetable(&self) -> Timetable<'_> {
        Timetable { id: &self.id, schedule: &self.schedule, since_s: self.since_s }
    }
}

async fn due_of(
    control: &Control,
    kind: RunKind,
    all: &[Scheduled],
    now_s: i64,
) -> Result<Vec<due::Slot>, ControlError> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let tables: Vec<Timetable<'_>> = all.iter().map(Scheduled::timetable).collect();
    Ok(due::due(&tables, &control.last_slots(kind).await?, now_s))
}

/// Queues everything that is due; returns how many runs that were.
///
/// # Errors
/// Of the control database only: what was not queued is due at the next call.
pub async fn tick(app: &App) -> Result<u64, ControlError> {
    let now_ms = app.now_ms();
    let now_s = now_ms.div_euclid(1000);
    let mut runs = Vec::new();
    let policies: Vec<Kept<PolicySpec>> = app.control.all().await?;
    let scheduled =
        |policy: &Kept<PolicySpec>| Scheduled::of(&policy.id, policy.body.schedule.as_ref(), policy.updated_ms);
    let all: Vec<Scheduled> = policies.iter().filter(|policy| policy.body.is_enabled).filter_map(scheduled).collect();
    let by_id: BTreeMap<&str, &Kept<PolicySpec>> = policies.iter().map(|policy| (policy.id.as_str(), policy)).collect();
    for slot in due_of(&app.control, RunKind::Backup, &all, now_s).await? {
        let policy = by_id.get(slot.id.as_str());
        runs.extend(policy.into_iter().flat_map(|policy| backups(policy, Some(slot.slot_s), || app.chance.id(now_ms))));
    }
    let repositories: Vec<Kept<RepositorySpec>> = app.control.all().await?;
    for kind in [RunKind::Gc, RunKind::Check] {
        let spec = |body: &RepositorySpec| if kind == RunKind::Gc { body.gc.clone() } else { body.check.clone() };
        let scheduled = |one: &Kept<RepositorySpec>| Scheduled::of(&one.id, spec(&one.body).as_ref(), one.updated_ms);
        let all: Vec<Scheduled> = repositories.iter().filter_map(scheduled).collect();
        for slot in due_of(&app.control, kind, &all, now_s).await? {
            runs.push(work(&slot.id, kind, Some(slot.slot_s), app.chance.id(now_ms)));
        }
    }
    if runs.is_empty() { Ok(0) } else { app.control.enqueue(&runs, now_ms).await }
}

/// A source of a policy whose snapshot is not there.
pub(crate) struct Overdue {
    pub(crate) policy: String,
    pub(crate) source: String,
    pub(crate) since_s: i64,
    pub(crate) newest_s: Option<i64>,
}

/// Everything that is overdue, by what the catalogue does not hold.
pub(crate) async fn overdue(control: &Control, now_s: i64) -> Result<Vec<Overdue>, ControlError> {
    let newest = control.newest().await?;
    let sources: Vec<Kept<SourceSpec>> = control.all().await?;
    let names: BTreeMap<&str, &str> = sources.iter().map(|source| (source.id.as_str(), source.name.as_str())).collect();
    let mut found = Vec::new();
    let policies: Vec<Kept<PolicySpec>> = control.all().await?;
    for policy in policies.iter().filter(|policy| policy.body.is_enabled) {
        // From its making, not from its last change: changing a policy makes nothing less overdue.
        let scheduled = Scheduled::of(&policy.id, policy.body.schedule.as_ref(), policy.created_ms);
        for source in &policy.body.sources {
            let name = names.get(source.as_str()).copied().unwrap_or_default();
            let started = newest.get(&(policy.body.repository.clone(), name.to_string()));
            let newest_s =
                started.and_then(|text| text.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second);
            let since_s = match (policy.body.rpo_s, &scheduled) {
                (Some(rpo_s), _) => due::too_old(policy.created_ms.div_euclid(1000), newest_s, rpo_s, now_s),
                (None, Some(scheduled)) => due::overdue(&scheduled.timetable(), newest_s, now_s),
                (None, None) => None,
            };
            let one = |since_s| Overdue { policy: policy.id.clone(), source: source.clone(), since_s, newest_s };
            found.extend(since_s.map(one));
        }
    }
    Ok(found)
}
