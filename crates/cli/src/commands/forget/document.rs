//! A plan as JSON (`docs/json-output.md`).

use super::View;
use crate::{json, time};
use datakeep_manage::{Decision, Group, Reason};
use serde::Serialize;

/// The whole answer.
#[derive(Serialize)]
pub struct Forget {
    dry_run: bool,
    time_zone: Option<String>,
    snapshots_kept: usize,
    snapshots_forgotten: usize,
    groups: Vec<GroupJson>,
}

#[derive(Serialize)]
struct GroupJson {
    source: Option<String>,
    source_kind: Option<String>,
    host: Option<String>,
    tags: Option<Vec<String>>,
    snapshots: Vec<DecisionJson>,
}

#[derive(Serialize)]
struct DecisionJson {
    snapshot: String,
    started: Option<String>,
    kept: bool,
    reasons: Vec<ReasonJson>,
}

#[derive(Serialize)]
struct ReasonJson {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// The document of a plan.
pub fn document(view: &View<'_>, dry_run: bool) -> json::Document<Forget> {
    let forgotten = view.forgotten();
    let body = Forget {
        dry_run,
        time_zone: view.zone.iana_name().map(str::to_string),
        snapshots_kept: view.plan.decisions().count() - forgotten,
        snapshots_forgotten: forgotten,
        groups: view.plan.groups.iter().map(|group| one_group(view, group)).collect(),
    };
    json::document("forget", body)
}

fn one_group(view: &View<'_>, group: &Group) -> GroupJson {
    let (kind, name) = group.key.source.clone().unzip();
    GroupJson {
        source: name,
        source_kind: kind,
        host: group.key.host.clone(),
        tags: group.key.tags.as_ref().map(|tags| tags.iter().cloned().collect()),
        snapshots: group.decisions.iter().map(|decision| one(view, decision)).collect(),
    }
}

fn one(view: &View<'_>, decision: &Decision) -> DecisionJson {
    DecisionJson {
        snapshot: decision.id.to_hex(),
        started: view.snapshots.get(&decision.id).map(|snapshot| time::utc(snapshot.started)),
        kept: decision.is_kept(),
        reasons: decision.reasons.iter().map(|r| ReasonJson { reason: r.as_str(), value: value(r) }).collect(),
    }
}

fn value(reason: &Reason) -> Option<String> {
    match reason {
        Reason::Held(label) | Reason::Tag(label) => Some(label.clone()),
        Reason::Slot(_, name) => Some(name.clone()),
        Reason::Last(number) | Reason::AtLeast(number) => Some(number.to_string()),
        Reason::Within(span) => Some(span.to_string()),
        Reason::DatedBehind(earlier) => Some(earlier.to_hex()),
        Reason::Newest
        | Reason::NewestComplete
        | Reason::DatedAhead
        | Reason::Witness
        | Reason::NoDate
        | Reason::NoRule
        | Reason::NotNamed => None,
    }
}
