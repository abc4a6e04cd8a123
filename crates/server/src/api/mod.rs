//! The API under `/api/v1`: every route with its description, from which OpenAPI, guard and tests are made.

pub(crate) mod audit;
mod body;
pub(crate) mod documents;
pub(crate) mod monitor;
pub(crate) mod people;
pub(crate) mod runs;
pub(crate) mod session;
pub(crate) mod snapshots;
pub mod wire;

use crate::state::App;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use body::{Answer, Body, Paging, Parts, entity, revision};

/// Path of the API's description.
pub const DESCRIPTION: &str = "/api/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(info(
    title = "Datakeep",
    description = "The platform's API. Errors are problem documents (RFC 9457) with a stable code."
))]
struct Document;

/// All routes, and their description as JSON.
pub fn routes() -> (Router<Arc<App>>, Value) {
    let api = OpenApiRouter::<Arc<App>>::new()
        .routes(routes!(session::health))
        .routes(routes!(session::setup))
        .routes(routes!(session::login, session::whoami, session::logout))
        .routes(routes!(people::list_users, people::add_user))
        .routes(routes!(people::remove_user))
        .routes(routes!(people::list_tokens, people::add_token))
        .routes(routes!(people::remove_token))
        .routes(routes!(documents::repositories::list, documents::repositories::add))
        .routes(routes!(
            documents::repositories::get,
            documents::repositories::replace,
            documents::repositories::remove
        ))
        .routes(routes!(documents::sources::list, documents::sources::add))
        .routes(routes!(documents::sources::get, documents::sources::replace, documents::sources::remove))
        .routes(routes!(documents::policies::list, documents::policies::add))
        .routes(routes!(documents::policies::get, documents::policies::replace, documents::policies::remove))
        .routes(routes!(runs::start_policy))
        .routes(routes!(runs::start_work))
        .routes(routes!(runs::list_runs))
        .routes(routes!(runs::get_run))
        .routes(routes!(runs::cancel_run))
        .routes(routes!(runs::retry_run))
        .routes(routes!(runs::list_items))
        .routes(routes!(runs::stream_events))
        .routes(routes!(snapshots::list_snapshots))
        .routes(routes!(snapshots::list_overdue))
        .routes(routes!(monitor::list_findings))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::verify_audit));
    let described =
        OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", api).routes(routes!(monitor::metrics));
    let (router, document) = described.split_for_parts();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["paths"][DESCRIPTION] = json!({"get": {
        "operationId": "describe", "tags": ["server"], "summary": "This description.", "x-permission": "public",
        "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}
    }});
    (router, document)
}

/// The route of the description itself.
pub fn description(text: Arc<str>) -> Router<Arc<App>> {
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], text.to_string());
    Router::new().route(DESCRIPTION, get(answer))
}
