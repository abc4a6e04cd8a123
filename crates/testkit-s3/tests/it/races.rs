//! Many at once on one name.

use crate::{complete_body, pair};
use datakeep_testkit_s3::{Dialect, PlainClient, S3Server};
use std::sync::Barrier;
use std::thread;

const WRITERS: usize = 32;
const ROUNDS: usize = 20;

/// Lets all writers do the same at once; gives their statuses.
pub fn race(act: impl Fn(usize) -> u16 + Sync) -> Vec<u16> {
    let barrier = Barrier::new(WRITERS);
    let writer = |number| {
        barrier.wait();
        act(number)
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || writer(number))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

fn put_races(server: &S3Server, client: &PlainClient, losers_hear: &[u16]) {
    for round in 0..ROUNDS {
        let key = format!("k{round}");
        let statuses =
            race(|number| client.put(&key, number.to_string().as_bytes(), &[("If-None-Match", "*")]).unwrap().status);
        let winners: Vec<usize> = (0..WRITERS).filter(|&number| statuses[number] == 200).collect();
        assert_eq!(winners.len(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| *status == 200 || losers_hear.contains(status)), "{statuses:?}");
        assert_eq!(**server.objects()[&key].bytes, *winners[0].to_string().as_bytes());
    }
}

#[test]
fn one_of_many_creators_wins() {
    let (server, client) = pair(Dialect::strict());
    put_races(&server, &client, &[412]);
}

#[test]
fn one_of_many_wins_where_racers_hear_of_a_conflict() {
    let (server, client) = pair(Dialect::conflict_409());
    put_races(&server, &client, &[409, 412]);
    assert_eq!(client.put("k0", b"", &[("If-None-Match", "*")]).unwrap().status, 412, "who comes later did not race");
}

#[test]
fn one_of_many_completions_wins() {
    let (server, client) = pair(Dialect::small_parts());
    let uploads: Vec<(String, String)> = (0..WRITERS)
        .map(|number| {
            let id = client.send("POST", "k", "uploads", &[], b"").unwrap().element("UploadId").unwrap();
            let query = format!("partNumber=1&uploadId={id}");
            let part = client.send("PUT", "k", &query, &[], number.to_string().as_bytes()).unwrap();
            (id, part.header("etag").unwrap().to_owned())
        })
        .collect();
    let statuses = race(|number| {
        let (id, tag) = &uploads[number];
        let body = complete_body(&[(1, tag)]);
        client.send("POST", "k", &format!("uploadId={id}"), &[("If-None-Match", "*")], &body).unwrap().status
    });
    let winners: Vec<usize> = (0..WRITERS).filter(|&number| statuses[number] == 200).collect();
    assert_eq!((winners.len(), statuses.iter().filter(|status| **status == 412).count()), (1, WRITERS - 1));
    assert_eq!(**server.objects()["k"].bytes, *winners[0].to_string().as_bytes());
}
