//! Uploads in parts.

use crate::{complete_body, pair};
use datakeep_testkit_s3::{Algorithm, Dialect, PlainClient, Reply};

fn begin(client: &PlainClient, key: &str) -> String {
    client.send("POST", key, "uploads", &[], b"").unwrap().element("UploadId").unwrap()
}

fn part(client: &PlainClient, key: &str, id: &str, number: u32, bytes: &[u8]) -> Reply {
    client.send("PUT", key, &format!("partNumber={number}&uploadId={id}"), &[], bytes).unwrap()
}

fn complete(client: &PlainClient, key: &str, id: &str, parts: &[(u32, &str)], headers: &[(&str, &str)]) -> Reply {
    client.send("POST", key, &format!("uploadId={id}"), headers, &complete_body(parts)).unwrap()
}

fn etag(reply: &Reply) -> String {
    reply.header("etag").unwrap().to_owned()
}

#[test]
fn parts_become_one_object_in_their_order() {
    let (server, client) = pair(Dialect::small_parts());
    let id = begin(&client, "k");
    let second = etag(&part(&client, "k", &id, 2, b"world"));
    let lost = etag(&part(&client, "k", &id, 1, b"HELLO "));
    let first = etag(&part(&client, "k", &id, 1, b"hello "));
    assert_eq!(client.get("k", &[]).unwrap().status, 404, "not there before it is complete");
    assert_eq!(server.uploads()[&id].parts.len(), 2);
    assert_eq!(complete(&client, "k", &id, &[(1, &lost), (2, &second)], &[]).code(), "InvalidPart");
    assert_eq!(complete(&client, "k", &id, &[(2, &second), (1, &first)], &[]).code(), "InvalidPartOrder");
    assert_eq!(complete(&client, "k", &id, &[], &[]).code(), "MalformedXML");
    let done = complete(&client, "k", &id, &[(1, &first), (2, &second)], &[]);
    assert_eq!(done.status, 200);
    assert!(done.element("ETag").unwrap().ends_with("-2\""));
    assert_eq!(client.get("k", &[("Range", "bytes=4-7")]).unwrap().body, b"o wo");
    assert!(server.uploads().is_empty());
    assert_eq!(complete(&client, "k", &id, &[(1, &first)], &[]).code(), "NoSuchUpload");
}

#[test]
fn small_parts_are_refused_but_for_the_last() {
    let (_server, client) = pair(Dialect { min_part_len_bytes: 10, ..Dialect::strict() });
    let id = begin(&client, "k");
    let parts =
        [part(&client, "k", &id, 1, &[1; 10]), part(&client, "k", &id, 2, b"2"), part(&client, "k", &id, 3, b"3")];
    let tags = parts.map(|reply| etag(&reply));
    assert_eq!(
        complete(&client, "k", &id, &[(1, &tags[0]), (2, &tags[1]), (3, &tags[2])], &[]).code(),
        "EntityTooSmall"
    );
    assert_eq!(complete(&client, "k", &id, &[(1, &tags[0]), (3, &tags[2])], &[]).status, 200);
    assert_eq!(part(&client, "k", &id, 0, b"").code(), "InvalidArgument");
    assert_eq!(part(&client, "k", &id, 1, b"").code(), "NoSuchUpload");
}

#[test]
fn completion_creates_only_what_is_absent() {
    let (server, client) = pair(Dialect::small_parts());
    let id = begin(&client, "k");
    let tag = etag(&part(&client, "k", &id, 1, b"late"));
    client.put("k", b"early", &[]).unwrap();
    let refused = complete(&client, "k", &id, &[(1, &tag)], &[("If-None-Match", "*")]);
    assert_eq!((refused.status, refused.code().as_str()), (412, "PreconditionFailed"));
    assert_eq!(client.get("k", &[]).unwrap().body, b"early");
    assert_eq!(server.uploads().len(), 1, "what was refused is still there to be aborted");
    assert_eq!(client.send("DELETE", "k", &format!("uploadId={id}"), &[], b"").unwrap().status, 204);
    assert!(server.uploads().is_empty());
}

#[test]
fn uploads_and_parts_are_listed_in_pages() {
    let (_server, client) = pair(Dialect::small_pages(1));
    let ids = [begin(&client, "b"), begin(&client, "a"), begin(&client, "a")];
    let first = client.send("GET", "", "uploads", &[], b"").unwrap();
    assert_eq!((first.elements("Key"), first.elements("UploadId")), (vec!["a".to_owned()], vec![ids[1].clone()]));
    assert_eq!(first.element("IsTruncated").as_deref(), Some("true"));
    let next = format!("uploads&key-marker=a&upload-id-marker={}", ids[1]);
    assert_eq!(client.send("GET", "", &next, &[], b"").unwrap().elements("UploadId"), [ids[2].clone()]);
    let last = client.send("GET", "", "uploads&key-marker=a", &[], b"").unwrap();
    assert_eq!((last.elements("Key"), last.element("IsTruncated").as_deref()), (vec!["b".to_owned()], Some("false")));
    part(&client, "b", &ids[0], 3, b"333");
    part(&client, "b", &ids[0], 1, b"1");
    let parts = client.send("GET", "b", &format!("uploadId={}", ids[0]), &[], b"").unwrap();
    assert_eq!((parts.elements("PartNumber"), parts.elements("Size")), (vec!["1".to_owned()], vec!["1".to_owned()]));
    let next = format!("uploadId={}&part-number-marker=1", ids[0]);
    assert_eq!(client.send("GET", "b", &next, &[], b"").unwrap().elements("PartNumber"), ["3"]);
}

#[test]
fn checksums_of_parts_are_compared_twice() {
    let (_server, client) = pair(Dialect::small_parts());
    let id = begin(&client, "k");
    let crc = Algorithm::Crc32c.of(b"part");
    let query = format!("partNumber=1&uploadId={id}");
    let header = [("x-amz-checksum-crc32c", crc.as_str())];
    assert_eq!(client.send("PUT", "k", &query, &header, b"pert").unwrap().code(), "BadDigest");
    let tag = etag(&client.send("PUT", "k", &query, &header, b"part").unwrap());
    let body = |crc: &str| {
        format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag><ChecksumCRC32C>{crc}</ChecksumCRC32C></Part></CompleteMultipartUpload>"
        )
    };
    let query = format!("uploadId={id}");
    assert_eq!(client.send("POST", "k", &query, &[], body("AAAAAA==").as_bytes()).unwrap().code(), "InvalidPart");
    assert_eq!(client.send("POST", "k", &query, &[], body(&crc).as_bytes()).unwrap().status, 200);
}
