//! Single objects: put, get, head, delete, retention.

use crate::bucket::{Bucket, Lock, Object};
use crate::call::{Answer, Body, Call};
use crate::checksum::hex;
use crate::payload::Payload;
use crate::refusal::Refusal;
use crate::world::Scene;
use crate::xml;
use jiff::Timestamp;
use std::sync::Arc;

/// `PutObject`.
pub(crate) fn put(bucket: &mut Bucket, scene: &Scene<'_>, call: &Call, payload: Payload) -> Result<Answer, Refusal> {
    let mut object = template(scene, call)?;
    if object.lock.is_some() && !payload.is_vouched_for {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        return Err(Refusal::invalid_request(message));
    }
    may_write(bucket, scene, call)?;
    object.etag = hex(&payload.md5);
    object.bytes = Arc::new(payload.bytes);
    object.checksums = payload.checksums;
    let answer = Answer::empty(200).with("ETag", &quoted(&object.etag));
    let answer =
        object.checksums.iter().fold(answer, |answer, (algorithm, value)| answer.with(algorithm.header(), value));
    bucket.set(&call.key, Some(object), scene.tick);
    Ok(answer)
}

/// What an object will have beside its bytes.
pub(crate) fn template(scene: &Scene<'_>, call: &Call) -> Result<Object, Refusal> {
    if call.key.len() > 1024 {
        return Err(Refusal::new(400, "KeyTooLongError", "Your key is too long"));
    }
    let mut object = Object::new(Vec::new(), scene.now);
    object.created_tick = scene.tick;
    object.lock = lock_asked_for(scene, call)?;
    if let Some(content_type) = call.headers.get("content-type") {
        object.content_type = content_type.to_owned();
    }
    let metadata = call.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-"));
    object.metadata = metadata.cloned().collect();
    Ok(object)
}

fn lock_asked_for(scene: &Scene<'_>, call: &Call) -> Result<Option<Lock>, Refusal> {
    let until = call.headers.get("x-amz-object-lock-retain-until-date");
    match (call.headers.get("x-amz-object-lock-mode"), until) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => lock(scene, mode, until).map(Some),
        _ => {
            let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
            Err(Refusal::invalid_argument(message))
        }
    }
}

fn lock(scene: &Scene<'_>, mode: &str, until: &str) -> Result<Lock, Refusal> {
    if !scene.dialect.has_object_lock {
        return Err(Refusal::invalid_request("Bucket is missing Object Lock Configuration"));
    }
    if !["GOVERNANCE", "COMPLIANCE"].contains(&mode) {
        return Err(Refusal::invalid_argument("Unknown wormMode directive."));
    }
    let until: Timestamp = until
        .parse()
        .map_err(|_| Refusal::invalid_argument("The retain until date must be provided in ISO 8601 format"))?;
    if until <= scene.now {
        return Err(Refusal::invalid_argument("The retain until date must be in the future!"));
    }
    Ok(Lock { mode: mode.to_owned(), until })
}

/// Checks the conditions of a write and the lock of what it would replace.
pub(crate) fn may_write(bucket: &Bucket, scene: &Scene<'_>, call: &Call) -> Result<(), Refusal> {
    let existing = bucket.objects().get(&call.key);
    if scene.dialect.honours_conditions {
        match (call.headers.get("if-none-match"), existing) {
            (Some("*"), Some(object)) if scene.dialect.answers_conflict && object.created_tick >= call.tick => {
                return Err(Refusal::conflict());
            }
            (Some("*"), Some(_)) => return Err(Refusal::precondition_failed("If-None-Match")),
            (Some("*") | None, _) => {}
            (Some(_), _) => return Err(Refusal::not_implemented("If-None-Match")),
        }
        if_match(call, existing)?;
    }
    not_locked(scene, call, existing)
}

fn if_match(call: &Call, existing: Option<&Object>) -> Result<(), Refusal> {
    match (call.headers.get("if-match"), existing) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::no_such_key(&call.key)),
        (Some(tag), Some(object)) if same_tag(tag, &object.etag) => Ok(()),
        _ => Err(Refusal::precondition_failed("If-Match")),
    }
}

fn not_locked(scene: &Scene<'_>, call: &Call, existing: Option<&Object>) -> Result<(), Refusal> {
    let Some(lock) = existing.filter(|object| object.is_locked(scene.now)).and_then(|object| object.lock.as_ref())
    else {
        return Ok(());
    };
    let may_pass = call.headers.get("x-amz-bypass-governance-retention") == Some("true") && lock.mode == "GOVERNANCE";
    if may_pass { Ok(()) } else { Err(Refusal::access_denied()) }
}

/// `GetObject` and `HeadObject`: the same answer, of which the latter is sent without its body.
pub(crate) fn get(bucket: &Bucket, call: &Call) -> Result<Answer, Refusal> {
    let object = bucket.objects().get(&call.key).ok_or_else(|| Refusal::no_such_key(&call.key))?;
    if_match(call, Some(object))?;
    if call.headers.get("if-none-match").is_some_and(|tag| tag == "*" || same_tag(tag, &object.etag)) {
        return Ok(Answer::empty(304).with("ETag", &quoted(&object.etag)));
    }
    let len_bytes = object.bytes.len();
    let range = call.headers.get("range").and_then(parse_range);
    let Some(range) = range else {
        let answer = describe(object, Answer::empty(200));
        let wants_checksums =
            call.headers.get("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
        let checksums = object.checksums.iter().filter(|_| wants_checksums);
        let answer = checksums.fold(answer, |answer, (algorithm, value)| answer.with(algorithm.header(), value));
        return Ok(Answer { body: Body::part(&object.bytes, 0, len_bytes), ..answer });
    };
    let (from, to) = range.within(len_bytes).ok_or_else(|| Refusal::invalid_range(len_bytes as u64))?;
    let answer =
        describe(object, Answer::empty(206)).with("Content-Range", &format!("bytes {from}-{}/{len_bytes}", to - 1));
    Ok(Answer { body: Body::part(&object.bytes, from, to), ..answer })
}

fn describe(object: &Object, answer: Answer) -> Answer {
    let mut answer = answer
        .with("ETag", &quoted(&object.etag))
        .with("Last-Modified", &http_date(object.modified))
        .with("Accept-Ranges", "bytes")
        .with("Content-Type", &object.content_type);
    for (name, value) in &object.metadata {
        answer = answer.with(name, value);
    }
    if let Some(lock) = &object.lock {
        answer = answer
            .with("x-amz-object-lock-mode", &lock.mode)
            .with("x-amz-object-lock-retain-until-date", &iso_date(lock.until));
    }
    answer
}

/// What a `Range` header asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Range {
    /// From a byte to a last byte, which is part of it.
    From(usize, Option<usize>),
    /// The last bytes.
    Last(usize),
}

impl Range {
    /// Begin and end in an object of this length; `None` when no byte of it is meant.
    fn within(self, len_bytes: usize) -> Option<(usize, usize)> {
        let (from, to) = match self {
            Self::From(from, last) => (from, last.map_or(len_bytes, |last| last.saturating_add(1).min(len_bytes))),
            Self::Last(count) => (len_bytes.saturating_sub(count), len_bytes),
        };
        (from < to).then_some((from, to))
    }
}

/// What cannot be understood is no range, and the whole object is sent: so does S3.
fn parse_range(text: &str) -> Option<Range> {
    let (from, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    if from.is_empty() {
        return last.parse().ok().map(Range::Last);
    }
    let from: usize = from.parse().ok()?;
    if last.is_empty() {
        return Some(Range::From(from, None));
    }
    let last: usize = last.parse().ok()?;
    (from <= last).then_some(Range::From(from, Some(last)))
}

/// `DeleteObject`.
pub(crate) fn delete(bucket: &mut Bucket, scene: &Scene<'_>, call: &Call) -> Result<Answer, Refusal> {
    let existing = bucket.objects().get(&call.key);
    if scene.dialect.honours_conditions {
        if_match(call, existing)?;
    }
    not_locked(scene, call, existing)?;
    if existing.is_some() {
        bucket.set(&call.key, None, scene.tick);
    }
    Ok(Answer::empty(204))
}

/// `DeleteObjects`.
pub(crate) fn delete_many(
    bucket: &mut Bucket,
    scene: &Scene<'_>,
    call: &Call,
    payload: &Payload,
) -> Result<Answer, Refusal> {
    if !payload.is_vouched_for {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(Refusal::invalid_request(message));
    }
    let wanted: xml::Delete = xml::read(&payload.bytes).ok_or_else(Refusal::malformed_xml)?;
    if wanted.objects.len() > 1000 {
        return Err(Refusal::malformed_xml());
    }
    let mut document = xml::Document::new();
    document.root("DeleteResult");
    for object in wanted.objects {
        let existing = bucket.objects().get(&object.key);
        match not_locked(scene, call, existing) {
            Ok(()) => {
                if existing.is_some() {
                    bucket.set(&object.key, None, scene.tick);
                }
                if !wanted.is_quiet {
                    document.open("Deleted").text("Key", &object.key).close("Deleted");
                }
            }
            Err(refusal) => {
                document.open("Error").text("Key", &object.key);
                document.text("Code", refusal.code).text("Message", &refusal.message).close("Error");
            }
        }
    }
    document.close("DeleteResult");
    Ok(Answer::document(document))
}

/// `GetObjectRetention`.
pub(crate) fn get_retention(bucket: &Bucket, call: &Call) -> Result<Answer, Refusal> {
    let object = bucket.objects().get(&call.key).ok_or_else(|| Refusal::no_such_key(&call.key))?;
    let Some(lock) = &object.lock else {
        let message = "The specified object does not have a ObjectLock configuration";
        return Err(Refusal::new(404, "NoSuchObjectLockConfiguration", message));
    };
    let mut document = xml::Document::new();
    document.root("Retention").text("Mode", &lock.mode).text("RetainUntilDate", &iso_date(lock.until));
    document.close("Retention");
    Ok(Answer::document(document))
}

/// `PutObjectRetention`: a lock may be made longer by everybody, and shorter by those who may pass governance.
pub(crate) fn put_retention(
    bucket: &mut Bucket,
    scene: &Scene<'_>,
    call: &Call,
    payload: &Payload,
) -> Result<Answer, Refusal> {
    let wanted: xml::Retention = xml::read(&payload.bytes).ok_or_else(Refusal::malformed_xml)?;
    let lock = lock(scene, &wanted.mode, &wanted.until)?;
    let mut object = bucket.objects().get(&call.key).cloned().ok_or_else(|| Refusal::no_such_key(&call.key))?;
    let is_longer = object.lock.as_ref().is_none_or(|own| own.mode == lock.mode && own.until <= lock.until);
    if !is_longer {
        not_locked(scene, call, Some(&object))?;
    }
    object.lock = Some(lock);
    bucket.set(&call.key, Some(object), scene.tick);
    Ok(Answer::empty(200))
}

/// An ETag as headers have it.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Whether a header names this ETag.
pub(crate) fn same_tag(given: &str, etag: &str) -> bool {
    given.trim().trim_matches('"') == etag
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `1994-11-06T08:49:37.000Z`.
pub(crate) fn iso_date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_the_end_and_refused_beyond_it() {
        let within = |text| parse_range(text).map(|range| range.within(10));
        assert_eq!(within("bytes=0-0"), Some(Some((0, 1))));
        assert_eq!(within("bytes=3-"), Some(Some((3, 10))));
        assert_eq!(within("bytes=3-99"), Some(Some((3, 10))));
        assert_eq!(within("bytes=-4"), Some(Some((6, 10))));
        assert_eq!(within("bytes=-40"), Some(Some((0, 10))));
        assert_eq!(within("bytes=10-"), Some(None));
        assert_eq!(within("bytes=-0"), Some(None));
        assert_eq!(within("bytes=5-4"), None);
        assert_eq!(within("lines=1-2"), None);
        assert_eq!(parse_range("bytes=0-9").and_then(|range| range.within(0)), None);
    }

    #[test]
    fn dates_have_the_forms_of_the_protocol() {
        let at: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso_date(at), "1994-11-06T08:49:37.000Z");
    }
}
