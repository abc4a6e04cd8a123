//! Writes everything that is not a directory: by frame, so that each is decoded once.

use super::{Action, RestoreItem, RestorePump, damaged, spec};
use crate::error::EngineError;
use datakeep_connector::{ItemError, ItemSink};
use datakeep_model::{ChunkKind, FileType, ItemPath, LossCause, Xattr};
use datakeep_store::{ChunkRef, Frame, FrameDecoder, PackClass, PackName, Part, StoreError, content_parts};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A file that is written in pieces.
struct Pieces {
    /// Pieces still to be written.
    remaining: AtomicU32,
    /// Pieces of a file to be updated that are still to be compared with what stands there.
    uncompared: AtomicU32,
    written_bytes: AtomicU64,
    sink: Mutex<Option<Box<dyn ItemSink>>>,
    holes: Vec<(u64, u64)>,
}

/// One file or special entry of a window.
struct Work {
    item: RestoreItem,
    xattrs: Vec<Xattr>,
    pieces: Option<Pieces>,
    lost: AtomicBool,
}

/// A use of a chunk.
struct Use {
    work: u32,
    chunk: ChunkRef,
    offset_byte: u64,
    /// True when the file that is updated was found to hold this chunk at its place.
    stands: AtomicBool,
}

/// All uses of one frame.
struct FrameJob {
    pack: PackName,
    frame: u32,
    uses: Vec<Use>,
}

/// A window's files, ready to be written.
pub(super) struct FileWork {
    works: Vec<Work>,
    /// Entries that need no chunk.
    plain: Vec<u32>,
    frames: Vec<FrameJob>,
    /// Items that were lost before anything was written.
    lost: HashSet<ItemPath>,
}

/// Entries without chunks are handed to workers in runs of this many.
const PLAIN_RUN: usize = 64;

impl FileWork {
    /// Sorts a window by frame, in the order in which frames are first needed.
    pub fn plan(
        pump: &RestorePump<'_>,
        items: Vec<RestoreItem>,
        decoder: &mut FrameDecoder,
    ) -> Result<Self, EngineError> {
        let works = Vec::with_capacity(items.len());
        let mut this = Self { works, plain: Vec::new(), frames: Vec::new(), lost: HashSet::new() };
        let mut by_frame: HashMap<(PackName, u32), usize> = HashMap::new();
        for item in items {
            let xattrs = pump.xattrs(&item.path, &item.entry, decoder)?;
            let parts = match wants_content(&item) {
                true => content_parts(pump.repository, &item.entry.content, decoder).and_then(|p| as_long(&item, p)),
                false => Ok(Vec::new()),
            };
            match parts {
                Ok(parts) => this.add(pump, item, xattrs, parts, &mut by_frame),
                Err(error) => {
                    pump.lose(&item.path, damaged(&error))?;
                    this.lost.insert(item.path);
                }
            }
        }
        Ok(this)
    }

    fn add(
        &mut self,
        pump: &RestorePump<'_>,
        item: RestoreItem,
        xattrs: Vec<Xattr>,
        parts: Vec<Part>,
        by_frame: &mut HashMap<(PackName, u32), usize>,
    ) {
        let number = self.works.len() as u32;
        let chunks = parts.iter().filter(|part| matches!(part, Part::Chunk(_))).count();
        let whole = parts.len() == 1 && chunks == 1 && item.action != Action::Update;
        let mut holes = Vec::new();
        let mut offset_byte = 0;
        for part in &parts {
            match part {
                Part::Hole(len_bytes) => holes.push((offset_byte, *len_bytes)),
                Part::Chunk(chunk) => {
                    // Where a collection has moved it; one that moves it later is found out when it is read.
                    let at = chunk.at.and_then(|at| pump.repository.place_for_reading(at).unwrap_or(Some(at)));
                    // What only the index knows is read by whole frames as well.
                    let at = at.or_else(|| Some(pump.repository.locate(ChunkKind::Data, chunk).ok()?.1));
                    let chunk = &ChunkRef { at, ..*chunk };
                    let place = chunk
                        .at
                        .map_or((PackName { session: item_session(), seq: 0 }, u32::MAX), |at| (at.pack, at.frame));
                    let job = *by_frame.entry(place).or_insert_with(|| {
                        self.frames.push(FrameJob { pack: place.0, frame: place.1, uses: Vec::new() });
                        self.frames.len() - 1
                    });
                    self.frames[job].uses.push(Use {
                        work: number,
                        chunk: *chunk,
                        offset_byte,
                        stands: AtomicBool::new(false),
                    });
                }
            }
            offset_byte += part.len_bytes();
        }
        if chunks == 0 {
            self.plain.push(number);
        }
        let pieces = (!whole && (chunks > 0 || !holes.is_empty())).then(|| Pieces {
            remaining: AtomicU32::new(chunks as u32),
            uncompared: AtomicU32::new(chunks as u32),
            written_bytes: AtomicU64::new(0),
            sink: Mutex::new(None),
            holes,
        });
        self.works.push(Work { item, xattrs, pieces, lost: AtomicBool::new(false) });
    }

    /// Writes it all, with the pump's workers. Returns what was lost.
    ///
    /// A file that is updated in place is the only copy of what stands there. Everything that is to be written into such
    /// files is therefore read and proven first, and thrown away; only what differs is, so a small change stays cheap.
    pub fn run(self, pump: &RestorePump<'_>) -> Result<HashSet<ItemPath>, EngineError> {
        if self.works.iter().any(|work| work.item.action == Action::Update) {
            in_parallel(pump, self.frames.len(), &|job, decoder| self.prove(pump, &self.frames[job], decoder))?;
        }
        let plain_runs = self.plain.len().div_ceil(PLAIN_RUN);
        in_parallel(pump, self.frames.len() + plain_runs, &|job, decoder| self.write(pump, job, decoder))?;
        let mut lost = self.lost;
        let works = self.works.into_iter().filter(|work| work.lost.load(Ordering::Relaxed));
        lost.extend(works.map(|work| work.item.path));
        Ok(lost)
    }

    fn write(&self, pump: &RestorePump<'_>, job: usize, decoder: &mut FrameDecoder) -> Result<(), EngineError> {
        if let Some(frame) = self.frames.get(job) {
            return self.frame(pump, frame, decoder);
        }
        let start = (job - self.frames.len()) * PLAIN_RUN;
        let end = (start + PLAIN_RUN).min(self.plain.len());
        self.plain[start..end].iter().try_for_each(|&number| self.plain(pump, number))
    }

    /// Finds out what of a frame files that are updated need, and that it can be had. A file that cannot be completed is
    /// lost before a byte of it is changed.
    fn prove(&self, pump: &RestorePump<'_>, job: &FrameJob, decoder: &mut FrameDecoder) -> Result<(), EngineError> {
        let is_update = |used: &&Use| self.works[used.work as usize].item.action == Action::Update;
        let mut needed = Vec::new();
        for used in job.uses.iter().filter(is_update) {
            match self.stands_already(pump, used) {
                true => used.stands.store(true, Ordering::Relaxed),
                false => needed.push(used),
            }
            self.close_when_compared(used);
        }
        if needed.is_empty() {
            return Ok(());
        }
        let frame = read_frame(pump, job, decoder);
        for used in needed {
            if let Err(error) = proven(pump, &frame, used, decoder) {
                self.lose_once(pump, used, error)?;
            }
        }
        Ok(())
    }

    /// A window may have thousands of files to be updated: none stays open until it is written.
    fn close_when_compared(&self, used: &Use) {
        if let Some(pieces) = &self.works[used.work as usize].pieces
            && pieces.uncompared.fetch_sub(1, Ordering::AcqRel) == 1
        {
            drop(pieces.sink.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    fn lose_once(&self, pump: &RestorePump<'_>, used: &Use, error: ItemError) -> Result<(), EngineError> {
        let work = &self.works[used.work as usize];
        if work.lost.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        pump.lose(&work.item.path, error)
    }

    /// An entry without chunks: special, empty, all hole, or only to be touched up.
    fn plain(&self, pump: &RestorePump<'_>, number: u32) -> Result<(), EngineError> {
        let work = &self.works[number as usize];
        let item = &work.item;
        let spec = spec(item, &work.xattrs);
        let result = match (item.action, item.entry.meta.file_type, &work.pieces) {
            (Action::Skip | Action::Keep, _, _) => Ok(()),
            (Action::Metadata, _, _) => pump.target.set_metadata(spec),
            (_, FileType::File, Some(pieces)) => self.open(pump, work).and_then(|sink| finish(work, pieces, sink)),
            (_, FileType::File, None) => pump.target.write_file(spec, &[]),
            _ => pump.target.make_special(spec),
        };
        self.note(pump, work, result, 0)
    }

    fn note(
        &self,
        pump: &RestorePump<'_>,
        work: &Work,
        result: Result<(), ItemError>,
        written_bytes: u64,
    ) -> Result<(), EngineError> {
        match result {
            Ok(()) => pump.done(&work.item, written_bytes),
            Err(error) => {
                // Content that is there with imperfect attributes is a loss and is there.
                if error.cause == LossCause::Attributes && error.fatal.is_none() {
                    pump.done(&work.item, written_bytes);
                } else {
                    work.lost.store(true, Ordering::Relaxed);
                }
                pump.lose(&work.item.path, error)?;
            }
        }
        Ok(())
    }

    fn frame(&self, pump: &RestorePump<'_>, job: &FrameJob, decoder: &mut FrameDecoder) -> Result<(), EngineError> {
        let is_lost = |used: &Use| self.works[used.work as usize].lost.load(Ordering::Relaxed);
        let (idle, needed): (Vec<&Use>, Vec<&Use>) =
            job.uses.iter().partition(|used| used.stands.load(Ordering::Relaxed) || is_lost(used));
        for used in idle {
            self.piece(pump, used, None)?;
        }
        if needed.is_empty() {
            return Ok(());
        }
        let frame = read_frame(pump, job, decoder);
        if frame.is_ok() {
            pump.tally.lock().unwrap_or_else(PoisonError::into_inner).frames += 1;
        }
        for used in needed {
            match proven(pump, &frame, used, decoder) {
                Ok(bytes) => self.piece(pump, used, Some(&bytes))?,
                Err(error) => {
                    self.lose_once(pump, used, error)?;
                    self.piece(pump, used, None)?;
                }
            }
        }
        Ok(())
    }

    /// For an update: true when the target holds this chunk at its place.
    fn stands_already(&self, pump: &RestorePump<'_>, used: &Use) -> bool {
        let work = &self.works[used.work as usize];
        let Some(pieces) = work.pieces.as_ref().filter(|_| work.item.action == Action::Update) else { return false };
        let mut sink = pieces.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if sink.is_none() {
            *sink = self.open(pump, work).ok();
        }
        let Some(sink) = sink.as_mut() else { return false };
        let mut buffer = vec![0; used.chunk.len_bytes as usize];
        let read = sink.read_at(used.offset_byte, &mut buffer).unwrap_or(0);
        read == buffer.len() && pump.repository.ids().id(ChunkKind::Data, &buffer) == used.chunk.id
    }

    fn open(&self, pump: &RestorePump<'_>, work: &Work) -> Result<Box<dyn ItemSink>, ItemError> {
        pump.target.open_file(spec(&work.item, &work.xattrs), work.item.action == Action::Update)
    }

    /// Writes one chunk (`None`: nothing to write, it stands there or is lost) and finishes the file after its last.
    fn piece(&self, pump: &RestorePump<'_>, used: &Use, bytes: Option<&[u8]>) -> Result<(), EngineError> {
        let work = &self.works[used.work as usize];
        let Some(pieces) = &work.pieces else {
            return match bytes {
                Some(bytes) => {
                    let result = pump.target.write_file(spec(&work.item, &work.xattrs), &[bytes]);
                    self.note(pump, work, result, bytes.len() as u64)
                }
                None => Ok(()),
            };
        };
        if let Some(bytes) = bytes.filter(|_| !work.lost.load(Ordering::Relaxed)) {
            let mut sink = pieces.sink.lock().unwrap_or_else(PoisonError::into_inner);
            let result = match &mut *sink {
                Some(sink) => sink.write_at(used.offset_byte, bytes),
                None => self.open(pump, work).and_then(|mut opened| {
                    let result = opened.write_at(used.offset_byte, bytes);
                    *sink = Some(opened);
                    result
                }),
            };
            drop(sink);
            pieces.written_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if let Err(error) = result
                && !work.lost.swap(true, Ordering::Relaxed)
            {
                pump.lose(&work.item.path, error)?;
            }
        }
        if pieces.remaining.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        self.last_piece(pump, work, pieces)
    }

    fn last_piece(&self, pump: &RestorePump<'_>, work: &Work, pieces: &Pieces) -> Result<(), EngineError> {
        let sink = pieces.sink.lock().unwrap_or_else(PoisonError::into_inner).take();
        if work.lost.load(Ordering::Relaxed) {
            // Dropping the sink unfinished removes what was begun. A file that was to be updated in place was lost
            // before it was touched; when the target itself failed meanwhile it keeps what was written, and its time of
            // change tells the next restore that it is not done.
            return Ok(());
        }
        let result = match sink {
            Some(sink) => finish(work, pieces, sink),
            None => self.open(pump, work).and_then(|sink| finish(work, pieces, sink)),
        };
        self.note(pump, work, result, pieces.written_bytes.load(Ordering::Relaxed))
    }
}

/// Does jobs with the pump's workers until all are done or one has failed.
fn in_parallel(
    pump: &RestorePump<'_>,
    jobs: usize,
    run: &(impl Fn(usize, &mut FrameDecoder) -> Result<(), EngineError> + Sync),
) -> Result<(), EngineError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut decoder = FrameDecoder::searching()?;
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs || pump.has_failed() {
                return Ok(());
            }
            if pump.context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            run(job, &mut decoder)?;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..pump.workers {
            scope.spawn(|| {
                if let Err(error) = work() {
                    pump.fail(error);
                }
            });
        }
    });
    let failure = pump.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    failure.map_or(Ok(()), Err)
}

fn read_frame(pump: &RestorePump<'_>, job: &FrameJob, decoder: &mut FrameDecoder) -> Result<Frame, StoreError> {
    let pack = pump.repository.open_pack(PackClass::Data, job.pack)?;
    pump.repository.read_frame(&pack, job.frame, decoder)
}

/// The bytes of a chunk: from its frame; when the hint is wrong or the frame is damaged, from where the index knows.
fn proven<'f>(
    pump: &RestorePump<'_>,
    frame: &'f Result<Frame, StoreError>,
    used: &Use,
    decoder: &mut FrameDecoder,
) -> Result<Cow<'f, [u8]>, ItemError> {
    let repository = pump.repository;
    let slot = used.chunk.at.map_or(u32::MAX, |at| at.slot);
    let here = match frame {
        Ok(frame) if frame.kind == ChunkKind::Data => frame.chunk(slot, &used.chunk.id, repository.ids()),
        _ => Ok(None),
    };
    if let Ok(Some(bytes)) = here
        && bytes.len() as u64 == u64::from(used.chunk.len_bytes)
    {
        return Ok(Cow::Borrowed(bytes));
    }
    let missing = || StoreError::Missing { object: format!("chunk {}", used.chunk.id) };
    let cause = frame.as_ref().err().or(here.as_ref().err());
    let elsewhere = repository.read_elsewhere((ChunkKind::Data, &used.chunk), cause, decoder);
    let elsewhere = elsewhere.and_then(|bytes| bytes.ok_or_else(missing));
    // What was wrong here says more than that there is nothing elsewhere.
    elsewhere.map(Cow::Owned).map_err(|error| match (frame, &here) {
        (Err(cause), _) | (_, Err(cause)) => damaged(cause),
        _ => damaged(&error),
    })
}

fn wants_content(item: &RestoreItem) -> bool {
    item.entry.meta.file_type == FileType::File
        && !matches!(item.action, Action::Skip | Action::Keep | Action::Metadata)
}

/// The parts, when together they are as long as the entry says.
fn as_long(item: &RestoreItem, parts: Vec<Part>) -> Result<Vec<Part>, StoreError> {
    let stated = item.entry.meta.len_bytes;
    let total = parts.iter().try_fold(0u64, |total, part| total.checked_add(part.len_bytes()));
    if total == Some(stated) {
        return Ok(parts);
    }
    let found = total.map_or("more than any file".to_string(), |total| format!("{total} bytes"));
    Err(StoreError::damaged(format!("the content of {}", item.path), 0, format!("{stated} bytes"), found))
}

fn item_session() -> datakeep_model::SessionId {
    datakeep_model::SessionId([0; 12])
}

fn finish(work: &Work, pieces: &Pieces, mut sink: Box<dyn ItemSink>) -> Result<(), ItemError> {
    for (offset_byte, len_bytes) in &pieces.holes {
        sink.punch(*offset_byte, *len_bytes)?;
    }
    sink.finish(spec(&work.item, &work.xattrs))
}
