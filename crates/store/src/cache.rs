//! The local cache: copies of what has been read from a store that is far away, in a folder of files.
//!
//! Nothing needs it, and it may be deleted at any time. It holds pieces verbatim as they are stored, sealed, each with a seal
//! of its own under a key of the repository; and the runs of the index (`index::segment`). A piece that is not what was put
//! there (torn, damaged, forged) counts as absent. Its files together take no more than a bound, by which the least
//! recently used leave; several processes at once may go beyond it by a sixteenth each.

use datakeep_process::{RoleKey, digest, mac, macs_match};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

const MAGIC: &[u8; 8] = b"DKPPIEC1";
const HEAD_LEN_BYTES: usize = 8 + 32;
const LABEL: &[u8] = b"cached piece";
/// The folder of pieces within that of the cache.
const PIECES: &str = "pieces";
/// Longest piece.
const MAX_PIECE_LEN_BYTES: u64 = 8 << 20;
/// Room that is made when there is none, and what may be written before all files are looked at again: this part of the bound.
const PART: u64 = 16;

/// A folder of pieces with a bound.
pub(crate) struct Cache {
    folder: PathBuf,
    most_bytes: u64,
    key: RoleKey,
    /// Tells temporary files of one process apart.
    counter: AtomicU64,
    known: Mutex<Known>,
}

/// What a process knows of the files.
#[derive(Default)]
struct Known {
    /// What they took when they were last looked at, and what this process has written since; `None` before the first look.
    used_bytes: Option<u64>,
    written_bytes: u64,
}

struct Found {
    used: SystemTime,
    len_bytes: u64,
    path: PathBuf,
}

impl Cache {
    /// A cache in `folder`, whose files may take `most_bytes`.
    pub fn new(folder: &Path, most_bytes: u64, key: RoleKey) -> Self {
        Self { folder: folder.to_path_buf(), most_bytes, key, counter: AtomicU64::new(0), known: Mutex::default() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// True when a file of this length has a place in it.
    pub fn admits(&self, len_bytes: u64) -> bool {
        len_bytes <= self.most_bytes / 4
    }

    fn path(&self, name: &str) -> PathBuf {
        let hash = digest(name.as_bytes()).to_hex();
        self.folder.join(PIECES).join(&hash[..2]).join(&hash[2..40])
    }

    fn seal(&self, name: &str, bytes: &[u8]) -> [u8; 32] {
        let named = [name.as_bytes(), b"\0", bytes].concat();
        mac(&self.key, LABEL, &named)
    }

    /// The piece of this name, if it is here and whole.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let file = File::open(&path).ok()?;
        let mut stored = Vec::new();
        (&file).take(HEAD_LEN_BYTES as u64 + MAX_PIECE_LEN_BYTES + 1).read_to_end(&mut stored).ok()?;
        let piece = self.open(name, &stored);
        match piece {
            Some(_) => touch(&file),
            None => drop(fs::remove_file(&path)),
        }
        piece
    }

    fn open(&self, name: &str, stored: &[u8]) -> Option<Vec<u8>> {
        let (head, bytes) = stored.split_at_checked(HEAD_LEN_BYTES)?;
        let seal = <&[u8; 32]>::try_from(&head[8..]).ok()?;
        (&head[..8] == MAGIC && macs_match(&self.seal(name, bytes), seal)).then(|| bytes.to_vec())
    }

    /// Keeps a piece, if that can be. A full or read-only disk, or another process, may keep it from being kept.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let len_bytes = (HEAD_LEN_BYTES + bytes.len()) as u64;
        if !self.admits(len_bytes) || bytes.len() as u64 > MAX_PIECE_LEN_BYTES {
            return;
        }
        let path = self.path(name);
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("tmp-{}-{number}-{self:p}", std::process::id()));
        let write = || -> std::io::Result<()> {
            let mut file = match File::create_new(&temporary) {
                Err(_) => {
                    fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
                    File::create_new(&temporary)?
                }
                Ok(file) => file,
            };
            for part in [&MAGIC[..], &self.seal(name, bytes), bytes] {
                file.write_all(part)?;
            }
            touch(&file);
            fs::rename(&temporary, &path)
        };
        match write() {
            Ok(()) => self.note(len_bytes),
            Err(_) => drop(fs::remove_file(&temporary)),
        }
    }

    /// Notes that so many bytes have been written into the folder, and makes room if that is too much.
    pub fn note(&self, len_bytes: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.written_bytes += len_bytes;
        let used_bytes = known.used_bytes.map(|used_bytes| used_bytes + len_bytes);
        let is_fresh = known.written_bytes <= self.most_bytes / PART;
        if let Some(used_bytes) = used_bytes.filter(|used_bytes| *used_bytes <= self.most_bytes && is_fresh) {
            known.used_bytes = Some(used_bytes);
            return;
        }
        *known = Known { used_bytes: Some(self.make_room()), written_bytes: 0 };
    }

    /// Looks at all files and removes the least recently used of them if they take too much; what is left.
    fn make_room(&self) -> u64 {
        let mut found = look(&self.folder);
        let mut used_bytes: u64 = found.iter().map(|file| file.len_bytes).sum();
        if used_bytes <= self.most_bytes {
            return used_bytes;
        }
        found.sort_by_key(|file| file.used);
        for file in found {
            if used_bytes <= self.most_bytes - self.most_bytes / PART {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                used_bytes -= file.len_bytes;
            }
        }
        used_bytes
    }
}

/// The time at which a file was used last is its time of change.
pub(crate) fn touch(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}

/// What the files of a cache folder take, in bytes.
pub fn cached_bytes(folder: &Path) -> u64 {
    look(folder).iter().map(|file| file.len_bytes).sum()
}

/// The files that count: pieces, and runs of the index. Others in the folder are not the cache's.
fn look(folder: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    look_into(folder, &|name| name.starts_with("index-"), &mut found);
    for entry in fs::read_dir(folder.join(PIECES)).into_iter().flatten().flatten() {
        look_into(&entry.path(), &|_| true, &mut found);
    }
    found
}

fn look_into(folder: &Path, counts: &dyn Fn(&str) -> bool, found: &mut Vec<Found>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let counts = meta.is_file() && entry.file_name().to_str().is_some_and(counts);
        if let Some(used) = meta.modified().ok().filter(|_| counts) {
            found.push(Found { used, len_bytes: meta.len(), path: entry.path() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST_BYTES: u64 = 4000;

    fn cache(folder: &Path) -> Cache {
        Cache::new(folder, MOST_BYTES, RoleKey::from_bytes([7; 32]))
    }

    fn content(name: u8, len: usize) -> Vec<u8> {
        (0..len).map(|at| name.wrapping_mul(31).wrapping_add(at as u8)).collect()
    }

    /// The naive model: names by last use, with their length.
    #[derive(Default)]
    struct Model(Vec<(u8, usize)>);

    impl Model {
        fn get(&mut self, name: u8) -> Option<usize> {
            let at = self.0.iter().position(|(known, _)| *known == name)?;
            let entry = self.0.remove(at);
            self.0.push(entry);
            Some(entry.1)
        }

        fn put(&mut self, name: u8, len: usize) {
            let stored = |entries: &[(u8, usize)]| entries.iter().map(|(_, len)| HEAD_LEN_BYTES + len).sum::<usize>();
            if HEAD_LEN_BYTES + len > MOST_BYTES as usize / 4 {
                return;
            }
            self.0.retain(|(known, _)| *known != name);
            self.0.push((name, len));
            let most = MOST_BYTES as usize;
            if stored(&self.0) > most {
                while stored(&self.0) > most - most / PART as usize {
                    self.0.remove(0);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_holds_what_a_naive_one_holds(acts in proptest::collection::vec((0u8..14, any::<bool>(), 0usize..1100), 1..80)) {
            let folder = tempfile::tempdir().expect("a folder");
            // What a process believes is used counts what it has replaced twice: each act by a process of its own sees all.
            let mut model = Model::default();
            for (name, puts, len) in acts {
                let cache = cache(folder.path());
                if puts {
                    cache.put(&name.to_string(), &content(name, len));
                    model.put(name, len);
                } else {
                    let found = cache.get(&name.to_string());
                    prop_assert_eq!(found, model.get(name).map(|len| content(name, len)));
                }
                prop_assert!(cached_bytes(folder.path()) <= MOST_BYTES);
            }
            for name in 0..14 {
                let found = cache(folder.path()).get(&name.to_string());
                prop_assert_eq!(found.is_some(), model.get(name).is_some());
            }
        }

        #[test]
        fn one_process_keeps_the_bound(lens in proptest::collection::vec(0usize..900, 1..60)) {
            let folder = tempfile::tempdir().expect("a folder");
            let cache = cache(folder.path());
            for (number, len) in lens.into_iter().enumerate() {
                cache.put(&number.to_string(), &content(1, len));
                prop_assert!(cached_bytes(folder.path()) <= MOST_BYTES);
                prop_assert!(len > 900 || cache.get(&number.to_string()).is_some(), "the newest stays");
            }
        }
    }

    #[test]
    fn a_piece_that_was_harmed_is_absent() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        let put = || cache.put("a", b"some bytes");
        put();
        let path = cache.path("a");
        let whole = fs::read(&path).expect("it is there");
        for at in 0..whole.len() {
            for harmed in [whole[..at].to_vec(), {
                let mut bytes = whole.clone();
                bytes[at] ^= 4;
                bytes
            }] {
                fs::write(&path, harmed).expect("written");
                assert_eq!(cache.get("a"), None, "byte {at}");
                assert!(!path.exists(), "what is not whole is removed");
                put();
                assert_eq!(cache.get("a").as_deref(), Some(&b"some bytes"[..]));
            }
        }
        fs::copy(&path, {
            let to = cache.path("b");
            fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            to
        })
        .expect("copied");
        assert_eq!(cache.get("b"), None, "another name's piece");
        let stranger = Cache::new(folder.path(), MOST_BYTES, RoleKey::from_bytes([8; 32]));
        assert_eq!(stranger.get("a"), None, "another key's piece");
    }

    #[test]
    fn it_may_vanish_and_be_in_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("cache");
        let cache = cache(&place);
        cache.put("a", b"x");
        fs::remove_dir_all(&place).expect("removed");
        assert_eq!(cache.get("a"), None);
        cache.put("a", b"x");
        assert!(cache.get("a").is_some());
        fs::remove_dir_all(&place).expect("removed");
        fs::write(&place, "a file where the folder should be").expect("written");
        cache.put("a", b"x");
        assert_eq!(cache.get("a"), None);
    }

    #[test]
    fn two_at_once_read_whole_pieces_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let cache = cache(folder.path());
                    for round in 0..200u8 {
                        let name = round % 9;
                        let expected = content(name, 100 * usize::from(name));
                        cache.put(&name.to_string(), &expected);
                        assert!(cache.get(&name.to_string()).is_none_or(|found| found == expected));
                    }
                });
            }
        });
        let temporary = look(folder.path()).iter().filter(|file| file.path.to_string_lossy().contains("tmp-")).count();
        assert_eq!(temporary, 0, "nothing half written is left");
        assert!(cached_bytes(folder.path()) <= MOST_BYTES + 3 * MOST_BYTES / PART);
    }
}
