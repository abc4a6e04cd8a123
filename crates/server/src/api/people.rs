//! Users and their tokens.

use super::body::Asked;
use super::session::hashed;
use super::wire::{PageWire, TokenWire, UserWire};
use super::{Answer, Body, Paging, Parts};
use crate::problem::Problem;
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use datakeep_manage::control::people::{Token, Visitor};
use datakeep_manage::{Permission, Role, policy};
use datakeep_model::Secret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A token lives at most so long.
const MAX_TOKEN_DAYS: u32 = 366;
const DAY_MS: i64 = 86_400_000;

/// Lists users.
#[utoipa::path(get, path = "/users", operation_id = "listUsers", tag = "users", params(Paging),
    extensions(("x-permission" = json!("user.manage"))),
    responses((status = 200, body = PageWire<UserWire>), (status = "default", body = Problem)))]
pub(crate) async fn list_users(
    State(app): State<Arc<App>>,
    Asked(paging): Asked<Paging>,
) -> Answer<Json<PageWire<UserWire>>> {
    let page = app.control.people(&paging.cursor, paging.limit()).await?;
    Ok(Json(PageWire::of(page, UserWire::from)))
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// What they sign in with.
    name: String,
    /// `owner`, `admin`, `operator`, `restorer`, `viewer`, `auditor` or `metrics`.
    role: String,
    /// At least 12 bytes.
    password: String,
}

fn may_manage(visitor: &Visitor, role: Role) -> Answer<()> {
    if !visitor.person.role.may_manage(role) {
        let hint = "ask an owner";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "only an owner makes or removes an owner", hint));
    }
    // Who comes by a token must not come back as somebody who may more than the token.
    let is_within = |right: &&Permission| !role.may(**right) || **right == Permission::Own || visitor.may(**right);
    if Permission::ALL.iter().all(|right| is_within(&right)) {
        return Ok(());
    }
    let hint = "use a token that has all rights of that role, or sign in";
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "the role may more than this token", hint))
}

/// Makes a user.
#[utoipa::path(post, path = "/users", operation_id = "addUser", tag = "users", request_body = NewUser,
    extensions(("x-permission" = json!("user.manage"))), responses((status = 201, body = UserWire), (status = "default", body = Problem)))]
pub(crate) async fn add_user(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Body(body): Body<NewUser>,
) -> Answer<(StatusCode, Json<UserWire>)> {
    let unknown = || {
        let problem = Problem::unreadable("role-unknown", "there is no such role");
        Problem { field: Some("role"), ..problem }
    };
    let role = Role::parse(&body.role).ok_or_else(unknown)?;
    may_manage(&visitor, role)?;
    let hash = hashed(&app, Secret::new(body.password.into_bytes())).await?;
    let now_ms = app.now_ms();
    let person = app.control.add_person(&app.chance.id(now_ms), &body.name, role, &hash, now_ms).await?;
    Ok((StatusCode::CREATED, Json(person.into())))
}

/// Removes a user, with all sessions and tokens.
#[utoipa::path(delete, path = "/users/{id}", operation_id = "removeUser", tag = "users", params(("id" = String, Path)),
    extensions(("x-permission" = json!("user.manage"))), responses((status = 204), (status = "default", body = Problem)))]
pub(crate) async fn remove_user(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Parts(id): Parts<String>,
) -> Answer<StatusCode> {
    may_manage(&visitor, app.control.person(&id).await?.role)?;
    app.control.remove_person(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists one's own tokens.
#[utoipa::path(get, path = "/tokens", operation_id = "listTokens", tag = "tokens", params(Paging),
    extensions(("x-permission" = json!("own"))),
    responses((status = 200, body = PageWire<TokenWire>), (status = "default", body = Problem)))]
pub(crate) async fn list_tokens(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Asked(paging): Asked<Paging>,
) -> Answer<Json<PageWire<TokenWire>>> {
    let page = app.control.tokens(&visitor.person.id, &paging.cursor, paging.limit()).await?;
    Ok(Json(PageWire::of(page, TokenWire::from)))
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What for.
    name: String,
    /// Its rights, such as `state.read`; all of them must be its owner's.
    scopes: Vec<String>,
    /// 1 to 366.
    days: u32,
}

/// A token, shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownToken {
    /// What to send as `Authorization: Bearer`.
    token: String,
    /// The rest.
    #[serde(flatten)]
    about: TokenWire,
}

/// Makes a token of one's own. It is shown here and never again.
#[utoipa::path(post, path = "/tokens", operation_id = "addToken", tag = "tokens", request_body = NewToken,
    extensions(("x-permission" = json!("own"))), responses((status = 201, body = ShownToken), (status = "default", body = Problem)))]
pub(crate) async fn add_token(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Body(body): Body<NewToken>,
) -> Answer<(StatusCode, Json<ShownToken>)> {
    policy::name(&body.name)?;
    if !(1..=MAX_TOKEN_DAYS).contains(&body.days) || body.scopes.is_empty() || body.scopes.len() > Permission::ALL.len()
    {
        return Err(Problem::unreadable("token-invalid", "a token has scopes and lives 1 to 366 days"));
    }
    let mut scopes = Vec::new();
    for word in &body.scopes {
        let known =
            Permission::parse(word).ok_or_else(|| Problem::unreadable("scope-unknown", "there is no such scope"))?;
        // A token never makes one that may more than itself.
        if !visitor.may(known) {
            let detail = format!("you do not have the right {}", known.as_str());
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail, "leave it out"));
        }
        scopes.push(known);
    }
    let now_ms = app.now_ms();
    let expires_ms = now_ms + i64::from(body.days) * DAY_MS;
    let (id, person) = (app.chance.id(now_ms), visitor.person.id);
    let token = Token { id, person, name: body.name, scopes, created_ms: now_ms, expires_ms };
    let text = app.chance.secret();
    app.control.add_token(&token, &text).await?;
    Ok((StatusCode::CREATED, Json(ShownToken { token: text, about: token.into() })))
}

/// Removes a token of one's own: it opens nothing from now on.
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "removeToken", tag = "tokens", params(("id" = String, Path)),
    extensions(("x-permission" = json!("own"))), responses((status = 204), (status = "default", body = Problem)))]
pub(crate) async fn remove_token(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Parts(id): Parts<String>,
) -> Answer<StatusCode> {
    app.control.remove_token(&visitor.person.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
