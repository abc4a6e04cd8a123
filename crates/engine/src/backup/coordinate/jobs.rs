//! Jobs: what workers are given, and what they answer.

use super::{Coordinator, Pending};
use crate::backup::{Answer, Task, TaskResult};
use crate::error::EngineError;
use datakeep_connector::{ConnectorError, Item};
use datakeep_model::FileType;
use datakeep_store::{Attributes, Content, Entry};

/// Tasks in one job, at most.
const MAX_JOB_TASKS: usize = 512;

impl Coordinator<'_, '_> {
    pub(super) fn fetch(&mut self, key: Vec<u8>, item: Item, (action, was): (&'static str, Option<Box<Entry>>)) {
        let number = self.first + self.pending.len() as u64;
        let len_bytes = item.meta.len_bytes;
        let segment_bytes = u64::from(self.run.repository.config().segment_mib) << 20;
        let count = match item.meta.file_type {
            FileType::File if item.handle.is_seekable() => len_bytes.div_ceil(segment_bytes).max(1),
            _ => 1,
        };
        for segment in 0..count {
            let start_byte = segment * segment_bytes;
            let end_byte = (segment + 1 < count).then_some(start_byte + segment_bytes);
            let expected_len_bytes = end_byte.unwrap_or(len_bytes.max(start_byte)) - start_byte;
            // A stream does not know its length; it is never small.
            let expected_len_bytes = if item.handle.is_seekable() { expected_len_bytes } else { u64::MAX };
            self.job.push(Task {
                number,
                segment: segment as usize,
                file_type: item.meta.file_type,
                handle: item.handle.clone(),
                start_byte,
                end_byte,
                expected_len_bytes,
                wants_details: segment == 0,
            });
            self.job_bytes = self.job_bytes.saturating_add(expected_len_bytes);
            if self.job_bytes >= self.run.options.frame_target_bytes as u64 || self.job.len() >= MAX_JOB_TASKS {
                self.send_job();
            }
        }
        let entry = Entry {
            key,
            meta: item.meta,
            link_target: None,
            attributes: Attributes::None,
            content: Content::Empty,
            changed_while_read: false,
        };
        let segments = (0..count).map(|_| None).collect();
        let missing = count as usize;
        self.pending.push_back(Pending { entry, action, was, missing, segments, fresh: true, is_progress: true });
    }

    pub(super) fn send_job(&mut self) {
        if !self.job.is_empty() {
            self.queue.push(std::mem::take(&mut self.job));
            self.outstanding += 1;
            self.job_bytes = 0;
            self.flush_asked = false;
        }
    }

    /// Waits for an answer. When every job has been answered, what is missing lies in frames that workers are still
    /// filling: they are asked to hand them over.
    pub(super) fn wait(&mut self) -> Result<(), EngineError> {
        self.send_job();
        // After a cancellation workers drop tasks, and nobody would answer for those.
        if self.outstanding == 0 && self.run.context.cancel.is_cancelled() {
            return Ok(());
        }
        if self.outstanding == 0 && !self.flush_asked {
            self.flush_asked = true;
            self.queue.flush();
        }
        self.take_answers(true)
    }

    pub(super) fn take_answers(&mut self, wait: bool) -> Result<(), EngineError> {
        let mut first = if wait {
            Some(self.answers.recv().map_err(|_| EngineError::Broken("every worker is gone"))?)
        } else {
            None
        };
        while let Some(answer) = first.take().or_else(|| self.answers.try_recv().ok()) {
            match answer {
                Answer::Done(results) => {
                    self.outstanding -= 1;
                    results.into_iter().try_for_each(|result| self.take_result(result))?;
                }
                Answer::Placed => {}
                Answer::Packed => self.packed = true,
                Answer::Failed(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn take_result(&mut self, result: TaskResult) -> Result<(), EngineError> {
        let errors = [result.error.as_ref(), result.details.as_ref().and_then(|(_, error)| error.as_ref())];
        for error in errors.into_iter().flatten() {
            if let Some(kind) = error.fatal {
                return Err(ConnectorError::new(kind, error.detail.clone()).into());
            }
        }
        let counters = &mut self.tally.counters;
        counters.read_bytes += result.read_bytes;
        result.filled.add_to(counters);
        let Some(place) = result.number.checked_sub(self.first) else { return Ok(()) };
        if let Some(pending) = self.pending.get_mut(place as usize) {
            let segment = result.segment;
            pending.missing -= 1;
            pending.segments[segment] = Some(result);
        }
        Ok(())
    }
}
