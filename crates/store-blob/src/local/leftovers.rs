//! Temporary files of writers that died.

use super::TEMPORARY_PREFIX;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A temporary file this old, whose process is not running here, belongs to nobody. On a shared file system its writer
/// may run on another host: then the age keeps it, and should even that be wrong, that writer's barrier fails cleanly.
const LEAST_AGE: Duration = Duration::from_secs(24 * 3600);

/// Folders that hold objects in folders of their own, or objects.
const FOLDERS: [&str; 9] = ["data", "meta", "index", "reach", "sessions", "commits", "tags", "progress", PROBES];
const PROBES: &str = "probe";

/// Removes what is left over and returns how many. What cannot be looked at or removed stays.
pub(super) fn clear(root: &Path) -> u64 {
    let folders = FOLDERS.iter().map(|folder| root.join(folder)).chain([
        root.join("keys"),
        root.join("config-keys"),
        root.to_path_buf(),
    ]);
    let removed = folders.map(|folder| clear_folder(&folder, folder != root)).sum();
    drop_empty(&root.join(PROBES));
    removed
}

/// Old folders in which nothing is left: nobody is about to write into them.
fn drop_empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && age(&entry).is_some_and(|age| age > LEAST_AGE) {
            // Refused when something is in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn age(entry: &fs::DirEntry) -> Option<Duration> {
    entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok())
}

fn clear_folder(folder: &Path, descend: bool) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        match entry.file_name().to_str().and_then(|name| name.strip_prefix(TEMPORARY_PREFIX)) {
            Some(rest) => removed += u64::from(is_abandoned(&entry, rest) && fs::remove_file(entry.path()).is_ok()),
            None if descend && entry.file_type().is_ok_and(|kind| kind.is_dir()) => {
                removed += clear_folder(&entry.path(), false);
            }
            None => {}
        }
    }
    removed
}

fn is_abandoned(entry: &fs::DirEntry, rest: &str) -> bool {
    let process = rest.split('-').next().and_then(|number| number.parse::<u32>().ok());
    let lives = process.is_none_or(|number| Path::new(&format!("/proc/{number}")).exists());
    !lives && age(entry).is_some_and(|age| age > LEAST_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_files_of_dead_processes_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let pack_folder = folder.path().join("data/ab");
        fs::create_dir_all(&pack_folder).expect("made");
        let old = std::time::SystemTime::now() - 2 * LEAST_AGE;
        let make = |name: &str, time: Option<std::time::SystemTime>| {
            let file = fs::File::create(pack_folder.join(name)).expect("made");
            time.iter().for_each(|time| file.set_modified(*time).expect("set"));
        };
        make(".tmp-4294967294-0-x", Some(old));
        make(".tmp-4294967294-1-x", None);
        make(&format!(".tmp-{}-2-x", std::process::id()), Some(old));
        make("object", Some(old));
        assert_eq!(clear(folder.path()), 1);
        assert_eq!(fs::read_dir(&pack_folder).expect("read").count(), 3);
    }
}
