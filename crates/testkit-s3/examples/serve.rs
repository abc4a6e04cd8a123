//! The server by itself, at a pace: `serve MB_PER_SECOND REQUEST_MS`. Prints what a client must know, and ends with its
//! standard input.

use datakeep_testkit_s3::{Dialect, Pace, S3Server};
use std::io::Read;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap_or_default());
    let rate = numbers.next().unwrap_or_default() * 1_000_000;
    let latency_ms = numbers.next().unwrap_or_default();
    let server = S3Server::start(Dialect::strict());
    server.set_pace(Pace { latency_ms, in_bytes_per_s: rate, out_bytes_per_s: rate });
    let endpoint = server.endpoint();
    println!(
        "{} {} {} {}",
        endpoint.url, endpoint.bucket, endpoint.credentials.access_key, endpoint.credentials.secret_key
    );
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let traffic = server.traffic();
    eprintln!("{traffic:?}");
    let mut counts = std::collections::BTreeMap::new();
    for request in server.requests() {
        *counts.entry(request.operation).or_insert(0) += 1;
    }
    eprintln!("{counts:?}");
}
