//! Step 3: moving what is used out of packs that go, into packs of a session of the collector's own.

use super::{CollectOptions, CollectPlan, CollectStep, Moved, stopped};
use crate::error::StoreError;
use crate::format::names::{PackClass, PackName};
use crate::pack::{FrameDecoder, META_PACK_TARGET_BYTES, OpenPack, PackBuilder, PlainFrame};
use crate::repository::Repository;
use crate::writer::{SessionInfo, Writer};
use datakeep_model::SourceInfo;
use std::sync::Arc;

/// The kind of source that a collector's session names.
const MAINTENANCE: &str = "maintenance";

/// Copies the frames in use of every pack to be rewritten. They are durable and indexed when this returns.
pub(super) fn compact(
    repository: &Arc<Repository>,
    plan: &CollectPlan,
    options: &CollectOptions,
    tick: &mut dyn FnMut(CollectStep) -> bool,
) -> Result<Moved, StoreError> {
    if plan.rewrite.is_empty() {
        return Ok(Moved::default());
    }
    move_frames(repository, (plan.epoch, "gc"), options, &mut |mover| mover.all(plan, tick))
}

/// A session for maintenance: nothing it writes becomes a snapshot.
pub(crate) fn maintenance(
    repository: &Arc<Repository>,
    name: &str,
    options: &CollectOptions,
) -> Result<Writer, StoreError> {
    let source = SourceInfo {
        kind: MAINTENANCE.to_string(),
        name: name.to_string(),
        location: String::new(),
        host: options.host.clone(),
    };
    Writer::begin(repository.clone(), &SessionInfo { source, started: options.now })
}

/// Moves what `choose` tells it to, in a session of the epoch. What was moved is durable and indexed when this returns.
pub(crate) fn move_frames(
    repository: &Arc<Repository>,
    (epoch, name): (u64, &str),
    options: &CollectOptions,
    choose: &mut dyn FnMut(&mut Mover<'_>) -> Result<(), StoreError>,
) -> Result<Moved, StoreError> {
    let writer = maintenance(repository, name, options)?;
    if writer.epoch() != epoch {
        writer.give_up();
        return Err(super::overtaken());
    }
    let mut mover = Mover { repository, writer, moved: Moved::default(), open: Vec::new() };
    match choose(&mut mover).and_then(|()| mover.end()) {
        Ok(()) => Ok(mover.moved),
        Err(error) => {
            mover.writer.give_up();
            Err(error)
        }
    }
}

/// Copies frames into packs of a session.
pub(crate) struct Mover<'a> {
    repository: &'a Arc<Repository>,
    writer: Writer,
    pub moved: Moved,
    /// Where the frames of the packs being filled come from, with the pack: one per class.
    open: Vec<PackBuilder>,
}

impl Mover<'_> {
    fn all(&mut self, plan: &CollectPlan, tick: &mut dyn FnMut(CollectStep) -> bool) -> Result<(), StoreError> {
        let mut decoder = FrameDecoder::new()?;
        for pack in &plan.rewrite {
            if !tick(CollectStep::Moving(pack.len_bytes)) {
                return Err(stopped());
            }
            let Some(live) = plan.live.packs.get(&pack.name) else { continue };
            for frame in (0..pack.frames).filter(|frame| live.used.contains(*frame)) {
                let open = self.repository.open_pack(pack.class, pack.name)?;
                self.frame(&open, frame, &mut decoder)?;
            }
        }
        Ok(())
    }

    /// Writes what is left and makes everything durable.
    fn end(&mut self) -> Result<(), StoreError> {
        while let Some(builder) = self.open.pop() {
            self.write(builder)?;
        }
        self.writer.barrier()?;
        self.writer.stage_index()?;
        self.writer.barrier()?;
        self.moved.collector = Some(self.writer.session());
        self.moved.bytes = self.writer.stored_bytes();
        Ok(())
    }

    /// Copies a frame, every chunk of it proven.
    pub fn frame(&mut self, pack: &OpenPack, number: u32, decoder: &mut FrameDecoder) -> Result<(), StoreError> {
        let ids = self.repository.ids();
        let repository = self.repository.config().repository;
        let frame = pack.copy_frame(self.repository.blobs(), repository, number, (decoder, ids))?;
        self.push(pack.record.class, (pack.record.name, number), frame)
    }

    fn push(&mut self, class: PackClass, from: (PackName, u32), frame: PlainFrame) -> Result<(), StoreError> {
        let at = match self.open.iter().position(|builder| builder.class() == class) {
            Some(at) => at,
            None => {
                self.open.push(self.writer.new_pack(class));
                self.open.len() - 1
            }
        };
        let builder = &mut self.open[at];
        let to = builder.name();
        let number = builder.push(frame);
        self.moved.forwards.insert(from, (to, number));
        let target_bytes = self.repository.config().pack_target_bytes as usize;
        let target_bytes =
            if class == PackClass::Meta { target_bytes.min(META_PACK_TARGET_BYTES) } else { target_bytes };
        if builder.len_bytes() >= target_bytes || builder.is_at_limit() {
            let full = self.open.swap_remove(at);
            self.write(full)?;
        }
        Ok(())
    }

    fn write(&self, builder: PackBuilder) -> Result<(), StoreError> {
        let mut sealed = self.writer.seal_pack(builder)?;
        self.writer.stage_pack(&mut sealed)?;
        // One at a time: nobody waits for it, and little is open at once.
        self.writer.barrier()
    }
}
