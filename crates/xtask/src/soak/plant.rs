//! Harm done on purpose, to see that the soak can fail.

use super::{Soak, lock};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Flips a bit of every data pack there is, once there are some.
pub fn harm(soak: &Soak) {
    while soak.goes_on() {
        match harm_all(&soak.folder.join("repo/data")) {
            Ok(count) if count >= 3 => {
                println!("soak: harmed {count} packs");
                return;
            }
            // The folder is made by the first run, and objects come and go.
            Ok(_) | Err(_) => std::thread::yield_now(),
        }
    }
}

fn harm_all(folder: &Path) -> io::Result<u64> {
    let mut packs = Vec::new();
    for below in std::fs::read_dir(folder)? {
        for pack in std::fs::read_dir(below?.path())? {
            packs.push(pack?.path());
        }
    }
    packs.retain(|pack| !pack.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    if packs.len() < 3 {
        return Ok(0);
    }
    for pack in &packs {
        let mut bytes = std::fs::read(pack)?;
        if let Some(byte) = bytes.get_mut(200) {
            *byte ^= 1;
        }
        std::fs::write(pack, bytes)?;
    }
    Ok(packs.len() as u64)
}

/// Harms records of which a second copy stands, or that can be made again: of the first snapshot its decision, reach and
/// intent, of the last the copy of the decision. Their names.
pub fn harm_records(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let mut snapshots = BTreeSet::new();
    for epoch in std::fs::read_dir(repository.join("commits-copies"))? {
        for copy in std::fs::read_dir(epoch?.path())? {
            let path = copy?.path();
            let Ok(register) = path.strip_prefix(repository.join("commits-copies")) else { continue };
            if repository.join("commits").join(register).exists() {
                snapshots.insert(register.to_owned());
            }
        }
    }
    let (Some(first), Some(last)) = (snapshots.first(), snapshots.last()) else {
        return Ok(Vec::new());
    };
    let mut harmed: Vec<PathBuf> = ["commits", "reach", "sessions"].map(|folder| Path::new(folder).join(first)).into();
    if first != last {
        harmed.push(Path::new("commits-copies").join(last));
    }
    for name in &harmed {
        let mut bytes = std::fs::read(repository.join(name))?;
        let last = bytes.len().saturating_sub(3);
        if let Some(byte) = bytes.get_mut(last) {
            *byte ^= 1;
        }
        std::fs::write(repository.join(name), bytes)?;
    }
    Ok(harmed)
}

/// True when the harm has been found.
pub fn is_found(soak: &Soak) -> bool {
    let faults = lock(&soak.faults);
    match faults.first() {
        Some(fault) => println!("soak: the planted harm was found: {}", fault.lines().next().unwrap_or_default()),
        None => println!("soak: the planted harm was NOT found"),
    }
    !faults.is_empty()
}
