//! Where the sources are that are tested now.

use std::path::PathBuf;

/// The folder of all crates. Found where the tests run, which is the folder of a package: what was known when they were
/// compiled may be another clone that shares its build cache with this one.
pub fn crates_folder() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).or_else(|| std::env::current_dir().ok());
    let mut folder = package.unwrap_or_default();
    folder.pop();
    folder
}
