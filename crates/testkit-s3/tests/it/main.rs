//! The server against a plain client that does nothing on its own.
#![expect(clippy::unwrap_used, reason = "a test fails where an expectation does")]

mod protocol;

use datakeep_testkit_s3::{Dialect, PlainClient, S3Server};

/// A server and a client of it.
fn pair(dialect: Dialect) -> (S3Server, PlainClient) {
    let server = S3Server::start(dialect);
    let client = PlainClient::new(server.endpoint());
    (server, client)
}
