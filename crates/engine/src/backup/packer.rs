//! The one thread that fills, seals and writes packs.

use super::Answer;
use super::frames::FrameMap;
use datakeep_connector::Lease;
use datakeep_model::{ChunkId, Mark};
use datakeep_store::{Claims, Entry, Index, PackBuilder, PackClass, PackRecord, PlainFrame, StoreError, Writer};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

/// Messages to the packer, handled in order.
pub(crate) enum ToPacker {
    /// A frame of file content.
    Frame {
        /// Its number in this run.
        serial: u32,
        /// The frame.
        frame: PlainFrame,
        /// Permit for its bytes.
        lease: Lease,
    },
    /// A full pack of tree nodes, lists and attributes.
    Meta(PackBuilder),
    /// Make everything so far durable, then record these entries as done; nothing is recorded when there is nothing new.
    Progress(Vec<Entry>),
}

/// Chunks this run may hold in memory before they move to the index.
const MAX_CLAIMS: usize = 1 << 20;

/// Packs staged at once; each keeps a file open.
const MAX_STAGED_PACKS: usize = 32;
/// Packs of full length staged at once.
const MAX_STAGED_FULL_PACKS: u64 = 8;

pub(crate) struct Packer<'a> {
    pub writer: &'a Writer,
    pub frames: &'a FrameMap,
    pub claims: &'a Claims,
    pub index: Arc<Index>,
    pub mark: &'a Mark,
    pub pack_target_bytes: usize,
    builder: Option<PackBuilder>,
    /// Packs staged since the last progress record.
    staged: Vec<(PackRecord, Vec<ChunkId>)>,
    /// What the next progress record names besides: before the first, the packs of the run that is taken up.
    recorded: Vec<PackRecord>,
}

impl<'a> Packer<'a> {
    pub fn new(
        writer: &'a Writer,
        frames: &'a FrameMap,
        claims: &'a Claims,
        index: Arc<Index>,
        mark: &'a Mark,
        inherited: Vec<PackRecord>,
    ) -> Self {
        let pack_target_bytes = writer.repository().config().pack_target_bytes as usize;
        let (staged, recorded) = (Vec::new(), inherited);
        Self { writer, frames, claims, index, mark, pack_target_bytes, builder: None, staged, recorded }
    }

    /// Runs until every sender is gone.
    pub fn run<T>(mut self, messages: &Receiver<ToPacker>, answers: &Sender<Answer<T>>) {
        let _alarm = super::worker::Alarm(answers);
        for message in messages {
            let result = match message {
                ToPacker::Frame { serial, frame, lease } => {
                    let result = self.frame(serial, frame);
                    drop(lease);
                    let _ = answers.send(Answer::Placed);
                    result
                }
                ToPacker::Meta(builder) => self.write(builder),
                ToPacker::Progress(entries) => self.progress(&entries),
            };
            if let Err(error) = result {
                let _ = answers.send(Answer::Failed(error));
                return;
            }
        }
        let last = self.builder.take().map_or(Ok(()), |builder| self.write(builder));
        let _ = answers.send(last.map_or_else(Answer::Failed, |()| Answer::Packed));
    }

    fn frame(&mut self, serial: u32, frame: PlainFrame) -> Result<(), StoreError> {
        if self.builder.as_ref().is_some_and(|builder| builder.is_too_full_for(&frame)) {
            self.seal_current()?;
        }
        let builder = self.builder.get_or_insert_with(|| self.writer.new_pack(PackClass::Data));
        let name = builder.name();
        let number = builder.push(frame);
        self.frames.place(serial, name, number);
        if builder.len_bytes() >= self.pack_target_bytes || builder.is_at_limit() {
            self.seal_current()?;
        }
        Ok(())
    }

    fn seal_current(&mut self) -> Result<(), StoreError> {
        self.builder.take().map_or(Ok(()), |builder| self.write(builder))
    }

    fn write(&mut self, builder: PackBuilder) -> Result<(), StoreError> {
        let mut sealed = self.writer.seal_pack(builder)?;
        self.writer.stage_pack(&mut sealed)?;
        self.writer.repository().expect_packs([sealed.record]);
        self.staged.push((sealed.record, sealed.chunks.iter().map(|chunk| chunk.id).collect()));
        let staged_bytes: u64 = self.staged.iter().map(|(record, _)| record.len_bytes).sum();
        if self.staged.len() < MAX_STAGED_PACKS && staged_bytes < MAX_STAGED_FULL_PACKS * self.pack_target_bytes as u64
        {
            return Ok(());
        }
        // One long file: nothing is done yet that could be recorded, but its packs can be found by the next run.
        self.record(&[])
    }

    fn progress(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.seal_current()?;
        if entries.is_empty() && self.staged.is_empty() {
            return Ok(());
        }
        self.record(entries)
    }

    /// Records these entries, and the packs staged since the last record. A store that works in the background does so
    /// while this thread goes on.
    fn record(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.recorded.extend(self.staged.iter().map(|(record, _)| *record));
        self.writer.put_progress(self.mark, std::mem::take(&mut self.recorded), entries)?;
        self.spill()?;
        self.staged.clear();
        Ok(())
    }

    /// Durable chunks move from the run's memory to the index, once there are many.
    fn spill(&mut self) -> Result<(), StoreError> {
        if self.claims.len() < MAX_CLAIMS {
            return Ok(());
        }
        // From now on they are looked for in the store.
        self.writer.barrier()?;
        let packs = std::mem::take(&mut self.staged);
        let ids: Vec<ChunkId> = packs.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        self.index.add(packs);
        self.claims.release(ids.into_iter());
        Ok(())
    }
}
