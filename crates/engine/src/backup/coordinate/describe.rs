//! What a snapshot says of itself.

use super::Run;
use super::tally::Tally;
use datakeep_connector::Source;
use datakeep_model::{Loss, LossNote, Snapshot};
use datakeep_store::Writer;

impl Run<'_> {
    pub(super) fn snapshot(&self, source: &dyn Source, writer: &Writer, tally: &Tally) -> Snapshot {
        let users: Vec<u32> = tally.users.iter().copied().collect();
        let groups: Vec<u32> = tally.groups.iter().copied().collect();
        let (users, groups) = source.owner_names(&users, &groups);
        let note = |loss: &Loss| LossNote {
            path: loss.path.clone(),
            cause: loss.cause,
            detail: loss.detail.chars().take(60).collect(),
        };
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
        }
    }
}
