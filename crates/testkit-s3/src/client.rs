//! A client that does one request and nothing on its own: no retry, no redirect, no connection kept.

use crate::checksum::sha256_hex;
use crate::endpoint::Endpoint;
use crate::headers::Headers;
use crate::query::{Query, encode_path};
use crate::sigv4::{Signed, amz_date, authorize};
use jiff::Timestamp;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long it waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);
const MAX_HEADERS: usize = 100;

/// Speaks to an endpoint over plain HTTP, signed.
#[derive(Clone, Debug)]
pub struct PlainClient {
    endpoint: Endpoint,
    patience: Duration,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// What came, never more than was declared.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What stands in the first element of this name.
    pub fn element(&self, name: &str) -> Option<String> {
        self.elements(name).into_iter().next()
    }

    /// What stands in all elements of this name that contain text alone.
    pub fn elements(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let text = self.text();
        let parts = text.split(&open).skip(1).filter_map(|rest| rest.split(&close).next());
        parts
            .map(|part| part.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
            .collect()
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.element("Code").unwrap_or_default()
    }
}

impl PlainClient {
    /// A client of an endpoint.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, patience: PATIENCE }
    }

    /// Waits so long for any byte, then gives up with `TimedOut` or `WouldBlock`.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Stores an object.
    pub fn put(&self, key: &str, bytes: &[u8], headers: &[(&str, &str)]) -> io::Result<Reply> {
        self.send("PUT", key, "", headers, bytes)
    }

    /// Reads an object.
    pub fn get(&self, key: &str, headers: &[(&str, &str)]) -> io::Result<Reply> {
        self.send("GET", key, "", headers, b"")
    }

    /// Asks for an object.
    pub fn head(&self, key: &str) -> io::Result<Reply> {
        self.send("HEAD", key, "", &[], b"")
    }

    /// Deletes an object.
    pub fn delete(&self, key: &str) -> io::Result<Reply> {
        self.send("DELETE", key, "", &[], b"")
    }

    /// One page of a listing; `query` is what follows `list-type=2`, encoded.
    pub fn list(&self, query: &str) -> io::Result<Reply> {
        let separator = if query.is_empty() { "" } else { "&" };
        self.send("GET", "", &format!("list-type=2{separator}{query}"), &[], b"")
    }

    /// Any request. `key` is encoded here, `query` must be; an empty key means the bucket.
    pub fn send(
        &self,
        method: &str,
        key: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let authority = self.endpoint.url.trim_start_matches("http://").trim_end_matches('/');
        let path = match key {
            "" => format!("/{}", self.endpoint.bucket),
            key => format!("/{}/{}", self.endpoint.bucket, encode_path(key)),
        };
        let all = self.signed(method, &path, query, headers, body, authority);
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        for (name, value) in all.iter() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        read_reply(&mut stream, method)
    }

    fn signed(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        authority: &str,
    ) -> Headers {
        let credentials = &self.endpoint.credentials;
        let date = amz_date(Timestamp::now());
        let mut all = Headers::default();
        for (name, value) in headers {
            all.push(name, value);
        }
        all.push("host", authority);
        all.push("x-amz-date", &date);
        if all.get("x-amz-content-sha256").is_none() {
            all.push("x-amz-content-sha256", &sha256_hex(body));
        }
        if let Some(token) = &credentials.session_token {
            all.push("x-amz-security-token", token);
        }
        let query = Query::parse(query);
        let signed = Signed { method, path, query: &query, headers: &all };
        let value = authorize(&signed, credentials, &self.endpoint.region, &date);
        all.push("authorization", &value);
        all
    }
}

/// Reads to the end of the connection. A body that is shorter than declared is `UnexpectedEof`.
fn read_reply(stream: &mut TcpStream, method: &str) -> io::Result<Reply> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended without an answer"));
    }
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut slots);
    let begin = match parsed.parse(&bytes) {
        Ok(httparse::Status::Complete(begin)) => begin,
        Ok(httparse::Status::Partial) | Err(_) => return Err(bad("the head of the answer cannot be read")),
    };
    let status = parsed.code.ok_or_else(|| bad("an answer without a status"))?;
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let mut reply = Reply { status, headers, body: bytes.split_off(begin) };
    if let Some(declared) = reply.header("content-length").and_then(|value| value.parse::<usize>().ok())
        && method != "HEAD"
    {
        if reply.body.len() < declared {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body of the answer is cut off"));
        }
        reply.body.truncate(declared);
    }
    Ok(reply)
}
