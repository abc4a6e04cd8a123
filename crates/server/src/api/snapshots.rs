//! The catalogue of snapshots, and what should be in it and is not.

use super::Answer;
use super::body::Asked;
use super::wire::PageWire;
use crate::problem::Problem;
use crate::scheduler;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which snapshots.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SnapshotQuery {
    /// `next` of the page before.
    cursor: String,
    /// Entries of a page, 1 to 500; 100 when it is not given.
    limit: Option<u32>,
    /// Only of the source of this name.
    source: String,
}

/// A snapshot.
#[derive(Serialize, ToSchema)]
pub(crate) struct SnapshotWire {
    /// Id of the repository.
    repository: String,
    /// Id of the snapshot.
    id: String,
    /// Name of the source.
    source: String,
    /// When its run began, as RFC 3339 in UTC.
    started: String,
    /// What `datakeep snapshots --json` says of it.
    document: serde_json::Value,
}

/// Lists snapshots, newest first, as repositories told the last time they were asked.
#[utoipa::path(get, path = "/snapshots", operation_id = "listSnapshots", tag = "snapshots", params(SnapshotQuery),
    extensions(("x-permission" = json!("state.read"))),
    responses((status = 200, body = PageWire<SnapshotWire>), (status = "default", body = Problem)))]
pub(crate) async fn list_snapshots(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<SnapshotQuery>,
) -> Answer<Json<PageWire<SnapshotWire>>> {
    let page = app.control.snapshots(&asked.source, &asked.cursor, asked.limit.unwrap_or(100)).await?;
    Ok(Json(PageWire::of(page, |one| SnapshotWire {
        document: serde_json::from_str(&one.body).unwrap_or_default(),
        repository: one.repository,
        id: one.id,
        source: one.source,
        started: one.started,
    })))
}

/// A source whose newest snapshot is older than it may be.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverdueWire {
    /// Id of the policy.
    policy: String,
    /// Id of the source.
    source: String,
    /// Since when, in seconds since 1970.
    since_s: i64,
    /// When the newest snapshot began, in seconds since 1970; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_s: Option<i64>,
}

/// All that is overdue.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverdueList {
    /// Nothing when all is as it should be.
    items: Vec<OverdueWire>,
}

/// Lists what is overdue: computed from snapshots that are not there, whether or not anything ran.
#[utoipa::path(get, path = "/overdue", operation_id = "listOverdue", tag = "snapshots", extensions(("x-permission" = json!("state.read"))),
    responses((status = 200, body = OverdueList), (status = "default", body = Problem)))]
pub(crate) async fn list_overdue(State(app): State<Arc<App>>) -> Answer<Json<OverdueList>> {
    let found = scheduler::overdue(&app.control, app.now_ms() / 1000).await?;
    let wire = |one: scheduler::Overdue| OverdueWire {
        policy: one.policy,
        source: one.source,
        since_s: one.since_s,
        newest_s: one.newest_s,
    };
    Ok(Json(OverdueList { items: found.into_iter().map(wire).collect() }))
}
