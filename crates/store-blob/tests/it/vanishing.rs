//! A store that goes away: for a while, and for good.

use crate::world::{Played, patient, settings, whole};
use datakeep_store_blob::{BlobError, BlobStore, RemoteCause};
use datakeep_testkit_s3::{Dialect, Fault, Operation, Refusal, Rule, S3Server};
use std::sync::Arc;

#[test]
fn a_store_that_comes_back_is_waited_for() {
    let server = Arc::new(S3Server::start(Dialect::strict()));
    let back = server.clone();
    let time = Played::new(move |waits| {
        if waits == 9 {
            back.come_back();
        }
    });
    let store = whole(settings(&server.endpoint(), "p"), time.clone());
    store.stage("data/a", &[b"before"]).unwrap();
    store.barrier().unwrap();
    server.go_down();
    for number in 0..20 {
        store.stage(&format!("data/{number}"), &[&[number; 1000]]).unwrap();
    }
    store.barrier().unwrap();
    assert!(time.waits() >= 9);
    for number in 0..20 {
        assert_eq!(store.read(&format!("data/{number}"), 1000).unwrap(), [number; 1000]);
    }
}

#[test]
fn a_store_that_does_not_come_back_ends_the_run_with_its_cause() {
    let server = S3Server::start(Dialect::strict());
    let time = Played::new(|_| {});
    let store = whole(settings(&server.endpoint(), "p"), time.clone());
    store.stage("data/a", &[b"before"]).unwrap();
    store.barrier().unwrap();
    server.go_down();
    store.stage("data/b", &[b"after"]).unwrap();
    let error = store.barrier().unwrap_err();
    assert!(matches!(&error, BlobError::Remote { cause, .. } if cause.is_passing()), "{error:?}");
    assert!(time.waits() > 20, "five minutes of waits of at most 15 s");
    server.come_back();
    assert_eq!(store.read("data/a", 10).unwrap(), b"before");
}

#[test]
fn a_store_that_asks_for_patience_gets_it() {
    let server = S3Server::start(Dialect::strict());
    let time = Played::new(|_| {});
    let store = patient(settings(&server.endpoint(), "p"), time.clone());
    store.list("").unwrap();
    server.inject(Rule::on(Operation::PutObject, Fault::Instead(Refusal::slow_down())).times(5));
    server.inject(Rule::on(Operation::GetObject, Fault::Instead(Refusal::unavailable(7))).times(2));
    store.create("a", b"x").unwrap();
    assert_eq!(store.read("a", 9).unwrap(), b"x");
    assert_eq!(time.waits(), 7);
}

#[test]
fn an_overload_tells_how_long_to_wait() {
    let server = S3Server::start(Dialect::strict());
    let store = crate::world::plain(&server, "p");
    server.inject(Rule::on(Operation::GetObject, Fault::Instead(Refusal::unavailable(7))));
    let error = store.read("a", 9).unwrap_err();
    let cause = RemoteCause::Overloaded { retry_after_ms: Some(7000) };
    assert!(matches!(&error, BlobError::Remote { cause: found, .. } if *found == cause), "{error:?}");
}
