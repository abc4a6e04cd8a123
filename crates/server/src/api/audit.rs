//! The audit log.

use super::body::Asked;
use super::wire::PageWire;
use super::{Answer, Paging};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A record of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordWire {
    /// Counts from 1.
    seq: i64,
    /// Milliseconds since 1970.
    at_ms: i64,
    /// Name of the user.
    actor: String,
    /// Name of the operation.
    act: String,
    /// Path of what it was done to.
    object: String,
    /// `ok`, or the code of the refusal.
    result: String,
    /// More.
    detail: String,
    /// Hash of the record before.
    previous: String,
    /// Hash of this one.
    hash: String,
}

/// Lists records, oldest first.
#[utoipa::path(get, path = "/audit", operation_id = "listAudit", tag = "audit", params(Paging),
    extensions(("x-permission" = json!("audit.read"))),
    responses((status = 200, body = PageWire<RecordWire>), (status = "default", body = Problem)))]
pub(crate) async fn list_audit(
    State(app): State<Arc<App>>,
    Asked(paging): Asked<Paging>,
) -> Answer<Json<PageWire<RecordWire>>> {
    let page = app.control.audit(paging.number()?, paging.limit()).await?;
    Ok(Json(PageWire::of(page, |one| RecordWire {
        seq: one.seq,
        at_ms: one.at_ms,
        actor: one.deed.actor,
        act: one.deed.act,
        object: one.deed.object,
        result: one.deed.result,
        detail: one.deed.detail,
        previous: one.previous,
        hash: one.hash,
    })))
}

/// What following the chain found.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerdictWire {
    /// True when every record belongs where it stands.
    whole: bool,
    /// Records that do.
    records: i64,
    /// Hash of the newest of them: keep it elsewhere.
    head: String,
    /// The first record that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
}

/// Follows the whole chain.
#[utoipa::path(get, path = "/audit/verdict", operation_id = "verifyAudit", tag = "audit", extensions(("x-permission" = json!("audit.read"))),
    responses((status = 200, body = VerdictWire), (status = "default", body = Problem)))]
pub(crate) async fn verify_audit(State(app): State<Arc<App>>) -> Answer<Json<VerdictWire>> {
    let found = app.control.verify_audit().await?;
    Ok(Json(VerdictWire {
        whole: found.broken_at.is_none(),
        records: found.records,
        head: found.head,
        broken_at: found.broken_at,
    }))
}
