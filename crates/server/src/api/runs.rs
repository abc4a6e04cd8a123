//! Runs: started, watched, stopped, repeated.

use super::body::Asked;
use super::wire::{PageWire, RunWire};
use super::{Answer, Body, Paging, Parts};
use crate::problem::Problem;
use crate::scheduler;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use datakeep_manage::control::events::RunEvent;
use datakeep_manage::control::objects::Kept;
use datakeep_manage::control::runs::{NewRun, RunFilter, RunKind, RunState};
use datakeep_manage::{PolicySpec, RepositorySpec};
use futures::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How often a watcher looks for new events.
const LOOK: Duration = Duration::from_millis(500);

/// Runs that were queued.
#[derive(Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Their ids.
    runs: Vec<String>,
}

async fn queue(app: &App, runs: Vec<NewRun>) -> Answer<(StatusCode, Json<Queued>)> {
    app.control.enqueue(&runs, app.now_ms()).await?;
    app.wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(Queued { runs: runs.into_iter().map(|run| run.id).collect() })))
}

/// Starts a backup of each source of a policy now, also of one that rests.
#[utoipa::path(post, path = "/policies/{id}/runs", operation_id = "startPolicy", tag = "runs", params(("id" = String, Path)),
    extensions(("x-permission" = json!("run.operate"))), responses((status = 202, body = Queued), (status = "default", body = Problem)))]
pub(crate) async fn start_policy(
    State(app): State<Arc<App>>,
    Parts(id): Parts<String>,
) -> Answer<(StatusCode, Json<Queued>)> {
    let policy: Kept<PolicySpec> = app.control.get(&id).await?;
    let runs = scheduler::backups(&policy, None, || app.chance.id(app.now_ms()));
    queue(&app, runs).await
}

/// Work of a repository to be done now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Work {
    /// `gc`, `check` or `catalogue`.
    kind: String,
}

/// Starts work of a repository now.
#[utoipa::path(post, path = "/repositories/{id}/runs", operation_id = "startWork", tag = "runs", params(("id" = String, Path)),
    request_body = Work, extensions(("x-permission" = json!("run.operate"))),
    responses((status = 202, body = Queued), (status = "default", body = Problem)))]
pub(crate) async fn start_work(
    State(app): State<Arc<App>>,
    Parts(id): Parts<String>,
    Body(work): Body<Work>,
) -> Answer<(StatusCode, Json<Queued>)> {
    let kind =
        RunKind::parse(&work.kind).filter(|kind| matches!(kind, RunKind::Gc | RunKind::Check | RunKind::Catalogue));
    let kind =
        kind.ok_or_else(|| Problem::unreadable("kind-unknown", "the work of a repository is gc, check or catalogue"))?;
    let repository: Kept<RepositorySpec> = app.control.get(&id).await?;
    queue(&app, vec![scheduler::work(&repository.id, kind, None, app.chance.id(app.now_ms()))]).await
}

/// Which runs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunQuery {
    /// `next` of the page before.
    cursor: String,
    /// Entries of a page, 1 to 500; 100 when it is not given.
    limit: Option<u32>,
    /// Only in this state.
    state: Option<String>,
    /// Only of this policy or repository.
    owner: Option<String>,
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/runs", operation_id = "listRuns", tag = "runs", params(RunQuery),
    extensions(("x-permission" = json!("state.read"))),
    responses((status = 200, body = PageWire<RunWire>), (status = "default", body = Problem)))]
pub(crate) async fn list_runs(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<RunQuery>,
) -> Answer<Json<PageWire<RunWire>>> {
    let unknown = || Problem::unreadable("state-unknown", "there is no such state of a run");
    let state = asked.state.map(|word| RunState::parse(&word).ok_or_else(unknown)).transpose()?;
    let filter = RunFilter { state, owner: asked.owner };
    let page = app.control.runs(&filter, &asked.cursor, asked.limit.unwrap_or(100)).await?;
    Ok(Json(PageWire::of(page, RunWire::from)))
}

/// Shows a run.
#[utoipa::path(get, path = "/runs/{id}", operation_id = "getRun", tag = "runs", params(("id" = String, Path)),
    extensions(("x-permission" = json!("state.read"))), responses((status = 200, body = RunWire), (status = "default", body = Problem)))]
pub(crate) async fn get_run(State(app): State<Arc<App>>, Parts(id): Parts<String>) -> Answer<Json<RunWire>> {
    Ok(Json(app.control.run(&id).await?.into()))
}

/// Asks a run to stop. One that waits ends at once.
#[utoipa::path(post, path = "/runs/{id}/cancel", operation_id = "cancelRun", tag = "runs", params(("id" = String, Path)),
    extensions(("x-permission" = json!("run.operate"))), responses((status = 200, body = RunWire), (status = "default", body = Problem)))]
pub(crate) async fn cancel_run(State(app): State<Arc<App>>, Parts(id): Parts<String>) -> Answer<Json<RunWire>> {
    Ok(Json(app.control.cancel(&id, app.now_ms()).await?.into()))
}

/// Queues an ended run again.
#[utoipa::path(post, path = "/runs/{id}/retry", operation_id = "retryRun", tag = "runs", params(("id" = String, Path)),
    extensions(("x-permission" = json!("run.operate"))), responses((status = 202, body = RunWire), (status = "default", body = Problem)))]
pub(crate) async fn retry_run(
    State(app): State<Arc<App>>,
    Parts(id): Parts<String>,
) -> Answer<(StatusCode, Json<RunWire>)> {
    let now_ms = app.now_ms();
    let run = app.control.retry(&id, &app.chance.id(now_ms), now_ms).await?;
    app.wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// An item that a run lost.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemWire {
    /// Where it is.
    path: String,
    /// A stable word, such as `denied`.
    cause: String,
    /// The system's own words.
    detail: String,
}

/// Lists the items a run lost.
#[utoipa::path(get, path = "/runs/{id}/items", operation_id = "listItems", tag = "runs", params(("id" = String, Path), Paging),
    extensions(("x-permission" = json!("state.read"))),
    responses((status = 200, body = PageWire<ItemWire>), (status = "default", body = Problem)))]
pub(crate) async fn list_items(
    State(app): State<Arc<App>>,
    Parts(id): Parts<String>,
    Asked(paging): Asked<Paging>,
) -> Answer<Json<PageWire<ItemWire>>> {
    app.control.run(&id).await?;
    let page = app.control.items(&id, paging.number()?, paging.limit()).await?;
    Ok(Json(PageWire::of(page, |(_, item)| ItemWire { path: item.path, cause: item.cause, detail: item.detail })))
}

/// Where a watcher stands.
struct Watch {
    app: Arc<App>,
    run: String,
    after: i64,
    ready: VecDeque<Event>,
    is_over: bool,
}

/// Sends what a run tells as server-sent events, from the beginning or behind Last-Event-ID; the last is `end`.
#[utoipa::path(get, path = "/runs/{id}/events", operation_id = "streamEvents", tag = "runs", params(("id" = String, Path)),
    extensions(("x-permission" = json!("state.read"))),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "default", body = Problem)))]
pub(crate) async fn stream_events(
    State(app): State<Arc<App>>,
    Parts(id): Parts<String>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    app.control.run(&id).await?;
    let after = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let watch = Watch { app, run: id, after, ready: VecDeque::new(), is_over: false };
    Ok(Sse::new(stream::unfold(watch, next)).keep_alive(KeepAlive::default()))
}

async fn next(mut watch: Watch) -> Option<(Result<Event, Infallible>, Watch)> {
    loop {
        if let Some(event) = watch.ready.pop_front() {
            return Some((Ok(event), watch));
        }
        if watch.is_over {
            return None;
        }
        // The state first: what was told before the end is read after it.
        let run = watch.app.control.run(&watch.run).await.ok()?;
        let events = watch.app.control.events(&watch.run, watch.after).await.ok()?;
        let is_last = events.is_empty();
        watch.after = events.last().map_or(watch.after, |event| event.seq);
        watch.ready.extend(events.into_iter().map(sent));
        if is_last && run.state.is_end() {
            watch.is_over = true;
            watch.ready.push_back(Event::default().event("end").data(run.state.as_str()));
        } else if is_last {
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn sent(event: RunEvent) -> Event {
    // A body is one line of JSON, and a kind a word: neither can end the field early.
    Event::default()
        .id(event.seq.to_string())
        .event(event.kind.replace(['\n', '\r'], " "))
        .data(event.body.replace(['\n', '\r'], " "))
}
