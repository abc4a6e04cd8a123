//! Files written in pieces: new ones under a temporary name, old ones in place when that is safe.

use super::attributes::{Before, Entry, apply};
use super::error::{refused, write_error};
use super::leftovers::Made;
use super::{Inner, Spot};
use crate::read::FileReader;
use crate::sys::{self, retry};
use datakeep_connector::{Extent, ItemError, ItemReader, ItemSink, ItemSpec};
use datakeep_model::FileType;
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

const COPY_BUFFER_BYTES: usize = 256 << 10;
/// The most that a file has while it is filled, when lists will say who may read it.
const FILL_MODE: u16 = 0o600;

/// A file in the making.
pub(super) struct FileSink {
    inner: Arc<Inner>,
    spot: Spot,
    /// Locked while it has a temporary name.
    fd: OwnedFd,
    /// Its name until it is finished; `None` when it is written in place.
    temporary: Option<CString>,
    before: Before,
    /// The mode that a file written in place gets before its first new byte: who may not read the new content must not
    /// read it while it comes.
    narrow: Option<u16>,
    /// Where what it holds may end; beyond it there are no bytes yet.
    end_byte: u64,
}

impl FileSink {
    pub fn open(inner: &Arc<Inner>, spec: &ItemSpec<'_>, update: bool) -> Result<Self, ItemError> {
        let spot = inner.spot(spec.path)?;
        if !update {
            return Self::create(inner, spot, spec);
        }
        let open = |access| {
            let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            inner.patiently(|| rustix::fs::openat(&spot.parent, &spot.name, flags, Mode::empty()))
        };
        let (fd, is_writable) = match open(OFlags::RDWR) {
            Ok(fd) => (fd, true),
            // Read-only, or being executed: a copy can be written.
            Err(Errno::ACCESS | Errno::PERM | Errno::TXTBSY) => match open(OFlags::RDONLY) {
                Ok(fd) => (fd, false),
                Err(errno) => return Err(write_error("open", errno)),
            },
            Err(Errno::NOENT | Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Self::create(inner, spot, spec),
            Err(errno) => return Err(write_error("open", errno)),
        };
        let looked = sys::look_fd(&fd).map_err(|errno| write_error("look at", errno))?;
        if looked.meta.file_type != FileType::File {
            return Self::create(inner, spot, spec);
        }
        // Another name of the same file may be outside the target: its bytes are not ours to change.
        if looked.meta.links == 1 && is_writable {
            let (before, end_byte) = (Before::old(&looked.meta), looked.meta.len_bytes);
            let others = if spec.xattrs.is_empty() { inner.settings.mode(spec.meta.mode) } else { FILL_MODE };
            let narrow = Some(before.mode & others).filter(|mode| *mode != before.mode);
            return Ok(Self { inner: Arc::clone(inner), spot, fd, temporary: None, before, narrow, end_byte });
        }
        let mut sink = Self::create(inner, spot, spec)?;
        sink.copy(FileReader::new(fd, &looked, 0, None))?;
        Ok(sink)
    }

    fn create(inner: &Arc<Inner>, spot: Spot, spec: &ItemSpec<'_>) -> Result<Self, ItemError> {
        if !spec.replace && sys::look_at(&spot.parent, &spot.name).is_ok() {
            return Err(write_error("create", Errno::EXIST));
        }
        let Made { name, fd, before } = inner.make_temporary(&spot, spec, OFlags::RDWR)?;
        Ok(Self { inner: Arc::clone(inner), spot, fd, temporary: Some(name), before, narrow: None, end_byte: 0 })
    }

    /// Takes rights away before new content comes. Where that is refused, setting the mode at the end tells of it.
    fn narrow(&mut self) {
        if let Some(mode) = self.narrow.take()
            && Entry::Open(self.fd.as_fd()).chmod(mode).is_ok()
        {
            self.before.mode = mode;
        }
    }

    fn copy(&mut self, mut from: FileReader) -> Result<(), ItemError> {
        let mut buffer = vec![0; COPY_BUFFER_BYTES];
        let mut offset = 0;
        while let Some(extent) = from.next_extent()? {
            if let Extent::Hole { len_bytes } = extent {
                offset += len_bytes;
                continue;
            }
            loop {
                let count = from.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                self.write_at(offset, &buffer[..count])?;
                offset += count as u64;
            }
        }
        rustix::fs::ftruncate(&self.fd, offset).map_err(|errno| write_error("set length", errno))?;
        self.end_byte = offset;
        Ok(())
    }

    fn write_zeros(&mut self, offset_byte: u64, len_bytes: u64) -> Result<(), ItemError> {
        let zeros = vec![0; usize::try_from(len_bytes).unwrap_or(COPY_BUFFER_BYTES).min(COPY_BUFFER_BYTES)];
        let mut done = 0;
        while done < len_bytes {
            let count = (len_bytes - done).min(zeros.len() as u64);
            self.write_at(offset_byte + done, &zeros[..count as usize])?;
            done += count;
        }
        Ok(())
    }

    fn complete(&mut self, spec: &ItemSpec<'_>) -> Result<(), ItemError> {
        rustix::fs::ftruncate(&self.fd, spec.meta.len_bytes).map_err(|errno| write_error("set length", errno))?;
        if self.inner.settings.fsync {
            rustix::fs::fdatasync(&self.fd).map_err(|errno| write_error("make durable", errno))?;
        }
        apply(&self.inner.settings, &Entry::Open(self.fd.as_fd()), spec, &self.before)
    }

    /// Gives a new file its name where nothing stands, without the risk of replacing what came meanwhile.
    fn link_into_place(&self, temporary: &CString, outcome: Result<(), ItemError>) -> Result<(), ItemError> {
        let parent = &self.spot.parent;
        if outcome.as_ref().is_err_and(|error| error.cause != datakeep_model::LossCause::Attributes) {
            let _ = rustix::fs::unlinkat(parent, temporary, AtFlags::empty());
            return outcome;
        }
        let exclusive = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(parent, temporary, parent, &self.spot.name, exclusive) {
            Ok(()) => outcome,
            // A file system without the flag: what came within the last instant is replaced.
            Err(Errno::INVAL | Errno::NOSYS) if sys::look_at(parent, &self.spot.name).is_err() => {
                self.inner.put_in_place(&self.spot, temporary, outcome)
            }
            Err(errno) => {
                let _ = rustix::fs::unlinkat(parent, temporary, AtFlags::empty());
                Err(write_error("name", errno))
            }
        }
    }
}

impl ItemSink for FileSink {
    fn write_at(&mut self, offset_byte: u64, data: &[u8]) -> Result<(), ItemError> {
        self.narrow();
        let mut done = 0;
        while done < data.len() {
            let count = retry(|| rustix::io::pwrite(&self.fd, &data[done..], offset_byte + done as u64))
                .map_err(|errno| write_error("write", errno))?;
            if count == 0 {
                return Err(write_error("write", Errno::IO));
            }
            done += count;
        }
        self.end_byte = self.end_byte.max(offset_byte + data.len() as u64);
        Ok(())
    }

    fn punch(&mut self, offset_byte: u64, len_bytes: u64) -> Result<(), ItemError> {
        let end = offset_byte.checked_add(len_bytes).ok_or_else(|| refused("a hole beyond any file's end"))?;
        let len_bytes = end.min(self.end_byte).saturating_sub(offset_byte);
        if len_bytes == 0 {
            // Never written: the final length makes it a hole.
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match retry(|| rustix::fs::fallocate(&self.fd, flags, offset_byte, len_bytes)) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(offset_byte, len_bytes),
            Err(errno) => Err(write_error("make a hole", errno)),
        }
    }

    fn read_at(&mut self, offset_byte: u64, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let mut filled = 0;
        while filled < buffer.len() {
            let count = retry(|| rustix::io::pread(&self.fd, &mut buffer[filled..], offset_byte + filled as u64))
                .map_err(|errno| sys::read_error("read back", errno))?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        Ok(filled)
    }

    fn finish(mut self: Box<Self>, spec: ItemSpec<'_>) -> Result<(), ItemError> {
        let outcome = self.complete(&spec);
        match self.temporary.take() {
            Some(temporary) if spec.replace => self.inner.put_in_place(&self.spot, &temporary, outcome),
            Some(temporary) => self.link_into_place(&temporary, outcome),
            None => outcome,
        }
    }
}

impl Drop for FileSink {
    /// A file that was not finished never gets its name.
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let _ = rustix::fs::unlinkat(&self.spot.parent, &temporary, AtFlags::empty());
        }
    }
}
