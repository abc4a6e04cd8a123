//! `datakeep drill`: a snapshot is restored into a private place, proven by reading it again, and what was found is signed.

mod asserted;
mod evidence;
mod fault;
mod files;
mod postgres;
mod scratch;
mod sqlite;
mod tables;

use crate::args_drill::{DrillArgs, DrillVerb};
use crate::errors::Failure;
use crate::open::App;
use crate::out::clean;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, signals, sizes, time};
#[cfg(test)]
pub(in crate::commands) use asserted::parse_assertions;
use asserted::{Asserted, Assertion};
use datakeep_model::{ContentKind, ErrorKind, ExitCode, Mark, Timestamp};
use datakeep_store::{Manifest, Repository};
use evidence::{Counts, Findings, TableProof, Versions};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is drilled, and how.
struct Job<'a> {
    app: &'a App,
    args: &'a DrillArgs,
    repository: &'a Arc<Repository>,
    manifest: &'a Manifest,
    assertions: &'a [Assertion],
    patience: Duration,
}

/// What a drill of one kind found.
#[derive(Default)]
struct Outcome {
    /// What is different, or why it could not be restored: with any of these the drill has failed.
    faults: Vec<String>,
    /// What was not brought back.
    losses: Vec<String>,
    counts: Counts,
    tables: Vec<TableProof>,
    asserted: Vec<Asserted>,
    verified: Vec<String>,
    postgres: Option<u32>,
    restore_ms: u64,
    proof_ms: u64,
    /// What is left for people to look at, where it is kept.
    kept: Option<std::path::PathBuf>,
}

/// Measures a step.
fn timed<T>(ms: &mut u64, step: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = step();
    *ms += u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    done
}

#[derive(Serialize)]
struct DrillJson {
    evidence: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

/// Runs it.
pub fn run(app: &App, args: &DrillArgs) -> Result<ExitCode, Failure> {
    if let Some(DrillVerb::Verify(args)) = &args.verb {
        return evidence::verify(app, args);
    }
    let (assertions, patience) = asserted::given(args)?;
    let repository = Arc::new(app.open_to_read()?);
    let (manifests, _) = app.snapshots(&repository)?;
    let chosen = args.snapshots.iter().map(|name| app.choose(&manifests, name)).collect::<Result<Vec<_>, _>>()?;
    if !assertions.is_empty()
        && let Some(files) = chosen.iter().find(|manifest| manifest.snapshot.content == ContentKind::Files)
    {
        let id = files.snapshot.id.short();
        return Err(Failure::usage(tr!(
            "assertions are for databases; snapshot {id} holds files",
            "断言用于数据库；备份集 {id} 保存的是文件"
        ))
        .hint(tr!("drill it by a command of its own", "请单独演练该备份集")));
    }
    signals::listen(&app.cancel)?;
    let mut worst = ExitCode::OK;
    for manifest in chosen {
        let (repository, assertions) = (&repository, assertions.as_slice());
        let code = Job { app, args, repository, manifest, assertions, patience }.run()?;
        worst = if code == ExitCode::CHECK_FAILED || worst == ExitCode::OK { code } else { worst };
    }
    Ok(worst)
}

impl Job<'_> {
    fn run(&self) -> Result<ExitCode, Failure> {
        let started = self.app.now();
        let watch = Watch::new(&self.app.out);
        let outcome = match self.manifest.snapshot.content {
            ContentKind::Files => files::drill(self, &watch),
            ContentKind::Tables => tables::drill(self, &watch),
        };
        watch.finish();
        let outcome = outcome?;
        let findings = self.findings(&outcome, started);
        let signed = evidence::signed(&findings, self.repository)?;
        let file = match &self.args.evidence {
            Some(folder) => Some(evidence::write(folder, &signed, &findings.snapshot, started)?),
            None => None,
        };
        let text = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
        if self.app.out.json {
            let (evidence_file, kept) = (file.as_ref().map(text), outcome.kept.as_ref().map(text));
            self.app.out.document(&json::document("drill", DrillJson { evidence: signed, evidence_file, kept }))?;
        } else {
            self.tell(&findings, &outcome, file.as_ref().map(text))?;
        }
        self.app.tell_passed_damage(self.repository, [self.manifest]);
        Ok(match findings.verdict {
            "proven" => ExitCode::OK,
            "partial" => ExitCode::PARTIAL,
            _ => ExitCode::CHECK_FAILED,
        })
    }

    fn findings(&self, outcome: &Outcome, started: Timestamp) -> Findings {
        let snapshot = &self.manifest.snapshot;
        let mut reasons = outcome.faults.clone();
        let broken = outcome.asserted.iter().filter(|asserted| !asserted.holds).count();
        if broken > 0 {
            reasons.push(format!("{broken} of {} assertions do not hold", outcome.asserted.len()));
        }
        let verdict = match (reasons.is_empty(), outcome.losses.is_empty() && snapshot.counters.losses == 0) {
            (false, _) => "failed",
            (true, false) => "partial",
            (true, true) => "proven",
        };
        reasons.extend(outcome.losses.iter().cloned());
        if snapshot.counters.losses > 0 {
            reasons.push(format!("the snapshot itself lacks {} items", snapshot.counters.losses));
        }
        let captured = match &snapshot.mark {
            Mark::FileTime(at) | Mark::Stream(at) | Mark::Position(at, _) => *at,
        };
        Findings {
            verdict,
            reasons,
            started: time::utc(started),
            finished: time::utc(self.app.now()),
            repository: self.repository.config().repository.to_hex(),
            snapshot: snapshot.id.to_hex(),
            source: snapshot.source.name.clone(),
            kind: snapshot.source.kind.clone(),
            captured: time::utc(captured),
            root: snapshot.root.to_hex(),
            counts: outcome.counts.clone(),
            tables: outcome.tables.clone(),
            assertions: outcome.asserted.clone(),
            verified: outcome.verified.clone(),
            restore_ms: outcome.restore_ms,
            proof_ms: outcome.proof_ms,
            versions: Versions { datakeep: env!("CARGO_PKG_VERSION"), postgres: outcome.postgres },
            fault_rehearsed: self.args.rehearse_fault.is_some(),
        }
    }

    fn tell(&self, findings: &Findings, outcome: &Outcome, file: Option<String>) -> Result<(), Failure> {
        let (out, id) = (&self.app.out, self.manifest.snapshot.id.short());
        let [restore, proof] = [findings.restore_ms, findings.proof_ms].map(|ms| time::duration(ms * 1_000_000));
        for asserted in findings.assertions.iter().filter(|asserted| !asserted.holds) {
            let (sql, expected) = (clean(&asserted.sql), clean(&asserted.expected));
            let found = clean(asserted.found.as_deref().or(asserted.error.as_deref()).unwrap_or("null"));
            out.warn(tr!(
                "does not hold: {sql}: {expected} was expected, found: {found}",
                "断言不成立：{sql}：期望 {expected}，得到：{found}"
            ));
        }
        findings.reasons.iter().for_each(|reason| out.note(format!("  {}", clean(reason))));
        out.say(tr!("restored in {restore}, proven in {proof}", "恢复用时 {restore}，证明用时 {proof}"))?;
        let counts = &findings.counts;
        let held = sizes::count(findings.assertions.iter().filter(|asserted| asserted.holds).count() as u64);
        let what = match self.manifest.snapshot.content {
            ContentKind::Files => {
                let (entries, bytes) = (sizes::count(counts.entries), sizes::bytes(counts.read_bytes));
                tr!("{entries} entries, {bytes} read again", "{entries} 个条目，重新读取 {bytes}")
            }
            ContentKind::Tables => {
                let (tables, rows) = (sizes::count(counts.tables), sizes::count(counts.rows));
                tr!(
                    "{tables} tables, {rows} rows captured again, {held} assertions hold",
                    "重新读取 {tables} 张表、{rows} 行，{held} 项断言成立"
                )
            }
        };
        match findings.verdict {
            "proven" => out.say(tr!("snapshot {id} is proven: {what}", "备份集 {id} 已证明：{what}"))?,
            "partial" => out.warn(tr!(
                "snapshot {id} is proven but for what is lost: {what}",
                "备份集 {id} 除丢失项外已证明：{what}"
            )),
            _ => out.warn(tr!("the drill of snapshot {id} FAILED", "备份集 {id} 的演练失败")),
        }
        if let Some(file) = file.map(|file| clean(&file)) {
            out.say(tr!("evidence: {file}", "证据：{file}"))?;
        }
        if let Some(kept) = outcome.kept.as_ref().map(|path| clean(&path.to_string_lossy())) {
            out.say(tr!("kept: {kept}", "已保留：{kept}"))?;
        }
        Ok(())
    }
}

/// An error of a restore or a proof that says that the snapshot cannot be brought back here; others say that the drill could not be
/// done.
fn as_fault(failure: Failure, doing: &str) -> Result<String, Failure> {
    match failure.kind {
        ErrorKind::Integrity | ErrorKind::Target | ErrorKind::Source | ErrorKind::NotFound => {
            let detail = failure.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            Ok(format!("{doing}: {}{detail}", failure.message))
        }
        _ => Err(failure),
    }
}
