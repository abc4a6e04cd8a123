//! Packs, frame by frame.

use super::{Verified, Verify};
use crate::error::StoreError;
use crate::format::names::{PackClass, PackName};
use crate::pack::{FrameDecoder, OpenPack};
use crate::repository::{Repository, class_of};
use crate::scrub::compare_digest;

/// What was proven of a pack, and which frames are not whole.
#[derive(Default)]
struct Proven {
    frames: u64,
    chunks: u64,
    damaged: Vec<u32>,
}

impl Repository {
    pub(super) fn verify_pack(
        &self,
        object: &str,
        how: Verify,
        decoder: &mut FrameDecoder,
        report: &mut Verified,
    ) -> Result<(), StoreError> {
        let (class, name) =
            PackName::parse(object).ok_or_else(|| StoreError::damaged(object, 0, "a pack's name", "another name"))?;
        report.packs += 1;
        let pack = match self.open_pack_uncached(class, name, None) {
            // A collection has deleted it since it was listed.
            Err(StoreError::Missing { .. }) if self.refresh_view()?.is_gone(name) => return Ok(()),
            other => other.inspect_err(|_| report.damaged.pack(Some(name)))?,
        };
        if !how.data.holds(object) {
            return Ok(());
        }
        let mut proven = Proven::default();
        let result = self.prove_frames(&pack, class, decoder, &mut proven);
        report.frames += proven.frames;
        report.chunks += proven.chunks;
        proven.damaged.iter().for_each(|frame| report.damaged.frame(name, *frame));
        compare_digest(&*self.blobs, object, pack.record.len_bytes).and(result)
    }

    /// Reads every byte of a pack and compares it with itself and with what index and reach say of it.
    pub(crate) fn prove_pack(
        &self,
        class: PackClass,
        name: PackName,
        decoder: &mut FrameDecoder,
    ) -> Result<(), StoreError> {
        let pack = self.open_pack_uncached(class, name, self.expected_record(name).as_ref())?;
        self.prove_frames(&pack, class, decoder, &mut Proven::default())?;
        compare_digest(&*self.blobs, pack.object(), pack.record.len_bytes)
    }

    /// Proves every frame and every chunk. Goes on where one is damaged; the first error is what is returned.
    fn prove_frames(
        &self,
        pack: &OpenPack,
        class: PackClass,
        decoder: &mut FrameDecoder,
        proven: &mut Proven,
    ) -> Result<(), StoreError> {
        let mut first = Ok(());
        for number in 0..pack.record.frames {
            proven.frames += 1;
            let result = self.prove_frame(pack, (class, number), decoder, &mut proven.chunks);
            if result.is_err() {
                proven.damaged.push(number);
            }
            first = first.and(result);
        }
        first
    }

    fn prove_frame(
        &self,
        pack: &OpenPack,
        (class, number): (PackClass, u32),
        decoder: &mut FrameDecoder,
        chunks: &mut u64,
    ) -> Result<(), StoreError> {
        let frame = self.read_frame(pack, number, decoder)?;
        if class_of(frame.kind) != class {
            return Err(StoreError::damaged(pack.object(), 0, "chunks of this folder's class", "others"));
        }
        for slot in 0..frame.chunks() as u32 {
            let Some(id) = frame.id(slot) else { continue };
            frame.chunk(slot, &id, self.ids())?;
            *chunks += 1;
        }
        Ok(())
    }
}
