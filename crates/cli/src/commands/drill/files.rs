//! Drills of files.

use super::scratch::Scratch;
use super::{Job, Outcome, as_fault, timed};
use crate::errors::Failure;
use crate::memory::Memory;
use crate::progress::Watch;
use crate::words::tr;
use datakeep_connector::{Connector, Options};
use datakeep_distribute::{Attributes, Overwrite, RestoreRequest, Selection, hold, restore};
use datakeep_engine::BackupOptions;
use datakeep_model::{ErrorKind, ItemPath, Loss};
use datakeep_source_files::FilesConnector;
use std::collections::HashSet;
use std::path::Path;

/// Room for names and directories, per entry, in bytes.
const ENTRY_BYTES: u64 = 4096;
/// Entries that the restore says are missing or imperfect; the restore names the first thousand.
type Lost = HashSet<ItemPath>;

/// Losses that are told.
const MOST_LOSSES: usize = 20;

/// Restores everything into a folder, and reads it again.
pub(super) fn drill(job: &Job<'_>, watch: &Watch<'_>) -> Result<Outcome, Failure> {
    let counters = &job.manifest.snapshot.counters;
    let entries = counters.files.saturating_add(counters.directories);
    let needed_bytes = counters.len_bytes.saturating_add(entries.saturating_mul(ENTRY_BYTES));
    let scratch = Scratch::new(job.args.scratch.as_deref(), needed_bytes)?;
    let folder = scratch.within("files")?;
    let mut outcome = Outcome::default();
    watch.expect(counters.len_bytes);
    let mut restore_ms = 0;
    let restored = timed(&mut restore_ms, || restored(job, &folder, watch, &mut outcome));
    outcome.restore_ms = restore_ms;
    match restored {
        Err(failure) => outcome.faults.push(as_fault(failure, "it cannot be restored")?),
        Ok(lost) => {
            job.rehearse_fault(&folder.to_string_lossy())?;
            let mut proof_ms = 0;
            let proven = timed(&mut proof_ms, || proven(job, &folder, &lost, (watch, &mut outcome)));
            outcome.proof_ms = proof_ms;
            if let Err(failure) = proven {
                outcome.faults.push(as_fault(failure, "it cannot be read again")?);
            }
        }
    }
    outcome.kept = job.args.keep.then(|| scratch.keep());
    Ok(outcome)
}

/// What this process may bring back.
fn attributes() -> Attributes {
    if rustix::process::geteuid().is_root() { Attributes::All } else { Attributes::Plain }
}

fn restored(job: &Job<'_>, folder: &Path, watch: &Watch<'_>, outcome: &mut Outcome) -> Result<Lost, Failure> {
    let to = utf8(folder)?;
    let mut options = Options::new();
    if attributes() == Attributes::All {
        options.insert("system".into(), vec!["true".into()]);
    }
    let target = FilesConnector::new().open_target(to, &options, false)?;
    let usual = BackupOptions::default().workers.max(job.repository.blobs().reads_at_once());
    let wanted = job.args.workers.map_or(usual, |workers| usize::from(workers.get()));
    let request = RestoreRequest {
        place: ItemPath::root(),
        selection: Selection::new(&[], &[])?,
        overwrite: Overwrite::Refuse,
        delete: false,
        workers: Memory::of(&job.app.settings).for_readers(wanted)?,
    };
    let context = job.app.context(watch);
    let report = restore(job.repository, job.manifest, &*target, to, &request, &[], &context)?;
    let damaged = report.tally.damaged;
    if damaged > 0 {
        outcome.faults.push(format!("{damaged} items are damaged in the repository"));
    }
    outcome.counts.losses = report.tally.losses;
    let told = |loss: &Loss| format!("lost: {}: {}", loss.path, loss.detail);
    outcome.losses.extend(report.tally.lost.iter().take(MOST_LOSSES).map(told));
    Ok(report.tally.lost.into_iter().map(|loss| loss.path).collect())
}

fn proven(
    job: &Job<'_>,
    folder: &Path,
    lost: &Lost,
    (watch, outcome): (&Watch<'_>, &mut Outcome),
) -> Result<(), Failure> {
    let location = utf8(folder)?;
    let mut source = FilesConnector::new().open_source(&[location.to_string()], &Options::new())?;
    let root = source.roots().into_iter().next().unwrap_or_default();
    let context = job.app.context(watch);
    let held = hold(job.repository, job.manifest, (&mut *source, &root), (attributes(), lost), &context)?;
    outcome.counts.entries = held.entries;
    outcome.counts.read_bytes = held.read_bytes;
    // What the restore said it lost makes a drill partial; anything beyond makes it fail.
    if held.different > 0 {
        outcome.faults.push(format!("{} entries are not as they were captured", held.different));
        outcome.faults.extend(held.differences);
    }
    Ok(())
}

fn utf8(folder: &Path) -> Result<&str, Failure> {
    folder.to_str().ok_or_else(|| {
        Failure::new(ErrorKind::Usage, tr!("the scratch folder must be UTF-8", "临时目录的路径必须是 UTF-8"))
    })
}
