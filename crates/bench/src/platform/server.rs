//! The server that is measured.

use super::http::Connection;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server of its own, ended when it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    setup: Option<String>,
}

impl Server {
    /// Starts the program on a data folder.
    pub fn start(program: &Path, data: &Path, log: &Path) -> io::Result<Self> {
        let log = fs::File::options().append(true).create(true).open(log)?;
        let mut command = Command::new(program);
        command.args(["--json", "server", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(address) = told["address"].as_str() else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::other(format!(
                "{} does not serve: was it built with the feature server?",
                program.display()
            )));
        };
        let (address, setup) = (address.to_owned(), told["setup"].as_str().map(str::to_owned));
        Ok(Self { child, address, setup })
    }

    /// The first person, and a connection that may do everything.
    pub fn owner(&self) -> io::Result<Connection> {
        let mut connection = Connection::open(&self.address)?;
        let (name, password) = ("bench", "many plain words of a bench");
        if let Some((_, token)) = self.setup.as_deref().and_then(|setup| setup.split_once("token=")) {
            let body = json!({"token": token, "name": name, "password": password});
            connection.call("POST", "/setup", Some(&body))?.json()?;
        }
        let answer = connection.call("POST", "/session", Some(&json!({"name": name, "password": password})))?;
        let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
        let csrf = answer.json()?["csrf"].as_str().map(str::to_owned);
        let (Some(cookie), Some(csrf)) = (cookie, csrf) else { return Err(io::Error::other("no session was opened")) };
        connection.headers = vec![("cookie".to_owned(), cookie), ("x-csrf-token".to_owned(), csrf)];
        Ok(connection)
    }

    /// Resident bytes now.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(PathBuf::from(format!("/proc/{}/status", self.child.id())))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("the system does not say how much memory it has"))
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        }
        self.child.wait().map(|_| ())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be ended again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
