//! Who gets in: the matrix of roles over every route, sessions, tokens, cross-site requests, headers.

use crate::world::{NOW_S, World};
use axum::http::header;
use datakeep_manage::control::people::Token;
use datakeep_manage::{Permission, Role};
use datakeep_server::{MAX_FAILURES, api, declared};
use serde_json::json;

#[test]
fn every_route_declares_its_permission_and_name() {
    let (_, document) = api::routes();
    let declared = declared(&document);
    assert!(declared.len() > 30, "{}", declared.len());
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = std::collections::BTreeSet::new();
    for ((method, path), (permission, name)) in declared {
        assert!(permission.is_some(), "{method} {path} declares no permission");
        assert!(path.starts_with("/api/v1/") || path == "/metrics", "{path}");
        assert!(
            !name.is_empty() && names.insert(name.clone()),
            "{method} {path} needs a name of its own, not {name:?}"
        );
    }
}

#[tokio::test]
async fn each_role_reaches_what_is_its_own_and_nothing_else() {
    let world = World::new().await;
    let (_, document) = api::routes();
    for role in Role::ALL {
        let token = world.token(*role).await;
        for ((method, path), (permission, _)) in declared(&document) {
            let (permission, path) = (permission.unwrap(), path.replace("{id}", "none"));
            if path.ends_with("/session") && method == "DELETE" {
                continue;
            }
            let said = world.ask(&token, &method, &path, Some(json!({}))).await;
            let is_refused = said.body["code"] == "forbidden" || said.body["code"] == "undeclared";
            assert_eq!(is_refused, !role.may(permission), "{role:?} {method} {path}: {}", said.body);
            if permission != Permission::Public {
                world.send(&method, &path, &[], Some(json!({}))).await.problem(401, "sign-in");
                world.ask("wrong", &method, &path, Some(json!({}))).await.problem(401, "token-unknown");
            }
        }
    }
}

#[tokio::test]
async fn the_owner_is_made_once_by_the_link() {
    let world = World::new().await;
    let setup = |token: String, name: &'static str, password: &'static str| {
        let body = json!({"token": token, "name": name, "password": password});
        world.send("POST", "/api/v1/setup", &[], Some(body))
    };
    let link = world.app.offer_setup();
    setup("0".repeat(64), "ann", "correct horse battery").await.problem(403, "setup-token");
    setup(link.clone(), "ann", "short").await.problem(422, "password-length");
    setup(link.clone(), "ann", "correct horse battery").await.expect(204);
    setup(link, "eve", "correct horse battery").await.problem(403, "setup-token");
    let again = world.app.offer_setup();
    setup(again, "eve", "correct horse battery").await.problem(403, "setup-token");
    assert_eq!(world.send("GET", "/api/v1/health", &[], None).await.expect(200).body["is_set_up"], true);
}

#[tokio::test]
async fn sessions_are_cookies_and_unsafe_requests_prove_their_intent() {
    let world = World::new().await;
    world.token(Role::Owner).await;
    let login = json!({"name": "owner", "password": "correct horse battery"});
    let said =
        world.send("POST", "/api/v1/session", &[("host", "backup.example")], Some(login.clone())).await.expect(200);
    let cookie = said.headers[header::SET_COOKIE].to_str().unwrap().to_string();
    for word in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let (cookie, csrf) =
        (cookie.split(';').next().unwrap().to_string(), said.body["csrf"].as_str().unwrap().to_string());
    let pair = ("cookie", cookie.as_str());
    world.send("GET", "/api/v1/users", &[pair], None).await.expect(200);
    let user = json!({"name": "bob", "role": "viewer", "password": "correct horse battery"});
    world.send("POST", "/api/v1/users", &[pair], Some(user.clone())).await.problem(403, "csrf");
    world
        .send("POST", "/api/v1/users", &[pair, ("x-csrf-token", "wrong")], Some(user.clone()))
        .await
        .problem(403, "csrf");
    let proven = [pair, ("x-csrf-token", csrf.as_str())];
    let across = [pair, ("x-csrf-token", csrf.as_str()), ("sec-fetch-site", "cross-site")];
    world.send("POST", "/api/v1/users", &across, Some(user.clone())).await.problem(403, "cross-site");
    world.send("POST", "/api/v1/users", &proven, Some(user.clone())).await.expect(201);
    world.send("POST", "/api/v1/users", &proven, Some(user)).await.problem(409, "name-taken");
    world.send("DELETE", "/api/v1/session", &proven, None).await.expect(204);
    world.send("GET", "/api/v1/users", &[pair], None).await.problem(401, "session-ended");
    world
        .send("POST", "/api/v1/session", &[("sec-fetch-site", "cross-site")], Some(login))
        .await
        .problem(403, "cross-site");
}

#[tokio::test]
async fn failures_to_sign_in_are_limited() {
    let world = World::new().await;
    world.token(Role::Owner).await;
    let login = |password: &'static str| {
        world.send("POST", "/api/v1/session", &[], Some(json!({"name": "owner", "password": password})))
    };
    for _ in 0..MAX_FAILURES {
        login("wrong").await.problem(401, "login-failed");
    }
    let said = login("correct horse battery").await.problem(429, "login-limit");
    assert_eq!(said.headers[header::RETRY_AFTER], "300");
}

#[tokio::test]
async fn tokens_expire_and_never_grow() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    let new = |scope: &str| json!({"name": "ci", "scopes": [scope], "days": 1});
    world.ask(&viewer, "POST", "/api/v1/tokens", Some(new("user.manage"))).await.problem(403, "forbidden");
    world.ask(&viewer, "POST", "/api/v1/tokens", Some(new("everything"))).await.problem(422, "scope-unknown");
    let made = world.ask(&viewer, "POST", "/api/v1/tokens", Some(new("state.read"))).await.expect(201);
    let token = made.body["token"].as_str().unwrap().to_string();
    world.ask(&token, "GET", "/api/v1/runs", None).await.expect(200);
    world.ask(&token, "GET", "/api/v1/session", None).await.problem(403, "forbidden");
    let id = made.body["id"].as_str().unwrap();
    world.ask(&viewer, "DELETE", &format!("/api/v1/tokens/{id}"), None).await.expect(204);
    world.ask(&token, "GET", "/api/v1/runs", None).await.problem(401, "token-unknown");
    let (person, scopes) = ("u-viewer".to_string(), vec![Permission::StateRead]);
    let old = Token { id: "old".into(), person, name: "old".into(), scopes, created_ms: 0, expires_ms: NOW_S * 1000 };
    world.app.control.add_token(&old, "expired").await.unwrap();
    world.ask("expired", "GET", "/api/v1/runs", None).await.problem(401, "token-unknown");
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let world = World::new().await;
    for path in ["/", "/api/v1/openapi.json", "/api/v1/users", "/nothing", "/setup?token=x"] {
        let said = world.send("GET", path, &[], None).await;
        let policy = said.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(
            (&said.headers["x-content-type-options"], &said.headers["cache-control"]),
            (&"nosniff".parse().unwrap(), &"no-store".parse().unwrap())
        );
    }
    let page = world.send("GET", &format!("/setup?token={}", "a".repeat(64)), &[], None).await.expect(200);
    // The console is one page for everything; without it there is one for the first owner alone.
    if cfg!(feature = "console") {
        assert!(page.body.as_str().unwrap().contains("<script type=\"module\""));
    } else {
        assert!(page.body.as_str().unwrap().contains("<form"));
        world.send("GET", "/setup?token=%22%3E%3Cscript%3E", &[], None).await.problem(422, "setup-token");
    }
    world.send("GET", "/", &[], None).await.expect(200);
    world.send("PATCH", "/api/v1/users", &[], None).await.expect(405);
}
