//! The server against a plain client that does nothing on its own, and that client against a real server.
#![expect(clippy::unwrap_used, reason = "a test fails where an expectation does")]

mod connections;
mod dialects;
mod faults;
mod listing;
mod multipart;
mod protocol;
mod races;
mod real;

use datakeep_testkit_s3::{Dialect, PlainClient, S3Server};

/// A server and a client of it.
fn pair(dialect: Dialect) -> (S3Server, PlainClient) {
    let server = S3Server::start(dialect);
    let client = PlainClient::new(server.endpoint());
    (server, client)
}

/// What stands in the elements of this name, over all pages of a listing.
fn pages(client: &PlainClient, query: &str, element: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = client.list(&format!("{query}{token}")).unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        found.extend(page.elements(element));
        let Some(next) = page.element("NextContinuationToken") else { return found };
        let encoded: String = next.bytes().map(|byte| format!("%{byte:02X}")).collect();
        token = format!("&continuation-token={encoded}");
    }
}

/// The body of a completion.
fn complete_body(parts: &[(u32, &str)]) -> Vec<u8> {
    let part =
        |(number, tag): &(u32, &str)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes()
}
