//! The web console: the files that `web/` builds, and one page for every path of the application.
//!
//! Files below `assets/` have a name that changes with their content, so that they may be kept for ever; the page that names them
//! is never kept. Scripts and styles come from here alone; what a library puts into the page while it runs carries the
//! page's nonce, which only this answer knows.

use crate::guard::{OwnHeaders, missing};
use crate::state::App;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use std::sync::Arc;

/// What the page holds in the place of its nonce (`html.cspNonce` of `web/vite.config.ts`).
const NONCE: &str = "DATAKEEP_NONCE";
/// Folder of files whose name changes with their content.
const HASHED: &str = "assets/";

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Files;

/// Answers what no route of the API answers: a file of the console, or its page.
pub(crate) async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let name = request.uri().path().trim_start_matches('/');
    let is_api = name == "api" || name.starts_with("api/");
    if is_api || !request.method().is_safe() {
        return missing().into_response();
    }
    if name != "index.html"
        && let Some(response) = file(name, request.headers())
    {
        return response;
    }
    if name.starts_with(HASHED) {
        return missing().into_response();
    }
    page(&app)
}

fn file(name: &str, asked: &HeaderMap) -> Option<Response> {
    let plain = Files::get(name)?;
    let takes_gzip = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let packed =
        if takes_gzip.is_some_and(|value| value.contains("gzip")) { Files::get(&format!("{name}.gz")) } else { None };
    let mut headers = HeaderMap::new();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::CONTENT_TYPE, content_type(name));
    say(header::VARY, "accept-encoding");
    say(
        header::CACHE_CONTROL,
        if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" },
    );
    if packed.is_some() {
        say(header::CONTENT_ENCODING, "gzip");
    }
    let bytes = packed.unwrap_or(plain).data.into_owned();
    Some(own((headers, bytes).into_response()))
}

fn page(app: &App) -> Response {
    let Some(index) = Files::get("index.html") else { return missing().into_response() };
    let nonce = app.chance.secret();
    let text = String::from_utf8_lossy(&index.data).replace(NONCE, &nonce);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; \
        connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    );
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_string()), (header::CONTENT_SECURITY_POLICY, policy)];
    own((headers, text).into_response())
}

fn own(mut response: Response) -> Response {
    response.extensions_mut().insert(OwnHeaders);
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
