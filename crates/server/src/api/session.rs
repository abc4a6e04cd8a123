//! Whether the server lives, the owner, and signing in and out.

use super::wire::UserWire;
use super::{Answer, Body};
use crate::guard::{COOKIE, cookie};
use crate::problem::Problem;
use crate::state::App;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use datakeep_manage::control::audit::Deed;
use datakeep_manage::control::password;
use datakeep_manage::control::people::{SESSION_MS, Visitor};
use datakeep_model::Secret;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use utoipa::ToSchema;

/// Whether the server lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`; else there is a problem document.
    status: &'static str,
    /// The program's version.
    version: &'static str,
    /// False until there is an owner.
    is_set_up: bool,
}

/// Says whether the server and its database answer.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "server", extensions(("x-permission" = json!("public"))),
    responses((status = 200, body = Health), (status = "default", body = Problem)))]
pub(crate) async fn health(State(app): State<Arc<App>>) -> Answer<Json<Health>> {
    let is_set_up = app.control.has_people().await?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), is_set_up }))
}

/// The owner to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// What stands in the one-time link.
    token: String,
    /// What the owner signs in with.
    name: String,
    /// At least 12 bytes.
    password: String,
}

/// Makes the owner, once.
#[utoipa::path(post, path = "/setup", operation_id = "setup", tag = "server", request_body = Setup,
    extensions(("x-permission" = json!("public"))), responses((status = 204), (status = "default", body = Problem)))]
pub(crate) async fn setup(State(app): State<Arc<App>>, Body(body): Body<Setup>) -> Answer<StatusCode> {
    make_owner(&app, &body.token, &body.name, Secret::new(body.password.into_bytes())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the owner if the token is that of the one-time link and there is nobody yet.
pub(crate) async fn make_owner(app: &App, token: &str, name: &str, password: Secret) -> Answer<()> {
    let hash = password::token_hash(token);
    let hint = "start the server again: while there is nobody it prints a new link";
    let unknown = || Problem::new(StatusCode::FORBIDDEN, "setup-token", "this link is used, or was never made", hint);
    let fits = |expected: &String| password::same(expected.as_bytes(), hash.as_bytes());
    let is_known = app.setup.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(fits);
    if !is_known {
        return Err(unknown());
    }
    let kept = hashed(app, password).await?;
    let now_ms = app.now_ms();
    if !app.control.add_owner(&app.chance.id(now_ms), name, &kept, now_ms).await? {
        return Err(unknown());
    }
    app.setup.lock().unwrap_or_else(PoisonError::into_inner).take();
    record(app, name, "setup", "ok").await
}

/// Hashes a new password, when it is one that is taken.
pub(crate) async fn hashed(app: &App, secret: Secret) -> Answer<String> {
    let len_bytes = secret.expose().len();
    if !(password::MIN_LEN_BYTES..=password::MAX_LEN_BYTES).contains(&len_bytes) {
        let hint = "12 to 1024 bytes; several words are easy to keep";
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "password-length",
            "the password is too short or too long",
            hint,
        ));
    }
    let mut salt = [0u8; 16];
    app.chance.fill(&mut salt);
    hashing(app, move || password::hash(&secret, salt)).await?.ok_or_else(failed)
}

/// Does something with passwords, beside the requests and only few at a time.
async fn hashing<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let _permit = app.hashing.acquire().await.map_err(|_| failed())?;
    tokio::task::spawn_blocking(work).await.map_err(|_| failed())
}

fn failed() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the password could not be hashed", "try again")
}

async fn record(app: &App, actor: &str, act: &str, result: &str) -> Answer<()> {
    let deed = Deed {
        actor: actor.into(),
        act: act.into(),
        object: String::new(),
        result: result.into(),
        detail: String::new(),
    };
    Ok(app.control.record(&deed, app.now_ms()).await?)
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Name of the user.
    name: String,
    /// The password.
    password: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionWire {
    /// Who is signed in.
    user: UserWire,
    /// What unsafe requests carry as X-CSRF-Token; absent for a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

/// Signs in: the session is a cookie, and its csrf value is in the answer.
#[utoipa::path(post, path = "/session", operation_id = "login", tag = "session", request_body = Login,
    extensions(("x-permission" = json!("public"))), responses((status = 200, body = SessionWire), (status = "default", body = Problem)))]
pub(crate) async fn login(State(app): State<Arc<App>>, request: Request) -> Answer<Response> {
    let address =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string()).unwrap_or_default();
    let is_local = is_local(request.headers());
    let Body(body) = <Body<Login> as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    let now_ms = app.now_ms();
    let wait_s = {
        let mut limits = app.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let wait_s = limits.wait_s(&body.name, &address, now_ms);
        if wait_s == 0 {
            limits.begin(&body.name, &address, now_ms);
        }
        wait_s
    };
    if wait_s > 0 {
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "login-limit", "too many failures", "wait, then try again");
        return Err(Problem { retry_after_s: u32::try_from(wait_s).ok(), ..problem });
    }
    let found = app.control.person_named(&body.name).await?;
    let kept = found.as_ref().map_or_else(|| app.nobody.clone(), |(_, kept)| kept.clone());
    let secret = Secret::new(body.password.into_bytes());
    let fits = hashing(&app, move || password::verify(&secret, &kept)).await?;
    let Some((person, _)) = found.filter(|_| fits) else {
        // Not the name: it may be a password in the wrong field.
        record(&app, "somebody", "login", "login-failed").await?;
        return Err(Problem::unauthenticated("login-failed", "the name or the password is wrong"));
    };
    app.limits.lock().unwrap_or_else(PoisonError::into_inner).succeeded(&body.name, &address);
    let (session, csrf) = (app.chance.secret(), app.chance.secret());
    app.control.begin_session(&person.id, &session, &csrf, now_ms).await?;
    record(&app, &person.name, "login", "ok").await?;
    let mut response = Json(SessionWire { user: person.into(), csrf: Some(csrf) }).into_response();
    set_cookie(&mut response, &session, SESSION_MS / 1000, is_local);
    Ok(response)
}

/// Browsers keep a secure cookie of this machine itself only over HTTPS: without it nobody could sign in here.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

fn set_cookie(response: &mut Response, session: &str, max_age_s: i64, is_local: bool) {
    let secure = if is_local { "" } else { "; Secure" };
    let text = format!("{COOKIE}={session}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Says who is signed in.
#[utoipa::path(get, path = "/session", operation_id = "whoami", tag = "session", extensions(("x-permission" = json!("own"))),
    responses((status = 200, body = SessionWire), (status = "default", body = Problem)))]
pub(crate) async fn whoami(Extension(visitor): Extension<Visitor>) -> Json<SessionWire> {
    Json(SessionWire { user: visitor.person.into(), csrf: visitor.csrf })
}

/// Signs out.
#[utoipa::path(delete, path = "/session", operation_id = "logout", tag = "session", extensions(("x-permission" = json!("own"))),
    responses((status = 204), (status = "default", body = Problem)))]
pub(crate) async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer<Response> {
    if let Some(session) = cookie(&headers) {
        app.control.end_session(&session).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0, is_local(&headers));
    Ok(response)
}
