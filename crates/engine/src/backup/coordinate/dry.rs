//! A run that only looks.

use super::super::BackupReport;
use super::super::parents::Parents;
use super::tally::Tally;
use super::{Run, key_of};
use crate::error::EngineError;
use datakeep_connector::Source;
use datakeep_store::Resumed;

impl Run<'_> {
    /// Compares and counts; writes nothing, reads no content.
    pub fn dry(&mut self, source: &mut dyn Source, resumed: Option<Resumed>) -> Result<BackupReport, EngineError> {
        let mut parents = Parents::new(self.repository, self.parent, (resumed, None), self.judgement())?;
        let mut tally = Tally::default();
        let mut stream = source.items()?;
        while let Some(batch) = stream.next_batch()? {
            if self.context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            batch.losses.into_iter().for_each(|loss| tally.lose(self.context, loss));
            let prefix = batch.directory.children_prefix();
            for item in &batch.items {
                let key = key_of(&prefix, &item.name);
                let known = parents.compare(&key, item)?;
                let action = tally.count(&item.meta, &known);
                if action != "unchanged" {
                    tally.counters.read_bytes += item.meta.len_bytes;
                }
                self.tell_item(&key, item.meta.file_type, action, item.meta.len_bytes);
            }
        }
        parents.finish()?;
        tally.counters.items_removed = parents.removed;
        Ok(BackupReport { manifest: None, counters: tally.counters, losses: tally.losses, resumed: None })
    }
}
