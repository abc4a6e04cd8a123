//! Fills frames with new chunks: names, claims, compresses, proves, and hands over. Each worker has one.

use super::frames::FrameMap;
use super::packer::ToPacker;
use super::{Place, RawPart};
use datakeep_connector::{ByteBudget, Cancel};
use datakeep_model::{ChunkId, ChunkKind, Counters};
use datakeep_process::{Chunker, Codec, CompressionSettings, Compressor, Decompressor};
use datakeep_store::{
    ChunkInfo, Claim, Claims, Index, PackClass, PlainFrame, Repository, StoreError, Ticket, WritersView,
};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Chunks of a frame: their part of a pack's directory is to be short.
const MAX_FRAME_CHUNKS: usize = 8 << 10;

/// What all workers of a run share.
pub(crate) struct Shared<'a> {
    pub repository: &'a Repository,
    pub index: Arc<Index>,
    pub view: WritersView,
    pub claims: &'a Claims,
    pub frames: &'a FrameMap,
    pub budget: &'a ByteBudget,
    pub cancel: &'a Cancel,
    pub chunker: &'a Chunker,
    pub compression: CompressionSettings,
    /// Plaintext of a frame, at most (a single chunk may be longer).
    pub frame_target_bytes: usize,
    /// A cut is forced at every multiple.
    pub segment_bytes: u64,
}

/// What went through a filler, by chunks and bytes.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Filled {
    pub new_bytes: u64,
    pub chunks_new: u64,
    pub chunks_known: u64,
}

impl Filled {
    pub fn add_to(&self, counters: &mut Counters) {
        counters.new_bytes += self.new_bytes;
        counters.chunks_new += self.chunks_new;
        counters.chunks_known += self.chunks_known;
    }
}

pub(crate) struct Filler<'a> {
    shared: &'a Shared<'a>,
    packer: SyncSender<ToPacker>,
    compressor: Compressor,
    decompressor: Decompressor,
    /// Plaintext of the frame being filled: the first `filled` bytes. Its length stays, so that nothing is cleared
    /// before it is read into.
    group: Vec<u8>,
    filled: usize,
    /// Plaintext of the frame being filled, at most: see [`next_target`].
    target_bytes: usize,
    chunks: Vec<ChunkInfo>,
    serial: u32,
    compressed: Vec<u8>,
    proof: Vec<u8>,
}

impl<'a> Filler<'a> {
    pub fn new(shared: &'a Shared<'a>, packer: SyncSender<ToPacker>) -> Result<Self, StoreError> {
        Ok(Self {
            shared,
            packer,
            compressor: Compressor::new(&shared.compression)?,
            decompressor: Decompressor::new()?,
            group: vec![0; shared.frame_target_bytes.max(shared.chunker.params().max_bytes as usize)],
            filled: 0,
            target_bytes: shared.frame_target_bytes.min(FETCH_TARGET_BYTES),
            chunks: Vec::new(),
            serial: shared.frames.begin(),
            compressed: Vec::new(),
            proof: Vec::new(),
        })
    }

    /// Room for `len` bytes that may become a chunk ([`Filler::take_spare`]); a frame that has none is handed over before.
    pub fn spare(&mut self, len: usize) -> Result<&mut [u8], StoreError> {
        self.make_room(len)?;
        Ok(&mut self.group[self.filled..self.filled + len])
    }

    /// The first `len` bytes of what [`Filler::spare`] gave become a chunk, or are forgotten where it is known.
    pub fn take_spare(&mut self, len: usize, filled: &mut Filled) -> Result<RawPart, StoreError> {
        let id = self.shared.repository.ids().id(ChunkKind::Data, &self.group[self.filled..self.filled + len]);
        let taken = self.find_or_claim(id)?;
        if taken.is_none() {
            self.filled += len;
        }
        Ok(self.note(id, len, taken, filled))
    }

    /// A chunk of these bytes.
    pub fn chunk(&mut self, data: &[u8], filled: &mut Filled) -> Result<RawPart, StoreError> {
        let id = self.shared.repository.ids().id(ChunkKind::Data, data);
        let mut taken = self.known(&id)?;
        if taken.is_none() {
            self.make_room(data.len())?;
            taken = self.claim(id);
        }
        if taken.is_none() {
            self.group[self.filled..self.filled + data.len()].copy_from_slice(data);
            self.filled += data.len();
        }
        Ok(self.note(id, data.len(), taken, filled))
    }

    /// A chunk in a frame of its own, stored as it is: bytes that are compressed already and are read one by one.
    pub fn chunk_apart(&mut self, data: Vec<u8>, filled: &mut Filled) -> Result<RawPart, StoreError> {
        let id = self.shared.repository.ids().id(ChunkKind::Data, &data);
        let serial = self.shared.frames.begin();
        let ticket = Ticket { serial, slot: 0 };
        let taken = match self.known(&id)? {
            Some(place) => Some(place),
            None => match self.shared.claims.claim(id, ticket) {
                Claim::New => None,
                Claim::Taken(other) => Some(Place::Ticket(other)),
            },
        };
        let len_bytes = data.len() as u32;
        match taken {
            Some(place) => {
                filled.chunks_known += 1;
                Ok(RawPart::Chunk { id, len_bytes, place })
            }
            None => {
                filled.chunks_new += 1;
                filled.new_bytes += data.len() as u64;
                let chunks = vec![ChunkInfo { id, len_bytes }];
                let (kind, codec) = (ChunkKind::Data, Codec::Raw);
                self.hand_over(serial, PlainFrame { kind, codec, raw_len_bytes: len_bytes, body: data, chunks });
                Ok(RawPart::Chunk { id, len_bytes, place: Place::Ticket(ticket) })
            }
        }
    }

    fn find_or_claim(&mut self, id: ChunkId) -> Result<Option<Place>, StoreError> {
        Ok(match self.known(&id)? {
            Some(place) => Some(place),
            None => self.claim(id),
        })
    }

    /// Where it is when somebody else has claimed it; `None` when it is ours to store, in the next slot.
    fn claim(&mut self, id: ChunkId) -> Option<Place> {
        match self.shared.claims.claim(id, self.ticket()) {
            Claim::New => None,
            Claim::Taken(other) => Some(Place::Ticket(other)),
        }
    }

    /// The ticket of the next chunk of the frame being filled.
    fn ticket(&self) -> Ticket {
        Ticket { serial: self.serial, slot: self.chunks.len() as u32 }
    }

    fn note(&mut self, id: ChunkId, len: usize, taken: Option<Place>, filled: &mut Filled) -> RawPart {
        let (len_bytes, own) = (len as u32, self.ticket());
        match taken {
            Some(_) => filled.chunks_known += 1,
            None => {
                filled.chunks_new += 1;
                filled.new_bytes += len as u64;
                self.chunks.push(ChunkInfo { id, len_bytes });
            }
        }
        RawPart::Chunk { id, len_bytes, place: taken.unwrap_or(Place::Ticket(own)) }
    }

    /// Where a chunk already is: in this run, or in the repository.
    fn known(&self, id: &ChunkId) -> Result<Option<Place>, StoreError> {
        if let Some(ticket) = self.shared.claims.get(id) {
            return Ok(Some(Place::Ticket(ticket)));
        }
        // A pack that cannot be opened holds nothing we may rely on: the chunk is stored again.
        let found = self
            .shared
            .index
            .lookup_for_writing(self.shared.repository, &self.shared.view, PackClass::Data, id)
            .unwrap_or(None);
        Ok(found.map(Place::Known))
    }

    fn make_room(&mut self, len: usize) -> Result<(), StoreError> {
        if self.filled > 0 && (self.filled + len > self.target_bytes || self.chunks.len() >= MAX_FRAME_CHUNKS) {
            self.flush()?;
        }
        Ok(())
    }

    /// Compresses the frame being filled, proves that it decompresses to the same bytes, and hands it over.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.chunks.is_empty() {
            return Ok(());
        }
        let group = &self.group[..self.filled];
        let codec = self.compressor.compress(group, &mut self.compressed)?;
        self.decompressor.decompress(codec, &self.compressed, group.len(), &mut self.proof)?;
        if self.proof != group {
            let found = "other bytes: check this machine's memory";
            return Err(StoreError::damaged("a compressed frame", 0, "the bytes that were compressed", found));
        }
        let frame = PlainFrame {
            kind: ChunkKind::Data,
            codec,
            raw_len_bytes: group.len() as u32,
            // A copy of the right length: the buffer itself has room for the worst case.
            body: self.compressed.clone(),
            chunks: std::mem::take(&mut self.chunks),
        };
        self.target_bytes = next_target(group.len(), frame.body.len(), self.shared.frame_target_bytes);
        self.filled = 0;
        let serial = std::mem::replace(&mut self.serial, self.shared.frames.begin());
        self.hand_over(serial, frame);
        Ok(())
    }

    fn hand_over(&self, serial: u32, frame: PlainFrame) {
        let lease = self.shared.budget.acquire(frame.body.len() as u64);
        // A closed channel means that the run has failed elsewhere; that error is the one to report.
        let _ = self.packer.send(ToPacker::Frame { serial, frame, lease });
    }
}

/// What a reader of one small file should have to fetch, about. Frames that compress badly are shorter for it.
const FETCH_TARGET_BYTES: usize = 2 << 20;
/// The shortest target: neighbours still compress together.
const LEAST_TARGET_BYTES: usize = 1 << 20;

/// Plaintext of the next frame, going by how the last one compressed: up to `most_bytes`, as long as
/// [`FETCH_TARGET_BYTES`] hold the compressed frame.
fn next_target(raw_bytes: usize, stored_bytes: usize, most_bytes: usize) -> usize {
    let fitting = FETCH_TARGET_BYTES.saturating_mul(raw_bytes) / stored_bytes.max(1);
    fitting.clamp(LEAST_TARGET_BYTES.min(most_bytes), most_bytes)
}
