//! The suite of every store, in every dialect that keeps its promises; and what a probe says of those that do not.

use crate::world::{Played, plain, settings, whole};
use datakeep_store_blob::{AheadStore, BlobStore, Effort, Tier, conformance, probe};
use datakeep_testkit_s3::{Dialect, S3Server};

fn conforms(dialect: Dialect) {
    let server = S3Server::start(dialect);
    let mut stores = 0;
    conformance::check(&mut || {
        stores += 1;
        Box::new(whole(settings(&server.endpoint(), &format!("a/{stores}")), Played::new(|_| {})))
    });
    assert!(server.uploads().is_empty());
}

#[test]
fn object_stores_conform() {
    conforms(Dialect::strict());
    conforms(Dialect::small_pages(3));
    conforms(Dialect::no_checksums());
    conforms(Dialect::no_multipart());
}

#[test]
fn who_is_told_of_a_conflict_asks_again() {
    conforms(Dialect::conflict_409());
}

#[test]
fn one_attempt_a_call_conforms_too_and_a_whole_bucket_does() {
    let mut servers = Vec::new();
    conformance::check(&mut || {
        servers.push(S3Server::start(Dialect::strict()));
        Box::new(plain(servers.last().unwrap(), ""))
    });
}

fn tier(dialect: Dialect) -> Tier {
    let server = S3Server::start(dialect);
    let store = |_| -> AheadStore<_> { whole(settings(&server.endpoint(), "p"), Played::new(|_| {})) };
    let stores = [store(0), store(1)];
    let report = probe::probe([&stores[0], &stores[1]], "0123", Effort::QUICK).unwrap();
    assert_eq!(stores[0].list("probe/").unwrap(), [], "a probe leaves nothing");
    report.tier
}

#[test]
fn a_probe_tells_who_keeps_what() {
    assert_eq!(tier(Dialect::strict()), Tier::Collecting);
    assert_eq!(tier(Dialect::conflict_409()), Tier::Collecting);
    assert_eq!(tier(Dialect::ignores_conditions()), Tier::ExclusiveWindow);
}

#[test]
fn a_store_that_lists_late_is_collected_alone() {
    let server = S3Server::start(Dialect::lists_late(4));
    let stores = [plain(&server, "p"), plain(&server, "p")];
    let report = probe::probe([&stores[0], &stores[1]], "0123", Effort::QUICK).unwrap();
    assert_eq!(report.tier, Tier::ExclusiveWindow);
}

#[test]
fn what_is_not_ours_is_passed_over() {
    let server = S3Server::start(Dialect::strict());
    for foreign in ["p/Index.html", "p/data/", "p/data/a b", "pp/x", "q"] {
        server.insert(foreign, b"foreign");
    }
    let store = plain(&server, "p");
    store.create("data/x", b"ours").unwrap();
    let names: Vec<String> = store.list("").unwrap().into_iter().map(|listed| listed.name).collect();
    assert_eq!(names, ["data/x"]);
    assert!(server.objects().contains_key("p/data/x"));
}
