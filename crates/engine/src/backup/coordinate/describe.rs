//! What a snapshot says of itself.

use super::super::Original;
use super::Run;
use super::tally::Tally;
use datakeep_connector::Source;
use datakeep_model::{Counters, Loss, LossNote, Origin, Snapshot};
use datakeep_store::Writer;

impl Run<'_> {
    pub(super) fn snapshot(&self, source: &dyn Source, writer: &Writer, tally: &Tally) -> Snapshot {
        if let Some(original) = self.original {
            let snapshot = copied(original, &tally.counters, &tally.losses);
            return Snapshot { id: writer.session(), parent: self.parent.map(|parent| parent.snapshot.id), ..snapshot };
        }
        let users: Vec<u32> = tally.users.iter().copied().collect();
        let groups: Vec<u32> = tally.groups.iter().copied().collect();
        let (users, groups) = source.owner_names(&users, &groups);
        Snapshot {
            id: writer.session(),
            epoch: 0,
            source: self.info.clone(),
            mark: self.mark.clone(),
            started: self.started,
            finished: self.context.clock.now(),
            parent: self.parent.map(|parent| parent.snapshot.id),
            root: datakeep_model::ChunkId([0; 32]),
            roots: source.roots(),
            counters: tally.counters,
            losses: tally.losses.iter().take(Snapshot::MAX_LOSS_NOTES).map(note).collect(),
            tags: self.options.tags.clone(),
            writer: self.options.writer.clone(),
            users,
            groups,
            content: datakeep_model::ContentKind::Files,
            origin: None,
        }
    }
}

fn note(loss: &Loss) -> LossNote {
    LossNote { path: loss.path.clone(), cause: loss.cause, detail: loss.detail.chars().take(60).collect() }
}

/// The original's own words, but for what copying lost and for what the copy took here.
pub(crate) fn copied(original: &Original, run: &Counters, lost: &[Loss]) -> Snapshot {
    let was = &original.snapshot;
    let counters = Counters {
        files: run.files,
        directories: run.directories,
        others: run.others,
        len_bytes: run.len_bytes,
        new_bytes: run.new_bytes,
        chunks_new: run.chunks_new,
        chunks_known: run.chunks_known,
        losses: was.counters.losses.saturating_add(run.losses),
        ..was.counters
    };
    // What this copy lost comes first: a full list must not hide it.
    let losses = lost.iter().map(note).chain(was.losses.iter().cloned());
    let origin = Origin { losses: original.origin.losses.saturating_add(run.losses), ..original.origin.clone() };
    Snapshot { counters, losses: losses.take(Snapshot::MAX_LOSS_NOTES).collect(), origin: Some(origin), ..was.clone() }
}
