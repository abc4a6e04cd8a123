//! Two plain pages: where the API is described, and the form that makes the owner. No scripts, nothing from elsewhere.

use crate::api::session::make_owner;
use crate::problem::Problem;
use crate::state::App;
use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::get;
use axum::{Form, Router};
use datakeep_model::Secret;
use serde::Deserialize;
use std::sync::Arc;

const LANDING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Datakeep</title><h1>Datakeep</h1>\
    <p>This server has an API: its description is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a> (OpenAPI 3.1).</p>\
    <p lang=\"zh\">本服务器提供 API，其描述见 <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>（OpenAPI 3.1）。</p>";

const DONE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Datakeep</title><h1>Datakeep</h1>\
    <p>The owner is made; this link opens nothing any more.</p><p lang=\"zh\">所有者已创建，此链接已失效。</p>";

/// Their routes. They need no right: the form is opened by its link.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(|| async { Html(LANDING) })).route("/setup", get(form).post(submit))
}

/// Paths of pages, which are open to everybody.
pub const PATHS: [&str; 2] = ["/", "/setup"];

#[derive(Deserialize)]
struct Link {
    token: String,
}

async fn form(link: Query<Link>) -> Result<Html<String>, Problem> {
    // It is written into the page: only what a token is made of.
    if link.token.len() != 64 || !link.token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::unreadable("setup-token", "this is no one-time link"));
    }
    let token = &link.token;
    Ok(Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Datakeep</title><h1>Datakeep</h1>\
        <form method=\"post\" action=\"/setup\"><input type=\"hidden\" name=\"token\" value=\"{token}\">\
        <p><label>Name of the owner 所有者名称 <input name=\"name\" required autocomplete=\"username\"></label></p>\
        <p><label>Password, at least 12 characters 密码（至少 12 个字符） \
        <input name=\"password\" type=\"password\" required minlength=\"12\" autocomplete=\"new-password\"></label></p>\
        <p><button>Create 创建</button></p></form>"
    )))
}

#[derive(Deserialize)]
struct Filled {
    token: String,
    name: String,
    password: String,
}

async fn submit(State(app): State<Arc<App>>, Form(filled): Form<Filled>) -> Result<Html<&'static str>, Problem> {
    make_owner(&app, &filled.token, &filled.name, Secret::new(filled.password.into_bytes())).await?;
    Ok(Html(DONE))
}
