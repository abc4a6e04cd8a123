//! Reads a regular file: data and holes, in order.

use crate::sys::{self, Looked, read_error, retry};
use datakeep_connector::{Extent, ItemError, ItemReader, ReadOutcome};
use rustix::fs::{Advice, SeekFrom};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// A shorter hole is read as zeros: telling it apart would cost more than it saves.
const LEAST_HOLE_BYTES: u64 = 4096;
/// Files longer than this are announced to the kernel as read in order.
const LONG_FILE_BYTES: u64 = 1 << 20;
/// The length of an extent that goes as far as the file does.
const OPEN_END: u64 = u64::MAX;

/// A regular file open for reading.
pub(crate) struct FileReader {
    fd: OwnedFd,
    /// Where the next byte is read.
    position_byte: u64,
    /// End of the present extent.
    extent_end_byte: u64,
    /// End of the range asked for; [`OPEN_END`] for the end of the file.
    range_end_byte: u64,
    len_at_open_bytes: u64,
    has_holes: bool,
    is_at_end: bool,
}

impl FileReader {
    pub fn new(fd: OwnedFd, looked: &Looked, start_byte: u64, end_byte: Option<u64>) -> Self {
        let range_end_byte = end_byte.unwrap_or(OPEN_END);
        let len_bytes = looked.meta.len_bytes;
        if len_bytes.min(range_end_byte).saturating_sub(start_byte) > LONG_FILE_BYTES {
            // Advice only: a file system without it reads all the same.
            let _ = rustix::fs::fadvise(&fd, 0, None, Advice::Sequential);
        }
        Self {
            fd,
            position_byte: start_byte,
            extent_end_byte: start_byte,
            range_end_byte,
            len_at_open_bytes: len_bytes,
            has_holes: looked.allocated_bytes < len_bytes,
            is_at_end: start_byte >= range_end_byte,
        }
    }

    fn data_until(&mut self, end_byte: u64) -> Extent {
        self.extent_end_byte = end_byte;
        Extent::Data { len_bytes: if end_byte == OPEN_END { OPEN_END } else { end_byte - self.position_byte } }
    }

    fn hole_until(&mut self, end_byte: u64) -> Extent {
        let len_bytes = end_byte - self.position_byte;
        if len_bytes < LEAST_HOLE_BYTES {
            return self.data_until(end_byte);
        }
        (self.position_byte, self.extent_end_byte) = (end_byte, end_byte);
        Extent::Hole { len_bytes }
    }

    /// Where data begins at or after `from`; `None` when there is none up to the end of the file.
    fn next_data(&self, from: u64) -> Result<Option<u64>, Errno> {
        match rustix::fs::seek(&self.fd, SeekFrom::Data(from)) {
            Ok(at) => Ok(Some(at)),
            Err(Errno::NXIO) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn len_now(&self) -> Result<u64, Errno> {
        Ok(sys::look_fd(&self.fd)?.meta.len_bytes)
    }

    fn extent_among_holes(&mut self) -> Result<Option<Extent>, Errno> {
        let (from, limit) = (self.position_byte, self.range_end_byte);
        let Some(data) = self.next_data(from)? else {
            let end = self.len_now()?.min(limit);
            self.is_at_end = true;
            return Ok((from < end).then(|| self.hole_until(end)));
        };
        if data.min(limit).saturating_sub(from) >= LEAST_HOLE_BYTES {
            return Ok(Some(self.hole_until(data.min(limit))));
        }
        let mut end = data;
        while end < limit {
            let hole = rustix::fs::seek(&self.fd, SeekFrom::Hole(end))?;
            let next = self.next_data(hole)?;
            let hole_end = match next {
                Some(next) => next,
                None => self.len_now()?,
            };
            if hole_end.saturating_sub(hole) >= LEAST_HOLE_BYTES {
                return Ok(Some(self.data_until(hole.min(limit))));
            }
            if next.is_none() {
                break;
            }
            end = hole_end;
        }
        // Data up to the end: as far as the file goes by then, should it grow.
        Ok(Some(self.data_until(limit)))
    }
}

impl ItemReader for FileReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        if self.is_at_end || self.extent_end_byte == OPEN_END {
            return Ok(None);
        }
        self.position_byte = self.extent_end_byte;
        if self.position_byte >= self.range_end_byte {
            self.is_at_end = true;
            return Ok(None);
        }
        if self.has_holes {
            match self.extent_among_holes() {
                Ok(extent) => return Ok(extent),
                // A file system that cannot tell: everything is data.
                Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NXIO) => self.has_holes = false,
                Err(errno) => return Err(read_error("find data", errno)),
            }
        }
        Ok(Some(self.data_until(self.range_end_byte)))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let left = self.extent_end_byte.saturating_sub(self.position_byte);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let mut filled = 0;
        while filled < want {
            let count = retry(|| rustix::io::pread(&self.fd, &mut buffer[filled..want], self.position_byte))
                .map_err(|errno| read_error("read", errno))?;
            if count == 0 {
                // Shorter than it was: there is nothing after this either.
                (self.extent_end_byte, self.is_at_end) = (self.position_byte, true);
                break;
            }
            filled += count;
            self.position_byte += count as u64;
            // A short count at the length the file had when it was opened: asking again would only say 0. Should it
            // have grown meanwhile, the metadata after reading says so.
            if filled < want && self.position_byte == self.len_at_open_bytes {
                (self.extent_end_byte, self.is_at_end) = (self.position_byte, true);
                break;
            }
        }
        Ok(filled)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        let looked = sys::look_fd(&self.fd).map_err(|errno| read_error("look at", errno))?;
        Ok(ReadOutcome { meta_after: Some(looked.meta) })
    }
}
