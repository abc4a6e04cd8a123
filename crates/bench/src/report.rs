//! The results in words (Markdown) and as data.

use crate::args::{Options, Work};
use crate::goals::{Goal, stored};
use crate::machine;
use crate::measure::Usage;
use crate::rounds::{Results, median};
use crate::setup::Bench;
use serde_json::{Value, json};
use std::fmt::Write;

/// The table and the judgement.
pub fn text(bench: &Bench, options: &Options, results: &Results, goals: &[Goal]) -> String {
    let mut out = String::new();
    let size = bench.tree_size;
    let rounds = options.rounds;
    let _ = writeln!(out, "\nMachine: {}; disk: {}.", machine::describe(), bench.disk);
    let _ =
        writeln!(out, "Data: {} files, {:.0} MB, warm cache. Rounds: {rounds}.", size.files, size.bytes as f64 / 1e6);
    let _ = writeln!(out, "Versions: {}.", bench.versions.join("; "));
    let _ =
        writeln!(out, "Cells: wall s median (min-max) / CPU s median / peak MB of the largest process (sum of all).\n");
    let names: Vec<&str> = bench.tools.iter().map(|tool| tool.name()).collect();
    let _ = writeln!(out, "| work | {} |\n|---{}|", names.join(" | "), "|---".repeat(names.len()));
    for &work in &options.works {
        let cells: Vec<String> = names.iter().map(|tool| cell(results, work, tool)).collect();
        let _ = writeln!(out, "| {} | {} |", title(work, &bench.disk), cells.join(" | "));
    }
    let cells: Vec<String> = names.iter().map(|tool| stored_cell(results, tool)).collect();
    let _ = writeln!(out, "| stored MB (allocated) | {} |\n", cells.join(" | "));
    judgement(&mut out, results, goals);
    out
}

fn title(work: Work, disk: &str) -> String {
    match work {
        Work::First => "first backup".to_owned(),
        Work::Unchanged => "unchanged".to_owned(),
        Work::Check => "check, every byte read".to_owned(),
        Work::RestoreMemory => "restore to memory".to_owned(),
        Work::RestoreDisk => format!("restore to {disk}"),
    }
}

fn cell(results: &Results, work: Work, tool: &str) -> String {
    let figure = |pick: fn(&Usage) -> f64| results.figures(work, tool, pick);
    let wall = figure(|usage| usage.wall_s);
    let (Some(middle), Some(cpu)) = (median(&wall), median(&figure(|usage| usage.cpu_s))) else {
        return "-".to_owned();
    };
    let most = |figures: &[f64]| figures.iter().copied().fold(0.0, f64::max);
    let least = wall.iter().copied().fold(f64::INFINITY, f64::min);
    let peak = most(&figure(|usage| usage.peak_process_bytes as f64 / 1e6));
    let sum = most(&figure(|usage| usage.peak_sum_bytes as f64 / 1e6));
    format!("{middle:.2} ({least:.2}-{:.2}) / {cpu:.1} / {peak:.0} ({sum:.0})", most(&wall))
}

fn stored_cell(results: &Results, tool: &str) -> String {
    let own = results.stored.iter().filter(|stored| stored.tool == tool);
    let allocated: Vec<f64> = own.map(|stored| stored.size.allocated_bytes as f64).collect();
    match (stored(results, tool), median(&allocated)) {
        (Some(bytes), Some(allocated)) => format!("{:.1} ({:.1})", bytes / 1e6, allocated / 1e6),
        _ => "-".to_owned(),
    }
}

fn judgement(out: &mut String, results: &Results, goals: &[Goal]) {
    for goal in goals {
        let verdict = match goal.met {
            Some(true) => "met   ",
            Some(false) => "MISSED",
            None => "not measured",
        };
        let found = goal.found.map(|found| format!("{found:.2} {}", goal.unit)).unwrap_or_default();
        let _ = writeln!(out, "{verdict} {}: {found} (goal <= {} {})", goal.what, goal.limit, goal.unit);
    }
    let _ = writeln!(out, "\nRestored trees compared with the tree: {}.", results.verified);
    for wrong in &results.wrong {
        let _ = writeln!(out, "WRONG  {wrong}");
    }
}

/// Everything that was measured.
pub fn json(bench: &Bench, options: &Options, results: &Results, goals: &[Goal]) -> Value {
    let samples = results.samples.iter().map(|sample| {
        let usage = sample.usage;
        json!({
            "work": sample.work.name(), "tool": sample.tool, "round": sample.round + 1,
            "wall_s": usage.wall_s, "cpu_s": usage.cpu_s, "peak_process_bytes": usage.peak_process_bytes,
            "peak_sum_bytes": usage.peak_sum_bytes, "rchar_bytes": usage.read_bytes,
        })
    });
    let stored = results.stored.iter().map(|stored| {
        json!({
            "tool": stored.tool, "round": stored.round + 1, "bytes": stored.size.bytes,
            "allocated_bytes": stored.size.allocated_bytes, "files": stored.size.files,
        })
    });
    let kills = results.kills.iter().map(|kill| {
        json!({
            "moment": kill.moment, "before_bytes": kill.before_bytes, "tree_bytes": kill.tree_bytes,
            "told_read_bytes": kill.told_bytes, "rchar_bytes": kill.counted_bytes,
        })
    });
    let goals = goals.iter().map(
        |goal| json!({"what": goal.what, "limit": goal.limit, "found": goal.found, "unit": goal.unit, "met": goal.met}),
    );
    json!({
        "machine": machine::describe(), "disk": bench.disk, "versions": bench.versions, "rounds": options.rounds,
        "tree": {"files": bench.tree_size.files, "bytes": bench.tree_size.bytes},
        "samples": samples.collect::<Vec<_>>(), "stored": stored.collect::<Vec<_>>(),
        "kills": kills.collect::<Vec<_>>(), "goals": goals.collect::<Vec<_>>(),
        "verified": results.verified, "wrong": results.wrong,
    })
}
