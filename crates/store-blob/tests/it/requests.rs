//! What a call costs: requests, as the server counted them.

use crate::world::plain;
use datakeep_store_blob::BlobStore;
use datakeep_testkit_s3::{Dialect, Operation, S3Server};

#[test]
fn a_call_is_one_request() {
    let server = S3Server::start(Dialect::strict());
    let store = plain(&server, "p");
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n * 7) as u8).collect();
    let check = |what: &str, expected: &[Operation], call: &dyn Fn()| {
        server.take_requests();
        call();
        let made: Vec<Operation> = server.take_requests().iter().map(|request| request.operation).collect();
        assert_eq!(made, expected, "{what}");
    };
    use Operation::*;
    check("stage", &[PutObject], &|| store.stage("data/a", &[&bytes]).unwrap());
    check("create", &[PutObject], &|| store.create("commits/0/a", b"x").unwrap());
    check("barrier", &[], &|| store.barrier().unwrap());
    check("read", &[GetObject], &|| assert_eq!(store.read("data/a", 1 << 20).unwrap(), bytes));
    check("read at", &[GetObject], &|| {
        let mut part = [0; 1000];
        store.read_at("data/a", 500, &mut part).unwrap();
        assert_eq!(part, bytes[500..1500]);
    });
    check("read tail", &[GetObject], &|| {
        assert_eq!(store.read_tail("data/a", 10).unwrap(), (100_000, bytes[99_990..].to_vec()));
    });
    check("read a tail longer than the object", &[GetObject], &|| {
        assert_eq!(store.read_tail("commits/0/a", 10).unwrap(), (1, b"x".to_vec()));
    });
    check("length", &[HeadObject], &|| assert_eq!(store.len_bytes("data/a").unwrap(), Some(100_000)));
    check("no length", &[HeadObject], &|| assert_eq!(store.len_bytes("data/b").unwrap(), None));
    check("list", &[ListObjectsV2], &|| assert_eq!(store.list("").unwrap().len(), 2));
    check("delete", &[DeleteObject], &|| store.delete("data/a").unwrap());
    check("too short", &[GetObject, HeadObject], &|| {
        store.read_at("commits/0/a", 0, &mut [0; 2]).unwrap_err();
    });
}

#[test]
fn a_range_of_names_asks_for_no_page_behind_it() {
    let server = S3Server::start(Dialect::small_pages(10));
    let store = plain(&server, "p");
    for number in 0..100 {
        server.insert(&format!("p/data/{number:03}"), b"x");
    }
    for name in ["commits/1", "config", "forgotten/1", "keys/1"] {
        server.insert(&format!("p/{name}"), b"x");
    }
    server.take_requests();
    let names = |from: &str, to: &str| -> Vec<String> {
        store.list_between(from, to).unwrap().into_iter().map(|listed| listed.name).collect()
    };
    assert_eq!(names("c", "d"), ["commits/1", "config"]);
    assert_eq!(server.count(Operation::ListObjectsV2), 1);
    server.take_requests();
    assert_eq!(names("e", "l"), ["forgotten/1", "keys/1"]);
    assert_eq!(server.count(Operation::ListObjectsV2), 1);
    assert_eq!(names("data/097", "data/099"), ["data/097", "data/098"]);
    assert_eq!(names("config", "config/"), ["config"]);
}

#[test]
fn no_more_than_the_limit_is_read() {
    let server = S3Server::start(Dialect::strict());
    let store = plain(&server, "p");
    server.insert("p/keys/large", &vec![7; 30 << 20]);
    let error = store.read("keys/large", 1000).unwrap_err();
    assert!(error.to_string().contains("at most 1000 are possible"), "{error}");
}
