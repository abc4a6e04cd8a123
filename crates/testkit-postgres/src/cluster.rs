//! A private cluster, reached by a socket in its own folder.

use crate::certificate::Certificate;
use crate::guard::Guard;
use crate::install::Install;
use std::collections::HashMap;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// The superuser of every cluster.
const SUPERUSER: &str = "postgres";
/// The port in the name of its socket; no port of the network is opened unless asked for.
const PORT: u16 = 5432;
/// Seconds that a server may take to start or to stop.
const PATIENCE_SECS: u32 = 60;

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct Setup {
    major: u32,
    encoding: String,
    settings: Vec<(String, String)>,
    hba: Option<String>,
    tcp: bool,
    /// Contents of files by their names.
    files: Vec<(String, String)>,
}

impl Setup {
    /// A cluster of this major version: UTF-8, the collation of C, everybody trusted on its socket.
    pub fn of(major: u32) -> Self {
        Self { major, encoding: "UTF8".to_owned(), settings: Vec::new(), hba: None, tcp: false, files: Vec::new() }
    }

    /// Another encoding.
    #[must_use]
    pub fn encoding(mut self, encoding: &str) -> Self {
        self.encoding = encoding.to_owned();
        self
    }

    /// A line of `postgresql.conf`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lines of `pg_hba.conf`, before the one that trusts the superuser on the socket.
    #[must_use]
    pub fn hba(mut self, lines: &str) -> Self {
        self.hba = Some(lines.to_owned());
        self
    }

    /// Offers TLS with this certificate, and knows clients whose certificates are of the same authority.
    #[must_use]
    pub fn certificate(mut self, certificate: &Certificate) -> Self {
        let files = [
            ("server.crt", certificate.certificate()),
            ("server.key", certificate.key()),
            ("root.crt", certificate.authority()),
        ];
        for (name, path) in files {
            self.files.push((name.to_owned(), std::fs::read_to_string(path).expect("a certificate")));
        }
        self.set("ssl", "on").set("ssl_ca_file", "root.crt")
    }

    /// Listens on a free port of 127.0.0.1, too.
    #[must_use]
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }
}

/// A running cluster. It ends, and its folder goes, when this is dropped, or else when the process ends, however it does.
pub struct Cluster {
    install: Install,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    // Dropped for what it does then.
    _guard: Guard,
}

static SHARED: Mutex<Option<HashMap<u32, &'static Cluster>>> = Mutex::new(None);

impl Cluster {
    /// Makes and starts one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When the version is not installed, or the server does not start: a server that is missing is a failure.
    pub fn start(setup: Setup) -> Self {
        let install = Install::find(setup.major).unwrap_or_else(|error| panic!("{error}"));
        let cluster = Self::make(install, &setup);
        cluster.resume();
        cluster
    }

    /// The one cluster of this version that all tests of the process share, each in databases of its own.
    pub fn shared(major: u32) -> &'static Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared
            .get_or_insert_default()
            .entry(major)
            .or_insert_with(|| Box::leak(Box::new(Self::start(Setup::of(major)))))
    }

    /// Folders of a cluster that is not made yet.
    fn prepare(install: Install, setup: &Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("datakeep-pg-").tempdir().expect("a temporary folder").keep();
        // The server's own user reaches its data through it.
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("permissions of a folder");
        for (name, mode) in [("data", 0o700), ("socket", 0o755)] {
            let path = folder.join(name);
            std::fs::create_dir(&path).expect("a folder");
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("permissions of a folder");
            give_away(&path);
        }
        let mut stop = server_command(&install, &folder, "pg_ctl");
        stop.args(["stop", "--wait", "--silent", "--mode", "immediate", "--pgdata"]).arg(folder.join("data"));
        let guard = Guard::new(&folder, &stop);
        let port = if setup.tcp { free_port() } else { PORT };
        Self { install, folder, port, databases: AtomicU32::new(0), _guard: guard }
    }

    fn make(install: Install, setup: &Setup) -> Self {
        let cluster = Self::prepare(install, setup);
        let mut init = cluster.server_command("initdb");
        init.args(["--no-sync", "--no-locale", "--auth=trust", "--username", SUPERUSER]);
        init.args(["--encoding", &setup.encoding, "--pgdata"]).arg(cluster.data());
        must("initdb", &mut init);
        cluster.configure(setup);
        cluster
    }

    fn configure(&self, setup: &Setup) {
        let listen = if setup.tcp { "127.0.0.1" } else { "" };
        let mut lines = format!(
            "listen_addresses = '{listen}'\nport = {}\nunix_socket_directories = '{}'\nfsync = off\nfull_page_writes = off\n\
             synchronous_commit = off\nshared_buffers = 32MB\nmax_connections = 60\nlog_min_messages = warning\n\
             autovacuum = off\nmax_wal_size = 256MB\n",
            self.port,
            self.socket().display(),
        );
        for (name, value) in &setup.settings {
            lines += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        self.append("postgresql.conf", &lines);
        for (name, text) in &setup.files {
            self.write_file(name, text);
        }
        if let Some(hba) = &setup.hba {
            let lines = format!("{hba}\nlocal all {SUPERUSER} trust\n");
            self.write_file("pg_hba.conf", &lines);
        }
    }

    /// Adds lines to a file of the cluster's folder of data.
    pub fn append(&self, name: &str, lines: &str) {
        let path = self.data().join(name);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        self.write_file(name, &format!("{before}{lines}"));
    }

    /// Writes a file of the cluster's folder of data, for its server's eyes only.
    pub fn write_file(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        std::fs::write(&path, text).expect("a file of the cluster");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("permissions of a file");
        give_away(&path);
    }

    /// Starts a server that was stopped.
    pub fn resume(&self) {
        let mut start = self.server_command("pg_ctl");
        start
            .args(["start", "--wait", "--silent", "--timeout", &PATIENCE_SECS.to_string(), "--pgdata"])
            .arg(self.data());
        start.arg("--log").arg(self.data().join("server.log"));
        let output = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let log = || std::fs::read_to_string(self.data().join("server.log")).unwrap_or_default();
        assert!(output.is_ok_and(|status| status.success()), "the server does not start: {}", log());
    }

    /// Stops the server as an administrator does who does not wait: sessions end.
    pub fn stop(&self) {
        self.stop_how("fast");
    }

    /// Stops the server as a power cut does.
    pub fn crash(&self) {
        self.stop_how("immediate");
    }

    fn stop_how(&self, mode: &str) {
        let mut stop = self.server_command("pg_ctl");
        stop.args(["stop", "--wait", "--silent", "--mode", mode, "--timeout", &PATIENCE_SECS.to_string(), "--pgdata"]);
        let output = stop.arg(self.data()).stdin(Stdio::null()).output();
        assert!(output.is_ok_and(|output| output.status.success()), "the server does not stop");
    }

    /// Reads its files of settings anew.
    pub fn reload(&self) {
        let mut reload = self.server_command("pg_ctl");
        must("pg_ctl reload", reload.args(["reload", "--silent", "--pgdata"]).arg(self.data()));
    }

    /// A standby of it, that follows it as long as both run.
    pub fn standby(&self) -> Self {
        self.standby_with(&Setup::of(self.install.major()))
    }

    /// A standby of it with settings of its own.
    pub fn standby_with(&self, setup: &Setup) -> Self {
        let standby = Self::prepare(self.install.clone(), setup);
        let mut copy = self.server_command("pg_basebackup");
        copy.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--dbname", &self.conninfo(SUPERUSER)]);
        must("pg_basebackup", copy.arg("--pgdata").arg(standby.data()));
        standby.configure(setup);
        standby.resume();
        standby
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.install.major()
    }

    /// The programs it runs by.
    pub fn install(&self) -> &Install {
        &self.install
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Its port: of the network where it listens there, and in any case of its socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The location of a database, read and written by the superuser.
    pub fn location(&self, database: &str) -> String {
        self.location_as(SUPERUSER, database)
    }

    /// The location of a database for another role.
    pub fn location_as(&self, role: &str, database: &str) -> String {
        format!("postgres:{} user={role} dbname={database}", self.reach())
    }

    fn reach(&self) -> String {
        format!("host={} port={}", self.socket().display(), self.port)
    }

    /// The words of libpq for a database, as the superuser.
    pub fn conninfo(&self, database: &str) -> String {
        format!("{} user={SUPERUSER} dbname={database}", self.reach())
    }

    /// A new empty database of this name, with a number behind it; the name.
    pub fn database(&self, name: &str) -> String {
        let name = format!("{name}_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run(SUPERUSER, &format!("CREATE DATABASE \"{name}\" TEMPLATE template0"));
        name
    }

    /// Runs statements, each by itself.
    ///
    /// # Panics
    ///
    /// When one fails.
    pub fn run(&self, database: &str, sql: &str) {
        self.try_run(database, sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Runs statements, each by itself; what the server said when one fails.
    pub fn try_run(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut input = tempfile::tempfile().expect("a file of statements");
        input.write_all(sql.as_bytes()).and_then(|()| input.rewind()).expect("a file of statements");
        let output = self.psql(database).stdin(input).output().expect("psql runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// What a statement answers: columns divided by `|`, rows by line ends.
    pub fn ask(&self, database: &str, sql: &str) -> String {
        self.try_run(database, sql).unwrap_or_else(|error| panic!("{error}\n{sql}")).trim_end().to_owned()
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(client("psql", &self.install));
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--dbname"]);
        command.arg(self.conninfo(database)).args(["--file", "-"]);
        // A variable of the caller's that libpq heeds would make tests differ from machine to machine.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command
    }

    /// A session that runs statements and stays, with what it has locked, until it is dropped. They have run when this returns.
    pub fn hold(&self, database: &str, sql: &str) -> Holder {
        let mut command = self.psql(database);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql runs");
        let mut input = child.stdin.take().expect("its input");
        writeln!(input, "{sql};\n\\echo held").expect("written");
        input.flush().expect("written");
        let output = child.stdout.take().expect("its output");
        let held = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "held");
        assert!(held, "the session does not hold: {sql}");
        Holder { child, input: Some(input) }
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data().join("server.log")).unwrap_or_default()
    }

    fn server_command(&self, program: &str) -> Command {
        server_command(&self.install, &self.folder, program)
    }
}

/// A session that stays until it is dropped.
pub struct Holder {
    child: Child,
    input: Option<ChildStdin>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It ends with its input; what it had not committed is gone.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// A program of the server; a server refuses to run as root.
fn server_command(install: &Install, folder: &Path, program: &str) -> Command {
    let program = install.program(program);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder).env("LC_ALL", "C");
    command
}

/// A client program: of the same installation, or the machine's own.
fn client(name: &str, install: &Install) -> PathBuf {
    let own = install.program(name);
    if own.is_file() { own } else { PathBuf::from(name) }
}

fn must(what: &str, command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("cannot run {what}: {error}"));
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Gives a path to the user that servers run as, where this is root.
fn give_away(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let chown = Command::new("chown").arg("postgres:postgres").arg(path).status();
        assert!(chown.is_ok_and(|status| status.success()), "cannot give {} away", path.display());
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
