//! Notes every change that a local store makes to a real folder, in order, and what was told to the user in between.

use super::oracle::Told;
use datakeep_store_blob::local::layer::{Disk, Errno, Layer, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A change. Paths are relative to the store's folder: it is empty itself, and stands in `..`.
#[derive(Clone, Debug)]
pub enum Op {
    MakeDirectory(String),
    Create {
        file: u64,
        path: String,
    },
    Write {
        file: u64,
        bytes: Arc<Vec<u8>>,
    },
    SyncFile {
        file: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Link {
        from: String,
        to: String,
    },
    Remove(String),
    SyncDirectory(String),
    /// A sync that failed: what it was to make durable never is.
    LostFile {
        file: u64,
    },
    LostDirectory(String),
    /// The disk lost a file by itself, for good.
    Decay(String),
}

#[derive(Clone, Debug)]
pub enum Event {
    Op(Op),
    Told(Told),
}

/// A fault planted to prove that the harness finds it: what the store's layer leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeavesOut {
    Nothing,
    SyncOfFiles,
    SyncOfDirectories,
    SyncOfNewDirectories,
}

/// What a file system does after a sync failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Afterwards {
    /// It goes on as if nothing had been.
    GoesOn,
    /// It lets itself be read only.
    ReadOnly,
}

/// Notes what passes. Clones write into the same log.
#[derive(Clone)]
pub struct Recorder {
    root: PathBuf,
    leaves_out: LeavesOut,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    /// Files by the name under which they were made.
    files: BTreeMap<String, u64>,
    next_file: u64,
    /// The process dies after the first change of which this is true.
    dies_after: Option<fn(&Op) -> bool>,
    is_dead: bool,
    /// The sync that fails, counted down.
    fails_sync: Option<(u64, Afterwards)>,
    is_read_only: bool,
}

impl Recorder {
    pub fn new(root: &Path, leaves_out: LeavesOut) -> Self {
        Self { root: root.to_path_buf(), leaves_out, log: Arc::default() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn tell(&self, told: Told) {
        self.log.lock().unwrap().events.push(Event::Told(told));
    }

    pub fn events(&self) -> Vec<Event> {
        self.log.lock().unwrap().events.clone()
    }

    pub fn len(&self) -> usize {
        self.log.lock().unwrap().events.len()
    }

    /// Kills the process that now runs after a change.
    pub fn die_after(&self, dies_after: fn(&Op) -> bool) {
        self.log.lock().unwrap().dies_after = Some(dies_after);
    }

    /// The next process lives. True when the one before was killed.
    pub fn live(&self) -> bool {
        let mut log = self.log.lock().unwrap();
        log.dies_after = None;
        if log.is_dead {
            std::fs::rename(self.root.with_extension("away"), &self.root).unwrap();
        }
        std::mem::take(&mut log.is_dead)
    }

    /// Fails one sync from now on, counted from 0.
    pub fn fail_sync(&self, number: u64, afterwards: Afterwards) {
        self.log.lock().unwrap().fails_sync = Some((number, afterwards));
    }

    /// The file system is mounted anew. True when the sync that was to fail has failed.
    pub fn mend(&self) -> bool {
        let mut log = self.log.lock().unwrap();
        log.is_read_only = false;
        log.fails_sync.take().is_none()
    }

    /// Takes an object away, as a disk may that loses what it has.
    pub fn decay(&self, object: &str) {
        std::fs::remove_file(self.root.join(object)).unwrap();
        self.log.lock().unwrap().events.push(Event::Op(Op::Decay(object.to_string())));
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).map_or("..".to_string(), |path| path.to_str().unwrap().to_string())
    }

    /// Makes a change that is noted when it succeeds. Nobody else changes anything meanwhile: the log has the order in
    /// which things happened.
    fn change<T>(&self, act: impl FnOnce() -> Result<T>, op: impl FnOnce(&mut Log) -> Op) -> Result<T> {
        let mut log = self.log.lock().unwrap();
        if log.is_dead {
            return Err(Errno::IO);
        }
        if log.is_read_only {
            return Err(Errno::ROFS);
        }
        let done = act()?;
        let op = op(&mut log);
        if log.dies_after.is_some_and(|dies_after| dies_after(&op)) {
            // What a dead process would still do must not work, reading included.
            std::fs::rename(&self.root, self.root.with_extension("away")).unwrap();
            log.is_dead = true;
        }
        log.events.push(Event::Op(op));
        Ok(done)
    }

    fn sync(&self, act: impl FnOnce() -> Result<()>, done: Op, lost: Op) -> Result<()> {
        let fails = {
            let mut log = self.log.lock().unwrap();
            let due = log.fails_sync.take_if(|(left, _)| *left == 0);
            log.fails_sync.iter_mut().for_each(|(left, _)| *left -= 1);
            due.map(|(_, afterwards)| afterwards)
        };
        if let Some(afterwards) = fails {
            self.change(|| Ok(()), |_| lost)?;
            self.log.lock().unwrap().is_read_only = afterwards == Afterwards::ReadOnly;
            return Err(Errno::IO);
        }
        self.change(act, |_| done)
    }

    fn file(&self, path: &Path) -> u64 {
        self.log.lock().unwrap().files[&self.relative(path)]
    }

    /// True when the last change made a directory in this one.
    fn has_just_grown(&self, directory: &str) -> bool {
        let log = self.log.lock().unwrap();
        let Some(Event::Op(Op::MakeDirectory(path))) = log.events.last() else { return false };
        parent(path) == directory
    }
}

/// Where an entry stands.
pub fn parent(path: &str) -> &str {
    if path.is_empty() { ".." } else { path.rsplit_once('/').map_or("", |(parent, _)| parent) }
}

impl Layer for Recorder {
    fn make_directory(&self, path: &Path) -> Result<()> {
        self.change(|| Disk.make_directory(path), |_| Op::MakeDirectory(self.relative(path)))
    }

    fn remove_directory(&self, path: &Path) -> Result<()> {
        self.change(|| Disk.remove_directory(path), |_| Op::Remove(self.relative(path)))
    }

    fn create_file(&self, path: &Path) -> Result<File> {
        let name = self.relative(path);
        self.change(
            || Disk.create_file(path),
            |log| {
                let file = log.next_file;
                log.next_file += 1;
                log.files.insert(name.clone(), file);
                Op::Create { file, path: name }
            },
        )
    }

    fn write(&self, file: &mut File, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
        let op = Op::Write { file: self.file(path), bytes: Arc::new(parts.concat()) };
        self.change(|| Disk.write(file, path, parts).map_err(|_| Errno::IO), |_| op)?;
        Ok(())
    }

    fn allocate(&self, _: &File, _: &Path, _: u64) -> Result<()> {
        // The room set aside is no object, and a test folder has none to spare.
        Err(Errno::NOSPC)
    }

    fn sync_file(&self, file: &File, path: &Path) -> Result<()> {
        if self.leaves_out == LeavesOut::SyncOfFiles {
            return Ok(());
        }
        let number = self.file(path);
        self.sync(|| Disk.sync_file(file, path), Op::SyncFile { file: number }, Op::LostFile { file: number })
    }

    fn rename_new(&self, from: &Path, to: &Path) -> Result<()> {
        let op = Op::Rename { from: self.relative(from), to: self.relative(to) };
        self.change(|| Disk.rename_new(from, to), |_| op)
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        let op = Op::Link { from: self.relative(from), to: self.relative(to) };
        self.change(|| Disk.link(from, to), |_| op)
    }

    fn unlink(&self, path: &Path) -> Result<()> {
        self.change(|| Disk.unlink(path), |_| Op::Remove(self.relative(path)))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        let name = self.relative(path);
        let is_left_out = match self.leaves_out {
            LeavesOut::SyncOfDirectories => true,
            LeavesOut::SyncOfNewDirectories => self.has_just_grown(&name),
            LeavesOut::Nothing | LeavesOut::SyncOfFiles => false,
        };
        if is_left_out {
            return Ok(());
        }
        self.sync(|| Disk.sync_directory(path), Op::SyncDirectory(name.clone()), Op::LostDirectory(name))
    }
}
