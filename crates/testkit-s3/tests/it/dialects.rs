//! What servers do that are not as S3 says.

use crate::{complete_body, pair};
use datakeep_testkit_s3::{Algorithm, Dialect, Operation};

#[test]
fn conditions_may_be_ignored() {
    let (server, client) = pair(Dialect::ignores_conditions());
    for bytes in [b"1", b"2"] {
        assert_eq!(client.put("k", bytes, &[("If-None-Match", "*")]).unwrap().status, 200);
    }
    assert_eq!(**server.objects()["k"].bytes, b"2"[..]);
    assert_eq!(client.put("k", b"3", &[("If-Match", "\"no\"")]).unwrap().status, 200);
    let id = client.send("POST", "k", "uploads", &[], b"").unwrap().element("UploadId").unwrap();
    let part = client.send("PUT", "k", &format!("partNumber=1&uploadId={id}"), &[], b"4").unwrap();
    let body = complete_body(&[(1, part.header("etag").unwrap())]);
    let reply = client.send("POST", "k", &format!("uploadId={id}"), &[("If-None-Match", "*")], &body).unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(client.get("k", &[]).unwrap().body, b"4");
}

#[test]
fn listings_may_be_late() {
    let (_server, client) = pair(Dialect::lists_late(2));
    let listed = || client.list("").unwrap().elements("Key");
    client.put("k", b"1", &[]).unwrap();
    assert_eq!(client.get("k", &[]).unwrap().status, 200, "only listings are late");
    assert_eq!(listed(), [""; 0]);
    assert_eq!(listed(), ["k"]);
    client.delete("k").unwrap();
    assert_eq!(listed(), ["k"]);
    assert_eq!(listed(), ["k"]);
    assert_eq!(listed(), [""; 0]);
}

#[test]
fn checksums_may_be_unknown() {
    let wrong = [("x-amz-checksum-crc32c", "AAAAAA==")];
    let (server, client) = pair(Dialect::no_checksums());
    assert_eq!(client.put("k", b"1", &wrong).unwrap().status, 200);
    assert!(server.objects()["k"].checksums.is_empty());
    server.set_dialect(Dialect::refuses_checksums());
    let right = Algorithm::Crc32c.of(b"1");
    let refused = client.put("k", b"1", &[("x-amz-checksum-crc32c", &right)]).unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (501, "NotImplemented"));
    server.set_dialect(Dialect::strict());
    let unknown = client.put("k", b"1", &[("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")]).unwrap();
    assert_eq!(unknown.status, 501, "what the server does not know is never passed over");
}

#[test]
fn there_may_be_no_uploads_in_parts() {
    let (server, client) = pair(Dialect::no_multipart());
    assert_eq!(client.send("POST", "k", "uploads", &[], b"").unwrap().status, 501);
    assert_eq!(server.count(Operation::CreateMultipartUpload), 1);
}

#[test]
fn what_is_not_spoken_is_said() {
    let (_server, client) = pair(Dialect::strict());
    assert_eq!(client.send("GET", "", "prefix=a", &[], b"").unwrap().status, 501);
    assert_eq!(client.put("k", b"", &[("x-amz-copy-source", "/b/k")]).unwrap().status, 501);
    let signed_chunks = [("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")];
    assert_eq!(client.put("k", b"", &signed_chunks).unwrap().status, 501);
}
