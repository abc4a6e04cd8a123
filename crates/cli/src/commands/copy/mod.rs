//! `datakeep copy`: a plan, then one snapshot after the other.

mod other;
mod report;

use crate::args_copy::CopyArgs;
use crate::errors::Failure;
use crate::memory::Memory;
use crate::open::App;
use crate::progress::Watch;
use crate::signals;
use crate::words::tr;
use datakeep_distribute::DistributeError;
use datakeep_distribute::copy::{Copier, CopyPlan, Depth, Pair, PlannedCopy, Standing, Wanted, bytes_to_read};
use datakeep_engine::{BackupOptions, EngineError};
use datakeep_model::{ContentKind, ErrorKind, ExitCode};
use datakeep_store::Manifest;
use report::{Done, Report, State};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs it.
pub fn run(app: &App, args: &CopyArgs) -> Result<ExitCode, Failure> {
    let options = options(app, args)?;
    let locked = app.find()?;
    let to = other::find(app, args)?;
    if locked.config().repository == to.config().repository {
        return Err(same_repository());
    }
    let unlock = app.unlock_with(&locked)?;
    let suite = locked.config().suite;
    let from = Arc::new(app.unlock(locked, &unlock)?);
    let to = Arc::new(other::unlock(app, args, to, suite)?);
    signals::listen(&app.cancel)?;
    let pair = Pair::new(&from, &to).map_err(|_| same_repository())?;
    let (manifests, unreadable) = app.snapshots(&from)?;
    let _ = app.snapshots(&to).map_err(other::of_other)?;
    let chosen = chosen(app, &manifests, args)?;
    let copier = Copier::new(pair)?;
    let plan = copier.plan(&chosen, wanted(args))?;
    let mut report = Report::new(app, pair, args, unreadable);
    if args.dry_run {
        dry(pair, &manifests, &plan, &mut report)?;
    } else {
        Run { app, copier, args, options }.all(&plan, &mut report)?;
    }
    app.tell_passed_damage(&from, &chosen);
    report.end()
}

fn same_repository() -> Failure {
    let message = tr!(
        "the repository to copy to is the one that is copied from, or a copy of its directory",
        "复制目标就是源仓库，或是其目录的副本"
    );
    Failure::usage(message).hint(tr!(
        "a second copy wants a repository of its own: datakeep init --repo PATH",
        "第二份副本需要独立的仓库：datakeep init --repo 路径"
    ))
}

fn memory(app: &App, args: &CopyArgs) -> Memory {
    let to = app.settings.copy_repository(args.to.clone()).value;
    Memory::of(&app.settings).beside_uploads(&app.settings, to.as_deref())
}

fn options(app: &App, args: &CopyArgs) -> Result<BackupOptions, Failure> {
    let usual = BackupOptions::default();
    let compression = match &args.compression {
        Some(text) => super::backup::compression(text)?,
        None => usual.compression,
    };
    let options = BackupOptions { workers: args.workers.map_or(usual.workers, usize::from), compression, ..usual };
    memory(app, args).for_files(options)
}

fn wanted(args: &CopyArgs) -> Wanted {
    match (args.snapshots.is_empty(), args.all) {
        (false, _) => Wanted::Named,
        (true, true) => Wanted::All,
        (true, false) => Wanted::New,
    }
}

/// The snapshots that are meant, oldest first.
fn chosen(app: &App, manifests: &[Manifest], args: &CopyArgs) -> Result<Vec<Manifest>, Failure> {
    let mut named = BTreeSet::new();
    for name in &args.snapshots {
        named.insert(app.choose(manifests, name)?.snapshot.id);
    }
    if let Some(source) = &args.source {
        super::snapshots::must_be_source(manifests, source)?;
    }
    let fits = |manifest: &&Manifest| {
        let snapshot = &manifest.snapshot;
        match args.snapshots.is_empty() {
            false => named.contains(&snapshot.id),
            true => {
                args.source.as_ref().is_none_or(|source| snapshot.source.name == *source)
                    && args.host.as_ref().is_none_or(|host| snapshot.source.host == *host)
                    && args.tag.iter().all(|tag| snapshot.tags.contains(tag))
            }
        }
    };
    Ok(manifests.iter().filter(fits).cloned().collect())
}

fn dry(pair: Pair<'_>, manifests: &[Manifest], plan: &CopyPlan, report: &mut Report<'_>) -> Result<(), Failure> {
    for planned in plan {
        let mut done = Done::new(planned);
        if planned.is_to_copy {
            let base = manifests.iter().find(|manifest| Some(manifest.snapshot.id) == planned.base);
            done.state = State::WouldCopy;
            done.read_bytes = bytes_to_read(pair.from, &planned.manifest, base)?;
        }
        report.add(done)?;
    }
    Ok(())
}

/// What a run works with.
struct Run<'a> {
    app: &'a App,
    copier: Copier<'a>,
    args: &'a CopyArgs,
    options: BackupOptions,
}

impl Run<'_> {
    fn all(&mut self, plan: &CopyPlan, report: &mut Report<'_>) -> Result<(), Failure> {
        let watch = Watch::new(&self.app.out);
        let len_bytes = |planned: &PlannedCopy| planned.manifest.snapshot.counters.len_bytes;
        let total: u64 = plan.iter().filter(|planned| planned.is_to_copy).map(len_bytes).fold(0, u64::saturating_add);
        watch.expect(if self.args.verify { total.saturating_mul(2) } else { total });
        let result = plan.iter().try_for_each(|planned| {
            let done = match planned.is_to_copy {
                true => self.copy(planned, &watch)?,
                false => self.look(planned, &watch)?,
            };
            report.add(done)
        });
        watch.finish();
        result
    }

    fn depth(&self) -> Depth {
        if self.args.verify { Depth::Content } else { Depth::Entries }
    }

    fn copy(&mut self, planned: &PlannedCopy, watch: &Watch<'_>) -> Result<Done, Failure> {
        let context = self.app.context(watch);
        let done = Done::new(planned);
        let depth = self.depth();
        let mut options = self.options.clone();
        if planned.manifest.snapshot.content == ContentKind::Tables {
            options = memory(self.app, self.args).for_tables(options)?;
        }
        match self.copier.copy(&planned.manifest, &options, depth, &context) {
            Ok(report) => Ok(done.copied(report)),
            // What concerns this snapshot alone must not keep the others from being copied.
            Err(error) if is_of_snapshot(&error) => Ok(done.refused(&error)),
            Err(error) => Err(error.into()),
        }
    }

    /// One that is there already is compared when it was asked for by name and with that.
    fn look(&self, planned: &PlannedCopy, watch: &Watch<'_>) -> Result<Done, Failure> {
        let done = Done::new(planned);
        let (Standing::There { copy }, true, false) =
            (planned.standing, self.args.verify, self.args.snapshots.is_empty())
        else {
            return Ok(done);
        };
        let context = self.app.context(watch);
        let how = (Depth::Content, self.options.workers);
        match self.copier.compare(&planned.manifest, copy, how, &context) {
            Ok(Some(compared)) => Ok(done.compared(compared)),
            // It is the original itself, and this one its copy.
            Ok(None) => Ok(done),
            Err(error) if is_of_snapshot(&error) => Ok(done.refused(&error)),
            Err(error) => Err(error.into()),
        }
    }
}

/// True for damage of what is copied, and for a snapshot that was forgotten meanwhile.
fn is_of_snapshot(error: &DistributeError) -> bool {
    let error = match error {
        DistributeError::Engine(EngineError::Connector(error)) | DistributeError::Connector(error) => error,
        _ => return false,
    };
    matches!(error.kind, ErrorKind::Integrity | ErrorKind::NotFound)
}
