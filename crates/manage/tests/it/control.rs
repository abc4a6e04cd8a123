//! The control database: documents, runs, people, audit, and what it says when it is locked, full or gone.

use datakeep_manage::control::audit::{Chain, Deed};
use datakeep_manage::control::catalogue::Listed;
use datakeep_manage::control::people::{IDLE_MS, SESSION_MS, Token};
use datakeep_manage::control::runs::{Ending, NewRun, RunFilter, RunItem, RunKind, RunState};
use datakeep_manage::control::{Control, ControlError, new_id};
use datakeep_manage::{Permission, PolicySpec, RepositorySpec, Role, SourceSpec};
use std::collections::BTreeSet;
use std::path::PathBuf;

struct Place {
    folder: tempfile::TempDir,
    control: Control,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.db")).await.unwrap();
        Self { folder, control }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("control.db")
    }
}

fn repository() -> RepositorySpec {
    let (location, password) = ("/srv/repo".to_string(), Some("file:/etc/pw".to_string()));
    RepositorySpec { location, password, store_options: vec![], gc: None, check: None, check_slices: 30 }
}

fn source() -> SourceSpec {
    SourceSpec { location: "/srv/files".into(), password: None, exclude: vec![] }
}

fn policy() -> PolicySpec {
    let (sources, repository) = (vec!["s1".to_string()], "r1".to_string());
    PolicySpec { sources, repository, schedule: None, rpo_s: None, retention: None, is_enabled: true }
}

fn backup(id: &str, owner: &str, slot_s: Option<i64>) -> NewRun {
    let source = format!("source-of-{owner}");
    NewRun { id: id.into(), kind: RunKind::Backup, owner: owner.into(), source, repository: "r1".into(), slot_s }
}

fn ending(state: RunState) -> Ending {
    let text = String::new;
    Ending {
        state,
        code: "ok".into(),
        message: text(),
        hint: text(),
        snapshot: Some("ab".into()),
        summary: "{}".into(),
    }
}

fn word<T: std::fmt::Debug>(result: Result<T, ControlError>) -> String {
    let text = format!("{:?}", result.expect_err("it is refused"));
    text.split([' ', '(', '{']).next().unwrap_or_default().to_string()
}

#[tokio::test]
async fn documents_have_names_revisions_and_are_not_removed_beneath_others() {
    let place = Place::new().await;
    let control = &place.control;
    control.add("r1", "main", &repository(), 1).await.unwrap();
    control.add("s1", "files", &source(), 1).await.unwrap();
    assert_eq!(word(control.add("s2", "files", &source(), 2).await), "Taken");
    let elsewhere = PolicySpec { sources: vec!["s9".into()], ..policy() };
    assert_eq!(word(control.add("p1", "gold", &elsewhere, 2).await), "NotFound");
    assert_eq!(word(control.get::<PolicySpec>("p1").await), "NotFound", "nothing of it was kept");
    control.add("p1", "gold", &policy(), 2).await.unwrap();
    assert_eq!(word(control.remove::<SourceSpec>("s1", 1).await), "InUse");
    assert_eq!(word(control.remove::<RepositorySpec>("r1", 1).await), "InUse");
    let changed = PolicySpec { rpo_s: Some(900), ..policy() };
    assert_eq!(control.replace("p1", 1, "gold", &changed, 3).await.unwrap().revision, 2);
    assert_eq!(word(control.replace("p1", 1, "gold", &policy(), 4).await), "Stale");
    assert_eq!(control.get::<PolicySpec>("p1").await.unwrap().body, changed);
    control.remove::<PolicySpec>("p1", 2).await.unwrap();
    control.remove::<SourceSpec>("s1", 1).await.unwrap();
    assert_eq!(word(control.remove::<SourceSpec>("s1", 1).await), "NotFound");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let place = Place::new().await;
    for number in 0..5 {
        place.control.add(&format!("s{number}"), &format!("n{number}"), &source(), 1).await.unwrap();
    }
    let first = place.control.list::<SourceSpec>("", 2).await.unwrap();
    assert_eq!((first.items.len(), first.next.as_deref()), (2, Some("s1")));
    let last = place.control.list::<SourceSpec>("s3", 2).await.unwrap();
    assert_eq!((last.items.len(), last.next), (1, None));
    assert_eq!(place.control.all::<SourceSpec>().await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_thousand_slots_are_queued_and_claimed_none_twice() {
    let place = Place::new().await;
    place.control.add("r1", "main", &repository(), 1).await.unwrap();
    place.control.add("s1", "files", &source(), 1).await.unwrap();
    for number in 0..3 {
        place.control.add(&format!("p{number}"), &format!("n{number}"), &policy(), 1).await.unwrap();
    }
    let runs = |side: &str| -> Vec<NewRun> {
        (0..1000).map(|number| backup(&format!("{side}{number:04}"), &format!("p{number}"), Some(7200))).collect()
    };
    let (left, right) = (runs("a"), runs("b"));
    let (one, other) = tokio::join!(place.control.enqueue(&left, 1), place.control.enqueue(&right, 1));
    assert_eq!(one.unwrap() + other.unwrap(), 1000);
    assert_eq!(place.control.enqueue(&left, 2).await.unwrap(), 0);
    let later = backup("c0", "p1", Some(10_800));
    let asked = NewRun { source: "another".into(), ..backup("c1", "p2", None) };
    assert_eq!(place.control.enqueue(&[later, asked], 3).await.unwrap(), 2);
    let slots = place.control.last_slots(RunKind::Backup).await.unwrap();
    let expected = [("p0", 7200), ("p1", 10_800), ("p2", 7200)].map(|(id, slot_s)| (id.to_string(), slot_s));
    assert_eq!(slots, expected.into(), "of policies that are there");
    for id in ["c0", "c1"] {
        place.control.cancel(id, 4).await.unwrap();
    }
    let claimer = |name: &'static str| {
        let control = place.control.clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            while claimed.len() < 200 {
                match control.claim(name, 10, 1000).await.unwrap() {
                    Some(lease) => claimed.push(lease.run.what.owner),
                    None => break,
                }
            }
            claimed
        })
    };
    let (one, other) = (claimer("x"), claimer("y"));
    let all: Vec<String> = one.await.unwrap().into_iter().chain(other.await.unwrap()).collect();
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (400, 400));
}

#[tokio::test]
async fn a_run_ends_once_whoever_says_so() {
    let place = Place::new().await;
    let control = &place.control;
    control.enqueue(&[backup("a", "p", None)], 1).await.unwrap();
    let lease = control.claim("x", 10, 20).await.unwrap().unwrap();
    assert!(!control.heartbeat("a", lease.fence, 30).await.unwrap());
    assert_eq!(control.reap(30).await.unwrap(), [] as [String; 0]);
    assert_eq!(control.reap(31).await.unwrap(), ["a"]);
    let late = control.finish("a", lease.fence, &ending(RunState::Complete), &[], 32).await;
    assert_eq!(word(late), "Fenced");
    assert_eq!(word(control.heartbeat("a", lease.fence, 99).await), "Fenced");
    assert_eq!(word(control.cancel("a", 33).await), "State");
    let run = control.run("a").await.unwrap();
    assert_eq!((run.state, run.ending.map(|end| end.code)), (RunState::Failed, Some("lease-lost".into())));
    let again = control.retry("a", "b", 40).await.unwrap();
    assert_eq!((again.attempt, again.retry_of.as_deref(), again.state), (2, Some("a"), RunState::Queued));
    assert_eq!(word(control.retry("b", "c", 41).await), "State");
}

#[tokio::test]
async fn lanes_cancelling_and_items() {
    let place = Place::new().await;
    let control = &place.control;
    control.enqueue(&[backup("a", "p", None), backup("b", "p", None), backup("c", "q", None)], 1).await.unwrap();
    let first = control.claim("x", 2, 100).await.unwrap().unwrap();
    let second = control.claim("x", 2, 100).await.unwrap().unwrap();
    assert_eq!((first.run.what.id.as_str(), second.run.what.id.as_str()), ("a", "c"), "b waits for a");
    assert_eq!(control.claim("x", 2, 100).await.unwrap(), None);
    assert_eq!(control.cancel("b", 3).await.unwrap().state, RunState::Cancelled);
    assert!(control.cancel("a", 3).await.unwrap().is_cancel_asked);
    assert!(control.heartbeat("a", first.fence, 200).await.unwrap());
    let lost = RunItem { path: "/x".into(), cause: "denied".into(), detail: "no".into() };
    control.finish("a", first.fence, &ending(RunState::Partial), std::slice::from_ref(&lost), 5).await.unwrap();
    assert_eq!(control.items("a", 0, 10).await.unwrap().items, [(1, lost)]);
    let filter = RunFilter { state: Some(RunState::Partial), owner: Some("p".into()) };
    assert_eq!(control.runs(&filter, "", 10).await.unwrap().items.len(), 1);
    let page = control.runs(&RunFilter::default(), "", 2).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("b"), "newest first");
    assert_eq!(control.expire("x").await.unwrap(), 1);
    assert_eq!(control.reap(6).await.unwrap(), ["c"]);
}

#[tokio::test]
async fn sessions_and_tokens_end_and_are_kept_as_hashes() {
    let place = Place::new().await;
    let control = &place.control;
    assert!(control.add_owner("u1", "ann", "hash", 1).await.unwrap());
    assert!(!control.add_owner("u2", "bob", "hash", 1).await.unwrap(), "only the first");
    assert_eq!(word(control.remove_person("u1").await), "LastOwner");
    control.add_person("u3", "eve", Role::Viewer, "hash", 1).await.unwrap();
    control.begin_session("u3", "canary-session", "csrf", 1000).await.unwrap();
    let at = |now_ms| control.session("canary-session", now_ms);
    assert_eq!(at(1000 + IDLE_MS).await.unwrap().map(|visitor| visitor.person.name), Some("eve".into()));
    assert_eq!(at(1001 + 2 * IDLE_MS).await.unwrap(), None, "idle");
    control.begin_session("u3", "canary-other", "csrf", 1000).await.unwrap();
    let mut now_ms = 1000;
    while now_ms < 1000 + SESSION_MS {
        assert!(control.session("canary-other", now_ms).await.unwrap().is_some(), "{now_ms}");
        now_ms += IDLE_MS - 1;
    }
    assert_eq!(control.session("canary-other", 1001 + SESSION_MS).await.unwrap(), None, "however much it is used");
    let (scopes, name) = (vec![Permission::StateRead, Permission::UserManage], "ci".to_string());
    let token = Token { id: "t1".into(), person: "u3".into(), name, scopes, created_ms: 1, expires_ms: 5000 };
    control.add_token(&token, "canary-token").await.unwrap();
    let visitor = control.bearer("canary-token", 4999).await.unwrap().unwrap();
    assert!(visitor.may(Permission::StateRead) && !visitor.may(Permission::UserManage), "no more than its owner");
    assert_eq!(control.bearer("canary-token", 5000).await.unwrap(), None);
    assert_eq!(control.bearer("wrong", 1).await.unwrap(), None);
    assert_eq!(word(control.remove_token("u1", "t1").await), "NotFound");
    control.close().await;
    for entry in std::fs::read_dir(place.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"canary-"), "what opens something stands in the database");
    }
}

#[tokio::test]
async fn the_audit_log_is_a_chain_that_shows_each_change() {
    let place = Place::new().await;
    let deed = |act: &str| Deed {
        actor: "ann".into(),
        act: act.into(),
        object: "o".into(),
        result: "ok".into(),
        detail: String::new(),
    };
    let writer = |name: &'static str| {
        let (control, deed) = (place.control.clone(), deed(name));
        tokio::spawn(async move {
            for _ in 0..30 {
                control.record(&deed, 5).await.unwrap();
            }
        })
    };
    let (one, other) = (writer("a"), writer("b"));
    one.await.unwrap();
    other.await.unwrap();
    let verdict = place.control.verify_audit().await.unwrap();
    assert_eq!((verdict.records, verdict.broken_at), (60, None));
    let records = place.control.audit(0, 500).await.unwrap().items;
    for changed in 0..records.len() {
        let mut forged = records.clone();
        forged[changed].deed.actor = "mallory".into();
        let mut chain = Chain::default();
        forged.iter().for_each(|record| chain.follow(record));
        assert_eq!(chain.verdict().broken_at, Some(changed as i64 + 1));
    }
    let mut chain = Chain::default();
    records.iter().filter(|record| record.seq != 7).for_each(|record| chain.follow(record));
    assert_eq!(chain.verdict().broken_at, Some(8), "one is missing");
}

#[tokio::test]
async fn the_catalogue_is_what_the_repository_said_last() {
    let place = Place::new().await;
    let one = |id: &str, started: &str| {
        let (repository, source) = ("r1".to_string(), "files".to_string());
        Listed { repository, id: id.into(), source, started: started.into(), body: "{}".into() }
    };
    let (old, new) = (one("a", "2026-11-29T00:00:00Z"), one("b", "2026-11-30T00:00:00Z"));
    place.control.refresh("r1", &[old.clone(), new.clone()], 1).await.unwrap();
    place.control.refresh("r2", &[], 1).await.unwrap();
    let page = place.control.snapshots("", "", 1).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&new));
    assert_eq!(place.control.snapshots("", &page.next.unwrap(), 1).await.unwrap().items, [old]);
    place.control.refresh("r1", std::slice::from_ref(&new), 2).await.unwrap();
    assert_eq!(place.control.snapshots("files", "", 10).await.unwrap().items, [new]);
    let newest = place.control.newest().await.unwrap();
    assert_eq!(newest.values().collect::<Vec<_>>(), ["2026-11-30T00:00:00Z"]);
}

#[tokio::test]
async fn a_database_that_is_locked_full_gone_or_none_is_said_so() {
    let place = Place::new().await;
    let other = Control::open(&place.file()).await.unwrap();
    assert!(other.ping().await.is_ok(), "a second process reads beside");
    let moved = place.folder.path().join("elsewhere.db");
    std::fs::rename(place.file(), &moved).unwrap();
    assert_eq!(word(place.control.ping().await), "Gone");
    std::fs::write(place.file(), b"").unwrap();
    assert_eq!(word(place.control.enqueue(&[], 1).await), "Gone", "another file in its place takes nothing");
    let none = place.folder.path().join("text.db");
    std::fs::write(&none, "this is a text and no database, however long it may be").unwrap();
    assert_eq!(word(Control::open(&none).await), "Damaged");
    assert_eq!(word(Control::open(&place.folder.path().join("no/such/folder.db")).await), "Gone");
}

#[test]
fn ids_stand_in_the_order_of_time() {
    assert!(new_id(1, [255; 8]) < new_id(2, [0; 8]));
    assert_eq!(new_id(1, [0; 8]).len(), 28);
}
