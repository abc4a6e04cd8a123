//! The same client and the same checks against a real server, where they apply.

use crate::races::race;
use crate::{complete_body, pages};
use datakeep_testkit_s3::{Algorithm, PlainClient, VersityGw};

fn real() -> (VersityGw, PlainClient) {
    let server = VersityGw::start();
    let client = PlainClient::new(server.endpoint());
    (server, client)
}

#[test]
fn objects_ranges_and_conditions() {
    let (_server, client) = real();
    let absent = [("If-None-Match", "*")];
    let put = client.put("data/3f/ä b+c", b"0123456789", &absent).unwrap();
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(client.put("data/3f/ä b+c", b"other", &absent).unwrap().code(), "PreconditionFailed");
    let range = client.get("data/3f/ä b+c", &[("Range", "bytes=2-4")]).unwrap();
    assert_eq!((range.status, range.text().as_str()), (206, "234"));
    assert_eq!(range.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(client.get("data/3f/ä b+c", &[("Range", "bytes=10-")]).unwrap().status, 416);
    let head = client.head("data/3f/ä b+c").unwrap();
    assert_eq!(head.header("etag"), put.header("etag"));
    assert!(head.header("date").is_some() && head.header("last-modified").is_some());
    assert_eq!(client.delete("data/3f/ä b+c").unwrap().status, 204);
    let missing = client.get("data/3f/ä b+c", &[]).unwrap();
    assert_eq!((missing.status, missing.code().as_str()), (404, "NoSuchKey"));
}

#[test]
fn checksums_and_strangers() {
    let (server, client) = real();
    for algorithm in Algorithm::ALL {
        let value = algorithm.of(b"bytes");
        assert_eq!(client.put("k", b"bytes", &[(algorithm.header(), &value)]).unwrap().status, 200);
        let other = client.put("k", b"bytez", &[(algorithm.header(), &value)]).unwrap();
        assert_eq!((other.status, other.code().as_str()), (400, "BadDigest"), "{algorithm:?}");
    }
    let mut endpoint = server.endpoint();
    endpoint.credentials.secret_key.push('x');
    let refused = PlainClient::new(endpoint).get("k", &[]).unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (403, "SignatureDoesNotMatch"));
    let mut endpoint = server.endpoint();
    endpoint.bucket.push('x');
    assert_eq!(PlainClient::new(endpoint).get("k", &[]).unwrap().code(), "NoSuchBucket");
}

#[test]
fn listings_are_whole() {
    let (_server, client) = real();
    let keys = ["a", "b/1", "b/2", "b/c/3", "d/4", "e"];
    for key in keys {
        assert_eq!(client.put(key, b"x", &[]).unwrap().status, 200);
    }
    assert_eq!(pages(&client, "max-keys=2", "Key"), keys);
    assert_eq!(pages(&client, "max-keys=2&prefix=b%2F", "Key"), ["b/1", "b/2", "b/c/3"]);
    assert_eq!(pages(&client, "max-keys=2&start-after=b%2F2", "Key"), ["b/c/3", "d/4", "e"]);
    assert_eq!(pages(&client, "max-keys=2&delimiter=%2F", "Key"), ["a", "e"]);
}

#[test]
fn uploads_in_parts() {
    let (_server, client) = real();
    let id = client.send("POST", "k", "uploads", &[], b"").unwrap().element("UploadId").unwrap();
    let whole = vec![7; 5 << 20];
    let query = |number| format!("partNumber={number}&uploadId={id}");
    let first = client.send("PUT", "k", &query(1), &[], &whole).unwrap().header("etag").unwrap().to_owned();
    let second = client.send("PUT", "k", &query(2), &[], b"end").unwrap().header("etag").unwrap().to_owned();
    assert_eq!(client.send("GET", "", "uploads", &[], b"").unwrap().element("UploadId").as_ref(), Some(&id));
    let body = complete_body(&[(1, &first), (2, &second)]);
    let query = format!("uploadId={id}");
    client.put("k", b"early", &[]).unwrap();
    let refused = client.send("POST", "k", &query, &[("If-None-Match", "*")], &body).unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (412, "PreconditionFailed"));
    client.delete("k").unwrap();
    assert_eq!(client.send("POST", "k", &query, &[("If-None-Match", "*")], &body).unwrap().status, 200);
    let end = client.get("k", &[("Range", "bytes=-4")]).unwrap();
    assert_eq!(end.body, b"\x07end");
}

#[test]
fn one_of_many_creators_wins() {
    let (_server, client) = real();
    for round in 0..5 {
        let key = format!("k{round}");
        let statuses =
            race(|number| client.put(&key, number.to_string().as_bytes(), &[("If-None-Match", "*")]).unwrap().status);
        let winners: Vec<usize> = (0..statuses.len()).filter(|&number| statuses[number] == 200).collect();
        assert_eq!(winners.len(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 409, 412].contains(status)), "{statuses:?}");
        assert_eq!(client.get(&key, &[]).unwrap().text(), winners[0].to_string());
    }
}

#[test]
fn a_killed_server_comes_back_with_what_it_had() {
    let (mut server, client) = real();
    assert_eq!(client.put("k", b"kept", &[]).unwrap().status, 200);
    server.kill9();
    assert!(client.get("k", &[]).is_err());
    server.restart();
    assert_eq!(client.get("k", &[]).unwrap().body, b"kept");
}
