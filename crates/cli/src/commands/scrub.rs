//! `datakeep scrub`: what can be proven of the stored bytes without a password.

use super::check::{FaultJson, exit_code, tell_faults};
use crate::errors::Failure;
use crate::open::App;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, signals, sizes, time};
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_store::{Scrubbed, scrub};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    outcome: &'static str,
    objects: u64,
    packs: u64,
    sealed: u64,
    slots: u64,
    quarantined: u64,
    read_bytes: u64,
    duration_ms: u64,
    faults: Vec<FaultJson>,
}

/// Runs it.
pub fn run(app: &App) -> Result<ExitCode, Failure> {
    let blobs = app.store()?;
    signals::listen(&app.cancel)?;
    let watch = Watch::new(&app.out);
    watch.expect(blobs.list("").map_err(Failure::from)?.iter().map(|listed| listed.len_bytes).sum());
    let report = scrub(&blobs, &mut |bytes| {
        watch.advance(1, bytes);
        !app.cancel.is_cancelled()
    })?;
    watch.finish();
    if app.cancel.is_cancelled() {
        return Err(Failure::new(ErrorKind::Cancelled, tr!("stopped on request", "已按请求停止")));
    }
    tell(app, &report, watch.elapsed_ns())?;
    Ok(exit_code(&report.faults))
}

fn tell(app: &App, report: &Scrubbed, nanos: u64) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&json::document(
            "scrub",
            Report {
                outcome: if report.faults.is_empty() { "whole" } else { "damaged" },
                objects: report.objects,
                packs: report.packs,
                sealed: report.sealed,
                slots: report.slots,
                quarantined: report.quarantined,
                read_bytes: report.read_bytes,
                duration_ms: nanos / 1_000_000,
                faults: report.faults.iter().map(FaultJson::from).collect(),
            },
        ));
    }
    let [objects, packs, sealed, slots] = [report.objects, report.packs, report.sealed, report.slots].map(sizes::count);
    let (read, took) = (sizes::bytes(report.read_bytes), time::duration(nanos));
    app.out.say(tr!(
        "read {read} in {objects} objects in {took}: {packs} packs byte for byte, {slots} of config and key slots, {sealed} sealed objects as far as their frame goes",
        "读取 {objects} 个对象共 {read}，用时 {took}：{packs} 个数据包逐字节比较，{slots} 个配置和密钥槽，{sealed} 个密封对象仅比较外层结构"
    ))?;
    if report.quarantined > 0 {
        let quarantined = sizes::count(report.quarantined);
        app.out.say(tr!(
            "{quarantined} objects stand in quarantine: not judged",
            "隔离区有 {quarantined} 个对象：不作判断"
        ))?;
    }
    if report.faults.is_empty() {
        return app.out.say(tr!(
            "no damage seen; that nothing is missing, only `datakeep check` can prove: it needs the password",
            "没有发现损坏；是否有对象缺失只能由 `datakeep check` 证明，需要密码"
        ));
    }
    tell_faults(app, &report.faults);
    app.out.note(tr!(
        "  hint: look at the disk; `datakeep check`, with the password, says which snapshots are hurt",
        "  提示：请检查磁盘；使用密码运行 `datakeep check` 可得知受影响的备份集"
    ));
    Ok(())
}
