//! How an answer goes over the wire, spoiled or not.

use crate::call::{Answer, Body, Call};
use crate::fault::{Fault, share};
use crate::objects::http_date;
use crate::refusal::Refusal;
use jiff::Timestamp;

/// What becomes of the connection when everything was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The next request may come.
    Keep,
    /// Ends in order.
    Close,
    /// Is reset.
    Reset,
    /// Stays open, and nothing comes any more.
    Stall,
}

/// Bytes to send, and what comes before and after.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) wait_ms: u64,
    /// The status in the head; `None` when nothing is sent.
    pub(crate) status: Option<u16>,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Body,
    pub(crate) end: End,
}

impl Delivery {
    /// Makes a delivery of an outcome, and lets a fault spoil it.
    pub(crate) fn new(call: &Call, outcome: Result<Answer, Refusal>, fault: Option<&Fault>, now: Timestamp) -> Self {
        let nothing = |end| Self { wait_ms: 0, status: None, head: Vec::new(), body: Body::default(), end };
        match fault {
            Some(Fault::Stall | Fault::StallAfter) => return nothing(End::Stall),
            Some(Fault::LostAnswer | Fault::Late { .. }) => return nothing(End::Reset),
            _ => {}
        }
        let request_id = format!("TESTKIT{:09}", call.tick);
        let answer = outcome.unwrap_or_else(|refusal| refused(call, &refusal, &request_id));
        let is_closed = call.headers.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let mut end = if is_closed { End::Close } else { End::Keep };
        let (mut body, mut declared) = (answer.body.clone(), answer.body.len() as i64);
        match fault {
            Some(Fault::ResetInBody { sixteenths }) => (body, end) = (cut(body, *sixteenths), End::Reset),
            Some(Fault::CutBody { sixteenths }) => (body, end) = (cut(body, *sixteenths), End::Close),
            Some(Fault::StallInBody { sixteenths }) => (body, end) = (cut(body, *sixteenths), End::Stall),
            Some(Fault::WrongLength { by_bytes }) => (declared, end) = ((declared + by_bytes).max(0), End::Close),
            Some(Fault::WrongBytes) => body = altered(body),
            _ => {}
        }
        if call.method == "HEAD" {
            body = Body::default();
        }
        let head = head(&answer, declared, &request_id, now, end);
        let wait_ms = if let Some(Fault::Latency { ms }) = fault { *ms } else { 0 };
        Self { wait_ms, status: Some(answer.status), head, body, end }
    }
}

fn refused(call: &Call, refusal: &Refusal, request_id: &str) -> Answer {
    let mut answer = Answer::empty(refusal.status);
    answer.headers.clone_from(&refusal.headers);
    if !refusal.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        answer = answer.with("Content-Type", "application/xml");
    }
    if call.method != "HEAD" {
        answer.body = refusal.body(&call.resource(), request_id).into();
    }
    answer
}

fn cut(body: Body, sixteenths: u8) -> Body {
    body.as_slice()[..share(body.len(), sixteenths)].to_vec().into()
}

fn altered(body: Body) -> Body {
    let mut bytes = body.as_slice().to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes.into()
}

fn head(answer: &Answer, declared: i64, request_id: &str, now: Timestamp, end: End) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    let mut push = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
    push("Date", &http_date(now));
    push("Server", "datakeep-testkit-s3");
    push("x-amz-request-id", request_id);
    for (name, value) in &answer.headers {
        push(name, value);
    }
    if !matches!(answer.status, 204 | 304) {
        push("Content-Length", &declared.to_string());
    }
    if end == End::Close {
        push("Connection", "close");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        416 => "Requested Range Not Satisfiable",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}
