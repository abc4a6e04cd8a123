//! Repositories, sources and policies: the same acts on three kinds of documents.

use super::body::Asked;
use super::wire::{KeptWire, PageWire, PolicyWire, RepositoryWire, SourceWire, Wire};
use super::{Answer, Body, Paging, Parts, entity, revision};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datakeep_manage::control::objects::Document;
use serde::Serialize;
use std::sync::Arc;

type Page<T> = Json<PageWire<KeptWire<T>>>;

async fn list_of<T: Wire<Spec: Document>>(app: &App, paging: &Paging) -> Answer<Page<T>> {
    let page = app.control.list::<T::Spec>(&paging.cursor, paging.limit()).await?;
    Ok(Json(PageWire::of(page, KeptWire::from)))
}

async fn add_of<T: Wire<Spec: Document> + Serialize>(app: &App, path: &str, wire: T) -> Answer<Response> {
    let (name, spec) = wire.split();
    let now_ms = app.now_ms();
    let kept = app.control.add(&app.chance.id(now_ms), &name, &spec, now_ms).await?;
    app.wake.notify_one();
    let place = HeaderValue::from_str(&format!("/api/v1/{path}/{}", kept.id)).ok();
    let mut response = entity(StatusCode::CREATED, kept.revision, &KeptWire::<T>::from(kept));
    place.and_then(|place| response.headers_mut().insert(header::LOCATION, place));
    Ok(response)
}

async fn get_of<T: Wire<Spec: Document> + Serialize>(app: &App, id: &str) -> Answer<Response> {
    let kept = app.control.get::<T::Spec>(id).await?;
    Ok(entity(StatusCode::OK, kept.revision, &KeptWire::<T>::from(kept)))
}

async fn replace_of<T: Wire<Spec: Document> + Serialize>(
    app: &App,
    id: &str,
    headers: &HeaderMap,
    wire: T,
) -> Answer<Response> {
    let (name, spec) = wire.split();
    let kept = app.control.replace(id, revision(headers)?, &name, &spec, app.now_ms()).await?;
    app.wake.notify_one();
    Ok(entity(StatusCode::OK, kept.revision, &KeptWire::<T>::from(kept)))
}

async fn remove_of<T: Wire<Spec: Document>>(app: &App, id: &str, headers: &HeaderMap) -> Answer<Response> {
    app.control.remove::<T::Spec>(id, revision(headers)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The five routes of one kind. `$wire` is its document, the literals are its paths and the names of its operations.
macro_rules! documents {
    ($module:ident, $wire:ty, $all:tt, $one:tt, $list:tt, $add:tt, $get:tt, $replace:tt, $remove:tt) => {
        pub(crate) mod $module {
            use super::*;

            /// Lists them, oldest first.
            #[utoipa::path(get, path = $all, operation_id = $list, tag = stringify!($module), params(Paging),
                extensions(("x-permission" = json!("state.read"))),
                responses((status = 200, body = PageWire<KeptWire<$wire>>), (status = "default", body = Problem)))]
            pub(crate) async fn list(State(app): State<Arc<App>>, Asked(paging): Asked<Paging>) -> Answer<Page<$wire>> {
                list_of(&app, &paging).await
            }

            /// Adds one.
            #[utoipa::path(post, path = $all, operation_id = $add, tag = stringify!($module), request_body = $wire,
                extensions(("x-permission" = json!("config.write"))),
                responses((status = 201, body = KeptWire<$wire>), (status = "default", body = Problem)))]
            pub(crate) async fn add(State(app): State<Arc<App>>, Body(wire): Body<$wire>) -> Answer<Response> {
                add_of(&app, stringify!($module), wire).await
            }

            /// Shows one; its ETag is its revision.
            #[utoipa::path(get, path = $one, operation_id = $get, tag = stringify!($module), params(("id" = String, Path)),
                extensions(("x-permission" = json!("state.read"))),
                responses((status = 200, body = KeptWire<$wire>), (status = "default", body = Problem)))]
            pub(crate) async fn get(State(app): State<Arc<App>>, Parts(id): Parts<String>) -> Answer<Response> {
                get_of::<$wire>(&app, &id).await
            }

            /// Replaces one, if it still has the revision that If-Match names.
            #[utoipa::path(put, path = $one, operation_id = $replace, tag = stringify!($module), request_body = $wire,
                params(("id" = String, Path), ("If-Match" = String, Header)),
                extensions(("x-permission" = json!("config.write"))),
                responses((status = 200, body = KeptWire<$wire>), (status = "default", body = Problem)))]
            pub(crate) async fn replace(
                State(app): State<Arc<App>>,
                Parts(id): Parts<String>,
                headers: HeaderMap,
                Body(wire): Body<$wire>,
            ) -> Answer<Response> {
                replace_of(&app, &id, &headers, wire).await
            }

            /// Removes one, if it still has the revision that If-Match names.
            #[utoipa::path(delete, path = $one, operation_id = $remove, tag = stringify!($module),
                params(("id" = String, Path), ("If-Match" = String, Header)),
                extensions(("x-permission" = json!("config.write"))),
                responses((status = 204), (status = "default", body = Problem)))]
            pub(crate) async fn remove(State(app): State<Arc<App>>, Parts(id): Parts<String>, headers: HeaderMap) -> Answer<Response> {
                remove_of::<$wire>(&app, &id, &headers).await
            }
        }
    };
}

documents!(
    repositories,
    RepositoryWire,
    "/repositories",
    "/repositories/{id}",
    "listRepositories",
    "addRepository",
    "getRepository",
    "replaceRepository",
    "removeRepository"
);
documents!(
    sources,
    SourceWire,
    "/sources",
    "/sources/{id}",
    "listSources",
    "addSource",
    "getSource",
    "replaceSource",
    "removeSource"
);
documents!(
    policies,
    PolicyWire,
    "/policies",
    "/policies/{id}",
    "listPolicies",
    "addPolicy",
    "getPolicy",
    "replacePolicy",
    "removePolicy"
);
