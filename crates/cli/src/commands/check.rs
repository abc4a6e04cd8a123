//! `datakeep check`.

use crate::args::CheckArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, signals, sizes, time};
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_store::{Verified, Verify};
use serde::Serialize;

#[derive(Serialize)]
struct FaultJson {
    what: String,
    kind: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Report {
    outcome: &'static str,
    read_data: bool,
    objects: u64,
    snapshots: u64,
    entries: u64,
    packs: u64,
    frames: u64,
    chunks: u64,
    read_bytes: u64,
    duration_ms: u64,
    faults: Vec<FaultJson>,
}

/// Runs it.
pub fn run(app: &App, args: &CheckArgs) -> Result<ExitCode, Failure> {
    let repository = app.open()?;
    signals::listen(&app.cancel)?;
    let watch = Watch::new(&app.out);
    let total: u64 = repository.blobs().list("").map_err(Failure::from)?.iter().map(|listed| listed.len_bytes).sum();
    watch.expect(total);
    let report = repository.verify(Verify { read_data: args.read_data }, &mut |bytes| {
        watch.advance(1, bytes);
        !app.cancel.is_cancelled()
    })?;
    watch.finish();
    if app.cancel.is_cancelled() {
        return Err(Failure::new(ErrorKind::Cancelled, tr!("stopped on request", "已按请求停止")));
    }
    tell(app, args, &report, watch.elapsed_ns())?;
    let is_damage = |kind| matches!(kind, ErrorKind::Integrity | ErrorKind::Incompatible);
    Ok(match report.faults.as_slice() {
        [] => ExitCode::OK,
        faults if faults.iter().any(|fault| is_damage(fault.error.kind())) => ExitCode::INTEGRITY,
        _ => ExitCode::CHECK_FAILED,
    })
}

fn tell(app: &App, args: &CheckArgs, report: &Verified, nanos: u64) -> Result<(), Failure> {
    if app.out.json {
        let fault = |fault: &datakeep_store::Fault| FaultJson {
            what: fault.what.clone(),
            kind: fault.error.kind().as_str(),
            detail: fault.error.to_string(),
        };
        return app.out.document(&json::document(
            "check",
            Report {
                outcome: if report.faults.is_empty() { "whole" } else { "damaged" },
                read_data: args.read_data,
                objects: report.objects,
                snapshots: report.snapshots,
                entries: report.entries,
                packs: report.packs,
                frames: report.frames,
                chunks: report.chunks,
                read_bytes: report.read_bytes,
                duration_ms: nanos / 1_000_000,
                faults: report.faults.iter().map(fault).collect(),
            },
        ));
    }
    let [objects, snapshots, entries, packs, chunks] =
        [report.objects, report.snapshots, report.entries, report.packs, report.chunks].map(sizes::count);
    let took = time::duration(nanos);
    app.out.say(tr!(
        "looked at {objects} objects, {packs} packs, {snapshots} snapshots, {entries} items in {took}",
        "检查了 {objects} 个对象、{packs} 个数据包、{snapshots} 个备份集、{entries} 个条目，用时 {took}"
    ))?;
    if args.read_data {
        let (read, rate) = (
            sizes::bytes(report.read_bytes),
            sizes::bytes((report.read_bytes as f64 / (nanos.max(1) as f64 / 1e9)) as u64),
        );
        app.out.say(tr!(
            "read {read} and computed the digests of {chunks} chunks anew ({rate}/s)",
            "读取 {read}，重新计算了 {chunks} 个数据块的摘要（{rate}/s）"
        ))?;
    }
    if report.faults.is_empty() {
        return app.out.say(match args.read_data {
            true => {
                tr!("no fault: every stored byte is what was written", "没有发现问题：存储的每个字节都与写入时一致")
            }
            false => tr!(
                "no fault in the structure; --read-data proves every byte",
                "结构完好；使用 --read-data 可验证每个字节"
            ),
        });
    }
    let faults = sizes::count(report.faults.len() as u64);
    app.out.warn(tr!("faults found: {faults}", "发现 {faults} 处问题："));
    for fault in &report.faults {
        // Most errors name their object themselves.
        let error = fault.error.to_string();
        app.out.note(if error.starts_with(&fault.what) {
            format!("  {error}")
        } else {
            format!("  {}: {error}", fault.what)
        });
    }
    app.out.note(tr!(
        "  hint: keep the repository as it is, look at the disk, and back up anew: what is whole is used again",
        "  提示：请勿改动仓库，检查磁盘，然后重新备份：完好的数据会被继续使用"
    ));
    Ok(())
}
