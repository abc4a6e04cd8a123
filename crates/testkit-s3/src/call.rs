//! A request as the handlers see it.

use crate::headers::Headers;
use crate::operation::Operation;
use crate::query::{Query, decode};

/// Head and body of a request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// As it stands in the request line, without the query.
    pub(crate) path: String,
    pub(crate) raw_query: String,
    pub(crate) query: Query,
    pub(crate) headers: Headers,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) operation: Operation,
    /// As it came over the wire, without the framing of HTTP.
    pub(crate) body: Vec<u8>,
    /// Which request this is, counted from 1 when its head is there.
    pub(crate) tick: u64,
}

impl Call {
    /// Takes apart a request line; the body comes later.
    pub(crate) fn new(method: &str, target: &str, headers: Headers) -> Self {
        let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let query = Query::parse(raw_query);
        let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        let key = decode(key);
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            raw_query: raw_query.to_owned(),
            bucket: decode(bucket),
            operation: Operation::of(method, &key, &query),
            key,
            query,
            headers,
            body: Vec::new(),
            tick: 0,
        }
    }

    /// Name of the object without its bucket, as error bodies give it.
    pub(crate) fn resource(&self) -> String {
        if self.key.is_empty() { format!("/{}", self.bucket) } else { format!("/{}/{}", self.bucket, self.key) }
    }
}

/// An answer that is no refusal.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// Bytes, possibly a part of an object's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    bytes: std::sync::Arc<Vec<u8>>,
    from: usize,
    to: usize,
}

impl Body {
    /// A part of an object; the range must lie in it.
    pub(crate) fn part(bytes: &std::sync::Arc<Vec<u8>>, from: usize, to: usize) -> Self {
        Self { bytes: bytes.clone(), from, to }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.from..self.to]
    }

    pub(crate) fn len(&self) -> usize {
        self.to - self.from
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { to: bytes.len(), from: 0, bytes: std::sync::Arc::new(bytes) }
    }
}

impl Answer {
    /// A status and nothing else.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::default() }
    }

    /// 200 with a document.
    pub(crate) fn document(document: crate::xml::Document) -> Self {
        Self { body: document.into_bytes().into(), ..Self::empty(200) }.with("Content-Type", "application/xml")
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
