//! Memory that a run may hold, and what follows from it for threads and buffers. The figures stand for what runs were measured to
//! hold, rounded up; a test holds the real program against them.

use crate::config::Settings;
use crate::errors::Failure;
use crate::sizes;
use crate::stores::Location;
use crate::words::tr;
use datakeep_engine::BackupOptions;
use std::ffi::OsStr;

const MIB: u64 = 1 << 20;
/// The pack that is being filled, up to a frame longer than its target.
const PACK_BYTES: u64 = 36 * MIB;
/// What is there whatever a run does: the program, caches of directories and frames, the tree being made, a key slot's cost.
const FIXED_BYTES: u64 = 82 * MIB;
/// What a thread that fills frames holds for each byte of a frame: the frame, what it is compressed to, what waits for the pack.
const TIMES_FRAME: u64 = 3;
/// And besides: the window that is read, the state of the compression, what the heap keeps of short frames.
const FILLING_BYTES: u64 = 11 * MIB;
/// Frames are not made shorter than this: smaller ones compress worse.
const LEAST_FRAME_BYTES: u64 = MIB;
/// What a thread holds that reads frames back: one as it is stored, one as it was, of the usual length.
const READING_BYTES: u64 = 14 * MIB;
/// Rows on their way into groups, whatever the number of threads.
const ROWS_BYTES: u64 = 110 * MIB;
/// What a thread holds that stores a group of rows.
const GROUP_BYTES: u64 = 48 * MIB;

/// What a run may hold.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    given_bytes: Option<u64>,
    /// What others hold of it.
    taken_bytes: u64,
}

impl Memory {
    /// What is in force.
    pub fn of(settings: &Settings) -> Self {
        Self { given_bytes: settings.memory_bytes.value, taken_bytes: 0 }
    }

    /// The same, less what is on its way to a repository in an object store, and the pack that is being filled.
    pub fn beside_uploads(self, settings: &Settings, place: Option<&OsStr>) -> Self {
        let is_remote = place.is_some_and(|place| matches!(Location::parse(place), Ok(Location::Bucket(_))));
        let taken = if is_remote { settings.store.upload_bytes() + PACK_BYTES } else { 0 };
        Self { taken_bytes: self.taken_bytes + taken, ..self }
    }

    /// A backup of files, or a copy.
    pub fn for_files(self, options: BackupOptions) -> Result<BackupOptions, Failure> {
        let least = TIMES_FRAME * LEAST_FRAME_BYTES + FILLING_BYTES;
        let Some(room) = self.room(FIXED_BYTES, least)? else { return Ok(options) };
        let usual = options.frame_target_bytes as u64;
        let share = room / options.workers.max(1) as u64;
        let frame = (share.saturating_sub(FILLING_BYTES) / TIMES_FRAME).clamp(LEAST_FRAME_BYTES, usual);
        let workers = workers(options.workers, room, TIMES_FRAME * frame + FILLING_BYTES);
        Ok(BackupOptions { workers, frame_target_bytes: frame as usize, ..options })
    }

    /// A backup of tables.
    pub fn for_tables(self, options: BackupOptions) -> Result<BackupOptions, Failure> {
        let Some(room) = self.room(FIXED_BYTES + ROWS_BYTES, GROUP_BYTES)? else { return Ok(options) };
        Ok(BackupOptions { workers: workers(options.workers, room, GROUP_BYTES), ..options })
    }

    /// Tables that are restored at the same time.
    pub fn for_restored_tables(self, wanted: usize) -> Result<usize, Failure> {
        let Some(room) = self.room(FIXED_BYTES + ROWS_BYTES, GROUP_BYTES)? else { return Ok(wanted) };
        Ok(workers(wanted, room, GROUP_BYTES + ROWS_BYTES))
    }

    /// Threads that read frames back: restores of files, and checks.
    pub fn for_readers(self, wanted: usize) -> Result<usize, Failure> {
        let Some(room) = self.room(FIXED_BYTES, READING_BYTES)? else { return Ok(wanted) };
        Ok(workers(wanted, room, READING_BYTES))
    }

    /// What is left for threads, where there is a limit; an error where that is not enough for one.
    fn room(self, fixed_bytes: u64, one_bytes: u64) -> Result<Option<u64>, Failure> {
        let Some(given) = self.given_bytes else { return Ok(None) };
        let fixed = fixed_bytes + self.taken_bytes;
        if let Some(room) = given.checked_sub(fixed).filter(|room| *room >= one_bytes) {
            return Ok(Some(room));
        }
        let (given, least) = (sizes::bytes(given), sizes::bytes(fixed + one_bytes));
        Err(Failure::usage(tr!(
            "memory: {given} is too little for this: it takes {least} at least",
            "memory：{given} 不足以完成此操作：至少需要 {least}"
        ))
        .hint(tr!(
            "give more: --memory SIZE, DATAKEEP_MEMORY, or `memory` in the configuration",
            "请给出更多：--memory 大小、DATAKEEP_MEMORY，或配置文件中的 `memory`"
        )))
    }
}

fn workers(wanted: usize, room: u64, each_bytes: u64) -> usize {
    wanted.min(usize::try_from(room / each_bytes).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    fn limit(mebibytes: Option<u64>) -> Memory {
        Memory { given_bytes: mebibytes.map(|mebibytes| mebibytes << 20), taken_bytes: 0 }
    }

    fn files(memory_mib: u64, workers: usize) -> (usize, usize) {
        let usual = BackupOptions { workers, ..BackupOptions::default() };
        let options = limit(Some(memory_mib)).for_files(usual).unwrap();
        (options.workers, options.frame_target_bytes >> 20)
    }

    #[test]
    fn frames_are_shortened_before_threads_are_spared() {
        assert_eq!(files(4096, 16), (16, 8));
        assert_eq!(files(152, 2), (2, 8));
        assert_eq!(files(128, 2), (2, 4));
        assert_eq!(files(306, 16), (16, 1));
        assert_eq!(files(200, 16), (8, 1));
        assert_eq!(files(96, 16), (1, 1));
        assert!(limit(Some(95)).for_files(BackupOptions::default()).is_err());
    }

    #[test]
    fn without_a_word_nothing_changes() {
        let usual = BackupOptions { workers: 40, ..BackupOptions::default() };
        assert_eq!(limit(None).for_files(usual.clone()).unwrap().workers, 40);
        assert_eq!(limit(None).for_tables(usual).unwrap().workers, 40);
        assert_eq!(limit(None).for_readers(40).unwrap(), 40);
        assert_eq!(limit(Some(128)).for_readers(40).unwrap(), 3);
    }
}
