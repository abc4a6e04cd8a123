//! Repositories, sources and policies as plain data, and what makes no sense in them.

use crate::retention::Retention;
use crate::schedule::{Schedule, ScheduleError, ScheduleSpec};
use crate::span::Span;
use serde::{Deserialize, Serialize};

/// Longest name, location and reference, in bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// Most sources of a policy, and most patterns and labels.
const MAX_ENTRIES: usize = 1000;

/// Something that makes no sense, where, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// A stable word.
    pub code: &'static str,
    /// The field, as the API names it.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

impl Fault {
    fn new(code: &'static str, field: &'static str, message: impl Into<String>, hint: &'static str) -> Self {
        Self { code, field, message: message.into(), hint }
    }
}

/// A repository the platform knows. It holds no secret: only where the secret is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositorySpec {
    /// A directory, or a URL such as `s3://BUCKET/PREFIX`.
    pub location: String,
    /// Where its password is; none for a repository that is not encrypted.
    #[serde(default)]
    pub password: Option<String>,
    /// How to speak to an object store, as `KEY=VALUE`.
    #[serde(default)]
    pub store_options: Vec<String>,
    /// When garbage is collected.
    #[serde(default)]
    pub gc: Option<ScheduleSpec>,
    /// When the next slice of the stored bytes is checked.
    #[serde(default)]
    pub check: Option<ScheduleSpec>,
    /// In how many slices every byte is read.
    #[serde(default = "usual_slices")]
    pub check_slices: u32,
}

fn usual_slices() -> u32 {
    30
}

/// A source the platform knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// A directory or file, `sqlite:PATH`, or `postgres://USER@HOST/DATABASE` without a password.
    pub location: String,
    /// Where the password of a database is.
    #[serde(default)]
    pub password: Option<String>,
    /// What is left out of files, as in a `.gitignore`.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// What is protected, when, how long it is kept, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Ids of sources.
    pub sources: Vec<String>,
    /// Id of the repository.
    pub repository: String,
    /// When; a policy without one runs when it is asked to.
    #[serde(default)]
    pub schedule: Option<ScheduleSpec>,
    /// How old the newest snapshot may become, in seconds.
    #[serde(default)]
    pub rpo_s: Option<u64>,
    /// What is kept; without rules everything is.
    #[serde(default)]
    pub retention: Option<RetentionSpec>,
    /// Nothing is started for a policy that rests.
    #[serde(default = "yes")]
    pub is_enabled: bool,
}

fn yes() -> bool {
    true
}

/// Retention as it is written down; see [`Retention`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSpec {
    /// The newest N.
    pub last: u32,
    /// Hours.
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
    /// The floor.
    pub at_least: u32,
}

impl RetentionSpec {
    /// The rules themselves.
    ///
    /// # Errors
    /// A span that cannot be read, and rules that keep nothing.
    pub fn rules(&self) -> Result<Retention, Fault> {
        let span = |text: &String| {
            let unreadable = format!("{text:?} is no span of time");
            let fault = Fault::new("span-invalid", "retention.within", unreadable, "write 36h, 30d, 8w, 6mo or 1y6mo");
            Span::parse(text).ok_or(fault)
        };
        let rules = Retention {
            last: self.last,
            hourly: self.hourly,
            daily: self.daily,
            weekly: self.weekly,
            monthly: self.monthly,
            yearly: self.yearly,
            within: self.within.as_ref().map(span).transpose()?,
            tags: self.tags.clone(),
            at_least: self.at_least,
            not_after: None,
        };
        few("retention.tags", &self.tags)?;
        if rules.is_empty() {
            let hint = "give at least one rule, such as daily: 7; without retention everything is kept";
            return Err(Fault::new("retention-keeps-nothing", "retention", "these rules keep nothing", hint));
        }
        Ok(rules)
    }
}

fn schedule(field: &'static str, spec: Option<&ScheduleSpec>) -> Result<(), Fault> {
    let Some(spec) = spec else { return Ok(()) };
    let fault = |error: ScheduleError| {
        let (code, hint) = match error {
            ScheduleError::Cron { .. } => {
                ("cron-invalid", "five fields: minute hour day month weekday, such as 0 2 * * *")
            }
            ScheduleError::Never { .. } => ("cron-never", "name a date there is"),
            ScheduleError::Zone { .. } => ("zone-unknown", "name a zone of the IANA database, such as Asia/Shanghai"),
            ScheduleError::Jitter { .. } => ("jitter-too-long", "at most 21600 seconds"),
        };
        Fault::new(code, field, error.to_string(), hint)
    };
    Schedule::new(spec).map(|_| ()).map_err(fault)
}

fn text(field: &'static str, value: &str) -> Result<(), Fault> {
    let hint = "1 to 1024 bytes, no control characters, not beginning with a minus sign";
    let is_well = !value.is_empty() && value.len() <= MAX_TEXT_BYTES && !value.starts_with('-');
    if is_well && !value.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Fault::new("text-invalid", field, format!("{field} is empty, too long or holds what no name has"), hint))
}

fn few(field: &'static str, values: &[String]) -> Result<(), Fault> {
    if values.len() > MAX_ENTRIES {
        return Err(Fault::new(
            "too-many",
            field,
            format!("{field} has more than {MAX_ENTRIES} entries"),
            "give fewer",
        ));
    }
    values.iter().try_for_each(|value| text(field, value))
}

/// Options of stores that are secrets themselves.
const SECRET_OPTIONS: [&str; 2] = ["secret-access-key", "session-token"];

/// A location has no password in it.
fn no_secret(location: &str) -> Result<(), Fault> {
    let is_secret = location.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || rest.contains("password=")
    });
    if !is_secret {
        return Ok(());
    }
    let hint = "leave it out, and give password: file:/path";
    Err(Fault::new("secret-in-location", "location", "the location holds a password", hint))
}

/// A secret stands nowhere but where it is referred to.
fn reference(value: Option<&String>) -> Result<(), Fault> {
    let Some(value) = value else { return Ok(()) };
    let is_reference =
        ["env:", "file:", "cmd:"].iter().any(|scheme| value.len() > scheme.len() && value.starts_with(scheme));
    if is_reference && !value.chars().any(char::is_control) && value.len() <= MAX_TEXT_BYTES {
        return Ok(());
    }
    // The value itself may be a password: it is not repeated.
    let hint = "write env:NAME, file:/path or cmd:PROGRAM ARGUMENTS";
    Err(Fault::new("secret-no-reference", "password", "a password is given by reference, never itself", hint))
}

/// The name of a repository, a source or a policy: what people type.
///
/// # Errors
/// An empty or long name, and characters that have a meaning in places (`@`, `:`) or none at all.
pub fn name(value: &str) -> Result<(), Fault> {
    text("name", value)?;
    if value.len() <= 200 && value != "latest" && !value.contains(['@', ':', '/']) {
        return Ok(());
    }
    let hint = "a name has no @, : and /, is not latest, and at most 200 bytes long";
    Err(Fault::new("name-invalid", "name", format!("{value:?} cannot be a name"), hint))
}

impl RepositorySpec {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Fault> {
        text("location", &self.location)?;
        reference(self.password.as_ref())?;
        no_secret(&self.location)?;
        few("store_options", &self.store_options)?;
        if self
            .store_options
            .iter()
            .any(|option| SECRET_OPTIONS.contains(&option.split('=').next().unwrap_or_default()))
        {
            let hint = "leave it out: the server's environment or the program's configuration gives it";
            return Err(Fault::new("secret-in-option", "store_options", "an option holds a secret", hint));
        }
        schedule("gc", self.gc.as_ref())?;
        schedule("check", self.check.as_ref())?;
        if !(1..=365).contains(&self.check_slices) {
            let hint = "30 slices, one a day, read every byte in a month";
            return Err(Fault::new("slices-invalid", "check_slices", "check_slices is 1 to 365", hint));
        }
        Ok(())
    }
}

impl SourceSpec {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// The first thing that does not; a location with a password in it is never repeated.
    pub fn check(&self) -> Result<(), Fault> {
        text("location", &self.location)?;
        reference(self.password.as_ref())?;
        if self.password.as_ref().is_some_and(|password| password.starts_with("cmd:")) {
            let hint = "write env:NAME or file:/path";
            return Err(Fault::new(
                "secret-cmd",
                "password",
                "the password of a source cannot come from a program",
                hint,
            ));
        }
        few("exclude", &self.exclude)?;
        no_secret(&self.location)?;
        let is_database =
            ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| self.location.starts_with(scheme));
        if is_database || self.location.starts_with('/') {
            return Ok(());
        }
        let hint = "an absolute path, sqlite:/path or postgres://user@host/database";
        Err(Fault::new("location-unknown", "location", "nothing known is at such a location", hint))
    }
}

impl PolicySpec {
    /// Whether snapshots of this source in this repository are its: what one policy keeps no longer, another may have promised.
    pub fn protects(&self, source: &str, repository: &str) -> bool {
        self.repository == repository && self.sources.iter().any(|one| one == source)
    }

    /// Whether it makes sense by itself.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Fault> {
        few("sources", &self.sources)?;
        let distinct: std::collections::BTreeSet<&String> = self.sources.iter().collect();
        if self.sources.is_empty() || distinct.len() != self.sources.len() {
            return Err(Fault::new(
                "sources-invalid",
                "sources",
                "a policy has sources, each once",
                "name at least one",
            ));
        }
        text("repository", &self.repository)?;
        schedule("schedule", self.schedule.as_ref())?;
        if self.rpo_s.is_some_and(|rpo_s| !(60..=3_153_600_000).contains(&rpo_s)) {
            return Err(Fault::new("rpo-invalid", "rpo_s", "rpo_s is a minute to a hundred years", "in seconds"));
        }
        self.retention.as_ref().map_or(Ok(()), |retention| retention.rules().map(|_| ()))
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
