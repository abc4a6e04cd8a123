//! HTTP itself: one connection, many requests, all framings.

use crate::pair;
use datakeep_testkit_s3::{Dialect, Operation};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends text over a new connection and gives back all that comes.
fn exchange(url: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn one_connection_serves_many_requests() {
    let (server, _client) = pair(Dialect::strict());
    let first = "PUT /b/k HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let second =
        "PUT /b/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n";
    let third =
        "PUT /b/k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
    let answer = exchange(&server.endpoint().url, &format!("{first}{second}{third}"));
    assert_eq!(answer.matches("HTTP/1.1 403 Forbidden\r\n").count(), 3, "nobody has signed: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 100 Continue\r\n\r\n").count(), 1);
    assert_eq!(answer.matches("\r\nDate: ").count(), 3);
    let lengths: Vec<u64> = server.requests().iter().map(|request| request.body_len_bytes_in).collect();
    assert_eq!((server.count(Operation::PutObject), lengths), (3, vec![3, 3, 1]));
}

#[test]
fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let (server, client) = pair(Dialect::strict());
    for text in [
        "nonsense\r\n\r\n",
        "PUT /b/k HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    ] {
        assert_eq!(exchange(&server.endpoint().url, text), "");
    }
    assert_eq!(client.put("k", b"1", &[]).unwrap().status, 200);
}

#[test]
fn no_length_makes_the_server_take_memory_before_bytes_come() {
    let (server, client) = pair(Dialect::strict());
    let endless = u64::MAX;
    for text in [
        format!("PUT /b/k HTTP/1.1\r\nContent-Length: {endless}\r\n\r\nabc"),
        format!("PUT /b/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n{endless:x}\r\nabc"),
    ] {
        let mut stream = TcpStream::connect(server.endpoint().url.trim_start_matches("http://")).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        // It ends in order or is reset, depending on what of the body was there.
        let _ = stream.read_to_string(&mut answer);
        assert_eq!(answer, "");
    }
    assert_eq!(client.put("k", b"1", &[]).unwrap().status, 200);
}
