//! A private server for a drill: made in a folder of its own, reached by a socket in it, and gone afterwards.
//!
//! Nothing in it acts by itself: no port of the network, no autovacuum, no logical replication workers, no preloaded library of the
//! machine's own, and so no scheduler. What is written to it need not survive a crash, because it is thrown away. Whoever can reach the
//! folder is trusted, so the folder must be its owner's alone.

mod account;
mod programs;
mod roles;

pub use programs::Programs;

use crate::connect::Connection;
use crate::fault::{Side, usage};
use crate::location::Location;
use crate::sql::quoted as identifier;
use account::Account;
use datakeep_connector::{Cancel, Catalog, ConnectorError};
use datakeep_model::{ErrorKind, escape_for_terminal};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// The superuser of the server.
const SUPERUSER: &str = "postgres";
/// The number in the name of its socket.
const PORT: u16 = 5432;
/// The longest path of a socket that the system takes (`sun_path`, unix(7)), its end apart.
const SOCKET_MAX_BYTES: usize = 107;
/// How long the server may take to answer for the first time, in tenths of a second.
const START_TENTHS: u32 = 600;
/// How much of the server's log is told when it does not start.
const LOG_TOLD_BYTES: usize = 600;

/// A running server. It is stopped at once, without a last word to its clients, when this is dropped; its folder stays.
pub struct ScratchServer {
    folder: PathBuf,
    child: Child,
}

impl ScratchServer {
    /// Makes and starts one in `folder`, which is empty and its owner's alone; where root runs this, it is given to the user that
    /// the server runs as.
    pub fn start(programs: &Programs, folder: &Path, cancel: &Cancel) -> Result<Self, ConnectorError> {
        let socket = folder.join(format!(".s.PGSQL.{PORT}"));
        if socket.as_os_str().len() > SOCKET_MAX_BYTES {
            let message = format!("{}: the path is too long for a socket", shown(folder));
            return Err(usage(message).with_hint("name a scratch folder with a shorter path"));
        }
        let account = Account::of_server()?;
        account.give(folder)?;
        let data = folder.join("data");
        let mut init = account.command(&programs.initdb());
        init.args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username", SUPERUSER, "--pgdata"]);
        let made = init.arg(&data).current_dir(folder).stdin(Stdio::null()).output();
        let made = made.map_err(|error| broken(format!("cannot run {}: {error}", shown(&programs.initdb()))))?;
        if !made.status.success() {
            return Err(broken(format!("initdb failed: {}", told(&made.stderr))));
        }
        let mut server = Self::spawn(programs, folder, &data, &account)?;
        server.wait(&socket, cancel)?;
        Ok(server)
    }

    fn spawn(programs: &Programs, folder: &Path, data: &Path, account: &Account) -> Result<Self, ConnectorError> {
        let failed = |error: std::io::Error| broken(format!("cannot start {}: {error}", shown(&programs.server())));
        let log = File::create(folder.join("server.log")).map_err(failed)?;
        let mut command = account.command(&programs.server());
        command.arg("-D").arg(data).current_dir(folder);
        for (name, value) in SETTINGS {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", quoted(folder)));
        // A signal to the terminal's group is not for it: it ends when the drill says so.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Self { folder: folder.to_owned(), child: command.spawn().map_err(failed)? })
    }

    /// Waits until the socket takes connections.
    fn wait(&mut self, socket: &Path, cancel: &Cancel) -> Result<(), ConnectorError> {
        for _ in 0..START_TENTHS {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read(self.folder.join("server.log")).unwrap_or_default();
                return Err(broken(format!("the private server ended at once ({status}): {}", told(&log))));
            }
            // The status line says `ready` once connections are taken (pg_ctl reads the same).
            let said = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
            if said.lines().nth(7).is_some_and(|status| status.trim() == "ready") && socket.exists() {
                return Ok(());
            }
            if cancel.wait(Duration::from_millis(100)) {
                return Err(ConnectorError::new(ErrorKind::Cancelled, "stopped on request"));
            }
        }
        Err(broken(format!("the private server did not answer within {} s", START_TENTHS / 10)))
    }

    /// Makes the roles that a catalogue speaks of, none of which may log in: owners and rights come back as they were.
    pub fn make_roles(&self, catalog: &Catalog) -> Result<(), ConnectorError> {
        let connection = Connection::open(Side::Target, &Location::parse(&self.location(SUPERUSER))?)?;
        for role in roles::roles_of(catalog.objects.iter().map(|object| object.sql.as_str())) {
            if role != SUPERUSER {
                connection.run("cannot make a role of", &format!("CREATE ROLE {} NOLOGIN", identifier(&role)))?;
            }
        }
        Ok(())
    }

    /// The words of libpq for a database on it.
    pub fn conninfo(&self, database: &str) -> String {
        self.location(database).trim_start_matches("postgres:").to_owned()
    }

    /// The location of a database on it, as the superuser.
    pub fn location(&self, database: &str) -> String {
        let folder = self.folder.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
        format!("postgres:host='{folder}' port={PORT} user={SUPERUSER} dbname={database} sslmode=disable")
    }
}

impl Drop for ScratchServer {
    #[expect(
        clippy::disallowed_methods,
        reason = "the end of a child cannot be waited for with a limit, and nothing stops the cleaning up"
    )]
    fn drop(&mut self) {
        // SIGQUIT is the immediate shutdown: nothing needs to be written any more.
        let _ = kill_process(Pid::from_child(&self.child), Signal::QUIT);
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings of the private server, over whatever files say.
const SETTINGS: [(&str, &str); 15] = [
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("autovacuum", "off"),
    ("max_logical_replication_workers", "0"),
    ("shared_preload_libraries", ""),
    ("session_preload_libraries", ""),
    ("archive_mode", "off"),
    ("max_wal_senders", "0"),
    ("wal_level", "minimal"),
    ("logging_collector", "off"),
    ("max_connections", "60"),
];

/// A path as a setting that is a list of names.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('"', "\"\""))
}

fn shown(path: &Path) -> String {
    escape_for_terminal(path.as_os_str().as_encoded_bytes())
}

/// The end of what a program said.
fn told(said: &[u8]) -> String {
    let from = said.len().saturating_sub(LOG_TOLD_BYTES);
    escape_for_terminal(String::from_utf8_lossy(&said[from..]).trim().replace('\n', "; ").as_bytes())
}

fn broken(message: String) -> ConnectorError {
    ConnectorError::new(ErrorKind::Target, message)
}
