//! A real server: `versitygw` with a folder as its store.

use crate::client::PlainClient;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::server::BUCKET;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = "versitygw";
/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a server that is starting: another process gives no sign of its own.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A free port may be taken by somebody else before the server has it.
const MAX_ATTEMPTS: usize = 5;

/// A private `versitygw` on a free port of this machine, with one bucket and nothing in it. It ends, and its folder
/// goes, when this is dropped.
pub struct VersityGw {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    credentials: Credentials,
    child: Option<Child>,
}

impl VersityGw {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    ///
    /// When there is no `versitygw`, or it does not start: a real server that is missing is a failure.
    pub fn start() -> Self {
        let program = find().unwrap_or_else(|looked| {
            panic!("{PROGRAM} is not here; `./x tools` installs it. Looked for DATAKEEP_VERSITYGW and in: {looked}")
        });
        Self::try_start(program).unwrap_or_else(|error| panic!("cannot start {PROGRAM}: {error}"))
    }

    fn try_start(program: PathBuf) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("datakeep-s3-").tempdir()?;
        std::fs::create_dir(folder.path().join("store"))?;
        let credentials = Credentials::new("versityroot", "versitysecret");
        let mut server = Self { program, folder, port: 0, credentials, child: None };
        let mut last = None;
        for _ in 0..MAX_ATTEMPTS {
            server.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            match server.run() {
                Ok(()) => return server.make_bucket().map(|()| server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no attempt was made")))
    }

    /// What a client must know.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: format!("http://127.0.0.1:{}", self.port),
            region: "us-east-1".to_owned(),
            bucket: BUCKET.to_owned(),
            credentials: self.credentials.clone(),
        }
    }

    /// The folder in which the server keeps its buckets.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Kills the server with signal 9, in the middle of whatever it does.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port and the same folder; kills it before, if it is running.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill9();
        self.run().unwrap_or_else(|error| panic!("cannot start {PROGRAM} again: {error}"));
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the process and waits until it answers.
    fn run(&mut self) -> io::Result<()> {
        let log = std::fs::File::create(self.log_path())?;
        let child = Command::new(&self.program)
            .args(["--port", &format!("127.0.0.1:{}", self.port), "--region", "us-east-1", "--quiet", "--keep-alive"])
            .arg("posix")
            .arg(self.store())
            .env_clear()
            .env("ROOT_ACCESS_KEY", &self.credentials.access_key)
            .env("ROOT_SECRET_KEY", &self.credentials.secret_key)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        let begin = Instant::now();
        let client = PlainClient::new(self.endpoint());
        loop {
            // Whoever has the port, only our own server knows the key: others answer 403.
            if client.send("HEAD", "", "", &[], b"").is_ok_and(|reply| matches!(reply.status, 200 | 404)) {
                return Ok(());
            }
            let has_ended = self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if has_ended || begin.elapsed() > PATIENCE {
                self.kill9();
                let said = std::fs::read_to_string(self.log_path()).unwrap_or_default();
                return Err(io::Error::other(format!("it does not answer; it said: {}", said.trim())));
            }
            thread::park_timeout(LOOK_EVERY);
        }
    }

    fn make_bucket(&self) -> io::Result<()> {
        let reply = PlainClient::new(self.endpoint()).send("PUT", "", "", &[], b"")?;
        if reply.status == 200 { Ok(()) } else { Err(io::Error::other(format!("no bucket: {}", reply.text()))) }
    }
}

impl Drop for VersityGw {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// The endpoint that `DATAKEEP_TEST_S3` names, or else a private `versitygw`.
pub struct RealS3 {
    endpoint: Endpoint,
    _own: Option<VersityGw>,
}

impl RealS3 {
    /// Takes the named endpoint or starts a server.
    ///
    /// # Panics
    ///
    /// As [`Endpoint::from_environment`] and [`VersityGw::start`].
    pub fn start() -> Self {
        match Endpoint::from_environment() {
            Some(endpoint) => Self { endpoint, _own: None },
            None => {
                let own = VersityGw::start();
                Self { endpoint: own.endpoint(), _own: Some(own) }
            }
        }
    }

    /// What a client must know. A named endpoint may hold other things: take a prefix of your own.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }
}

/// Where the program is, or all the places where it is not.
fn find() -> Result<PathBuf, String> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(named) = variable("DATAKEEP_VERSITYGW") {
        return Ok(PathBuf::from(named));
    }
    let folders = places(&variable);
    let found = folders.iter().map(|folder| folder.join(PROGRAM)).find(|path| path.is_file());
    found.ok_or_else(|| folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "))
}

/// The search path, where Go puts programs, and where `./x tools` does.
fn places(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let home = variable("HOME").map(PathBuf::from);
    let under_home = |rest: &str| home.as_deref().map(|home: &Path| home.join(rest));
    let mut folders: Vec<PathBuf> =
        variable("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    folders.extend(variable("GOBIN").map(PathBuf::from));
    let go_path = variable("GOPATH").and_then(|path| std::env::split_paths(&path).next());
    folders.extend(go_path.or_else(|| under_home("go")).map(|path| path.join("bin")));
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| under_home(".cache"));
    folders.extend(cache.map(|cache| cache.join("datakeep-tools/bin")));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_looked_for_where_people_put_it() {
        let with = |pairs: &'static [(&str, &str)]| {
            places(&move |name| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into()))
        };
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            with(&[("PATH", "/a:/b"), ("HOME", "/h")]),
            paths(&["/a", "/b", "/h/go/bin", "/h/.cache/datakeep-tools/bin"])
        );
        assert_eq!(
            with(&[("GOBIN", "/g"), ("GOPATH", "/p:/q"), ("XDG_CACHE_HOME", "/c")]),
            paths(&["/g", "/p/bin", "/c/datakeep-tools/bin"])
        );
    }
}
