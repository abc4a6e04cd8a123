//! What a store's answers mean.

use crate::{BlobError, RemoteCause};
use opendal::ErrorKind;
use std::fmt;

/// An answer that is a refusal or a failure, or no answer at all.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// What stood in the way; `None` for answers that have a meaning of their own (below).
    pub cause: Option<RemoteCause>,
    /// Status of the answer, 0 when there was none.
    pub status: u16,
    /// The store's code, such as `AccessDenied`.
    pub code: String,
    /// The store's words.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.status > 0 {
            parts.push(format!("HTTP {}", self.status));
        }
        parts.extend([&self.code, &self.message].into_iter().filter(|text| !text.is_empty()).cloned());
        f.write_str(&parts.join(", "))
    }
}

impl std::error::Error for Fault {}

/// What else an answer said.
#[derive(Default)]
pub(super) struct Told {
    /// `Retry-After`, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The bucket's region.
    pub region: Option<String>,
    /// How far this machine is ahead of the store.
    pub ahead_seconds: Option<i64>,
}

impl Fault {
    /// Reads an answer that is none of success.
    pub fn of_answer(status: u16, body: &[u8], told: Told) -> Self {
        let field = |name: &str| xml_field(body, name).unwrap_or_default();
        let (code, mut message) = (field("Code"), field("Message"));
        if code.is_empty() && message.is_empty() {
            message = printable(body, 200);
        }
        let told = Told { region: told.region.or_else(|| xml_field(body, "Region")), ..told };
        Self {
            cause: cause_of(status, &code, &message, told),
            status,
            code,
            message: printable(message.as_bytes(), 500),
        }
    }

    /// There was no whole answer.
    pub fn of_silence(cause: RemoteCause, message: impl Into<String>) -> Self {
        Self { cause: Some(cause), status: 0, code: String::new(), message: message.into() }
    }
}

/// Codes: Amazon S3 API reference, "Error responses"; Aliyun OSS, "Error codes"; Tencent COS, "Error codes".
fn cause_of(status: u16, code: &str, message: &str, told: Told) -> Option<RemoteCause> {
    let overloaded = RemoteCause::Overloaded { retry_after_ms: told.retry_after_ms };
    let wrong_region = || RemoteCause::WrongRegion { region: told.region.clone() };
    Some(match code {
        "SlowDown" | "SlowDownRead" | "SlowDownWrite" | "TooManyRequests" | "RequestLimitExceeded" => overloaded,
        "RequestTimeTooSkewed" => RemoteCause::ClockSkew { ahead_seconds: told.ahead_seconds },
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "SecurityTokenExpired" => {
            RemoteCause::ExpiredCredentials
        }
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        // versitygw, with status 404.
        | "XAdminUserNotFound"
        | "InvalidSecurityToken"
        | "InvalidSecurity" => RemoteCause::WrongCredentials,
        "NoSuchBucket" => RemoteCause::NoBucket,
        "AuthorizationHeaderMalformed" if told.region.is_some() || message.contains("region") => wrong_region(),
        "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => wrong_region(),
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch"
        | "IncompleteBody" => RemoteCause::Garbled,
        "ConditionalRequestConflict" | "OperationAborted" => RemoteCause::Conflict,
        "RequestTimeout" => RemoteCause::TimedOut,
        "NotImplemented" => RemoteCause::Unsupported,
        // OSS and COS say so where S3 answers 412.
        "FileAlreadyExists" | "ObjectAlreadyExists" => return None,
        "QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" => {
            return None;
        }
        _ => match status {
            // That something else is not found says nothing of the object.
            404 if !matches!(code, "" | "404" | "NotFound" | "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion") => {
                RemoteCause::Refused
            }
            403 | 404 | 412 | 416 | 507 => return None,
            401 => RemoteCause::WrongCredentials,
            408 => RemoteCause::TimedOut,
            409 => RemoteCause::Conflict,
            429 | 503 => overloaded,
            501 => RemoteCause::Unsupported,
            500..=599 => RemoteCause::ServerFault,
            300..=399 => wrong_region(),
            _ => RemoteCause::Refused,
        },
    })
}

/// What an error of the driver means for an object.
pub(super) fn meaning(operation: &'static str, name: &str, error: &opendal::Error) -> BlobError {
    let name = name.to_string();
    let fault = std::error::Error::source(error).and_then(find_fault);
    if let Some(fault) = fault {
        let detail = fault.to_string();
        if let Some(cause) = fault.cause.clone() {
            return BlobError::Remote { operation, name, cause, detail };
        }
        return match fault.status {
            404 => BlobError::NotFound { name },
            409 | 412 => BlobError::Exists { name },
            // The range begins behind the end; who asked knows what was wanted.
            416 => BlobError::Short { name, len_bytes: 0, wanted_bytes: 0 },
            403 => BlobError::Denied { operation, name, detail },
            _ => BlobError::Full { operation, name, detail },
        };
    }
    let detail = error.to_string();
    match error.kind() {
        ErrorKind::NotFound => BlobError::NotFound { name },
        ErrorKind::ConditionNotMatch | ErrorKind::AlreadyExists => BlobError::Exists { name },
        ErrorKind::PermissionDenied => BlobError::Denied { operation, name, detail },
        ErrorKind::Unsupported => BlobError::Remote { operation, name, cause: RemoteCause::Unsupported, detail },
        ErrorKind::RateLimited => {
            BlobError::Remote { operation, name, cause: RemoteCause::Overloaded { retry_after_ms: None }, detail }
        }
        _ if error.is_temporary() => BlobError::Remote { operation, name, cause: RemoteCause::Broken, detail },
        // A body that is shorter or other than announced, or XML that ends in the middle.
        ErrorKind::Unexpected => BlobError::Remote { operation, name, cause: RemoteCause::Broken, detail },
        _ => BlobError::Failed { operation, name, detail },
    }
}

/// The fault at the end of a chain of causes.
pub(super) fn find_fault<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Fault> {
    let mut next = Some(error);
    for _ in 0..16 {
        let error = next?;
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return Some(fault);
        }
        next = error.source();
    }
    None
}

/// The text of the first element of a name, where the bytes are XML that has one.
pub(super) fn xml_field(body: &[u8], name: &str) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let mut reader = quick_xml::Reader::from_str(&body);
    let mut is_inside = false;
    let mut text = String::new();
    loop {
        match reader.read_event().ok()? {
            quick_xml::events::Event::Start(start) => is_inside = start.local_name().as_ref() == name,
            quick_xml::events::Event::Text(found) if is_inside => text.push_str(&found),
            quick_xml::events::Event::GeneralRef(found) if is_inside => match found.resolve_char_ref().ok()? {
                Some(character) => text.push(character),
                None => text.push_str(quick_xml::escape::resolve_predefined_entity(&found)?),
            },
            quick_xml::events::Event::End(_) if is_inside => return Some(text),
            quick_xml::events::Event::Eof => return None,
            _ => {}
        }
    }
}

/// Text for a message: no control characters, not too long.
fn printable(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * most)]);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect::<String>().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Fault {
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>so \u{7} it is</Message><Region>eu-1</Region></Error>"
        );
        Fault::of_answer(status, body.as_bytes(), Told::default())
    }

    #[test]
    fn answers_are_told_apart() {
        let check = |status: u16, code: &str, expected: Option<&str>| {
            let fault = answer(status, code);
            assert_eq!(fault.cause.as_ref().map(RemoteCause::as_str), expected, "{status} {code}");
        };
        check(503, "SlowDown", Some("overloaded"));
        check(503, "", Some("overloaded"));
        check(500, "InternalError", Some("server-fault"));
        check(403, "RequestTimeTooSkewed", Some("clock-skew"));
        check(400, "ExpiredToken", Some("expired-credentials"));
        check(403, "InvalidAccessKeyId", Some("wrong-credentials"));
        check(404, "NoSuchBucket", Some("no-bucket"));
        check(404, "NoSuchKey", None);
        check(404, "", None);
        check(404, "XAdminUserNotFound", Some("wrong-credentials"));
        check(404, "NoSuchWebsiteConfiguration", Some("refused"));
        check(403, "AccessDenied", None);
        check(412, "PreconditionFailed", None);
        check(409, "FileAlreadyExists", None);
        check(409, "ConditionalRequestConflict", Some("conflict"));
        check(400, "BadDigest", Some("garbled"));
        check(301, "PermanentRedirect", Some("wrong-region"));
        check(400, "MalformedXML", Some("refused"));
        check(501, "NotImplemented", Some("unsupported"));
        assert!(matches!(answer(400, "AuthorizationHeaderMalformed").cause,
            Some(RemoteCause::WrongRegion { region: Some(region) }) if region == "eu-1"));
        assert_eq!(answer(403, "AccessDenied").to_string(), "HTTP 403, AccessDenied, so   it is");
    }

    #[test]
    fn answers_that_are_no_xml_are_shown_in_part() {
        let fault =
            Fault::of_answer(502, format!("<html>{}", "Bad\u{1b}[31m ".repeat(1000)).as_bytes(), Told::default());
        assert!(fault.to_string().len() < 300 && !fault.to_string().contains('\u{1b}'));
        assert!(fault.cause.is_some_and(|cause| cause.is_passing()));
    }
}
