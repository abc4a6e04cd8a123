//! Turns what was read of an item into its entry.

use super::super::TaskResult;
use super::Coordinator;
use datakeep_model::{ChunkId, Event, FileType, ItemPath, Loss, LossCause, Meta};
use datakeep_store::long::shorten;
use datakeep_store::{Attributes, Entry, Part, StoreError, content_parts};

/// What came of an item that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Read {
    /// It is not in the snapshot.
    Lost,
    /// It is what it was in the previous snapshot.
    Alike,
    /// It is new or different.
    Different,
}

fn has_same_attributes(a: &Entry, b: &Entry) -> bool {
    match (&a.attributes, &b.attributes) {
        (Attributes::Chunk(a), Attributes::Chunk(b)) => a.id == b.id,
        (a, b) => a == b,
    }
}

fn id_or_hole(part: &Part) -> Result<ChunkId, u64> {
    match part {
        Part::Chunk(chunk) => Ok(chunk.id),
        Part::Hole(len_bytes) => Err(*len_bytes),
    }
}

impl Coordinator<'_, '_> {
    /// Fills an entry with what was read. `was` is what the previous snapshot has where that looks the same.
    pub(super) fn complete(
        &mut self,
        entry: &mut Entry,
        (action, was): (&str, Option<&Entry>),
        segments: Vec<Option<TaskResult>>,
    ) -> Result<Read, StoreError> {
        let mut parts = Vec::new();
        let mut xattrs = Vec::new();
        let mut after: Option<Meta> = None;
        let mut imperfect = false;
        let listed = entry.meta.clone();
        for result in segments.into_iter().flatten() {
            if let Some(error) = result.error {
                self.lose(entry, error.cause, error.detail);
                self.tally.uncount(&entry.meta, action);
                return Ok(Read::Lost);
            }
            if let Some((details, error)) = result.details {
                entry.link_target = details.link_target;
                xattrs = details.xattrs;
                imperfect |= details.read_again;
                if let Some(error) = error {
                    imperfect = true;
                    self.lose(entry, error.cause, error.detail);
                    if entry.meta.file_type == FileType::Symlink && entry.link_target.is_none() {
                        self.tally.uncount(&entry.meta, action);
                        return Ok(Read::Lost);
                    }
                }
            }
            // Ranges end at different times: one that saw a change counts, whichever it is.
            match result.meta_after {
                Some(meta) if after.as_ref().is_none_or(|after| *after == listed) => after = Some(meta),
                _ => {}
            }
            parts.extend(result.parts.into_iter().map(|part| self.frames.part(part)));
        }
        self.note_change(entry, &parts, after);
        // Attributes that could not be read are lost in this snapshot only: the next run looks again.
        entry.changed_while_read |= imperfect;
        self.reach.add_parts(self.run.repository, &parts)?;
        let has_same_content = was.is_some_and(|was| self.has_parts(was, &parts));
        (entry.content, entry.attributes) = shorten(parts, xattrs, &mut self.meta)?;
        let is_alike = has_same_content
            && !entry.changed_while_read
            && was.is_some_and(|was| was.link_target == entry.link_target && has_same_attributes(was, entry));
        Ok(if is_alike { Read::Alike } else { Read::Different })
    }

    /// True when the content of an entry is made of these. Where chunks are plays no part.
    fn has_parts(&mut self, was: &Entry, parts: &[Part]) -> bool {
        let old = content_parts(self.run.repository, &was.content, &mut self.decoder);
        // A list that cannot be read counts as different: this is only counted.
        old.is_ok_and(|old| old.iter().map(id_or_hole).eq(parts.iter().map(id_or_hole)))
    }

    /// Compares what was listed with what was found after the last byte. The length stored is the length read.
    fn note_change(&mut self, entry: &mut Entry, parts: &[Part], after: Option<Meta>) {
        if entry.meta.file_type != FileType::File {
            return;
        }
        let read: u64 = parts.iter().map(Part::len_bytes).sum();
        let listed = (entry.meta.len_bytes, entry.meta.mtime, entry.meta.ctime);
        let is_stream = entry.meta.inode == 0;
        if let Some(after) = after {
            let changed = listed != (after.len_bytes, after.mtime, after.ctime) || read != after.len_bytes;
            entry.changed_while_read = changed && !is_stream;
            self.tally.counters.len_bytes += read;
            self.tally.counters.len_bytes -= entry.meta.len_bytes;
            if changed {
                entry.meta = after;
            }
        }
        entry.meta.len_bytes = read;
        if entry.changed_while_read {
            let path = ItemPath::from_key(&entry.key).map_or_else(|_| "?".into(), |path| path.to_string());
            let text = format!("{path} changed while it was read; it is marked and will be read again next time");
            self.run.context.observer.observe(&Event::Warning(&text));
        }
    }

    fn lose(&mut self, entry: &Entry, cause: LossCause, detail: String) {
        let path = ItemPath::from_key(&entry.key).unwrap_or_default();
        self.tally.lose(self.run.context, Loss { path, cause, detail });
    }
}
