//! Problem details (RFC 9457): what went wrong, under a code that never changes, and what to do about it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datakeep_manage::Fault;
use datakeep_manage::control::ControlError;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem as it is sent. Its texts are English and for people; programs and translations go by `code`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:datakeep:problem:` and the code.
    #[serde(rename = "type", serialize_with = "urn")]
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// The HTTP status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A stable word.
    pub code: &'static str,
    /// What went wrong, and why.
    pub detail: String,
    /// What to do next.
    pub hint: &'static str,
    /// The field that makes no sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// Seconds to wait before the next try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

fn urn<S: serde::Serializer>(code: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:datakeep:problem:{code}"))
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>, hint: &'static str) -> Self {
        Self {
            kind: code,
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            hint,
            field: None,
            retry_after_s: None,
        }
    }

    /// Nobody is signed in.
    pub fn unauthenticated(code: &'static str, detail: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            code,
            detail,
            "sign in at /api/v1/session, or send Authorization: Bearer TOKEN",
        )
    }

    /// The body, the path or a parameter cannot be read.
    pub fn unreadable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code,
            detail,
            "compare it with the description at /api/v1/openapi.json",
        )
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, fault.code, fault.message, fault.hint);
        Self { field: Some(fault.field), ..problem }
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        use ControlError as E;
        let detail = error.to_string();
        let (status, code, hint) = match error {
            E::Invalid(fault) => return fault.into(),
            E::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", "list what there is"),
            E::Taken { .. } => (StatusCode::CONFLICT, "name-taken", "choose another name"),
            E::InUse { .. } => (StatusCode::CONFLICT, "in-use", "take it out of the policies that name it first"),
            E::Stale { .. } => {
                (StatusCode::PRECONDITION_FAILED, "stale", "read it again and send its ETag as If-Match")
            }
            E::State { .. } => (StatusCode::CONFLICT, "wrong-state", "read the run again"),
            E::Fenced => (StatusCode::CONFLICT, "fenced", "read the run again"),
            E::LastOwner => (StatusCode::CONFLICT, "last-owner", "make another owner first"),
            E::Locked { .. } => (StatusCode::SERVICE_UNAVAILABLE, "control-locked", "try again in a few seconds"),
            E::Full { .. } => {
                (StatusCode::INSUFFICIENT_STORAGE, "control-full", "make room on the disk of the data folder")
            }
            E::Gone { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "control-gone",
                "bring the data folder back and start the server again",
            ),
            E::Later { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "control-later", "run the newer program"),
            E::Damaged { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "control-damaged", "restore the control database"),
            E::Other { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "look at the log of the server"),
        };
        Self::new(status, code, detail, hint)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait = self.retry_after_s.or((self.code == "control-locked").then_some(5));
        let code = Code(self.code);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(code);
        response
    }
}

/// The code of a problem, for the audit log.
#[derive(Clone, Debug)]
pub struct Code(pub &'static str);
