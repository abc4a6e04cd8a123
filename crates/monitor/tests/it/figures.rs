//! The text of figures: its form, by the grammar of the specification, and what it says.

use crate::shop::well;
use datakeep_monitor::metrics::{Figures, Form, text};
use datakeep_monitor::{Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};

fn figures() -> Figures {
    let mut look = well();
    look.protections[0].source.name = "a\"b\\c\nd".into();
    Figures {
        version: "0.1.0".into(),
        look,
        runs: BTreeMap::from([(("backup".into(), "complete".into()), 7)]),
        queued: 2,
        running: 1,
        findings: BTreeMap::from([((Rule::Rpo, Severity::Critical), 1)]),
    }
}

/// Every line is a comment of a family that has just begun, or a sample of it.
#[track_caller]
fn grammar(text: &str, suffixes: &[&str]) {
    let (mut family, mut seen) = (String::new(), BTreeSet::new());
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap().to_string();
            assert!(seen.insert(family.clone()), "{family} begins twice");
        } else if let Some(rest) = line.strip_prefix("# ") {
            assert_eq!(rest.split(' ').nth(1).unwrap(), family, "{line}");
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(suffixes.iter().any(|suffix| name == format!("{family}{suffix}")), "{line} in {family}");
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[test]
fn the_text_is_openmetrics() {
    let open = text(&figures(), Form::OpenMetrics);
    assert!(open.ends_with("\n# EOF\n") && open.matches("# EOF").count() == 1);
    grammar(&open, &["", "_total", "_info"]);
    for line in [
        "# TYPE datakeep_runs counter",
        "datakeep_runs_total{kind=\"backup\",state=\"complete\"} 7",
        "# UNIT datakeep_rpo_actual_seconds seconds",
        "datakeep_rpo_actual_seconds{policy=\"gold\",source=\"a\\\"b\\\\c\\nd\"} 2000",
        "datakeep_rpo_target_seconds{policy=\"gold\",source=\"a\\\"b\\\\c\\nd\"} 90000",
        "datakeep_backup_duration_seconds{policy=\"gold\",source=\"a\\\"b\\\\c\\nd\"} 1.234",
        "datakeep_source_rows{policy=\"gold\",source=\"a\\\"b\\\\c\\nd\"} 1500",
        "datakeep_findings{rule=\"rpo-breach\",severity=\"critical\"} 1",
        "datakeep_repository_stored_bytes{repository=\"main\"} 53687091200",
        "datakeep_verification_age_seconds{repository=\"main\"} 1728000",
        "datakeep_info{version=\"0.1.0\"} 1",
    ] {
        assert!(open.lines().any(|one| one == line), "{line}\nis not in\n{open}");
    }
    for line in open.lines().filter(|line| line.starts_with("# UNIT ")) {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(words[2].ends_with(&format!("_{}", words[3])), "{line}");
    }
}

#[test]
fn whoever_asks_for_the_older_text_gets_it() {
    let plain = text(&figures(), Form::Prometheus);
    grammar(&plain, &[""]);
    assert!(
        plain.contains("# TYPE datakeep_runs_total counter\n") && !plain.contains("# EOF") && !plain.contains("# UNIT")
    );
    assert_eq!(Form::asked(""), Form::OpenMetrics);
    assert_eq!(Form::asked("*/*"), Form::OpenMetrics);
    assert_eq!(Form::asked("text/plain;version=0.0.4"), Form::Prometheus);
    assert_eq!(
        Form::asked("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"),
        Form::OpenMetrics
    );
}
