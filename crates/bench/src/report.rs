//! The results in words (Markdown) and as data.

use crate::goal::Goal;
use crate::machine;
use crate::measure::Usage;
use crate::results::{Results, Row, median};
use crate::stage::Stage;
use serde_json::{Value, json};
use std::fmt::Write;

/// What a report says besides the results.
pub struct Heading<'a> {
    /// The workload.
    pub name: &'a str,
    /// The data, in words.
    pub data: String,
    /// How often.
    pub rounds: usize,
}

/// Prints the report and writes the raw figures where they are wanted; true when everything was good.
pub fn publish(stage: &Stage, heading: &Heading<'_>, results: &Results) -> std::io::Result<bool> {
    print!("{}", text(stage, heading, results));
    if let Some(path) = &stage.json {
        std::fs::write(path, json(stage, heading, results).to_string() + "\n")?;
    }
    Ok(results.is_good())
}

/// The table and the judgement.
fn text(stage: &Stage, heading: &Heading<'_>, results: &Results) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\n## {}\n", heading.name);
    let _ = writeln!(out, "Machine: {}; disk: {}.", machine::describe(), stage.disk);
    let _ = writeln!(out, "Data: {}. Rounds: {}.", heading.data, heading.rounds);
    if !stage.tools.is_empty() {
        let _ = writeln!(out, "Versions: {}.", stage.versions.join("; "));
        let durable = stage.tools.iter().map(|tool| format!("{}: {}", tool.name(), tool.durability()));
        let _ = writeln!(out, "Before it says done: {}.", durable.collect::<Vec<_>>().join("; "));
        table(&mut out, stage, results);
    }
    figures(&mut out, results);
    judgement(&mut out, results);
    out
}

fn table(out: &mut String, stage: &Stage, results: &Results) {
    let _ = writeln!(
        out,
        "Cells: wall s median (min-max) / CPU s median / peak MB of the largest process (sum of all); MB/s of the median.\n"
    );
    let names: Vec<&str> = stage.tools.iter().map(|tool| tool.name()).collect();
    let _ = writeln!(out, "| work | {} |\n|---{}|", names.join(" | "), "|---".repeat(names.len()));
    for row in &results.rows {
        let cells: Vec<String> = names.iter().map(|tool| cell(results, row, tool)).collect();
        let _ = writeln!(out, "| {} | {} |", row.title, cells.join(" | "));
    }
    let mut moments: Vec<&str> = Vec::new();
    for stored in &results.stored {
        if !moments.contains(&stored.after.as_str()) {
            moments.push(&stored.after);
        }
    }
    for after in moments {
        let cells: Vec<String> = names.iter().map(|tool| stored_cell(results, after, tool)).collect();
        let _ = writeln!(out, "| stored MB (allocated), {after} | {} |", cells.join(" | "));
    }
    out.push('\n');
}

fn cell(results: &Results, row: &Row, tool: &str) -> String {
    let figure = |pick: fn(&Usage) -> f64| results.of(&row.work, tool, pick);
    let wall = figure(|usage| usage.wall_s);
    let (Some(middle), Some(cpu)) = (median(&wall), median(&figure(|usage| usage.cpu_s))) else {
        return "-".to_owned();
    };
    let (least, most) = range(&wall);
    let peak = range(&figure(|usage| usage.peak_process_bytes as f64 / 1e6)).1;
    let sum = range(&figure(|usage| usage.peak_sum_bytes as f64 / 1e6)).1;
    let speed = if row.bytes == 0 { String::new() } else { format!("; {:.0} MB/s", row.bytes as f64 / 1e6 / middle) };
    format!("{middle:.2} ({least:.2}-{most:.2}) / {cpu:.1} / {peak:.0} ({sum:.0}){speed}")
}

fn range(figures: &[f64]) -> (f64, f64) {
    figures.iter().fold((f64::INFINITY, 0.0), |(least, most), &figure| (least.min(figure), most.max(figure)))
}

fn stored_cell(results: &Results, after: &str, tool: &str) -> String {
    let own = results.stored.iter().filter(|stored| stored.tool == tool && stored.after == after);
    let allocated: Vec<f64> = own.map(|stored| stored.size.allocated_bytes as f64).collect();
    match (results.stored_bytes(after, tool), median(&allocated)) {
        (Some(bytes), Some(allocated)) => format!("{:.1} ({:.1})", bytes / 1e6, allocated / 1e6),
        _ => "-".to_owned(),
    }
}

fn figures(out: &mut String, results: &Results) {
    let mut told: Vec<&str> = Vec::new();
    for figure in &results.figures {
        if told.contains(&figure.what.as_str()) {
            continue;
        }
        told.push(&figure.what);
        let same: Vec<f64> = results.figures.iter().filter(|f| f.what == figure.what).map(|f| f.value).collect();
        let (least, most) = range(&same);
        let middle = median(&same).unwrap_or(0.0);
        let _ = writeln!(out, "{}: {middle:.2} ({least:.2}-{most:.2}) {}", figure.what, figure.unit);
    }
}

fn judgement(out: &mut String, results: &Results) {
    for goal in &results.goals {
        let verdict = match goal.met() {
            Some(true) => "met   ",
            Some(false) => "MISSED",
            None => "not measured",
        };
        let found = goal.found.map(|found| format!("{found:.2} {}", goal.unit)).unwrap_or_default();
        let _ = writeln!(out, "{verdict} {}: {found} (goal {} {} {})", goal.what, sign(goal), goal.limit, goal.unit);
    }
    if results.verified > 0 {
        let _ = writeln!(out, "\nRestored trees compared with the tree: {}.", results.verified);
    }
    for wrong in &results.wrong {
        let _ = writeln!(out, "WRONG  {wrong}");
    }
}

fn sign(goal: &Goal) -> &'static str {
    if goal.is_least { ">=" } else { "<=" }
}

/// Everything that was measured.
fn json(stage: &Stage, heading: &Heading<'_>, results: &Results) -> Value {
    let samples = results.samples.iter().map(|sample| {
        let usage = sample.usage;
        json!({
            "work": sample.work, "tool": sample.tool, "round": sample.round + 1,
            "wall_s": usage.wall_s, "cpu_s": usage.cpu_s, "peak_process_bytes": usage.peak_process_bytes,
            "peak_sum_bytes": usage.peak_sum_bytes, "rchar_bytes": usage.read_bytes,
        })
    });
    let stored = results.stored.iter().map(|stored| {
        json!({
            "after": stored.after, "tool": stored.tool, "round": stored.round + 1, "bytes": stored.size.bytes,
            "allocated_bytes": stored.size.allocated_bytes, "files": stored.size.files,
        })
    });
    let rows = results.rows.iter().map(|row| json!({"work": row.work, "title": row.title, "bytes": row.bytes}));
    let figures = results.figures.iter().map(|f| json!({"what": f.what, "value": f.value, "unit": f.unit}));
    let goals = results.goals.iter().map(|goal| {
        json!({
            "what": goal.what, "sign": sign(goal), "limit": goal.limit, "found": goal.found, "unit": goal.unit,
            "met": goal.met(),
        })
    });
    json!({
        "workload": heading.name, "data": heading.data, "rounds": heading.rounds,
        "machine": machine::describe(), "disk": stage.disk, "versions": stage.versions,
        "rows": rows.collect::<Vec<_>>(), "samples": samples.collect::<Vec<_>>(),
        "stored": stored.collect::<Vec<_>>(), "figures": figures.collect::<Vec<_>>(),
        "goals": goals.collect::<Vec<_>>(), "verified": results.verified, "wrong": results.wrong, "more": results.more,
    })
}
