//! What S3 promises, when nothing goes wrong.

use crate::pair;
use datakeep_testkit_s3::{Algorithm, Credentials, Dialect, Operation, PlainClient, S3Server, Traffic, WrongRegion};

#[test]
fn an_object_comes_back_as_it_was_stored() {
    let (server, client) = pair(Dialect::strict());
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let put = client.put("data/3f/ä b+c", &bytes, &[("x-amz-meta-color", "blue"), ("Content-Type", "a/b")]).unwrap();
    assert_eq!((put.status, put.body.len()), (200, 0));
    let get = client.get("data/3f/ä b+c", &[]).unwrap();
    assert_eq!((get.status, &get.body), (200, &bytes));
    assert_eq!(get.header("etag"), put.header("etag"));
    assert_eq!((get.header("x-amz-meta-color"), get.header("content-type")), (Some("blue"), Some("a/b")));
    let head = client.head("data/3f/ä b+c").unwrap();
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("200000"), 0));
    assert!(head.header("date").is_some() && head.header("last-modified").is_some());
    assert_eq!(**server.objects()["data/3f/ä b+c"].bytes, bytes[..]);
    assert_eq!(client.delete("data/3f/ä b+c").unwrap().status, 204);
    assert_eq!(client.delete("data/3f/ä b+c").unwrap().status, 204, "deleting what is not there is fine");
    let missing = client.get("data/3f/ä b+c", &[]).unwrap();
    assert_eq!((missing.status, missing.code().as_str()), (404, "NoSuchKey"));
    assert!(missing.element("RequestId").is_some());
    assert_eq!(client.head("data/3f/ä b+c").unwrap().status, 404);
}

#[test]
fn ranges_are_exact() {
    let (_server, client) = pair(Dialect::strict());
    client.put("k", b"0123456789", &[]).unwrap();
    let range = |range: &str| {
        let reply = client.get("k", &[("Range", range)]).unwrap();
        (reply.status, reply.text(), reply.header("content-range").unwrap_or_default().to_owned())
    };
    let part = |text: &str, range: &str| (206, text.to_owned(), range.to_owned());
    assert_eq!(range("bytes=2-4"), part("234", "bytes 2-4/10"));
    assert_eq!(range("bytes=7-"), part("789", "bytes 7-9/10"));
    assert_eq!(range("bytes=8-99"), part("89", "bytes 8-9/10"));
    assert_eq!(range("bytes=-3"), part("789", "bytes 7-9/10"));
    let (status, body, given) = range("bytes=10-12");
    assert_eq!((status, given.as_str()), (416, "bytes */10"));
    assert!(body.contains("InvalidRange"));
    assert_eq!(range("lines=1-2").0, 200);
}

#[test]
fn conditions_hold() {
    let (server, client) = pair(Dialect::strict());
    let absent = [("If-None-Match", "*")];
    assert_eq!(client.put("k", b"1", &absent).unwrap().status, 200);
    let taken = client.put("k", b"2", &absent).unwrap();
    assert_eq!((taken.status, taken.code().as_str()), (412, "PreconditionFailed"));
    assert_eq!(**server.objects()["k"].bytes, b"1"[..]);
    let etag = client.head("k").unwrap().header("etag").unwrap().to_owned();
    assert_eq!(client.get("k", &[("If-None-Match", &etag)]).unwrap().status, 304);
    assert_eq!(client.get("k", &[("If-Match", &etag)]).unwrap().status, 200);
    assert_eq!(client.get("k", &[("If-Match", "\"no\"")]).unwrap().status, 412);
    assert_eq!(client.put("k", b"3", &[("If-Match", "\"no\"")]).unwrap().status, 412);
    assert_eq!(client.put("k", b"3", &[("If-Match", &etag)]).unwrap().status, 200);
    assert_eq!(client.put("new", b"3", &[("If-Match", &etag)]).unwrap().status, 404);
}

#[test]
fn checksums_are_compared_and_given_back() {
    let (_server, client) = pair(Dialect::strict());
    for algorithm in Algorithm::ALL {
        let (header, value) = (algorithm.header(), algorithm.of(b"bytes"));
        assert_eq!(client.put("k", b"bytes", &[(header, &value)]).unwrap().status, 200);
        let head = client.get("k", &[("x-amz-checksum-mode", "ENABLED")]).unwrap();
        assert_eq!(head.header(header), Some(value.as_str()));
        assert_eq!(client.head("k").unwrap().header(header), None, "only when asked for");
        let other = client.put("k", b"bytez", &[(header, &value)]).unwrap();
        assert_eq!((other.status, other.code().as_str()), (400, "BadDigest"));
    }
    let other = client.put("k", b"bytez", &[("Content-MD5", "SzpiGLs+OnMD6KFxpg/Pkg==")]).unwrap();
    assert_eq!((other.status, other.code().as_str()), (400, "BadDigest"));
    assert_eq!(client.get("k", &[]).unwrap().body, b"bytes");
}

#[test]
fn strangers_are_refused_in_the_words_of_s3() {
    let (server, client) = pair(Dialect::strict());
    client.put("k", b"1", &[]).unwrap();
    let said = |change: &dyn Fn(&mut datakeep_testkit_s3::Endpoint)| {
        let mut endpoint = server.endpoint();
        change(&mut endpoint);
        let reply = PlainClient::new(endpoint).get("k", &[]).unwrap();
        (reply.status, reply.code(), reply.element("Region").or(reply.header("x-amz-bucket-region").map(str::to_owned)))
    };
    let plain = |status, code: &str| (status, code.to_owned(), None);
    assert_eq!(said(&|_| ()).0, 200);
    let secret = &|endpoint: &mut datakeep_testkit_s3::Endpoint| endpoint.credentials.secret_key = "no".into();
    assert_eq!(said(secret), plain(403, "SignatureDoesNotMatch"));
    let key = &|endpoint: &mut datakeep_testkit_s3::Endpoint| endpoint.credentials.access_key = "no".into();
    assert_eq!(said(key), plain(403, "InvalidAccessKeyId"));
    let bucket = &|endpoint: &mut datakeep_testkit_s3::Endpoint| endpoint.bucket = "no".into();
    assert_eq!(said(bucket), plain(404, "NoSuchBucket"));
    let region = &|endpoint: &mut datakeep_testkit_s3::Endpoint| endpoint.region = "eu-north-1".into();
    assert_eq!(said(region), (400, "AuthorizationHeaderMalformed".to_owned(), Some("us-east-1".to_owned())));
    server.set_dialect(Dialect { wrong_region: WrongRegion::Redirect, ..Dialect::strict() });
    assert_eq!(said(region), (301, "PermanentRedirect".to_owned(), Some("us-east-1".to_owned())));
    server.set_clock_offset_s(16 * 60);
    assert_eq!(said(&|_| ()), plain(403, "RequestTimeTooSkewed"));
    server.set_clock_offset_s(0);
    server.expire_credentials();
    assert_eq!(said(&|_| ()), plain(400, "ExpiredToken"));
    let token = Credentials { session_token: Some("t".to_owned()), ..Credentials::new("k", "s") };
    server.set_credentials(token);
    assert_eq!(said(&|_| ()).0, 200);
    assert_eq!(said(&|endpoint| endpoint.credentials.session_token = None), plain(400, "InvalidToken"));
}

#[test]
fn the_log_knows_every_request() {
    let (server, client) = pair(Dialect::strict());
    client.put("data/1", &[7; 1000], &[]).unwrap();
    client.get("data/1", &[("Range", "bytes=0-99")]).unwrap();
    client.head("data/1").unwrap();
    client.get("data/2", &[]).unwrap();
    let log = server.requests();
    let seen: Vec<_> = log
        .iter()
        .map(|request| (request.operation, request.key.as_str(), request.body_len_bytes_in, request.status))
        .collect();
    let expected = [
        (Operation::PutObject, "data/1", 1000, Some(200)),
        (Operation::GetObject, "data/1", 0, Some(206)),
        (Operation::HeadObject, "data/1", 0, Some(200)),
        (Operation::GetObject, "data/2", 0, Some(404)),
    ];
    assert_eq!(seen, expected);
    assert_eq!((log[1].range.as_deref(), log[1].body_len_bytes_out), (Some("bytes=0-99"), 100));
    assert_eq!(log[2].body_len_bytes_out, 0);
    assert_eq!(log.iter().map(|request| request.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let reads: Traffic = log[1..2].iter().collect();
    assert_eq!(reads, Traffic { requests: 1, body_len_bytes_in: 0, body_len_bytes_out: 100 });
    assert_eq!(server.count(Operation::GetObject), 2);
    assert_eq!(server.take_requests().len(), 4);
    assert_eq!(server.traffic(), Traffic::default());
}

#[test]
fn locked_objects_stay() {
    let (server, client) = pair(Dialect::strict());
    let lock =
        [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-object-lock-retain-until-date", "2100-01-01T00:00:00Z")];
    let crc = Algorithm::Crc32c.of(b"1");
    let vouched = [lock[0], lock[1], ("x-amz-checksum-crc32c", crc.as_str())];
    assert_eq!(client.put("k", b"1", &lock).unwrap().code(), "InvalidRequest", "a lock wants a checksum");
    assert_eq!(client.put("k", b"1", &vouched).unwrap().status, 200);
    let head = client.head("k").unwrap();
    assert_eq!(head.header("x-amz-object-lock-mode"), Some("COMPLIANCE"));
    assert_eq!(head.header("x-amz-object-lock-retain-until-date"), Some("2100-01-01T00:00:00.000Z"));
    let deleted = client.delete("k").unwrap();
    assert_eq!((deleted.status, deleted.code().as_str()), (403, "AccessDenied"));
    assert_eq!(client.put("k", b"2", &[]).unwrap().status, 403);
    let longer =
        b"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2101-01-01T00:00:00Z</RetainUntilDate></Retention>";
    assert_eq!(client.send("PUT", "k", "retention", &[], longer).unwrap().status, 200);
    let shown = client.send("GET", "k", "retention", &[], b"").unwrap();
    assert_eq!(shown.element("RetainUntilDate").as_deref(), Some("2101-01-01T00:00:00.000Z"));
    let shorter =
        b"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>";
    assert_eq!(client.send("PUT", "k", "retention", &[], shorter).unwrap().status, 403);
    server.set_dialect(Dialect { has_object_lock: false, ..Dialect::strict() });
    assert_eq!(client.put("other", b"1", &vouched).unwrap().code(), "InvalidRequest");
}

#[test]
fn a_server_that_is_dropped_is_gone() {
    let server = S3Server::start(Dialect::strict());
    let client = PlainClient::new(server.endpoint());
    client.put("k", b"1", &[]).unwrap();
    drop(server);
    assert!(client.get("k", &[]).is_err());
}
