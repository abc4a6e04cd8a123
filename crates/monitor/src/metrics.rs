//! Figures as text: OpenMetrics 1.0, and the older text format of Prometheus for whoever asks for that alone.

use crate::look::{Look, Protection, RepositoryFacts};
use crate::rules::{Rule, Severity};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The form of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Prometheus,
}

impl Form {
    /// Its `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What an `Accept` header asks for: OpenMetrics, unless it names plain text and not OpenMetrics.
    pub fn asked(accept: &str) -> Self {
        let names = |kind: &str| {
            accept.split(',').any(|one| one.trim().split(';').next().is_some_and(|one| one.trim() == kind))
        };
        if names("text/plain") && !names("application/openmetrics-text") { Self::Prometheus } else { Self::OpenMetrics }
    }
}

/// Everything that is told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Version of the program.
    pub version: String,
    /// What is known.
    pub look: Look,
    /// Runs that ended, by kind and state.
    pub runs: BTreeMap<(String, String), u64>,
    /// Runs that wait and run now.
    pub queued: u64,
    /// See `queued`.
    pub running: u64,
    /// What is not well, by rule and severity.
    pub findings: BTreeMap<(Rule, Severity), u64>,
}

/// One family of samples while it is written.
struct Writer {
    form: Form,
    out: String,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Writer {
    /// Begins a family. `unit` is the last word of its name, or empty.
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let is_open = self.form == Form::OpenMetrics;
        // The older format knows neither infos nor that the name of a counter stands without its ending.
        let (name, kind) = match (kind, is_open) {
            ("counter", false) => (format!("{name}_total"), kind),
            ("info", false) => (format!("{name}_info"), "gauge"),
            _ => (name.to_string(), kind),
        };
        let _ = writeln!(self.out, "# TYPE {name} {kind}");
        if is_open && !unit.is_empty() {
            let _ = writeln!(self.out, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.out, "# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.out.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.out, "{}{label}=\"", if index == 0 { '{' } else { ',' });
            for letter in text.chars() {
                match letter {
                    '\\' => self.out.push_str("\\\\"),
                    '"' => self.out.push_str("\\\""),
                    '\n' => self.out.push_str("\\n"),
                    letter => self.out.push(letter),
                }
            }
            self.out.push('"');
        }
        let _ = writeln!(self.out, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// A gauge of each source under each policy; those that have no value are left out.
    fn sources(
        &mut self,
        look: &Look,
        name: &str,
        unit: &str,
        help: &str,
        value: impl Fn(&Protection) -> Option<String>,
    ) {
        self.family(name, "gauge", unit, help);
        for one in &look.protections {
            let labels = [("policy", one.policy.name.as_str()), ("source", one.source.name.as_str())];
            value(one).into_iter().for_each(|value| self.sample(name, &labels, value));
        }
    }

    /// A gauge of each repository.
    fn repositories(
        &mut self,
        look: &Look,
        name: &str,
        unit: &str,
        help: &str,
        value: impl Fn(&RepositoryFacts) -> Option<String>,
    ) {
        self.family(name, "gauge", unit, help);
        for one in &look.repositories {
            value(one).into_iter().for_each(|value| self.sample(name, &[("repository", &one.repository.name)], value));
        }
    }
}

/// Milliseconds as seconds, exactly.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// All figures as text.
pub fn text(figures: &Figures, form: Form) -> String {
    let mut writer = Writer { form, out: String::new() };
    server(&mut writer, figures);
    recovery_points(&mut writer, &figures.look);
    backups(&mut writer, &figures.look);
    repositories(&mut writer, &figures.look);
    if form == Form::OpenMetrics {
        writer.out.push_str("# EOF\n");
    }
    writer.out
}

fn server(writer: &mut Writer, figures: &Figures) {
    writer.family("datakeep", "info", "", "The version of the server.");
    writer.sample("datakeep_info", &[("version", &figures.version)], 1);
    writer.family("datakeep_runs", "counter", "", "Runs that ended, by what they did and how they ended.");
    for ((kind, state), count) in &figures.runs {
        writer.sample("datakeep_runs_total", &[("kind", kind), ("state", state)], count);
    }
    writer.family("datakeep_runs_queued", "gauge", "", "Runs that wait.");
    writer.sample("datakeep_runs_queued", &[], figures.queued);
    writer.family("datakeep_runs_running", "gauge", "", "Runs that are done now.");
    writer.sample("datakeep_runs_running", &[], figures.running);
    writer.family("datakeep_findings", "gauge", "", "What is not well, by rule and severity.");
    for ((rule, severity), count) in &figures.findings {
        writer.sample("datakeep_findings", &[("rule", rule.as_str()), ("severity", severity.as_str())], count);
    }
}

fn recovery_points(writer: &mut Writer, look: &Look) {
    let text = |value: Option<i64>| value.map(|value| value.to_string());
    let help = "When the newest snapshot of the source began.";
    writer.sources(look, "datakeep_backup_last_success_timestamp_seconds", "seconds", help, |one| text(one.newest_s));
    let help = "The time between two starts that the schedule asks for.";
    writer.sources(look, "datakeep_backup_expected_interval_seconds", "seconds", help, |one| {
        text(one.expected_interval_s)
    });
    let help = "The age of the newest snapshot; without one, how long it has been asked for.";
    let age =
        |one: &Protection| Some(look.now_s.saturating_sub(one.newest_s.unwrap_or(one.since_s)).max(0).to_string());
    writer.sources(look, "datakeep_rpo_actual_seconds", "seconds", help, age);
    let help = "How old the newest snapshot may become.";
    writer
        .sources(look, "datakeep_rpo_target_seconds", "seconds", help, |one| one.rpo_s.map(|rpo_s| rpo_s.to_string()));
    let help = "1 when a snapshot that the schedule or the objective promises is not there.";
    let overdue = |one: &Protection| Some(u8::from(one.overdue_since_s.is_some()).to_string());
    writer.sources(look, "datakeep_backup_overdue", "", help, overdue);
    let help = "Backups of the source that failed one after another.";
    writer.sources(look, "datakeep_backup_failures", "", help, |one| Some(one.failures.to_string()));
    let help = "When the source was last restored for trial with success.";
    writer.sources(look, "datakeep_drill_last_success_timestamp_seconds", "seconds", help, |one| text(one.drilled_s));
}

fn backups(writer: &mut Writer, look: &Look) {
    let newest =
        |value: fn(&crate::look::Backup) -> Option<String>| move |one: &Protection| one.history.first().and_then(value);
    let help = "How long the newest backup took.";
    writer.sources(
        look,
        "datakeep_backup_duration_seconds",
        "seconds",
        help,
        newest(|one| Some(seconds(one.duration_ms))),
    );
    let help = "What the source held at the newest backup.";
    writer.sources(look, "datakeep_source_bytes", "bytes", help, newest(|one| Some(one.len_bytes.to_string())));
    let help = "What the newest backup read from the source.";
    writer.sources(look, "datakeep_backup_read_bytes", "bytes", help, newest(|one| Some(one.read_bytes.to_string())));
    let help = "What the newest backup found new, before compression.";
    writer.sources(look, "datakeep_backup_new_bytes", "bytes", help, newest(|one| Some(one.new_bytes.to_string())));
    let help = "What the newest backup wrote to the store.";
    writer.sources(
        look,
        "datakeep_backup_stored_bytes",
        "bytes",
        help,
        newest(|one| Some(one.stored_bytes.to_string())),
    );
    let help = "Items that the newest backup lost.";
    writer.sources(look, "datakeep_backup_items_lost", "", help, newest(|one| Some(one.items_lost.to_string())));
    let help = "Rows of all tables at the newest backup of a database.";
    let rows = |one: &crate::look::Backup| {
        Some(one.tables.as_ref()?.iter().map(|table| table.rows).fold(0, u64::saturating_add).to_string())
    };
    writer.sources(look, "datakeep_source_rows", "", help, newest(rows));
}

fn repositories(writer: &mut Writer, look: &Look) {
    let help = "What is stored in the repository, when it last told.";
    let stored = |one: &RepositoryFacts| one.stored.map(|(bytes, _)| bytes.to_string());
    writer.repositories(look, "datakeep_repository_stored_bytes", "bytes", help, stored);
    let help = "The age of the oldest proof of a stored byte; without a whole round of checks, how long the repository is known.";
    let age =
        |one: &RepositoryFacts| Some(look.now_s.saturating_sub(one.proven_s.unwrap_or(one.since_s)).max(0).to_string());
    writer.repositories(look, "datakeep_verification_age_seconds", "seconds", help, age);
}
