//! Figures from a real control database: who gets them, what they say, and what `promtool` thinks of them.

use crate::world::World;
use datakeep_manage::control::runs::{Ending, NewRun, RunKind, RunState};
use datakeep_manage::{PolicySpec, RepositorySpec, Role, SourceSpec};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HINT: &str =
    "promtool is missing: run ./x tools, or apt-get install prometheus, or name it with DATAKEEP_PROMTOOL";

/// Where `./x tools` puts it, what a variable names, or what is installed.
fn promtool() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let installed = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let installed = installed.into_iter().map(|folder| folder.join("promtool"));
    let own = cache.map(|folder| folder.join("datakeep-tools/promtool"));
    let all = variable("DATAKEEP_PROMTOOL").into_iter().chain(installed).chain(own);
    let found: Option<PathBuf> = all.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{HINT}"))
}

#[track_caller]
fn run(arguments: &[&str], folder: &Path, input: &str) {
    let mut command = Command::new(promtool());
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

/// A policy over one source, whose only backup was of a database and lost items.
async fn shop(world: &World) {
    let (control, now_ms) = (&world.app.control, world.app.now_ms());
    let repository = RepositorySpec {
        location: "/srv/repo".into(),
        password: None,
        store_options: vec![],
        gc: None,
        check: None,
        check_slices: 30,
    };
    control.add("r1", "main", &repository, now_ms).await.unwrap();
    let source = SourceSpec { location: "/srv/a".into(), password: Some("env:CANARY_NAME".into()), exclude: vec![] };
    control.add("s1", "shop \"1\"", &source, now_ms).await.unwrap();
    let policy = PolicySpec {
        sources: vec!["s1".into()],
        repository: "r1".into(),
        schedule: None,
        rpo_s: Some(900),
        retention: None,
        is_enabled: true,
    };
    control.add("p1", "gold", &policy, now_ms - 1_000_000).await.unwrap();
    let (owner, source, repository) = ("p1".into(), "s1".into(), "r1".into());
    let new = NewRun { id: "run1".into(), kind: RunKind::Backup, owner, source, repository, slot_s: None };
    control.enqueue(&[new], now_ms).await.unwrap();
    let lease = control.claim("test", now_ms, now_ms + 1000).await.unwrap().unwrap();
    let summary = json!({"type": "backup", "snapshot": "ab", "duration_ms": 1500, "stored_bytes": 42, "items_lost": 3,
        "tables": [{"schema": "app", "table": "orders", "columns": 2, "rows": 7}]});
    let ending = Ending {
        state: RunState::Partial,
        code: "partial".into(),
        message: "items were lost".into(),
        hint: String::new(),
        snapshot: Some("ab".into()),
        summary: summary.to_string(),
    };
    control.finish("run1", lease.fence, &ending, &[], now_ms).await.unwrap();
}

#[tokio::test]
async fn figures_are_for_whoever_may_read_figures_and_nothing_else() {
    let world = World::new().await;
    shop(&world).await;
    let token = world.token(Role::Metrics).await;
    world.send("GET", "/metrics", &[], None).await.problem(401, "sign-in");
    world.ask(&token, "GET", "/api/v1/findings", None).await.problem(403, "forbidden");
    let viewer = world.token(Role::Viewer).await;
    world.ask(&viewer, "GET", "/metrics", None).await.problem(403, "forbidden");
    let said = world.ask(&token, "GET", "/metrics", None).await.expect(200);
    assert_eq!(said.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = said.body.as_str().unwrap();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    for line in [
        "datakeep_rpo_actual_seconds{policy=\"gold\",source=\"shop \\\"1\\\"\"} 1000",
        "datakeep_rpo_target_seconds{policy=\"gold\",source=\"shop \\\"1\\\"\"} 900",
        "datakeep_backup_overdue{policy=\"gold\",source=\"shop \\\"1\\\"\"} 1",
        "datakeep_source_rows{policy=\"gold\",source=\"shop \\\"1\\\"\"} 7",
        "datakeep_backup_items_lost{policy=\"gold\",source=\"shop \\\"1\\\"\"} 3",
        "datakeep_runs_total{kind=\"backup\",state=\"partial\"} 1",
        "datakeep_findings{rule=\"rpo-breach\",severity=\"critical\"} 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("CANARY"), "{text}");
    let found = world.ask(&viewer, "GET", "/api/v1/findings", None).await.expect(200).body;
    let rules: Vec<&str> = found["items"].as_array().unwrap().iter().filter_map(|one| one["rule"].as_str()).collect();
    assert_eq!(rules, ["rpo-breach", "partial"]);
    assert_eq!(found["items"][1]["facts"]["items_lost"], 3);
    assert!(!found.to_string().contains("CANARY"), "{found}");
}

#[tokio::test]
async fn promtool_finds_no_fault_in_the_figures() {
    let world = World::new().await;
    shop(&world).await;
    let bearer = format!("Bearer {}", world.token(Role::Metrics).await);
    let headers = [("authorization", bearer.as_str()), ("accept", "text/plain;version=0.0.4")];
    let said = world.send("GET", "/metrics", &headers, None).await.expect(200);
    run(&["check", "metrics"], world.folder.path(), said.body.as_str().unwrap());
}

#[test]
fn promtool_finds_no_fault_in_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus");
    run(&["check", "rules", "datakeep.rules.yml"], &folder, "");
    run(&["test", "rules", "datakeep.rules.test.yml"], &folder, "");
}
