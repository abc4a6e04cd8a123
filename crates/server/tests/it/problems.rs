//! What the API says to what makes no sense, and what it does with what does.

use crate::world::{NOW_S, World};
use axum::http::header;
use datakeep_manage::Role;
use datakeep_server::tick;
use serde_json::{Value, json};

struct Set {
    world: World,
    token: String,
}

impl Set {
    async fn new() -> Self {
        let world = World::new().await;
        let token = world.token(Role::Admin).await;
        Self { world, token }
    }

    async fn post(&self, path: &str, body: Value) -> crate::world::Said {
        self.world.ask(&self.token, "POST", &format!("/api/v1/{path}"), Some(body)).await
    }

    async fn get(&self, path: &str) -> Value {
        self.world.ask(&self.token, "GET", &format!("/api/v1/{path}"), None).await.expect(200).body
    }

    /// Adds a repository, a source, and this policy over both; returns its id.
    async fn policy(&self, more: Value) -> String {
        let added = self
            .post("repositories", json!({"name": "main", "location": "/srv/repo", "password": "file:/etc/pw"}))
            .await
            .expect(201);
        let repository = added.body["id"].clone();
        let source =
            self.post("sources", json!({"name": "files", "location": "/srv/files"})).await.expect(201).body["id"]
                .clone();
        let mut policy = json!({"name": "gold", "repository": repository, "sources": [source]});
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("policies", policy).await.expect(201).body["id"].as_str().unwrap().to_string()
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_with_a_code_and_a_field() {
    let set = Set::new().await;
    let schedule = |cron: &str, zone: &str| json!({"name": "p", "repository": "r", "sources": ["s"], "schedule": {"cron": cron, "zone": zone}});
    for (path, body, code, field) in [
        ("sources", json!({"name": "a", "location": "/a", "colour": "red"}), "body-invalid", None),
        ("sources", json!({"name": "a"}), "body-invalid", None),
        ("sources", json!({"name": "a:b", "location": "/a"}), "name-invalid", Some("name")),
        (
            "sources",
            json!({"name": "a", "location": "postgres://a:canary@b/c"}),
            "secret-in-location",
            Some("location"),
        ),
        (
            "repositories",
            json!({"name": "a", "location": "/a", "password": "canary"}),
            "secret-no-reference",
            Some("password"),
        ),
        ("policies", schedule("99 * * * *", "UTC"), "cron-invalid", Some("schedule")),
        ("policies", schedule("0 0 30 2 *", "UTC"), "cron-never", Some("schedule")),
        ("policies", schedule("0 2 * * *", "Mars/Olympus"), "zone-unknown", Some("schedule")),
        (
            "policies",
            json!({"name": "p", "repository": "r", "sources": ["s"], "retention": {"at_least": 3}}),
            "retention-keeps-nothing",
            Some("retention"),
        ),
        ("policies", json!({"name": "p", "repository": "r", "sources": []}), "sources-invalid", Some("sources")),
    ] {
        let said = set.post(path, body.clone()).await.problem(422, code);
        assert_eq!(said.body["field"].as_str(), field, "{body}");
        assert!(!said.body.to_string().contains("canary"), "{}", said.body);
    }
    set.post("policies", json!({"name": "p", "repository": "none", "sources": ["none"]}))
        .await
        .problem(404, "not-found");
    let text = set.world.send("POST", "/api/v1/sources", &[("authorization", "Bearer token-admin")], None).await;
    text.problem(415, "body-no-json");
    set.post("sources", json!({"name": "x".repeat(300_000), "location": "/a"})).await.problem(413, "body-too-large");
    set.world.ask(&set.token, "GET", "/api/v1/runs?colour=red", None).await.problem(422, "query-invalid");
    set.world.ask(&set.token, "GET", "/api/v1/runs?state=red", None).await.problem(422, "state-unknown");
    set.world.ask(&set.token, "GET", "/api/v1/nothing", None).await.problem(404, "no-route");
}

#[tokio::test]
async fn changes_name_the_revision_they_build_on() {
    let set = Set::new().await;
    let id = set.policy(json!({})).await;
    let path = format!("/api/v1/policies/{id}");
    let bearer = format!("Bearer {}", set.token);
    let shown = set.world.ask(&set.token, "GET", &path, None).await.expect(200);
    assert_eq!(shown.headers[header::ETAG], "\"1\"");
    let mut spec = shown.body["spec"].clone();
    spec["rpo_s"] = json!(900);
    let put = |tag: Option<&'static str>, body: Value| {
        let headers: Vec<(&str, &str)> =
            [("authorization", bearer.as_str())].into_iter().chain(tag.map(|tag| ("if-match", tag))).collect();
        let (world, path) = (&set.world, path.clone());
        async move { world.send("PUT", &path, &headers, Some(body)).await }
    };
    put(None, spec.clone()).await.problem(428, "if-match");
    put(Some("\"7\""), spec.clone()).await.problem(412, "stale");
    let changed = put(Some("\"1\""), spec.clone()).await.expect(200);
    assert_eq!((changed.body["revision"].as_i64(), changed.body["spec"]["rpo_s"].as_i64()), (Some(2), Some(900)));
    let source = spec["sources"][0].as_str().unwrap();
    let headers = [("authorization", bearer.as_str()), ("if-match", "\"1\"")];
    set.world.send("DELETE", &format!("/api/v1/sources/{source}"), &headers, None).await.problem(409, "in-use");
    let chain = set.get("audit/verdict").await;
    assert_eq!(chain["whole"], true);
    let log = set.get("audit").await;
    let acts: Vec<&str> = log["items"].as_array().unwrap().iter().filter_map(|one| one["result"].as_str()).collect();
    assert_eq!(acts, ["ok", "ok", "ok", "if-match", "stale", "ok", "in-use"]);
}

#[tokio::test]
async fn what_is_due_is_queued_once_and_what_is_absent_is_overdue() {
    let set = Set::new().await;
    set.policy(json!({"schedule": {"cron": "* * * * *", "zone": "Asia/Shanghai"}, "rpo_s": 600})).await;
    assert_eq!(tick(&set.world.app).await.unwrap(), 0, "nothing is due before its first slot");
    // A minute later, by a server that starts anew over the same database.
    let later = |seconds: i64| {
        let clock =
            std::sync::Arc::new(datakeep_connector::FixedClock(datakeep_model::Timestamp::new(NOW_S + seconds, 0)));
        datakeep_server::app(set.world.app.control.clone(), clock, set.world.app.chance.clone())
    };
    let (one, other) = (later(90), later(90));
    let (first, second) = tokio::join!(tick(&one), tick(&other));
    assert_eq!(first.unwrap() + second.unwrap(), 1);
    assert_eq!(tick(&one).await.unwrap(), 0);
    let runs = set.get("runs?state=queued").await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
    assert_eq!(set.get("overdue").await["items"], json!([]));
    let routes = datakeep_server::router(&later(700));
    let world = World { folder: tempfile::tempdir().unwrap(), app: later(700), routes };
    let now_ms = world.app.now_ms();
    let scopes = datakeep_manage::Permission::ALL.to_vec();
    let (id, person, name) = ("late".to_string(), "u-admin".to_string(), "late".to_string());
    let token =
        datakeep_manage::control::people::Token { id, person, name, scopes, created_ms: 0, expires_ms: now_ms + 1 };
    world.app.control.add_token(&token, "late").await.unwrap();
    let overdue = world.ask("late", "GET", "/api/v1/overdue", None).await.expect(200).body;
    assert_eq!(overdue["items"][0]["since_s"], NOW_S + 600);
}

#[tokio::test]
async fn runs_are_started_cancelled_and_repeated() {
    let set = Set::new().await;
    let id = set.policy(json!({})).await;
    let started = set.post(&format!("policies/{id}/runs"), json!({})).await.expect(202);
    let run = started.body["runs"][0].as_str().unwrap().to_string();
    set.post(&format!("runs/{run}/retry"), json!({})).await.problem(409, "wrong-state");
    let cancelled = set.post(&format!("runs/{run}/cancel"), json!({})).await.expect(200);
    assert_eq!(
        (cancelled.body["state"].as_str(), cancelled.body["code"].as_str()),
        (Some("cancelled"), Some("cancelled"))
    );
    set.post(&format!("runs/{run}/cancel"), json!({})).await.problem(409, "wrong-state");
    let again = set.post(&format!("runs/{run}/retry"), json!({})).await.expect(202);
    assert_eq!((again.body["attempt"].as_i64(), again.body["retry_of"].as_str()), (Some(2), Some(run.as_str())));
    assert_eq!(set.get(&format!("runs/{run}/items")).await["items"], json!([]));
    let repository = again.body["repository"].as_str().unwrap();
    set.post(&format!("repositories/{repository}/runs"), json!({"kind": "gc"})).await.expect(202);
    set.post(&format!("repositories/{repository}/runs"), json!({"kind": "backup"})).await.problem(422, "kind-unknown");
    set.world.ask(&set.token, "GET", "/api/v1/runs/none/events", None).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_database_that_is_gone_is_said_so() {
    let set = Set::new().await;
    std::fs::remove_file(set.world.folder.path().join("control.db")).unwrap();
    let said = set.world.ask(&set.token, "GET", "/api/v1/runs", None).await.problem(503, "control-gone");
    assert!(said.body["hint"].as_str().unwrap().contains("data folder"));
    set.world.send("GET", "/api/v1/health", &[], None).await.problem(503, "control-gone");
}
