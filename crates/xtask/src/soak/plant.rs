//! Harm done on purpose, to see that the soak can fail.

use super::{Soak, lock};
use anyhow::Result;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Flips a bit of every data pack there is, once there are some.
pub fn harm(soak: &Soak) {
    while soak.goes_on() {
        // The folder is made by the first run, and objects come and go.
        let packs = packs(&soak.folder.join("repo")).unwrap_or_default();
        if packs.len() < 3 {
            std::thread::yield_now();
            continue;
        }
        let harmed = packs.into_iter().filter(|pack| harm_one(soak, pack).is_ok()).count();
        println!("soak: harmed {harmed} packs");
        return;
    }
}

fn packs(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let mut packs = Vec::new();
    for below in std::fs::read_dir(repository.join("data"))? {
        for pack in std::fs::read_dir(below?.path())? {
            packs.push(pack?.path());
        }
    }
    packs.retain(|pack| !pack.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    Ok(packs)
}

/// Harms a pack that is still there, once; its name is known before anybody can stumble over it.
fn harm_one(soak: &Soak, pack: &Path) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(pack)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, 200)?;
    let name = pack.strip_prefix(soak.folder.join("repo")).unwrap_or(pack);
    lock(&soak.harmed).insert(name.to_string_lossy().into_owned());
    file.write_all_at(&[byte[0] ^ 1], 200)
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

/// True when the harm, and nothing else, has been found: somebody stumbled over it, and the check that follows names none but
/// harmed packs.
pub fn is_found(soak: &Soak) -> Result<bool> {
    let harmed = lock(&soak.harmed);
    let faults = lock(&soak.faults);
    let Some(fault) = faults.first() else {
        println!("soak: the planted harm was NOT found");
        return Ok(false);
    };
    println!("soak: somebody stumbled: {}", fault.lines().next().unwrap_or_default());
    let check = soak.program.run(&["check", "--read-data", "--json"])?;
    if !check.found_damage() {
        println!("soak: it was NOT the planted harm: the check that follows: {}", check.words());
        return Ok(false);
    }
    let said = check.json()?;
    let named = said["faults"].as_array().into_iter().flatten().filter_map(|fault| fault["what"].as_str());
    let (ours, others): (Vec<&str>, Vec<&str>) = named.partition(|name| harmed.contains(*name));
    println!("soak: the check that follows names {} of {} harmed packs", ours.len(), harmed.len());
    if !others.is_empty() {
        println!("soak: it names what nobody has harmed: {others:?}; all it says: {}", said["faults"]);
    }
    Ok(!ours.is_empty() && others.is_empty())
}
