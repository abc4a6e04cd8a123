//! What every request passes: who asks, what the route needs, whether it comes from this site, and what the answer must say.
//!
//! What a route needs stands in the API's description, at the route (`x-permission`); the guard reads it there. A route without it
//! is open to nobody.

use crate::problem::{Code, Problem};
use crate::state::App;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use datakeep_manage::Permission;
use datakeep_manage::control::audit::Deed;
use datakeep_manage::control::password::same;
use datakeep_manage::control::people::Visitor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest body that is read.
const MAX_BODY_BYTES: usize = 256 << 10;
/// Name of the session's cookie.
pub(crate) const COOKIE: &str = "datakeep_session";
/// Header that unsafe requests of a session carry.
pub(crate) const CSRF: &str = "x-csrf-token";

/// What is said with every answer: nothing is loaded, framed, cached or guessed.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; connect-src 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// What each route needs, by method in capitals and path, and what it is called.
pub type Declared = BTreeMap<(String, String), (Option<Permission>, String)>;

/// Reads what each route needs out of the API's description.
pub fn declared(document: &Value) -> Declared {
    let mut declared = Declared::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let permission = operation["x-permission"].as_str().and_then(Permission::parse);
            let name = operation["operationId"].as_str().unwrap_or_default().to_string();
            declared.insert((method.to_uppercase(), path.clone()), (permission, name));
        }
    }
    declared
}

#[derive(Clone)]
struct Guard {
    app: Arc<App>,
    declared: Arc<Declared>,
}

/// Puts the guard around all routes.
pub fn around(routes: Router<Arc<App>>, app: &Arc<App>, declared: &Arc<Declared>) -> Router {
    let guard = Guard { app: app.clone(), declared: declared.clone() };
    let routes = routes.route_layer(middleware::from_fn_with_state(guard, pass));
    #[cfg(feature = "console")]
    let routes = routes.fallback(crate::console::answer);
    #[cfg(not(feature = "console"))]
    let routes = routes.fallback(|| async { missing() });
    routes.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).layer(middleware::map_response(harden)).with_state(app.clone())
}

/// There is nothing at a path.
pub(crate) fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-route", "there is nothing at this path", "see /api/v1/openapi.json")
}

/// Marks an answer that says some of [`HEADERS`] itself: a page loads something.
#[derive(Clone)]
pub(crate) struct OwnHeaders;

async fn harden(mut response: Response) -> Response {
    let has_own = response.extensions().get::<OwnHeaders>().is_some();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        if !(has_own && headers.contains_key(name)) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    response
}

async fn pass(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_string()).unwrap_or_default();
    if let Err(problem) = from_here(&method, request.headers()) {
        return problem.into_response();
    }
    #[cfg(not(feature = "console"))]
    if crate::pages::PATHS.contains(&path.as_str()) {
        return next.run(request).await;
    }
    // What answers HEAD is what answers GET.
    let asked = if method == Method::HEAD { "GET" } else { method.as_str() };
    let Some((permission, name)) = guard.declared.get(&(asked.to_string(), path)).cloned() else {
        let hint = "see the methods of this path in /api/v1/openapi.json";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no-method", "this path has no such method", hint)
            .into_response();
    };
    let object = request.uri().path().to_string();
    let visitor = match admit(&guard.app, &method, request.headers(), permission).await {
        Ok(visitor) => visitor,
        Err((visitor, problem)) => {
            let response = problem.into_response();
            return remember(&guard.app, visitor.as_ref(), &method, &name, &object, response).await;
        }
    };
    if let Some(visitor) = &visitor {
        request.extensions_mut().insert(visitor.clone());
    }
    let response = next.run(request).await;
    remember(&guard.app, visitor.as_ref(), &method, &name, &object, response).await
}

/// Whether somebody may go on; if not, who it was.
async fn admit(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    permission: Option<Permission>,
) -> Result<Option<Visitor>, (Option<Visitor>, Problem)> {
    let Some(permission) = permission else {
        let hint = "this is an error of the program: report it";
        return Err((
            None,
            Problem::new(StatusCode::FORBIDDEN, "undeclared", "this route declares no permission", hint),
        ));
    };
    if permission == Permission::Public {
        return Ok(None);
    }
    let visitor = identify(app, method, headers).await.map_err(|problem| (None, problem))?;
    if visitor.may(permission) {
        return Ok(Some(visitor));
    }
    let detail = format!("this needs the right {}", permission.as_str());
    let problem = Problem::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        detail,
        "ask an administrator for a role or a token that has it",
    );
    Err((Some(visitor), problem))
}

async fn identify(app: &App, method: &Method, headers: &HeaderMap) -> Result<Visitor, Problem> {
    let now_ms = app.now_ms();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let found = app.control.bearer(token, now_ms).await?;
        return found
            .ok_or_else(|| Problem::unauthenticated("token-unknown", "this token is unknown, removed or expired"));
    }
    let Some(session) = cookie(headers) else {
        return Err(Problem::unauthenticated("sign-in", "nobody is signed in"));
    };
    let found = app.control.session(&session, now_ms).await?;
    let visitor = found.ok_or_else(|| Problem::unauthenticated("session-ended", "this session has ended"))?;
    let sent = headers.get(CSRF).map(HeaderValue::as_bytes).unwrap_or_default();
    let expected = visitor.csrf.as_deref().unwrap_or_default().as_bytes();
    if method.is_safe() || (!expected.is_empty() && same(sent, expected)) {
        return Ok(visitor);
    }
    let hint = "send the csrf value of the session as X-CSRF-Token";
    Err(Problem::new(StatusCode::FORBIDDEN, "csrf", "the request does not prove that it was meant", hint))
}

/// The session of a request.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_string())
}

/// Refuses what another site makes a browser send (the check of Go 1.25's `CrossOriginProtection`).
fn from_here(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (text("sec-fetch-site"), text("origin"), text("host")) {
        _ if method.is_safe() => true,
        (Some(site), _, _) => site == "same-origin" || site == "none",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, rest)| rest == host),
        (None, Some(_), None) => false,
        (None, None, _) => true,
    };
    let hint = "send it from this server's own pages, or from a program";
    let problem = || Problem::new(StatusCode::FORBIDDEN, "cross-site", "the request comes from another site", hint);
    if is_ours { Ok(()) } else { Err(problem()) }
}

/// Writes down what was changed, or refused to somebody who is known. What cannot be written down is not confirmed.
async fn remember(
    app: &App,
    visitor: Option<&Visitor>,
    method: &Method,
    name: &str,
    object: &str,
    response: Response,
) -> Response {
    let Some(visitor) = visitor.filter(|_| !method.is_safe()) else { return response };
    let result = match response.extensions().get::<Code>() {
        Some(code) => code.0.to_string(),
        None if response.status().is_success() => "ok".to_string(),
        None => response.status().as_u16().to_string(),
    };
    let deed = Deed {
        actor: visitor.person.name.clone(),
        act: name.into(),
        object: object.into(),
        result,
        detail: String::new(),
    };
    match app.control.record(&deed, app.now_ms()).await {
        Ok(()) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        from_here(&Method::POST, &headers).is_ok()
    }

    #[test]
    fn other_sites_change_nothing() {
        assert!(ours(&[]) && ours(&[("sec-fetch-site", "same-origin")]) && ours(&[("sec-fetch-site", "none")]));
        assert!(!ours(&[("sec-fetch-site", "cross-site")]) && !ours(&[("sec-fetch-site", "same-site")]));
        assert!(ours(&[("origin", "http://a:8080"), ("host", "a:8080")]));
        assert!(!ours(&[("origin", "http://b"), ("host", "a")]) && !ours(&[("origin", "null"), ("host", "a")]));
    }
}
