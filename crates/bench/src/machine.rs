//! What stands under the figures: processor, kernel, memory, file systems; and where programs are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One line about the machine.
pub fn describe() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(" unknown processor");
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    let kernel = rustix::system::uname();
    format!(
        "{cpus} x {}, {} GiB, Linux {}",
        model.trim_start_matches([' ', '\t', ':']),
        kib.div_ceil(1 << 20),
        kernel.release().to_string_lossy()
    )
}

/// The type of the file system under a folder, in words.
pub fn file_system(path: &Path) -> io::Result<String> {
    // Numbers of linux/magic.h.
    let kind = rustix::fs::statfs(path)?.f_type;
    Ok(match kind {
        0xef53 => "ext4".to_owned(),
        0x0102_1994 => "tmpfs".to_owned(),
        0x5846_5342 => "xfs".to_owned(),
        0x9123_683e => "btrfs".to_owned(),
        0x794c_7630 => "overlayfs".to_owned(),
        0x2fc1_2fc1 => "zfs".to_owned(),
        other => format!("file system {other:#x}"),
    })
}

/// Bytes an ordinary user may still write below a folder.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let room = rustix::fs::statvfs(path)?;
    Ok(room.f_bavail * room.f_frsize)
}

/// Looks a program up in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// Installs Debian packages, when that is possible.
pub fn install(packages: &[&str]) -> io::Result<()> {
    let words = packages.join(" ");
    if !rustix::process::geteuid().is_root() || in_path("apt-get").is_none() {
        return Err(io::Error::other(format!("missing, and I cannot install it: apt-get install {words}")));
    }
    eprintln!("installing {words}");
    command_line(Command::new("apt-get").arg("update").arg("-qq"))?;
    command_line(
        Command::new("apt-get").args(["install", "-y", "-qq"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Runs a helper to its end; its output goes to our standard error.
pub fn command_line(command: &mut Command) -> io::Result<()> {
    let status = command.stdout(io::stderr()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?}: {status}"))) }
}
