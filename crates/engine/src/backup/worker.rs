//! One worker: reads items, cuts, names and claims their chunks, and compresses what is new. A whole item goes through
//! one thread; nothing is handed over in between (measured: research on the byte path, two workers that each do the
//! whole path beat any hand-over).

use super::frames::FrameMap;
use super::packer::ToPacker;
use super::queue::{JobQueue, Next};
use super::{Answer, Place, RawPart, Task, TaskResult};
use datakeep_connector::{ByteBudget, Cancel, Extent, ItemError, ItemReader};
use datakeep_model::{ChunkId, ChunkKind, FileType, LossCause};
use datakeep_process::{Chunker, CompressionSettings, Compressor, Decompressor};
use datakeep_store::{
    ChunkInfo, Claim, Claims, Index, PackClass, PlainFrame, Repository, StoreError, Ticket, WritersView,
};
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

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

pub(crate) struct Worker<'a> {
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
    window: Vec<u8>,
    compressed: Vec<u8>,
    proof: Vec<u8>,
}

/// Why an item ends early.
pub(crate) enum Stop {
    Item(ItemError),
    Run(StoreError),
    Cancelled,
}

impl From<ItemError> for Stop {
    fn from(error: ItemError) -> Self {
        Stop::Item(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Run(error)
    }
}

/// Runs until the queue ends or the run fails; failures are answered.
pub(crate) fn run(
    number: usize,
    shared: &Shared<'_>,
    queue: &JobQueue<Vec<Task>>,
    packer: SyncSender<ToPacker>,
    answers: &Sender<Answer>,
) {
    let _alarm = Alarm(answers);
    let result = Worker::new(shared, packer).and_then(|mut worker| worker.work(number, queue, answers));
    if let Err(error) = result {
        let _ = answers.send(Answer::Failed(error));
    }
}

/// Tells the coordinator when its thread ends in a broken invariant, so that nobody waits for it.
pub(crate) struct Alarm<'s>(pub &'s Sender<Answer>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let detail = "a worker stopped unexpectedly; this is a fault of the program".to_string();
            let _ = self.0.send(Answer::Failed(StoreError::Busy { detail }));
        }
    }
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, packer: SyncSender<ToPacker>) -> Result<Self, StoreError> {
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
            window: Vec::new(),
            compressed: Vec::new(),
            proof: Vec::new(),
        })
    }

    fn work(&mut self, number: usize, queue: &JobQueue<Vec<Task>>, answers: &Sender<Answer>) -> Result<(), StoreError> {
        loop {
            match queue.next(number) {
                Next::Flush => self.flush()?,
                Next::End => return self.flush(),
                Next::Job(tasks) => {
                    let results = self.job(tasks)?;
                    let _ = answers.send(Answer::Done(results));
                }
            }
        }
    }

    fn job(&mut self, tasks: Vec<Task>) -> Result<Vec<TaskResult>, StoreError> {
        let mut results = Vec::with_capacity(tasks.len());
        for task in tasks {
            if self.shared.cancel.is_cancelled() {
                break;
            }
            results.push(self.task(&task)?);
        }
        Ok(results)
    }

    fn task(&mut self, task: &Task) -> Result<TaskResult, StoreError> {
        let mut result = TaskResult {
            number: task.number,
            segment: task.segment,
            parts: Vec::new(),
            details: None,
            error: None,
            meta_after: None,
            read_bytes: 0,
            new_bytes: 0,
            chunks_new: 0,
            chunks_known: 0,
        };
        if task.wants_details {
            result.details = Some(task.handle.details());
        }
        if task.file_type != FileType::File {
            return Ok(result);
        }
        match self.read_item(task, &mut result) {
            Ok(()) => {}
            Err(Stop::Item(error)) => result.error = Some(error),
            Err(Stop::Cancelled) => result.error = Some(ItemError::new(LossCause::Unreadable, "cancelled")),
            Err(Stop::Run(error)) => return Err(error),
        }
        Ok(result)
    }

    fn read_item(&mut self, task: &Task, result: &mut TaskResult) -> Result<(), Stop> {
        let mut reader = task.handle.open(task.start_byte, task.end_byte)?;
        let mut offset = task.start_byte;
        let expected = task.expected_len_bytes;
        while let Some(extent) = reader.next_extent()? {
            offset += match extent {
                Extent::Hole { len_bytes } => {
                    push_hole(&mut result.parts, len_bytes);
                    len_bytes
                }
                Extent::Data { len_bytes } if len_bytes <= self.small_len() => {
                    self.small(&mut *reader, len_bytes as usize, false, offset, result)?
                }
                Extent::Data { .. } if expected <= self.small_len() => {
                    // One byte more than expected tells whether the file has grown.
                    self.small(&mut *reader, expected as usize + 1, true, offset, result)?
                }
                Extent::Data { .. } => self.large(&mut *reader, Vec::new(), offset, result)?,
            };
        }
        result.meta_after = reader.finish()?.meta_after;
        Ok(())
    }

    /// Data of up to this length is one chunk, whatever its bytes: no need to look for cuts.
    fn small_len(&self) -> u64 {
        u64::from(self.shared.chunker.params().min_bytes).saturating_sub(1)
    }

    /// Reads a small extent straight into the frame being filled, and takes it out again when the chunk is known.
    /// `open_ended`: filling all of `len` means that more follows.
    fn small(
        &mut self,
        reader: &mut dyn ItemReader,
        len: usize,
        open_ended: bool,
        offset: u64,
        result: &mut TaskResult,
    ) -> Result<u64, Stop> {
        self.make_room(len)?;
        let start = self.filled;
        let read = reader.read(&mut self.group[start..start + len])?;
        if open_ended && read == len {
            let begun = self.group[start..start + len].to_vec();
            return self.large(reader, begun, offset, result);
        }
        if read == 0 {
            return Ok(0);
        }
        result.read_bytes += read as u64;
        let id = self.shared.repository.ids().id(ChunkKind::Data, &self.group[start..start + read]);
        let ticket = self.ticket();
        let taken = match self.known(&id)? {
            Some(place) => Some(place),
            None => match self.shared.claims.claim(id, ticket) {
                Claim::New => None,
                Claim::Taken(other) => Some(Place::Ticket(other)),
            },
        };
        if taken.is_none() {
            self.filled += read;
        }
        self.note_chunk(id, read, taken, ticket, result);
        Ok(read as u64)
    }

    /// Cuts an extent of any length. `begun` are bytes of it already read.
    fn large(
        &mut self,
        reader: &mut dyn ItemReader,
        begun: Vec<u8>,
        start: u64,
        result: &mut TaskResult,
    ) -> Result<u64, Stop> {
        let mut window = std::mem::take(&mut self.window);
        // Its length stays, so that nothing is cleared before it is read into.
        window.resize(WINDOW_LEN_BYTES.max(2 * self.shared.chunker.params().max_bytes as usize), 0);
        window[..begun.len()].copy_from_slice(&begun);
        result.read_bytes += begun.len() as u64;
        let done = self.cut_all(reader, (&mut window, begun.len()), start, result);
        self.window = window;
        done
    }

    /// Reads and cuts until the extent ends. `window` begins with `have` bytes of it.
    fn cut_all(
        &mut self,
        reader: &mut dyn ItemReader,
        (window, mut have): (&mut [u8], usize),
        start: u64,
        result: &mut TaskResult,
    ) -> Result<u64, Stop> {
        let mut offset = start;
        let mut ended = false;
        loop {
            if self.shared.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let to_segment_end = self.shared.segment_bytes - offset % self.shared.segment_bytes;
            let wanted = to_segment_end.min(window.len() as u64) as usize;
            if !ended && have < wanted {
                let read = reader.read(&mut window[have..wanted])?;
                have += read;
                result.read_bytes += read as u64;
                ended = have < wanted;
            }
            let within = have.min(wanted);
            let at_end = ended || within as u64 == to_segment_end;
            let mut cut_to = 0;
            while let Some(len) = self.shared.chunker.next_cut(&window[cut_to..within], at_end) {
                self.chunk(&window[cut_to..cut_to + len], result)?;
                cut_to += len;
            }
            offset += cut_to as u64;
            window.copy_within(cut_to..have, 0);
            have -= cut_to;
            if ended && have == 0 {
                return Ok(offset - start);
            }
        }
    }

    fn chunk(&mut self, data: &[u8], result: &mut TaskResult) -> Result<(), StoreError> {
        let id = self.shared.repository.ids().id(ChunkKind::Data, data);
        let mut taken = self.known(&id)?;
        if taken.is_none() {
            self.make_room(data.len())?;
        }
        let ticket = self.ticket();
        if taken.is_none() {
            taken = match self.shared.claims.claim(id, ticket) {
                Claim::New => {
                    self.group[self.filled..self.filled + data.len()].copy_from_slice(data);
                    self.filled += data.len();
                    None
                }
                Claim::Taken(other) => Some(Place::Ticket(other)),
            };
        }
        self.note_chunk(id, data.len(), taken, ticket, result);
        Ok(())
    }

    /// The ticket of the next chunk of the frame being filled.
    fn ticket(&self) -> Ticket {
        Ticket { serial: self.serial, slot: self.chunks.len() as u32 }
    }

    fn note_chunk(&mut self, id: ChunkId, len: usize, taken: Option<Place>, own: Ticket, result: &mut TaskResult) {
        let len_bytes = len as u32;
        match taken {
            Some(_) => result.chunks_known += 1,
            None => {
                result.chunks_new += 1;
                result.new_bytes += len as u64;
                self.chunks.push(ChunkInfo { id, len_bytes });
            }
        }
        result.parts.push(RawPart::Chunk { id, len_bytes, place: taken.unwrap_or(Place::Ticket(own)) });
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
    fn flush(&mut self) -> Result<(), StoreError> {
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
        let lease = self.shared.budget.acquire(frame.body.len() as u64);
        let serial = std::mem::replace(&mut self.serial, self.shared.frames.begin());
        self.filled = 0;
        // A closed channel means that the run has failed elsewhere; that error is the one to report.
        let _ = self.packer.send(ToPacker::Frame { serial, frame, lease });
        Ok(())
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

/// How much is read before cutting.
const WINDOW_LEN_BYTES: usize = 2 << 20;

fn push_hole(parts: &mut Vec<RawPart>, len_bytes: u64) {
    match parts.last_mut() {
        Some(RawPart::Hole(before)) => *before += len_bytes,
        _ => parts.push(RawPart::Hole(len_bytes)),
    }
}
