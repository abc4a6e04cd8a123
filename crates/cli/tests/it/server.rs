//! The platform end to end: the real program serves, runs itself, and its snapshots come back with the command line.

use crate::world::{PASSWORD, World};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

mod kills;

struct Server {
    child: Child,
    address: String,
    setup: Option<String>,
}

impl Server {
    fn start(world: &World) -> Self {
        let mut command = world.command();
        command.env("REPO_PASSWORD", PASSWORD).args([
            "server",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--data",
            &world.text("platform"),
        ]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let address = told["address"].as_str().unwrap().to_string();
        Self { child, address, setup: told["setup"].as_str().map(str::to_string) }
    }

    /// Sends a request and reads to the end of the answer: of a stream of events, to the end of the run.
    fn raw(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let len = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_string())
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, token: &str, body: Value, expected: u16) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.raw(method, &format!("/api/v1/{path}"), token, &text);
        assert_eq!(status, expected, "{method} {path}: {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    fn get(&self, path: &str, token: &str) -> Value {
        self.ask("GET", path, token, Value::Null, 200)
    }

    /// Waits for the end of a run by listening to its events; returns the run and what was heard.
    fn watch(&self, run: &str, token: &str) -> (Value, String) {
        let (_, events) = self.raw("GET", &format!("/api/v1/runs/{run}/events"), token, "");
        (self.get(&format!("runs/{run}"), token), events)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the owner by the link that was printed, and a token for it.
fn owner(server: &Server) -> String {
    let link = server.setup.as_ref().unwrap();
    let token = link.split_once("token=").unwrap().1;
    server.ask("POST", "setup", "", json!({"token": token, "name": "ann", "password": "correct horse battery"}), 204);
    let login = json!({"name": "ann", "password": "correct horse battery"}).to_string();
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(
        stream,
        "POST /api/v1/session HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{login}",
        server.address,
        login.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let cookie =
        head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap().to_string();
    let session: Value = serde_json::from_str(body).unwrap();
    let scopes = ["own", "state.read", "config.write", "run.operate", "audit.read"];
    let body = json!({"name": "test", "scopes": scopes, "days": 1}).to_string();
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(
        stream,
        "POST /api/v1/tokens HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\nX-CSRF-Token: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.address,
        session["csrf"].as_str().unwrap(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let made: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    made["token"].as_str().unwrap().to_string()
}

/// A repository, the tree and a database as sources, and a policy over both; returns the policy's id.
fn policy(world: &World, server: &Server, token: &str, more: Value) -> String {
    rusqlite::Connection::open(world.path("shop.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2);")
        .unwrap();
    let repository = json!({"name": "main", "location": world.text("repo"), "password": "env:REPO_PASSWORD"});
    let repository = server.ask("POST", "repositories", token, repository, 201)["id"].clone();
    let mut sources = Vec::new();
    for (name, location) in [("tree", world.text("tree")), ("shop", format!("sqlite:{}", world.text("shop.db")))] {
        sources
            .push(server.ask("POST", "sources", token, json!({"name": name, "location": location}), 201)["id"].clone());
    }
    let mut policy = json!({"name": "gold", "repository": repository, "sources": sources});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.ask("POST", "policies", token, policy, 201)["id"].as_str().unwrap().to_string()
}

fn start(server: &Server, token: &str, policy: &str) -> Vec<String> {
    let queued = server.ask("POST", &format!("policies/{policy}/runs"), token, Value::Null, 202);
    queued["runs"].as_array().unwrap().iter().map(|run| run.as_str().unwrap().to_string()).collect()
}

#[test]
fn what_a_policy_protects_is_in_the_catalogue_and_comes_back() {
    let world = World::new();
    let server = Server::start(&world);
    let token = owner(&server);
    let policy = policy(&world, &server, &token, json!({"retention": {"last": 5}}));
    for run in start(&server, &token, &policy) {
        let (run, events) = server.watch(&run, &token);
        assert_eq!(run["state"], "complete", "{run}");
        assert!(events.contains("event: phase") && events.contains("data: complete"), "{events}");
        let listed = server.get("snapshots", &token);
        let ids: Vec<&str> = listed["items"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
        assert!(ids.contains(&run["snapshot"].as_str().unwrap()), "{listed}");
    }
    world.run(&["restore", "tree@latest", "--to", &world.text("back")]).expect(0);
    let back = world.path("back").join(world.tree().strip_prefix("/").unwrap());
    let found = [back.join("report.txt"), world.path("back/report.txt")]
        .into_iter()
        .find_map(|path| std::fs::read_to_string(path).ok());
    assert_eq!(found.as_deref(), Some("first report\n"));
    let verdict = server.get("audit/verdict", &token);
    assert_eq!(verdict["whole"], true);
    // The password stands nowhere but where it was given.
    for entry in std::fs::read_dir(world.path("platform")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
    }
}

#[test]
fn a_run_of_a_server_that_is_killed_ends_once_and_can_be_repeated() {
    let world = World::new();
    let mut server = Server::start(&world);
    let token = owner(&server);
    let policy = policy(&world, &server, &token, json!({}));
    let runs = start(&server, &token, &policy);
    server.kill();
    let server = Server::start(&world);
    assert_eq!(server.setup, None, "there is an owner");
    for id in runs {
        let (run, _) = server.watch(&id, &token);
        let state = run["state"].as_str().unwrap();
        assert!(["complete", "failed"].contains(&state), "{run}");
        if state == "failed" {
            assert_eq!(run["code"], "lease-lost");
            let again = server.ask("POST", &format!("runs/{id}/retry"), &token, Value::Null, 202);
            let (again, _) = server.watch(again["id"].as_str().unwrap(), &token);
            assert_eq!(again["state"], "complete", "{again}");
        }
    }
}

#[test]
fn failures_have_a_code_and_a_next_step_and_one_folder_has_one_server() {
    let world = World::new();
    let server = Server::start(&world);
    let token = owner(&server);
    let policy = policy(&world, &server, &token, json!({}));
    std::fs::rename(world.path("repo"), world.path("elsewhere")).unwrap();
    for run in start(&server, &token, &policy) {
        let (run, _) = server.watch(&run, &token);
        assert_eq!((run["state"].as_str(), run["code"].as_str()), (Some("failed"), Some("no-repository")), "{run}");
        assert!(!run["hint"].as_str().unwrap().is_empty());
    }
    world
        .run(&["server", "--listen", "127.0.0.1:0", "--data", &world.text("platform")])
        .expect(11)
        .err_has("another server");
}
