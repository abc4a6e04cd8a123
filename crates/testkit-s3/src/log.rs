//! What a server was asked, and what it answered.

use crate::fault::Fault;
use crate::operation::Operation;

/// One request, as it was when its answer was decided. An answer that a client stops reading counts in full.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Counted from 1 when the head of the request was there.
    pub number: u64,
    /// What was asked for.
    pub operation: Operation,
    /// The bucket.
    pub bucket: String,
    /// The object's name; empty for what concerns the whole bucket.
    pub key: String,
    /// The query as it came.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// Length of the body that came.
    pub body_len_bytes_in: u64,
    /// Length of the body that is sent back.
    pub body_len_bytes_out: u64,
    /// The status that is sent back; `None` when nothing is.
    pub status: Option<u16>,
    /// What went wrong on purpose.
    pub fault: Option<Fault>,
}

/// A sum over requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// How many.
    pub requests: u64,
    /// Bodies that came.
    pub body_len_bytes_in: u64,
    /// Bodies that were sent.
    pub body_len_bytes_out: u64,
}

impl<'a> FromIterator<&'a Request> for Traffic {
    fn from_iter<I: IntoIterator<Item = &'a Request>>(requests: I) -> Self {
        requests.into_iter().fold(Self::default(), |sum, request| Self {
            requests: sum.requests + 1,
            body_len_bytes_in: sum.body_len_bytes_in + request.body_len_bytes_in,
            body_len_bytes_out: sum.body_len_bytes_out + request.body_len_bytes_out,
        })
    }
}
