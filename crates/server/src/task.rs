//! From a run to the command that does it: arguments, and an environment that holds references to secrets, or for `env:` the
//! secret that the server itself was given.

use datakeep_manage::control::objects::Kept;
use datakeep_manage::control::runs::RunKind;
use datakeep_manage::{PolicySpec, RepositorySpec, RetentionSpec, SourceSpec};
use std::ffi::OsString;
use std::path::Path;

/// What of the server's environment a command gets: what finds programs, places and stores. Everything else, other secrets
/// above all, stays here.
const PASSED: [&str; 18] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TZ",
    "TZDIR",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "PGSSLROOTCERT",
    "PGPASSFILE",
];
/// Beginnings of names that are passed as well: credentials of object stores.
const PASSED_PREFIXES: [&str; 5] = ["AWS_", "ALIBABA_CLOUD_", "OSS_", "TENCENTCLOUD_", "COS_"];

/// Something to start.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) arguments: Vec<OsString>,
    /// All of the environment. May hold a secret: never shown.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// Why a run cannot be started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Obstacle {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

/// What a run works on.
pub(crate) struct Subject<'a> {
    pub(crate) kind: RunKind,
    pub(crate) repository: &'a RepositorySpec,
    pub(crate) source: Option<&'a Kept<SourceSpec>>,
    pub(crate) policy: Option<&'a PolicySpec>,
    /// Which slice a check proves, counting from 1.
    pub(crate) slice: u32,
}

/// Where the server is, as far as its commands must know.
pub(crate) struct Place<'a> {
    pub(crate) data: &'a Path,
    /// The server's own environment.
    pub(crate) environment: &'a [(OsString, OsString)],
}

/// The command of a run.
pub(crate) fn task(subject: &Subject<'_>, place: &Place<'_>) -> Result<Task, Obstacle> {
    let mut environment = common(subject.repository, place)?;
    let mut arguments: Vec<OsString> = Vec::new();
    let mut say = |text: &str| arguments.push(text.into());
    say(subject.kind.as_str().replace("catalogue", "snapshots").as_str());
    ["--json", "--progress"].into_iter().for_each(&mut say);
    say(&format!("--repo={}", subject.repository.location));
    subject.repository.store_options.iter().for_each(|option| say(&format!("--store-option={option}")));
    match subject.kind {
        RunKind::Catalogue => {}
        RunKind::Gc => ["--yes", "--no-wait"].into_iter().for_each(say),
        RunKind::Check => say(&format!("--slice={}/{}", subject.slice, subject.repository.check_slices)),
        RunKind::Forget => forget(subject, &mut say)?,
        RunKind::Backup => backup(subject, place, &mut say, &mut environment)?,
    }
    Ok(Task { arguments, environment })
}

fn gone(what: &str) -> Obstacle {
    let message = format!("the {what} of this run is no more");
    Obstacle { code: "not-found", message, hint: "start a new run of a policy that is there" }
}

fn forget(subject: &Subject<'_>, say: &mut impl FnMut(&str)) -> Result<(), Obstacle> {
    let source = subject.source.ok_or_else(|| gone("source"))?;
    let policy = subject.policy.ok_or_else(|| gone("policy"))?;
    let none = || Obstacle {
        code: "no-rule",
        message: "the policy has no retention any more".into(),
        hint: "nothing is forgotten",
    };
    let retention = policy.retention.as_ref().ok_or_else(none)?;
    say(&format!("--source={}", source.name));
    if let Some(schedule) = &policy.schedule {
        say(&format!("--time-zone={}", schedule.zone));
    }
    say("--yes");
    keep(retention, say);
    Ok(())
}

fn keep(retention: &RetentionSpec, say: &mut impl FnMut(&str)) {
    let counts = [
        ("last", retention.last),
        ("hourly", retention.hourly),
        ("daily", retention.daily),
        ("weekly", retention.weekly),
        ("monthly", retention.monthly),
        ("yearly", retention.yearly),
        ("at-least", retention.at_least),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).for_each(|(rule, count)| say(&format!("--keep-{rule}={count}")));
    retention.within.iter().for_each(|span| say(&format!("--keep-within={span}")));
    retention.tags.iter().for_each(|tag| say(&format!("--keep-tag={tag}")));
}

fn backup(
    subject: &Subject<'_>,
    place: &Place<'_>,
    say: &mut impl FnMut(&str),
    environment: &mut Vec<(OsString, OsString)>,
) -> Result<(), Obstacle> {
    let source = subject.source.ok_or_else(|| gone("source"))?;
    say(&format!("--source={}", source.name));
    source.body.exclude.iter().for_each(|pattern| say(&format!("--exclude={pattern}")));
    match source.body.password.as_deref().and_then(|reference| reference.split_once(':')) {
        Some(("file", path)) => say(&format!("--database-option=password-file={path}")),
        Some(("env", name)) => environment.push(("PGPASSWORD".into(), variable(name, place)?)),
        _ => {}
    }
    ["--", source.body.location.as_str()].into_iter().for_each(say);
    Ok(())
}

fn variable(name: &str, place: &Place<'_>) -> Result<OsString, Obstacle> {
    let found = place.environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    found.ok_or_else(|| Obstacle {
        code: "wrong-key",
        message: format!("the server's environment has no variable {name}"),
        hint: "set it where the server is started, or name a file",
    })
}

fn common(repository: &RepositorySpec, place: &Place<'_>) -> Result<Vec<(OsString, OsString)>, Obstacle> {
    let is_passed = |name: &OsString| {
        let name = name.to_string_lossy();
        PASSED.contains(&name.as_ref()) || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    let mut environment: Vec<_> = place.environment.iter().filter(|(name, _)| is_passed(name)).cloned().collect();
    let mut set = |name: &str, value: OsString| environment.push((name.into(), value));
    // Messages for the book are in one language; whose configuration stands around here must not matter.
    set("LANG", "C.UTF-8".into());
    set("DATAKEEP_LANG", "en".into());
    set("DATAKEEP_CONFIG", place.data.join("executor.toml").into());
    set("DATAKEEP_CACHE_DIR", place.data.join("cache").into());
    // The command stops when the server does, however that ends.
    set("DATAKEEP_END_WITH_STDIN", "1".into());
    match repository.password.as_deref().and_then(|reference| reference.split_once(':')) {
        Some(("env", name)) => set("DATAKEEP_PASSWORD", variable(name, place)?),
        Some(("file", path)) => set("DATAKEEP_PASSWORD_FILE", path.into()),
        Some(("cmd", command)) => set("DATAKEEP_PASSWORD_COMMAND", command.into()),
        _ => {}
    }
    Ok(environment)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#[path = "task_tests.rs"]
mod tests;
