//! `datakeep doctor`.

use crate::args_care::{DoctorArgs, DoctorVerb};
use crate::errors::Failure;
use crate::open::App;
use crate::out::{Style, clean};
use crate::stores::Location;
use crate::words::tr;
use crate::{json, probing, secrets, sizes, time};
use datakeep_model::{ExitCode, Timestamp, escape_for_terminal};
use datakeep_store::{Repository, Suite};
use datakeep_store_blob::Tier;
use rustix::fs::{Access, StatVfsMountFlags};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

mod store;

/// Open files that a large run may need at once.
const WANTED_FILES: u64 = 1024;
/// Below this a backup may well not fit.
const LITTLE_SPACE_BYTES: u64 = 1 << 30;

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Note,
    Bad,
}

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &'static str, verdict: Verdict, message: String, hint: Option<String>) {
        self.0.push(Finding { check, verdict, message, hint });
    }

    fn good(&mut self, check: &'static str, message: String) {
        self.add(check, Verdict::Good, message, None);
    }
}

/// Runs it.
pub fn run(app: &App, args: &DoctorArgs) -> Result<ExitCode, Failure> {
    match args.verb {
        Some(DoctorVerb::Store) => store::run(app),
        None => examine(app),
    }
}

/// Looks at everything. Problems of the repository end with their own code.
fn examine(app: &App) -> Result<ExitCode, Failure> {
    let mut findings = Findings::default();
    environment(app, &mut findings);
    let code = repository(app, &mut findings);
    let worst = findings.0.iter().any(|finding| finding.verdict == Verdict::Bad);
    if app.out.json {
        let body = serde_json::json!({"healthy": !worst, "findings": findings.0});
        app.out.document(&json::document("doctor", body))?;
    } else {
        for finding in &findings.0 {
            let hint = finding.hint.as_ref().map(|hint| format!("{}{hint}", tr!("hint: ", "提示：")));
            line(app, finding.verdict, &finding.message, hint.as_deref())?;
        }
    }
    Ok(if code == ExitCode::OK && worst { ExitCode::FAILURE } else { code })
}

/// A line with its sign, and what is to be said below it.
fn line(app: &App, verdict: Verdict, message: &str, more: Option<&str>) -> Result<(), Failure> {
    let (sign, style) = match verdict {
        Verdict::Good => ("✓", Style::Green),
        Verdict::Note => ("!", Style::Yellow),
        Verdict::Bad => ("✗", Style::Red),
    };
    app.out.line(format!("{} {}", app.out.styled(style, sign), clean(message)))?;
    more.map_or(Ok(()), |more| app.out.line(format!("  {}", clean(more))))
}

fn environment(app: &App, findings: &mut Findings) {
    let (version, os, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    findings.good("version", tr!("datakeep {version} on {os} {machine}", "datakeep {version}，{os} {machine}"));
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let locale = locale.unwrap_or_else(|| "C".into());
    let (shown, language) = (escape_for_terminal(locale.as_bytes()), app.settings.language.value.as_str());
    let is_utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    let message = tr!("locale {shown}, language {language}", "区域设置 {shown}，语言 {language}");
    if is_utf8 {
        findings.good("locale", message);
    } else {
        let hint = tr!(
            "a terminal that is not UTF-8 garbles names; LANG=C.UTF-8 mends it",
            "非 UTF-8 终端会显示乱码；可设置 LANG=C.UTF-8"
        );
        findings.add("locale", Verdict::Note, message, Some(hint));
    }
    cache(app, findings);
    let from = app.settings.password.value.describe();
    let message = tr!("the password comes from: {from}", "密码来源：{from}");
    match secrets::advice(&app.settings) {
        Some(advice) => findings.add("password", Verdict::Note, message, Some(advice)),
        None => findings.good("password", message),
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let message = tr!("{files} files may be open at once", "可同时打开 {files} 个文件");
    if files >= WANTED_FILES {
        findings.good("open-files", message);
    } else {
        findings.add(
            "open-files",
            Verdict::Note,
            message,
            Some(tr!("raise it: ulimit -n 4096", "请提高：ulimit -n 4096")),
        );
    }
}

fn cache(app: &App, findings: &mut Findings) {
    let Some(path) = &app.settings.cache_dir.value else {
        let hint = tr!(
            "set HOME or DATAKEEP_CACHE_DIR; everything works without, more slowly",
            "请设置 HOME 或 DATAKEEP_CACHE_DIR；没有缓存也能工作，只是较慢"
        );
        findings.add("cache", Verdict::Note, tr!("there is no cache directory", "没有缓存目录"), Some(hint));
        return;
    };
    let shown = path.display();
    // What does not exist yet is made below the nearest directory that does.
    let standing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
    if rustix::fs::access(standing, Access::WRITE_OK).is_ok() {
        let used_bytes: u64 = std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| datakeep_store::cached_bytes(&entry.path()))
            .sum();
        let (used, most) = (sizes::bytes(used_bytes), sizes::bytes(u64::from(app.settings.cache_size_mib.value) << 20));
        findings.good(
            "cache",
            tr!(
                "cache directory {shown} can be written; {used} are used, {most} for each repository at most",
                "缓存目录 {shown} 可写；已用 {used}，每个仓库上限 {most}"
            ),
        );
    } else {
        let hint = tr!(
            "set DATAKEEP_CACHE_DIR; everything works without, more slowly",
            "请设置 DATAKEEP_CACHE_DIR；没有缓存也能工作，只是较慢"
        );
        findings.add(
            "cache",
            Verdict::Note,
            tr!("cache directory {shown} cannot be written", "缓存目录 {shown} 不可写"),
            Some(hint),
        );
    }
}

fn repository(app: &App, findings: &mut Findings) -> ExitCode {
    match open(app, findings) {
        Ok(()) => ExitCode::OK,
        Err(failure) => {
            let message = match &failure.detail {
                Some(detail) => format!("{} ({detail})", failure.message),
                None => failure.message.clone(),
            };
            findings.add("repository", Verdict::Bad, message, failure.hint.clone());
            failure.code()
        }
    }
}

fn open(app: &App, findings: &mut Findings) -> Result<(), Failure> {
    let place = app.location()?;
    let shown = place.shown();
    let locked = app.find()?;
    let (id, suite) = (locked.config().repository.to_hex(), super::init::suite_name(locked.config().suite));
    let version = locked.config().version as u16;
    let message = tr!(
        "repository {id} at {shown}, format {version}, encryption {suite}",
        "仓库 {id} 位于 {shown}，格式版本 {version}，加密 {suite}"
    );
    if locked.config().suite == Suite::Plain {
        let hint = tr!(
            "whoever can read it can read every backup; an encrypted one: datakeep init --repo PATH",
            "能读取仓库的人即可读取所有备份；新建加密仓库：datakeep init --repo 路径"
        );
        findings.add("repository", Verdict::Note, message, Some(hint));
    } else {
        findings.good("repository", message);
    }
    if let Some(path) = place.folder() {
        space(path, findings);
    }
    if let Some(tier) = probing::remembered(app, locked.config().repository) {
        let verdict = if tier == Tier::Collecting { Verdict::Good } else { Verdict::Note };
        let hint = tr!("probe it again: datakeep doctor store", "重新探测：datakeep doctor store");
        findings.add("store", verdict, store::meaning(tier), (verdict != Verdict::Good).then_some(hint));
    }
    let with = app.unlock_with(&locked)?;
    let begun = Instant::now();
    let repository = app.unlock(locked, &with)?;
    let took = time::duration(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
    findings.good("unlock", tr!("unlocked in {took}", "解锁用时 {took}"));
    slots(&repository, findings)?;
    let (manifests, faults) = repository.snapshots()?;
    let count = sizes::count(manifests.len() as u64);
    if faults.is_empty() {
        findings.good("snapshots", tr!("{count} snapshots can be read", "{count} 个备份集可读取"));
    } else {
        let bad = faults.len();
        let hint = tr!("see everything: datakeep check", "查看全部：datakeep check");
        findings.add(
            "snapshots",
            Verdict::Bad,
            tr!("{count} snapshots can be read, {bad} objects cannot", "{count} 个备份集可读取，{bad} 个对象无法读取"),
            Some(hint),
        );
    }
    clock(app, manifests.last().map(|m| m.snapshot.finished), findings);
    leftovers(&place, &repository, findings)
}

fn space(path: &Path, findings: &mut Findings) {
    let Ok(stat) = rustix::fs::statvfs(path) else { return };
    let is_read_only = stat.f_flag.contains(StatVfsMountFlags::RDONLY);
    if is_read_only || rustix::fs::access(path, Access::WRITE_OK).is_err() {
        let message = match is_read_only {
            true => tr!("the repository is on a read-only mount", "仓库所在文件系统以只读方式挂载"),
            false => tr!("the repository cannot be written by this user", "当前用户无法写入仓库"),
        };
        let hint = tr!(
            "restores and checks work; backups, tags and keys need a repository that can be written",
            "恢复和检查可用；备份、标签和密钥管理需要可写的仓库"
        );
        findings.add("writable", Verdict::Note, message, Some(hint));
    }
    let (free, all) = (stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize));
    let (free_text, all_text) = (sizes::bytes(free), sizes::bytes(all));
    let message = tr!(
        "{free_text} of {all_text} free where the repository is",
        "仓库所在文件系统剩余 {free_text}，共 {all_text}"
    );
    if free >= LITTLE_SPACE_BYTES {
        findings.good("space", message);
    } else {
        findings.add(
            "space",
            Verdict::Note,
            message,
            Some(tr!("make room before the next backup", "请在下次备份前腾出空间")),
        );
    }
}

fn slots(repository: &Repository, findings: &mut Findings) -> Result<(), Failure> {
    let count = repository.slots()?.len();
    match repository.slot_warnings().as_slice() {
        [] => findings.good("slots", tr!("{count} key slots, all whole", "{count} 个密钥槽，均完好")),
        warnings => {
            let hint = tr!(
                "make sure another slot works (datakeep key test), then remove it: datakeep key remove SLOT; a new one: datakeep key add",
                "请确认其他密钥槽可用（datakeep key test），然后删除它：datakeep key remove 密钥槽；新建：datakeep key add"
            );
            let list = warnings.join("; ");
            findings.add(
                "slots",
                Verdict::Bad,
                tr!("key slots that are not whole: {list}", "不完好的密钥槽：{list}"),
                Some(hint),
            );
        }
    }
    Ok(())
}

fn clock(app: &App, newest: Option<Timestamp>, findings: &mut Findings) {
    let now = app.now();
    let shown = time::local(now);
    match newest {
        Some(newest) if newest > now => {
            let then = time::local(newest);
            let hint = tr!(
                "set the clock; backups stay right, only their times mislead",
                "请校准时钟；备份内容不受影响，只是时间显示有误"
            );
            findings.add(
                "clock",
                Verdict::Note,
                tr!(
                    "the clock says {shown}, but the newest snapshot is of {then}",
                    "时钟为 {shown}，但最新备份集的时间是 {then}"
                ),
                Some(hint),
            );
        }
        _ => findings.good("clock", tr!("the clock says {shown}", "时钟为 {shown}")),
    }
}

/// Sessions that have no decision, whether or not they left progress. One may be running right now.
fn leftovers(place: &Location, repository: &Repository, findings: &mut Findings) -> Result<(), Failure> {
    // `sessions/<epoch>/<session>`, `commits/<epoch>/<session>`, `progress/<source>/<session>-<number>`
    let session = |name: &str| name.rsplit('/').next().and_then(|last| last.split('-').next()).map(str::to_string);
    let names = |folder: &str| -> Result<BTreeSet<String>, Failure> {
        Ok(repository.blobs().list(folder).map_err(Failure::from)?.iter().filter_map(|l| session(&l.name)).collect())
    };
    // Decisions are listed last: a run that ends meanwhile does not look unfinished.
    let begun = &names("sessions/")? | &names("progress/")?;
    let open = begun.difference(&names("commits/")?).count();
    let temporary = place.folder().map_or(0, count_temporary);
    if open == 0 && temporary == 0 {
        findings.good("leftovers", tr!("no unfinished runs, no temporary files", "没有未完成的运行，没有临时文件"));
    } else {
        let message =
            tr!("unfinished runs: {open}, temporary files: {temporary}", "未完成的运行：{open}，临时文件：{temporary}");
        let hint = tr!(
            "they harm nothing; the next backup of the same source takes up what they stored; a collection waits for them for an hour, or for gc --patience",
            "它们没有危害；同一数据源的下次备份会继续使用已存储的内容；回收会等待一小时，或按 gc --patience 等待"
        );
        findings.add("leftovers", Verdict::Note, message, Some(hint));
    }
    Ok(())
}

fn count_temporary(root: &Path) -> usize {
    let (mut folders, mut count) = (vec![root.to_path_buf()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().starts_with(".tmp-") {
                count += 1;
            }
        }
    }
    count
}
