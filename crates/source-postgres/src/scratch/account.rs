//! The user that a server runs as: servers refuse root.

use datakeep_connector::ConnectorError;
use datakeep_model::{ErrorKind, escape_for_terminal};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Users that a server may run as where root starts it, the first one that is there.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// Who runs the server: another user, or `None` for whoever runs this.
pub(super) struct Account(Option<(u32, u32)>);

impl Account {
    /// The user of a server that this process starts.
    pub fn of_server() -> Result<Self, ConnectorError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let users = std::fs::read("/etc/passwd").unwrap_or_default();
        let users = String::from_utf8_lossy(&users);
        let found = NAMES.iter().find_map(|name| ids(&users, name));
        found.map(|ids| Self(Some(ids))).ok_or_else(|| {
            let message = "a server does not run as root, and there is no user `postgres` that it could run as";
            ConnectorError::new(ErrorKind::Denied, message)
                .with_hint("run the drill as another user, or make the user `postgres`")
        })
    }

    /// Gives a folder to it.
    pub fn give(&self, folder: &Path) -> Result<(), ConnectorError> {
        let Some((uid, gid)) = self.0 else { return Ok(()) };
        std::os::unix::fs::chown(folder, Some(uid), Some(gid)).map_err(|error| {
            let folder = escape_for_terminal(folder.as_os_str().as_encoded_bytes());
            ConnectorError::new(ErrorKind::Denied, format!("cannot give {folder} to the server's user: {error}"))
        })
    }

    /// A program run by it, with nothing of the environment that could say how or where. As another user it keeps no group of
    /// ours.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Ids of a user and its group in the text of passwd(5); never those of root.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (uid != 0 && gid != 0).then_some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_and_root_is_not() {
        let users =
            "root:x:0:0::/root:/bin/sh\npostgres:x:104:110:,,,:/var/lib/postgresql:/bin/bash\nnobody:x:0:5::/:/\n";
        assert_eq!(ids(users, "postgres"), Some((104, 110)));
        assert_eq!(ids(users, "nobody"), None);
        assert_eq!(ids(users, "somebody"), None);
    }
}
