//! A server that is killed again and again: no run is lost, none is done twice, none stays open.

use super::{Server, owner, policy, start};
use crate::world::World;
use datakeep_testkit::XorShift;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KILLS: u64 = 100;
/// Runs that may wait before more are started.
const MOST_WAITING: usize = 4;

fn runs(server: &Server, token: &str, filter: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("runs?limit=500&cursor={cursor}{filter}"), token);
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return found,
        }
    }
}

#[test]
fn a_hundred_kills_lose_no_run_and_double_none() {
    let world = World::new();
    let server = Server::start(&world);
    let token = owner(&server);
    let policy = policy(&world, &server, &token, json!({}));
    drop(server);
    let mut random = XorShift::new(8);
    let mut promised = BTreeSet::new();
    for _ in 0..KILLS {
        let mut server = Server::start(&world);
        if runs(&server, &token, "&state=queued").len() < MOST_WAITING {
            promised.extend(start(&server, &token, &policy));
        }
        // As good as any moment: so many questions later.
        (0..random.below(40)).for_each(|_| drop(server.get("runs?limit=3", &token)));
        server.kill();
    }
    let server = Server::start(&world);
    for id in &promised {
        let (run, _) = server.watch(id, &token);
        let state = run["state"].as_str().unwrap_or_default();
        assert!(["complete", "failed"].contains(&state), "{run}");
        assert!(state == "complete" || run["code"] == "lease-lost", "{run}");
    }
    let ended = runs(&server, &token, "");
    let backups: Vec<&Value> = ended.iter().filter(|run| run["kind"] == "backup").collect();
    let known: BTreeSet<String> = backups.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(known, promised, "each that was promised, and no other");
    let snapshots: Vec<&str> = backups.iter().filter_map(|run| run["snapshot"].as_str()).collect();
    let distinct: BTreeSet<&str> = snapshots.iter().copied().collect();
    assert_eq!(snapshots.len(), distinct.len(), "no snapshot is of two runs");
    let stored = world.snapshots();
    let stored: BTreeSet<&str> = stored.iter().filter_map(|snapshot| snapshot["id"].as_str()).collect();
    assert!(distinct.is_subset(&stored), "each is there");
    // One that was killed may have published, and was not heard; none was done twice.
    assert!(stored.len() <= backups.len(), "{} snapshots of {} runs", stored.len(), backups.len());
    let complete = backups.iter().filter(|run| run["state"] == "complete").count();
    println!("{} runs, {complete} complete, {} snapshots", backups.len(), stored.len());
    assert!(complete > 0 && complete < backups.len(), "kills hit some runs and missed others");
    assert_eq!(server.get("audit/verdict", &token)["whole"], true);
    world.run(&["check", "--read-data"]).expect(0);
}
