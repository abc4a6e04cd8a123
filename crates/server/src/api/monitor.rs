//! Figures, and what is not well.

use super::Answer;
use crate::problem::Problem;
use crate::state::App;
use crate::watch;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use datakeep_monitor::metrics::{Form, text};
use datakeep_monitor::{Finding, Language, Named};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Tells all figures as OpenMetrics text, or in Prometheus's older format where `Accept` names `text/plain` alone.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "monitor", extensions(("x-permission" = json!("metrics.read"))),
    responses((status = 200, content_type = "application/openmetrics-text", body = String), (status = "default", body = Problem)))]
pub(crate) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer<Response> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = Form::asked(accept);
    let text = text(&watch::figures(&app).await?, form);
    Ok(([(header::CONTENT_TYPE, form.content_type())], text).into_response())
}

/// Something that is not well.
#[derive(Serialize, ToSchema)]
pub(crate) struct FindingWire {
    /// `overdue`, `rpo-breach`, `failed`, `partial`, `verification-too-old`, `no-drill`, `capacity-growth`, `row-count` or
    /// `schema-change`.
    rule: &'static str,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// Id of the policy, where it is about one.
    policy: Option<String>,
    /// Id of the source, where it is about one.
    source: Option<String>,
    /// Id of the repository.
    repository: String,
    /// What of it, such as the kind of a run; mostly empty.
    part: String,
    /// Why, in one sentence.
    why: String,
    /// What to do next.
    next: &'static str,
    /// Why, in numbers; `kind` says which.
    facts: serde_json::Value,
}

impl From<Finding> for FindingWire {
    fn from(finding: Finding) -> Self {
        let id = |one: Option<Named>| one.map(|one| one.id);
        Self {
            rule: finding.rule.as_str(),
            severity: finding.severity.as_str(),
            policy: id(finding.subject.policy),
            source: id(finding.subject.source),
            repository: finding.subject.repository.id,
            part: finding.subject.part,
            why: finding.facts.why(Language::English),
            next: finding.facts.next_step(Language::English),
            facts: serde_json::to_value(&finding.facts).unwrap_or_default(),
        }
    }
}

/// All that is not well.
#[derive(Serialize, ToSchema)]
pub(crate) struct FindingList {
    /// Nothing when all is as it should be.
    items: Vec<FindingWire>,
}

/// Lists what is not well now, by the usual rules.
#[utoipa::path(get, path = "/findings", operation_id = "listFindings", tag = "monitor", extensions(("x-permission" = json!("state.read"))),
    responses((status = 200, body = FindingList), (status = "default", body = Problem)))]
pub(crate) async fn list_findings(State(app): State<Arc<App>>) -> Answer<Json<FindingList>> {
    let found = watch::findings_now(&app).await?;
    Ok(Json(FindingList { items: found.into_iter().map(FindingWire::from).collect() }))
}
