//! The server by itself, at a pace: `serve MB_PER_SECOND REQUEST_MS [trace]`. Prints what a client must know, and ends with
//! its standard input. Then it says what was asked for; with `trace` each request as it comes, with milliseconds.

use datakeep_testkit_s3::{Dialect, Pace, S3Server};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let (rate, latency_ms) = (number(0) * 1_000_000, number(1));
    let server = S3Server::start(Dialect::strict());
    server.set_pace(Pace { latency_ms, in_bytes_per_s: rate, out_bytes_per_s: rate });
    let endpoint = server.endpoint();
    println!(
        "{} {} {} {}",
        endpoint.url, endpoint.bucket, endpoint.credentials.access_key, endpoint.credentials.secret_key
    );
    let (end, ended) = channel::<()>();
    std::thread::scope(|scope| {
        if arguments.get(2).is_some_and(|word| word == "trace") {
            scope.spawn(|| trace(&server, ended));
        }
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(end);
    });
    eprintln!("{:?}", server.traffic());
    let mut counts = BTreeMap::new();
    for request in server.requests() {
        *counts.entry(request.operation).or_insert(0) += 1;
    }
    eprintln!("{counts:?}");
}

/// Tells of each request once it is over, until the other end of `ended` goes.
fn trace(server: &S3Server, ended: Receiver<()>) {
    let begin = Instant::now();
    let mut seen = BTreeSet::new();
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(Duration::from_millis(5)) {
        let now_ms = begin.elapsed().as_millis();
        for request in server.requests().into_iter().filter(|request| seen.insert(request.number)) {
            let (number, operation, key, query) = (request.number, request.operation, request.key, request.query);
            let (sent, got) = (request.body_len_bytes_in, request.body_len_bytes_out);
            eprintln!("{now_ms} #{number} {operation:?} {key} {query} in={sent} out={got} {:?}", request.status);
        }
    }
}
