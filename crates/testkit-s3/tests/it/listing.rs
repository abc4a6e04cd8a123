//! Listings, page by page.

use crate::{pages, pair};
use datakeep_testkit_s3::{Dialect, Operation, PlainClient};

fn fill(client: &PlainClient, keys: &[&str]) {
    for key in keys {
        assert_eq!(client.put(key, b"x", &[]).unwrap().status, 200);
    }
}

const KEYS: [&str; 7] = ["a", "b/1", "b/2", "b/c/3", "d", "d/4", "e"];

#[test]
fn names_come_sorted_whole_and_once() {
    let (server, client) = pair(Dialect::small_pages(2));
    fill(&client, &["e", "d/4", "d", "b/c/3", "b/2", "b/1", "a"]);
    assert_eq!(pages(&client, "", "Key"), KEYS);
    assert_eq!(server.count(Operation::ListObjectsV2), 4, "seven names in pages of two");
    assert_eq!(pages(&client, "prefix=b%2F", "Key"), ["b/1", "b/2", "b/c/3"]);
    assert_eq!(pages(&client, "max-keys=1&prefix=d", "Key"), ["d", "d/4"]);
    assert_eq!(pages(&client, "start-after=b%2F2", "Key"), ["b/c/3", "d", "d/4", "e"]);
    assert_eq!(pages(&client, "prefix=zz", "Key"), [""; 0]);
}

#[test]
fn folders_count_as_one_line_each() {
    let (server, client) = pair(Dialect::strict());
    fill(&client, &KEYS);
    for page_len in [1, 2, 3, 1000] {
        server.set_dialect(Dialect::small_pages(page_len));
        assert_eq!(pages(&client, "delimiter=%2F", "Key"), ["a", "d", "e"], "{page_len}");
        let prefixes: Vec<String> = pages(&client, "delimiter=%2F", "CommonPrefixes");
        assert_eq!(prefixes, ["<Prefix>b/</Prefix>", "<Prefix>d/</Prefix>"], "{page_len}");
        assert_eq!(pages(&client, "delimiter=%2F&prefix=b%2F", "Key"), ["b/1", "b/2"], "{page_len}");
    }
}

#[test]
fn the_forms_of_a_page() {
    let (_server, client) = pair(Dialect::strict());
    fill(&client, &["a b&c", "ä"]);
    let page = client.list("encoding-type=url&max-keys=1").unwrap();
    assert_eq!(page.element("Key").as_deref(), Some("a%20b%26c"));
    assert_eq!(
        (page.element("KeyCount").as_deref(), page.element("IsTruncated").as_deref()),
        (Some("1"), Some("true"))
    );
    assert_eq!(client.list("").unwrap().elements("Key"), ["a b&c", "ä"]);
    assert_eq!(client.list("").unwrap().elements("Size"), ["1", "1"]);
    assert_eq!(client.list("max-keys=0").unwrap().element("IsTruncated").as_deref(), Some("false"));
    assert_eq!(client.list("max-keys=x").unwrap().code(), "InvalidArgument");
    assert_eq!(client.list("continuation-token=x").unwrap().code(), "InvalidArgument");
}

#[test]
fn many_are_deleted_at_once() {
    let (server, client) = pair(Dialect::strict());
    fill(&client, &["a", "b&", "c"]);
    let body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b&amp;</Key></Object><Object><Key>no</Key></Object></Delete>";
    assert_eq!(client.send("POST", "", "delete", &[], body).unwrap().code(), "InvalidRequest", "it wants a checksum");
    let crc = datakeep_testkit_s3::Algorithm::Crc32c.of(body);
    let reply = client.send("POST", "", "delete", &[("x-amz-checksum-crc32c", &crc)], body).unwrap();
    assert_eq!((reply.status, reply.elements("Key")), (200, vec!["a".to_owned(), "b&".to_owned(), "no".to_owned()]));
    assert_eq!(server.objects().into_keys().collect::<Vec<_>>(), ["c"]);
}
