//! `datakeep check`.

use crate::args_care::CheckArgs;
use crate::errors::Failure;
use crate::faults::words_of;
use crate::json::PathJson;
use crate::memory::Memory;
use crate::open::App;
use crate::progress::Watch;
use crate::words::tr;
use crate::{json, signals, sizes, time};
use datakeep_model::{ErrorKind, ExitCode, SessionId};
use datakeep_store::{Fault, HurtFile, Share, StoreError, Verified, Verify};
use serde::Serialize;
use std::collections::BTreeSet;

/// So many files are named in words.
const MOST_FILES: usize = 20;

/// A fault, in JSON.
#[derive(Serialize)]
pub struct FaultJson {
    what: String,
    kind: &'static str,
    detail: String,
}

impl From<&Fault> for FaultJson {
    fn from(fault: &Fault) -> Self {
        Self { what: fault.what.clone(), kind: fault.error.kind().as_str(), detail: fault.error.to_string() }
    }
}

/// The exit code that faults deserve.
pub fn exit_code(faults: &[Fault]) -> ExitCode {
    let is_damage = |kind| matches!(kind, ErrorKind::Integrity | ErrorKind::Incompatible);
    match faults {
        [] => ExitCode::OK,
        faults if faults.iter().any(|fault| is_damage(fault.error.kind())) => ExitCode::INTEGRITY,
        _ => ExitCode::CHECK_FAILED,
    }
}

#[derive(Serialize)]
struct Report {
    outcome: &'static str,
    read_data: bool,
    slice: Option<String>,
    objects: u64,
    snapshots: u64,
    entries: u64,
    packs: u64,
    frames: u64,
    chunks: u64,
    read_bytes: u64,
    duration_ms: u64,
    faults: Vec<FaultJson>,
    hurt: Vec<HurtJson>,
    hurt_files: Vec<HurtFileJson>,
    hurt_files_total: u64,
}

/// A damaged pack and who needs what is damaged of it.
#[derive(Serialize)]
struct HurtJson {
    pack: String,
    snapshots: Vec<String>,
}

#[derive(Serialize)]
struct HurtFileJson {
    snapshot: String,
    #[serde(flatten)]
    path: PathJson,
}

/// Runs it.
pub fn run(app: &App, args: &CheckArgs) -> Result<ExitCode, Failure> {
    let most_workers = Memory::of(&app.settings).for_readers(usize::MAX)?;
    let how = Verify { data: share(args)?, most_workers: Some(most_workers) };
    let repository = app.open()?;
    signals::listen(&app.cancel)?;
    let watch = Watch::new(&app.out);
    let listed = repository.blobs().list("").map_err(Failure::from)?;
    watch.expect(listed.iter().map(|listed| how.looked_at_bytes(listed)).sum());
    let report = repository.verify(how, &mut |bytes| {
        watch.advance(1, bytes);
        !app.cancel.is_cancelled()
    })?;
    watch.finish();
    if app.cancel.is_cancelled() {
        return Err(Failure::new(ErrorKind::Cancelled, tr!("stopped on request", "已按请求停止")));
    }
    tell(app, args, &report, watch.elapsed_ns())?;
    Ok(exit_code(&report.faults))
}

/// Which packs are to be read.
fn share(args: &CheckArgs) -> Result<Share, Failure> {
    let Some(text) = &args.slice else {
        return Ok(if args.read_data { Share::All } else { Share::None });
    };
    parse_slice(text)
}

/// `N/T`, with N from 1 to T.
pub(super) fn parse_slice(text: &str) -> Result<Share, Failure> {
    let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    numbers.and_then(|(number, of)| Share::slice(number, of)).ok_or_else(|| {
        let shown = datakeep_model::escape_for_terminal(text.as_bytes());
        let message = tr!("`{shown}` is no slice", "`{shown}` 不是有效的分片");
        Failure::usage(message).hint(tr!(
            "write N/T with N from 1 to T: 1/30 today, 2/30 tomorrow, and so on",
            "请写成 N/T，N 为 1 到 T：今天 1/30，明天 2/30，依此类推"
        ))
    })
}

fn tell(app: &App, args: &CheckArgs, report: &Verified, nanos: u64) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&json::document(
            "check",
            Report {
                outcome: if report.faults.is_empty() { "whole" } else { "damaged" },
                read_data: args.read_data,
                slice: args.slice.clone(),
                objects: report.objects,
                snapshots: report.snapshots,
                entries: report.entries,
                packs: report.packs,
                frames: report.frames,
                chunks: report.chunks,
                read_bytes: report.read_bytes,
                duration_ms: nanos / 1_000_000,
                faults: report.faults.iter().map(FaultJson::from).collect(),
                hurt: report.hurt.iter().map(hurt_json).collect(),
                hurt_files: report.hurt_files.iter().map(hurt_file_json).collect(),
                hurt_files_total: report.hurt_files_total,
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
    if args.read_data || args.slice.is_some() {
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
        return app.out.say(match (args.read_data, &args.slice) {
            (true, _) => {
                tr!("no fault: every stored byte is what was written", "没有发现问题：存储的每个字节都与写入时一致")
            }
            (_, Some(slice)) => tr!(
                "no fault in the structure and in slice {slice} of the stored bytes",
                "结构完好，第 {slice} 份数据没有发现问题"
            ),
            _ => tr!(
                "no fault in the structure; --read-data proves every byte",
                "结构完好；使用 --read-data 可验证每个字节"
            ),
        });
    }
    tell_faults(app, &report.faults);
    tell_hurt(app, report);
    tell_ways_on(app, &report.faults);
    Ok(())
}

/// What to do about the faults.
fn tell_ways_on(app: &App, faults: &[Fault]) {
    let is_unlisted = |fault: &Fault| matches!(fault.error, StoreError::Unlisted { .. });
    if faults.iter().any(is_unlisted) {
        app.out.note(tr!(
            "  hint: nothing is lost yet: run `datakeep backup` of that source before the next `datakeep gc`; the new snapshot lists all that it uses",
            "  提示：目前尚未丢失数据：请在下一次 `datakeep gc` 之前对该数据源执行 `datakeep backup`；新的备份集会列出它使用的全部内容"
        ));
    }
    if faults.iter().all(is_unlisted) {
        return;
    }
    app.out.note(tr!(
        "  hint: look at the disk first; then `datakeep repair` saves what is whole, and `datakeep backup` stores again what the source still has",
        "  提示：请先检查磁盘；然后用 `datakeep repair` 保全完好的数据，再用 `datakeep backup` 重新存储数据源中仍有的内容"
    ));
}

fn hurt_json((pack, snapshots): (&String, &BTreeSet<SessionId>)) -> HurtJson {
    HurtJson { pack: pack.clone(), snapshots: snapshots.iter().map(|id| id.to_hex()).collect() }
}

fn hurt_file_json(file: &HurtFile) -> HurtFileJson {
    HurtFileJson { snapshot: file.snapshot.to_hex(), path: PathJson::absolute(&file.path) }
}

/// Names the snapshots and the first files that need what is damaged.
fn tell_hurt(app: &App, report: &Verified) {
    for (pack, snapshots) in &report.hurt {
        let list: Vec<String> = snapshots.iter().map(|id| id.short().to_string()).collect();
        let list = list.join(", ");
        app.out.note(tr!("  {pack} is needed by: {list}", "  需要 {pack} 的备份集：{list}"));
    }
    for HurtFile { snapshot, path } in report.hurt_files.iter().take(MOST_FILES) {
        let (id, path) = (snapshot.short(), path.to_string());
        app.out.note(tr!("  lost in {id}: {path}", "  {id} 中丢失：{path}"));
    }
    if report.hurt_files_total > MOST_FILES as u64 {
        let more = sizes::count(report.hurt_files_total - MOST_FILES as u64);
        app.out.note(tr!("  and {more} more; --json names up to 1000", "  另有 {more} 个；--json 最多列出 1000 个"));
    }
}

/// Names every fault.
pub fn tell_faults(app: &App, faults: &[Fault]) {
    let count = sizes::count(faults.len() as u64);
    app.out.warn(tr!("faults found: {count}", "发现 {count} 处问题："));
    for fault in faults {
        let words = words_of(&fault.what, &fault.error);
        app.out.note(format!("  {words}"));
    }
}
