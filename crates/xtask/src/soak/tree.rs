//! Trees that change a little from backup to backup.

use anyhow::Result;
use datakeep_testkit::{XorShift, random_bytes, text};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Some changes to a tree.
pub fn change(tree: &Path, chance: &mut XorShift) -> Result<()> {
    for _ in 0..=chance.below(6) {
        let folder = tree.join(format!("folder-{}", chance.below(4)));
        fs::create_dir_all(&folder)?;
        one(&folder.join(format!("file-{}", chance.below(6))), chance)?;
    }
    if chance.below(3) == 0 { large(tree, chance) } else { Ok(()) }
}

/// Files of several frames in a pack: when some of them change, `gc` has something to move.
fn large(tree: &Path, chance: &mut XorShift) -> Result<()> {
    let first = chance.below(8);
    for number in first..8 {
        fs::write(tree.join(format!("large-{number}")), random_bytes(chance.next_u64(), 600_000))?;
    }
    Ok(())
}

fn one(path: &Path, chance: &mut XorShift) -> Result<()> {
    let _ = fs::remove_file(path);
    let seed = chance.below(1 << 20);
    let bits = 6 + chance.below(15);
    let len = usize::try_from(chance.below(1 << bits))?;
    match chance.below(8) {
        0 => symlink(format!("to-{seed}"), path)?,
        1 => {}
        2 | 3 => fs::write(path, text(seed, len * 4))?,
        4 => {
            // What several writers have in common.
            fs::write(path, random_bytes(seed % 8, 700_000))?;
            fs::set_permissions(path, Permissions::from_mode(0o600 | u32::try_from(chance.below(64))?))?;
        }
        _ => fs::write(path, random_bytes(seed, len))?,
    }
    Ok(())
}
