//! Object Lock: what is stored cannot be removed before a date, not even by who stole the keys.

use super::settings::{Lock, LockMode};
use http::request::Parts;
use http::{HeaderValue, Method};

/// What must go again soon, or whose end is the collector's business: intents, progress, probes.
const NEVER_LOCKED: [&str; 3] = ["/sessions/", "/progress/", "/probe/"];

/// Adds the lock to a request that makes an object.
pub(super) fn add(parts: &mut Parts, lock: Lock, now_seconds: i64) {
    let query = parts.uri.query().unwrap_or_default();
    let makes_object = match parts.method {
        Method::PUT => query.is_empty(),
        Method::POST => query == "uploads" || query == "uploads=",
        _ => false,
    };
    let path = parts.uri.path();
    if !makes_object || NEVER_LOCKED.iter().any(|folder| path.contains(folder)) {
        return;
    }
    let until = now_seconds.saturating_add(i64::from(lock.days) * 86_400);
    let Some(until) = jiff::Timestamp::from_second(until).ok().map(|time| time.to_string()) else { return };
    let mode = match lock.mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    };
    parts.headers.insert("x-amz-object-lock-mode", HeaderValue::from_static(mode));
    if let Ok(until) = HeaderValue::from_str(&until) {
        parts.headers.insert("x-amz-object-lock-retain-until-date", until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(method: Method, uri: &str) -> Option<String> {
        let (mut parts, ()) =
            http::Request::builder().method(method).uri(uri).body(()).expect("a request").into_parts();
        add(&mut parts, Lock { mode: LockMode::Compliance, days: 30 }, 86_400);
        let until = parts.headers.get("x-amz-object-lock-retain-until-date")?;
        assert_eq!(parts.headers["x-amz-object-lock-mode"], "COMPLIANCE");
        Some(until.to_str().expect("text").to_string())
    }

    #[test]
    fn what_is_to_stay_is_locked() {
        let until = Some("1970-02-01T00:00:00Z".to_string());
        assert_eq!(locked(Method::PUT, "http://h/b/p/data/3f/3f-1"), until);
        assert_eq!(locked(Method::PUT, "http://h/b/commits/0000000000/3f"), until);
        assert_eq!(locked(Method::POST, "http://h/b/data/3f/3f-1?uploads"), until);
        assert_eq!(locked(Method::PUT, "http://h/b/data/3f/3f-1?partNumber=1&uploadId=x"), None, "a part has none");
        assert_eq!(locked(Method::PUT, "http://h/b/sessions/0000000000/3f"), None);
        assert_eq!(locked(Method::PUT, "http://h/b/p/probe/01/once"), None);
        assert_eq!(locked(Method::GET, "http://h/b/data/3f/3f-1"), None);
        assert_eq!(locked(Method::DELETE, "http://h/b/data/3f/3f-1"), None);
    }
}
