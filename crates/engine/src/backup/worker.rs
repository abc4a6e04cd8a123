//! One worker: reads items, cuts, names and claims their chunks, and compresses what is new. A whole item goes through
//! one thread; nothing is handed over in between (measured: research on the byte path, two workers that each do the
//! whole path beat any hand-over).

use super::filler::{Filled, Filler, Shared};
use super::packer::ToPacker;
use super::queue::{JobQueue, Next};
use super::{Answer, RawPart, Task, TaskResult};
use datakeep_connector::{Extent, ItemError, ItemReader};
use datakeep_model::{FileType, LossCause};
use datakeep_store::StoreError;
use std::sync::mpsc::{Sender, SyncSender};

struct Worker<'a> {
    shared: &'a Shared<'a>,
    filler: Filler<'a>,
    window: Vec<u8>,
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
    answers: &Sender<Answer<Vec<TaskResult>>>,
) {
    let _alarm = Alarm(answers);
    let result = Worker::new(shared, packer).and_then(|mut worker| worker.work(number, queue, answers));
    if let Err(error) = result {
        let _ = answers.send(Answer::Failed(error));
    }
}

/// Tells the coordinator when its thread ends in a broken invariant, so that nobody waits for it.
pub(crate) struct Alarm<'s, T>(pub &'s Sender<Answer<T>>);

impl<T> Drop for Alarm<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let detail = "a worker stopped unexpectedly; this is a fault of the program".to_string();
            let _ = self.0.send(Answer::Failed(StoreError::Busy { detail }));
        }
    }
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, packer: SyncSender<ToPacker>) -> Result<Self, StoreError> {
        Ok(Self { shared, filler: Filler::new(shared, packer)?, window: Vec::new() })
    }

    fn work(
        &mut self,
        number: usize,
        queue: &JobQueue<Vec<Task>>,
        answers: &Sender<Answer<Vec<TaskResult>>>,
    ) -> Result<(), StoreError> {
        loop {
            match queue.next(number) {
                Next::Flush => self.filler.flush()?,
                Next::End => return self.filler.flush(),
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
            filled: Filled::default(),
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
        let spare = self.filler.spare(len)?;
        let read = reader.read(spare)?;
        if open_ended && read == len {
            let begun = spare.to_vec();
            return self.large(reader, begun, offset, result);
        }
        if read == 0 {
            return Ok(0);
        }
        result.read_bytes += read as u64;
        let part = self.filler.take_spare(read, &mut result.filled)?;
        result.parts.push(part);
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
                let part = self.filler.chunk(&window[cut_to..cut_to + len], &mut result.filled)?;
                result.parts.push(part);
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
}

/// How much is read before cutting.
const WINDOW_LEN_BYTES: usize = 2 << 20;

fn push_hole(parts: &mut Vec<RawPart>, len_bytes: u64) {
    match parts.last_mut() {
        Some(RawPart::Hole(before)) => *before += len_bytes,
        _ => parts.push(RawPart::Hole(len_bytes)),
    }
}
