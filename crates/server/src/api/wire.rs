//! The vocabulary of the API: what is sent and taken, converted by hand, so that renaming something inside changes no contract.

use datakeep_manage::control::objects::Kept;
use datakeep_manage::control::people::{Person, Token};
use datakeep_manage::control::runs::Run;
use datakeep_manage::{CatchUp, PolicySpec, RepositorySpec, RetentionSpec, ScheduleSpec, SourceSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A schedule.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleWire {
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schema(example = "0 2 * * *")]
    pub cron: String,
    /// A name of the IANA time zone database.
    #[schema(example = "Asia/Shanghai")]
    pub zone: String,
    /// Starts are spread over so many seconds, at most 21600.
    #[serde(default)]
    pub jitter_s: u32,
    /// Seconds after which a slot that was not started is given up.
    #[serde(default)]
    pub window_s: Option<u32>,
    /// `true`: the newest missed slot is started when it can be; `false`: missed is missed.
    #[serde(default = "yes")]
    pub catch_up: bool,
}

fn yes() -> bool {
    true
}

impl From<ScheduleWire> for ScheduleSpec {
    fn from(wire: ScheduleWire) -> Self {
        let catch_up = if wire.catch_up { CatchUp::Latest } else { CatchUp::Never };
        Self { cron: wire.cron, zone: wire.zone, jitter_s: wire.jitter_s, window_s: wire.window_s, catch_up }
    }
}

impl From<ScheduleSpec> for ScheduleWire {
    fn from(spec: ScheduleSpec) -> Self {
        let catch_up = spec.catch_up == CatchUp::Latest;
        Self { cron: spec.cron, zone: spec.zone, jitter_s: spec.jitter_s, window_s: spec.window_s, catch_up }
    }
}

/// A repository.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryWire {
    /// What people call it.
    pub name: String,
    /// A directory, or a URL such as `s3://BUCKET/PREFIX`.
    pub location: String,
    /// Where its password is: `env:NAME`, `file:/path` or `cmd:PROGRAM ARGUMENTS`. Never the password itself.
    #[serde(default)]
    pub password: Option<String>,
    /// How to speak to an object store, as `KEY=VALUE`.
    #[serde(default)]
    pub store_options: Vec<String>,
    /// When garbage is collected.
    #[serde(default)]
    pub gc: Option<ScheduleWire>,
    /// When the next slice of the stored bytes is checked.
    #[serde(default)]
    pub check: Option<ScheduleWire>,
    /// In how many slices every byte is read, 1 to 365.
    #[serde(default = "slices")]
    pub check_slices: u32,
}

fn slices() -> u32 {
    30
}

/// A source.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceWire {
    /// What people call it, and what its snapshots are of.
    pub name: String,
    /// An absolute path, `sqlite:/PATH`, or `postgres://USER@HOST/DATABASE` without a password.
    pub location: String,
    /// Where the password of a database is: `env:NAME` or `file:/path`.
    #[serde(default)]
    pub password: Option<String>,
    /// What is left out of files, as in a `.gitignore`.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// What is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionWire {
    /// The newest N.
    pub last: u32,
    /// One of each of the newest N hours that have one; so on below.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// Weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
    /// Years.
    pub yearly: u32,
    /// All that are no older than this before the newest, such as `30d`.
    pub within: Option<String>,
    /// All with one of these labels.
    pub tags: Vec<String>,
    /// The floor: so many stay whatever the rules say.
    pub at_least: u32,
}

/// A policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyWire {
    /// What people call it.
    pub name: String,
    /// Ids of sources, at least one.
    pub sources: Vec<String>,
    /// Id of the repository.
    pub repository: String,
    /// When; without one it runs when asked to.
    #[serde(default)]
    pub schedule: Option<ScheduleWire>,
    /// How old the newest snapshot may become, in seconds.
    #[serde(default)]
    pub rpo_s: Option<u64>,
    /// What is kept; without rules everything is.
    #[serde(default)]
    pub retention: Option<RetentionWire>,
    /// Nothing is started for a policy that rests.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A document of the API over one of `manage`.
pub trait Wire: Sized {
    /// The document of `manage`.
    type Spec;

    /// Into the name and the document.
    fn split(self) -> (String, Self::Spec);

    /// From them.
    fn join(name: String, spec: Self::Spec) -> Self;
}

impl Wire for RepositoryWire {
    type Spec = RepositorySpec;

    fn split(self) -> (String, RepositorySpec) {
        let (gc, check) = (self.gc.map(Into::into), self.check.map(Into::into));
        let (password, store_options, check_slices) = (self.password, self.store_options, self.check_slices);
        (self.name, RepositorySpec { location: self.location, password, store_options, gc, check, check_slices })
    }

    fn join(name: String, spec: RepositorySpec) -> Self {
        let (gc, check) = (spec.gc.map(Into::into), spec.check.map(Into::into));
        let (password, store_options, check_slices) = (spec.password, spec.store_options, spec.check_slices);
        Self { name, location: spec.location, password, store_options, gc, check, check_slices }
    }
}

impl Wire for SourceWire {
    type Spec = SourceSpec;

    fn split(self) -> (String, SourceSpec) {
        (self.name, SourceSpec { location: self.location, password: self.password, exclude: self.exclude })
    }

    fn join(name: String, spec: SourceSpec) -> Self {
        Self { name, location: spec.location, password: spec.password, exclude: spec.exclude }
    }
}

impl Wire for PolicyWire {
    type Spec = PolicySpec;

    fn split(self) -> (String, PolicySpec) {
        let (schedule, retention) = (self.schedule.map(Into::into), self.retention.map(Into::into));
        let (sources, repository, rpo_s, is_enabled) = (self.sources, self.repository, self.rpo_s, self.enabled);
        (self.name, PolicySpec { sources, repository, schedule, rpo_s, retention, is_enabled })
    }

    fn join(name: String, spec: PolicySpec) -> Self {
        let (schedule, retention) = (spec.schedule.map(Into::into), spec.retention.map(Into::into));
        let (sources, repository, rpo_s, enabled) = (spec.sources, spec.repository, spec.rpo_s, spec.is_enabled);
        Self { name, sources, repository, schedule, rpo_s, retention, enabled }
    }
}

macro_rules! same_fields {
    ($from:ident, $to:ident) => {
        impl From<$from> for $to {
            fn from(from: $from) -> Self {
                Self {
                    last: from.last,
                    hourly: from.hourly,
                    daily: from.daily,
                    weekly: from.weekly,
                    monthly: from.monthly,
                    yearly: from.yearly,
                    within: from.within,
                    tags: from.tags,
                    at_least: from.at_least,
                }
            }
        }
    };
}
same_fields!(RetentionWire, RetentionSpec);
same_fields!(RetentionSpec, RetentionWire);

/// A document as it is kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeptWire<T> {
    /// Never changes.
    pub id: String,
    /// Grows with each change; also the ETag.
    pub revision: i64,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970.
    pub updated_ms: i64,
    /// The document.
    pub spec: T,
}

impl<T: Wire> From<Kept<T::Spec>> for KeptWire<T> {
    fn from(kept: Kept<T::Spec>) -> Self {
        let (id, revision, created_ms, updated_ms) = (kept.id, kept.revision, kept.created_ms, kept.updated_ms);
        Self { id, revision, created_ms, updated_ms, spec: T::join(kept.name, kept.body) }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PageWire<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> PageWire<T> {
    /// From a page of `manage`.
    pub fn of<F>(page: datakeep_manage::control::Page<F>, convert: impl Fn(F) -> T) -> Self {
        Self { items: page.items.into_iter().map(convert).collect(), next: page.next }
    }
}

/// A run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunWire {
    /// Never changes.
    pub id: String,
    /// `backup`, `forget`, `gc`, `check` or `catalogue`.
    pub kind: &'static str,
    /// Id of the policy, or of the repository for its own work.
    pub owner: String,
    /// Id of the source; empty for a repository's own work.
    pub source: String,
    /// Id of the repository.
    pub repository: String,
    /// The slot it stands for, in seconds since 1970.
    pub slot_s: Option<i64>,
    /// 1, and one more with each retry.
    pub attempt: i64,
    /// The run it repeats.
    pub retry_of: Option<String>,
    /// `queued`, `running`, `complete`, `partial`, `failed` or `cancelled`.
    pub state: &'static str,
    /// Milliseconds since 1970.
    pub queued_ms: i64,
    /// Milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub finished_ms: Option<i64>,
    /// Somebody asked it to stop.
    pub cancel_asked: bool,
    /// How it ended: `ok`, or the kind of its error.
    pub code: Option<String>,
    /// What went wrong.
    pub message: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The snapshot that was taken.
    pub snapshot: Option<String>,
    /// The executor's final document.
    pub summary: Option<serde_json::Value>,
}

impl From<Run> for RunWire {
    fn from(run: Run) -> Self {
        let end = run.ending.unwrap_or_else(|| datakeep_manage::control::runs::Ending {
            state: run.state,
            code: String::new(),
            message: String::new(),
            hint: String::new(),
            snapshot: None,
            summary: String::new(),
        });
        let some = |text: String| (!text.is_empty()).then_some(text);
        Self {
            id: run.what.id,
            kind: run.what.kind.as_str(),
            owner: run.what.owner,
            source: run.what.source,
            repository: run.what.repository,
            slot_s: run.what.slot_s,
            attempt: run.attempt,
            retry_of: run.retry_of,
            state: run.state.as_str(),
            queued_ms: run.queued_ms,
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            cancel_asked: run.is_cancel_asked,
            code: some(end.code),
            message: some(end.message),
            hint: some(end.hint),
            snapshot: end.snapshot,
            summary: serde_json::from_str(&end.summary).ok(),
        }
    }
}

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserWire {
    /// Never changes.
    pub id: String,
    /// What they sign in with.
    pub name: String,
    /// `owner`, `admin`, `operator`, `restorer`, `viewer`, `auditor` or `metrics`.
    pub role: &'static str,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

impl From<Person> for UserWire {
    fn from(person: Person) -> Self {
        Self { id: person.id, name: person.name, role: person.role.as_str(), created_ms: person.created_ms }
    }
}

/// A token, without what it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenWire {
    /// Never changes.
    pub id: String,
    /// What for.
    pub name: String,
    /// Its rights, as far as its owner has them.
    pub scopes: Vec<&'static str>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970.
    pub expires_ms: i64,
}

impl From<Token> for TokenWire {
    fn from(token: Token) -> Self {
        let scopes = token.scopes.iter().map(|scope| scope.as_str()).collect();
        Self { id: token.id, name: token.name, scopes, created_ms: token.created_ms, expires_ms: token.expires_ms }
    }
}
