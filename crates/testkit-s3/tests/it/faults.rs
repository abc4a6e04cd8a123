//! Every fault shows, and shows as what it is.

use crate::pair;
use datakeep_testkit_s3::{
    Credentials, Dialect, Fault, Match, Operation, Pace, PlainClient, Refusal, Reply, Rule, S3Server,
};
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const BYTES: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// A server with one object `k`, and a fault for the next request.
fn struck(fault: Fault) -> (S3Server, PlainClient) {
    let (server, client) = pair(Dialect::strict());
    server.insert("k", BYTES);
    server.inject(Rule::next(fault));
    (server, client)
}

fn is_cut_off(outcome: io::Result<Reply>) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    outcome.is_err_and(|error| matches!(error.kind(), ConnectionReset | UnexpectedEof | BrokenPipe))
}

fn is_reset(outcome: io::Result<Reply>) -> bool {
    outcome.is_err_and(|error| matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
}

#[test]
fn resets_before_the_effect_and_after_it() {
    for (fault, is_applied) in [
        (Fault::ResetBefore, false),
        (Fault::ResetInRequest { sixteenths: 8 }, false),
        (Fault::LostAnswer, true),
        (Fault::ResetInBody { sixteenths: 0 }, true),
    ] {
        let (server, client) = struck(fault.clone());
        let body = vec![7; 1 << 20];
        assert!(is_reset(client.put("new", &body, &[])), "{fault:?}");
        assert_eq!(server.objects().contains_key("new"), is_applied, "{fault:?}");
        let request = &server.requests()[0];
        assert_eq!(request.fault, Some(fault.clone()));
        let expected_in = match fault {
            Fault::ResetBefore => 0,
            Fault::ResetInRequest { .. } => 1 << 19,
            _ => 1 << 20,
        };
        assert_eq!(request.body_len_bytes_in, expected_in, "{fault:?}");
        let retried = client.put("new", &body, &[("If-None-Match", "*")]).unwrap();
        assert_eq!(retried.status, if is_applied { 412 } else { 200 }, "{fault:?}");
    }
}

#[test]
fn bodies_are_cut() {
    for sixteenths in [0, 1, 8, 15] {
        let (server, client) = struck(Fault::CutBody { sixteenths });
        assert!(is_cut_off(client.get("k", &[])), "{sixteenths}");
        assert_eq!(server.requests()[0].body_len_bytes_out, u64::from(sixteenths) * 2);
        let (_server, client) = struck(Fault::ResetInBody { sixteenths });
        assert!(is_cut_off(client.get("k", &[])), "{sixteenths}");
    }
}

#[test]
fn a_stalled_answer_never_comes_and_the_server_still_ends() {
    for (fault, is_applied) in
        [(Fault::Stall, false), (Fault::StallAfter, true), (Fault::StallInBody { sixteenths: 0 }, true)]
    {
        let (server, client) = struck(fault.clone());
        let outcome = client.clone().with_patience(Duration::from_millis(50)).put("new", b"1", &[]);
        let kind = outcome.unwrap_err().kind();
        assert!(matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{kind:?}");
        // The client may have given up before the server came to it.
        while server.requests().is_empty() {
            thread::yield_now();
        }
        assert_eq!(server.objects().contains_key("new"), is_applied, "{fault:?}");
        assert_eq!(client.get("k", &[]).unwrap().status, 200, "others are served");
    }
}

#[test]
fn a_server_that_is_dropped_lets_a_stalled_client_go() {
    let (server, client) = struck(Fault::Stall);
    let (sender, receiver) = mpsc::channel();
    let waiting = thread::spawn(move || sender.send(client.get("k", &[]).is_err()));
    while server.requests().is_empty() {
        thread::yield_now();
    }
    drop(server);
    assert!(receiver.recv().unwrap());
    waiting.join().unwrap().unwrap();
}

#[test]
fn lengths_and_bytes_are_wrong() {
    let (_server, client) = struck(Fault::WrongLength { by_bytes: -2 });
    assert_eq!(client.get("k", &[]).unwrap().body, &BYTES[..30]);
    let (_server, client) = struck(Fault::WrongLength { by_bytes: 2 });
    assert!(is_cut_off(client.get("k", &[])));
    let (_server, client) = struck(Fault::WrongLength { by_bytes: 2 });
    assert_eq!(client.head("k").unwrap().header("content-length"), Some("34"));
    let (_server, client) = struck(Fault::WrongBytes);
    let reply = client.get("k", &[]).unwrap();
    let differing = reply.body.iter().zip(BYTES).filter(|(left, right)| left != right).count();
    assert_eq!((reply.status, reply.body.len(), differing), (200, 32, 1));
    assert_eq!(client.get("k", &[]).unwrap().body, BYTES, "the object itself is as it was");
}

#[test]
fn refusals_come_in_the_place_of_the_effect_or_after_it() {
    let refusals = [
        Refusal::internal_error(),
        Refusal::bad_gateway(),
        Refusal::unavailable(7),
        Refusal::slow_down(),
        Refusal::access_denied(),
        Refusal::no_such_key("new"),
        Refusal::conflict(),
        Refusal::precondition_failed("If-None-Match"),
        Refusal::invalid_range(3),
        Refusal::expired_token(),
        Refusal::too_skewed(),
        Refusal::redirect("eu-north-1"),
        Refusal::login_page(),
    ];
    for refusal in refusals {
        let (server, client) = struck(Fault::Instead(refusal.clone()));
        let reply = client.put("new", b"1", &[]).unwrap();
        assert_eq!((reply.status, server.objects().len()), (refusal.status, 1));
        if refusal.page.is_none() {
            assert_eq!(reply.code(), refusal.code);
        }
        for (name, value) in &refusal.headers {
            assert_eq!(reply.header(name), Some(value.as_str()));
        }
        let (server, client) = struck(Fault::Afterwards(refusal.clone()));
        assert_eq!(client.put("new", b"1", &[]).unwrap().status, refusal.status);
        assert_eq!(server.objects().len(), 2);
    }
}

#[test]
fn not_found_and_then_found() {
    let (_server, client) = struck(Fault::Instead(Refusal::no_such_key("k")));
    assert_eq!([client.get("k", &[]).unwrap().status, client.get("k", &[]).unwrap().status], [404, 200]);
}

#[test]
fn a_request_that_is_sent_twice_meets_itself() {
    let (server, client) = struck(Fault::Twice);
    assert_eq!(client.put("new", b"1", &[("If-None-Match", "*")]).unwrap().status, 412);
    assert_eq!(**server.objects()["new"].bytes, b"1"[..]);
}

#[test]
fn a_late_request_is_applied_after_what_overtakes_it() {
    let overtaken_by = Match { key_prefix: "k".to_owned(), ..Match::on(Operation::DeleteObject) };
    let (server, client) = struck(Fault::Late { overtaken_by });
    assert!(is_reset(client.put("k", b"late", &[])));
    assert_eq!(client.get("k", &[]).unwrap().body, BYTES);
    assert_eq!(client.delete("other").unwrap().status, 204);
    assert_eq!(client.get("k", &[]).unwrap().body, BYTES);
    assert_eq!(client.delete("k").unwrap().status, 204);
    assert_eq!(client.get("k", &[]).unwrap().body, b"late", "it has come back");
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn listings_go_wrong() {
    let spoiled = |fault| {
        let (server, client) = pair(Dialect::small_pages(3));
        for key in ["a", "b", "c", "d"] {
            server.insert(key, b"1");
        }
        server.inject(Rule::on(Operation::ListObjectsV2, fault).always());
        let first = client.list("").unwrap();
        let token = first.element("NextContinuationToken").unwrap();
        let second = client.list(&format!("continuation-token={}", token.replace('=', "%3D"))).unwrap();
        (first.elements("Key"), token, second.elements("Key"), second.element("NextContinuationToken"))
    };
    let (first, token, second, next) = spoiled(Fault::RepeatedToken);
    assert_eq!((first.len(), second.len()), (3, 3), "the first page comes again");
    assert_eq!(next, Some(token));
    let (first, _, second, next) = spoiled(Fault::MissingEntry { nth: 1 });
    assert_eq!((first, second, next), (vec!["a".to_owned(), "c".to_owned()], vec!["d".to_owned()], None));
    let (first, ..) = spoiled(Fault::DoubledEntry { nth: 1 });
    assert_eq!(first, ["a", "b", "b", "c"]);
}

#[test]
fn credentials_end_in_mid_run() {
    let (server, client) = pair(Dialect::strict());
    server.inject(Rule::on(Operation::PutObject, Fault::Instead(Refusal::expired_token())).after(1).always());
    let statuses: Vec<u16> = (0..3).map(|_| client.put("k", b"1", &[]).unwrap().status).collect();
    assert_eq!(statuses, [200, 400, 400]);
    assert_eq!(client.get("k", &[]).unwrap().status, 200);
    server.clear_faults();
    server.set_credentials(Credentials::new("new", "secret"));
    assert_eq!(client.put("k", b"1", &[]).unwrap().code(), "InvalidAccessKeyId");
    assert_eq!(PlainClient::new(server.endpoint()).put("k", b"1", &[]).unwrap().status, 200);
}

#[test]
fn a_server_is_down_for_some_requests_or_until_told() {
    let (server, client) = struck(Fault::ResetBefore);
    server.inject(Rule::next(Fault::ResetBefore).times(3));
    let outcomes: Vec<bool> = (0..4).map(|_| client.get("k", &[]).is_ok()).collect();
    assert_eq!(outcomes, [false, false, false, true]);
    server.go_down();
    assert!(client.get("k", &[]).is_err());
    assert!(client.get("k", &[]).is_err());
    server.come_back();
    assert_eq!(client.get("k", &[]).unwrap().body, BYTES);
}

#[test]
fn a_pace_is_kept() {
    let (server, client) = pair(Dialect::strict());
    let begin = std::time::Instant::now();
    server.set_pace(Pace { latency_ms: 20, in_bytes_per_s: 1 << 20, out_bytes_per_s: 1 << 20 });
    client.put("k", &[0; 32 << 10], &[]).unwrap();
    client.get("k", &[]).unwrap();
    // Twice 20 ms and twice a 32nd of a second: never less, whatever else the machine does.
    assert!(begin.elapsed() >= Duration::from_millis(102), "{:?}", begin.elapsed());
    server.set_pace(Pace::default());
    server.inject(Rule::next(Fault::Latency { ms: 20 }));
    let begin = std::time::Instant::now();
    assert_eq!(client.get("k", &[]).unwrap().status, 200);
    assert!(begin.elapsed() >= Duration::from_millis(20));
}
