//! The private place of a drill: a folder that is its owner's alone, and is gone afterwards, whatever happens.

use crate::errors::Failure;
use crate::sizes;
use crate::words::tr;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits for a word or the end of its input, which comes with the end of the drill however that ends, a kill included. Then it ends a
/// server that was left behind in the folder, and removes the folder unless the word was `keep`.
const GUARD: &str = r#"folder=$1; word=; read -r word; cd /
pid=$(head -n 1 "$folder/server/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null; n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done
fi
[ "$word" = keep ] && exit 0
rm -rf -- "$folder" 2>/dev/null || { chmod -R u+rwx -- "$folder"; rm -rf -- "$folder"; }"#;

/// A folder that goes when this is dropped, or when the process is gone.
pub struct Scratch {
    folder: PathBuf,
    guard: Child,
}

impl Scratch {
    /// Makes one below `parent`, in which `needed_bytes` must be free.
    pub fn new(parent: Option<&Path>, needed_bytes: u64) -> Result<Self, Failure> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let parent = std::path::absolute(&parent).unwrap_or(parent);
        let shown = escape_for_terminal(parent.as_os_str().as_encoded_bytes());
        let failed = |error: &std::io::Error| {
            Failure::io(tr!("cannot make a scratch folder in {shown}", "无法在 {shown} 中创建临时目录"), error)
                .hint(tr!("name another place: --scratch DIR", "请指定其他位置：--scratch 目录"))
        };
        look_for_room(&parent, needed_bytes).map_err(|found| match found {
            NoRoom::Unknown(error) => failed(&error),
            NoRoom::Missing(free_bytes) => no_room(&shown, needed_bytes, free_bytes),
        })?;
        let owned = std::fs::Permissions::from_mode(0o700);
        let mut builder = tempfile::Builder::new();
        builder.prefix("datakeep-drill-").permissions(owned);
        let folder = builder.tempdir_in(&parent).map_err(|error| failed(&error))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "datakeep-drill"]).arg(folder.path());
        // A signal to our group is not for it: it comes last.
        guard.process_group(0).env_clear().env("PATH", "/usr/bin:/bin");
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = guard.spawn().map_err(|error| failed(&error))?;
        Ok(Self { folder: folder.keep(), guard })
    }

    /// A new folder within, for one purpose.
    pub fn within(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(name);
        let made = std::fs::create_dir(&folder)
            .and_then(|()| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)));
        made.map_err(|error| Failure::io(tr!("cannot make a scratch folder", "无法创建临时目录"), &error))?;
        Ok(folder)
    }

    /// Where root runs this, lets other users pass through to a folder within that is theirs; nobody can list it.
    pub fn let_through(&self) -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let passable = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(&self.folder, passable)
            .map_err(|error| Failure::io(tr!("cannot open the scratch folder", "无法开放临时目录"), &error))
    }

    /// Leaves the folder where it is; its path.
    pub fn keep(mut self) -> PathBuf {
        if let Some(input) = &mut self.guard.stdin {
            // A guard that is gone removes nothing either.
            let _ = input.write_all(b"keep\n");
        }
        self.folder.clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

enum NoRoom {
    Unknown(std::io::Error),
    Missing(u64),
}

fn look_for_room(parent: &Path, needed_bytes: u64) -> Result<(), NoRoom> {
    let stat = rustix::fs::statvfs(parent).map_err(|errno| NoRoom::Unknown(errno.into()))?;
    let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free_bytes < needed_bytes { Err(NoRoom::Missing(free_bytes)) } else { Ok(()) }
}

fn no_room(shown: &str, needed_bytes: u64, free_bytes: u64) -> Failure {
    let missing = sizes::bytes(needed_bytes - free_bytes);
    let [needed, free] = [needed_bytes, free_bytes].map(sizes::bytes);
    let message = tr!(
        "the drill needs about {needed} in {shown}, where {free} are free: {missing} are missing",
        "演练约需 {needed}，而 {shown} 仅剩 {free}：还缺 {missing}"
    );
    Failure::new(ErrorKind::Target, message)
        .hint(tr!("make room, or name another place: --scratch DIR", "请腾出空间，或指定其他位置：--scratch 目录"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes_with_what_is_in_it() {
        let parent = tempfile::tempdir().expect("a folder");
        let scratch = Scratch::new(Some(parent.path()), 1).expect("room");
        let mode = std::fs::metadata(&scratch.folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let inner = scratch.within("files").expect("a folder");
        std::fs::write(inner.join("a"), "b").expect("a file");
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o500)).expect("permissions");
        drop(scratch);
        assert_eq!(std::fs::read_dir(parent.path()).expect("a folder").count(), 0);
        let kept = Scratch::new(Some(parent.path()), 1).expect("room").keep();
        assert!(kept.is_dir());
    }

    #[test]
    fn missing_room_is_told_before_anything_is_made() {
        let parent = tempfile::tempdir().expect("a folder");
        let failure = Scratch::new(Some(parent.path()), u64::MAX).err().expect("no room");
        assert!(failure.message.contains("missing"), "{failure:?}");
        assert_eq!(std::fs::read_dir(parent.path()).expect("a folder").count(), 0);
    }
}
