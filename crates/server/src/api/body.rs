//! How bodies, parameters and revisions come in and go out.

use crate::problem::Problem;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts as RequestParts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// What a handler answers.
pub type Answer<T> = Result<T, Problem>;

/// A JSON body; one that cannot be read is a problem that says where.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let refused = |rejection: JsonRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "the body is longer than 256 KiB",
                "send less",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                let hint = "send Content-Type: application/json";
                Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "body-no-json",
                    "the body is not declared as JSON",
                    hint,
                )
            }
            _ => Problem::unreadable("body-invalid", rejection.body_text()),
        };
        Json::<T>::from_request(request, state).await.map(|Json(body)| Self(body)).map_err(refused)
    }
}

/// Parameters of the path.
pub struct Parts<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Parts<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut RequestParts, state: &S) -> Result<Self, Problem> {
        let refused = |rejection: PathRejection| Problem::unreadable("path-invalid", rejection.body_text());
        Path::<T>::from_request_parts(parts, state).await.map(|Path(value)| Self(value)).map_err(refused)
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next` of the page before.
    pub cursor: String,
    /// Entries of a page, 1 to 500; 100 when it is not given.
    pub limit: Option<u32>,
}

impl Paging {
    /// Entries of the page.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(100)
    }

    /// A cursor that is a number.
    pub fn number(&self) -> Answer<i64> {
        if self.cursor.is_empty() {
            return Ok(0);
        }
        self.cursor.parse().map_err(|_| Problem::unreadable("cursor-invalid", "this cursor comes from no page"))
    }
}

/// Parameters of the query; unknown ones are refused.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut RequestParts, state: &S) -> Result<Self, Problem> {
        let refused = |rejection: QueryRejection| Problem::unreadable("query-invalid", rejection.body_text());
        Query::<T>::from_request_parts(parts, state).await.map(|Query(value)| Self(value)).map_err(refused)
    }
}

/// A document with its revision as ETag.
pub fn entity<T: Serialize>(status: StatusCode, revision: i64, body: &T) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{revision}\"")).ok();
    let mut response = (status, Json(body)).into_response();
    tag.and_then(|tag| response.headers_mut().insert(header::ETAG, tag));
    response
}

/// The revision that a change builds on.
pub fn revision(headers: &HeaderMap) -> Answer<i64> {
    let value = headers.get(header::IF_MATCH).ok_or_else(|| {
        let hint = "read it, and send its ETag as If-Match";
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "if-match", "a change names the revision it builds on", hint)
    })?;
    let number = value.to_str().ok().and_then(|value| value.trim_matches('"').parse().ok());
    number.ok_or_else(|| Problem::unreadable("if-match-invalid", "If-Match is no ETag of ours"))
}
