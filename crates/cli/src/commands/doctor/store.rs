//! `datakeep doctor store`: probes what the store promises.

use super::{Verdict, line};
use crate::errors::Failure;
use crate::open::{App, holds_something, something_else};
use crate::stores::Location;
use crate::words::tr;
use crate::{json, probing, time};
use datakeep_model::{ErrorKind, ExitCode, RepositoryId};
use datakeep_store::{Locked, StoreError};
use datakeep_store_blob::probe::{Check, Finding, Need};
use datakeep_store_blob::{Effort, Report, Tier};
use serde::Serialize;
use std::path::Path;

/// A clock that is further away is worth a word.
const CLOCK_NOTE_MS: i64 = 5_000;

#[derive(Serialize)]
struct CheckJson {
    name: &'static str,
    verdict: Verdict,
    needed_for: Option<&'static str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize)]
struct Document {
    location: String,
    repository: Option<String>,
    tier: &'static str,
    checks: Vec<CheckJson>,
    rounds: u32,
    racers: u32,
    clock_behind_ms: Option<i64>,
    objects_left: u64,
}

/// What stands where the store is.
enum Standing {
    Repository(RepositoryId),
    /// It cannot be opened: its store can be probed all the same.
    Damaged(String),
    Nothing,
}

/// Runs it. Needs no password.
pub fn run(app: &App) -> Result<ExitCode, Failure> {
    let place = app.location()?;
    let standing = look(app, &place)?;
    let report = probing::run(app, Effort::THOROUGH)?;
    if let Standing::Repository(id) = standing {
        probing::remember(app, id, report.tier);
    }
    if app.out.json {
        document(app, &place, &standing, &report)?;
    } else {
        tell(app, &place, &standing, &report)?;
    }
    Ok(if report.tier == Tier::Unusable { ExitCode::STORE } else { ExitCode::OK })
}

/// Nothing is written where it is not known to be wanted: beside foreign files, where nothing stands, and where a newer
/// version has its own names.
fn look(app: &App, place: &Location) -> Result<Standing, Failure> {
    if let Some(path) = place.folder() {
        must_be_a_directory(path)?;
    }
    match Locked::find(app.store()?) {
        Ok(locked) => Ok(Standing::Repository(locked.config().repository)),
        Err(StoreError::NoRepository { location }) if place.folder().is_some_and(holds_something) => {
            Err(something_else(&location))
        }
        Err(StoreError::NoRepository { .. }) => Ok(Standing::Nothing),
        Err(error) if error.kind() == ErrorKind::Integrity => Ok(Standing::Damaged(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn must_be_a_directory(path: &Path) -> Result<(), Failure> {
    let shown = datakeep_model::escape_for_terminal(path.as_os_str().as_encoded_bytes());
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => {
            let message = tr!("{shown} is not a directory", "{shown} 不是目录");
            Err(Failure::new(ErrorKind::NoRepository, message).hint(tr!("name a directory", "请指定一个目录")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = tr!("there is no directory at {shown}", "{shown} 处没有目录");
            Err(Failure::new(ErrorKind::NoRepository, message).hint(tr!(
                "name a repository, or make an empty directory where one is to be (init probes its store, too)",
                "请指定仓库，或在将要新建仓库的位置创建空目录（init 也会探测存储）"
            )))
        }
        Err(error) => Err(Failure::io(tr!("cannot look at {shown}", "无法查看 {shown}"), &error)),
    }
}

fn tell(app: &App, place: &Location, standing: &Standing, report: &Report) -> Result<(), Failure> {
    let shown = place.shown();
    match standing {
        Standing::Repository(id) => {
            let id = id.to_hex();
            line(app, Verdict::Good, &tr!("repository {id} at {shown}", "仓库 {id} 位于 {shown}"), None)?;
        }
        Standing::Damaged(error) => {
            let message = tr!(
                "the repository at {shown} cannot be opened ({error}); its store is probed all the same",
                "{shown} 处的仓库无法打开（{error}）；仍会探测其存储"
            );
            line(app, Verdict::Bad, &message, None)?;
        }
        Standing::Nothing => {
            line(app, Verdict::Note, &tr!("{shown} holds no repository yet", "{shown} 处还没有仓库"), None)?;
        }
    }
    for finding in &report.findings {
        let verdict = verdict(finding, report);
        let detail = finding.detail.as_ref().filter(|_| verdict != Verdict::Good);
        let detail = detail.map(|detail| format!("{}{detail}", tr!("detail: ", "详情：")));
        line(app, verdict, &words(finding, report), detail.as_deref())?;
    }
    if report.left > 0 {
        let left = report.left;
        let message = tr!(
            "{left} objects of the probe could not be removed; they do no harm",
            "探测写入的 {left} 个对象无法删除；它们没有危害"
        );
        line(app, Verdict::Note, &message, None)?;
    }
    let verdict = match report.tier {
        Tier::Collecting => Verdict::Good,
        Tier::ExclusiveWindow => Verdict::Note,
        Tier::Unusable => Verdict::Bad,
    };
    line(app, verdict, &meaning(report.tier), None)
}

/// What a tier means, in plain words.
pub fn meaning(tier: Tier) -> String {
    match tier {
        Tier::Collecting => tr!(
            "tier: collecting. Backups are safe, and gc and repair may run beside them",
            "级别：collecting（可并行回收）。备份安全，gc 和 repair 可与备份同时运行"
        ),
        Tier::ExclusiveWindow => tr!(
            "tier: exclusive-window. Backups are safe, also many at once; gc and repair only while no backup runs on any host",
            "级别：exclusive-window（独占窗口）。备份安全，可多个同时进行；gc 和 repair 只能在任何主机都没有备份运行时进行"
        ),
        Tier::Unusable => tr!(
            "tier: unusable. Not even backups are safe here: use another file system",
            "级别：unusable（不可用）。此处连备份也不安全：请使用其他文件系统"
        ),
    }
}

fn verdict(finding: &Finding, report: &Report) -> Verdict {
    match (finding.holds, finding.check) {
        (false, _) => Verdict::Bad,
        (true, Check::Clock) if report.clock_behind_ms.is_none_or(|behind| behind >= CLOCK_NOTE_MS) => Verdict::Note,
        (true, _) => Verdict::Good,
    }
}

fn words(finding: &Finding, report: &Report) -> String {
    let (rounds, racers) = (report.rounds, report.racers);
    let promise = match finding.check {
        Check::ReadAfterWrite => tr!("what was written can be read at once", "写入后可立即读取"),
        Check::SecondHandle => tr!("whoever else looks reads the same", "其他读取者读到相同内容"),
        Check::Ranges => tr!("ranges are read exactly", "按范围读取精确无误"),
        Check::Length => tr!("lengths are right", "长度正确"),
        Check::ListAfterWrite => tr!("what was written is in the next listing", "写入后立即出现在列表中"),
        Check::CreateOnce => tr!("a name is created once only", "同一名称只能创建一次"),
        Check::Race => tr!(
            "of racers that create one name exactly one wins ({rounds} races of {racers})",
            "竞争创建同一名称时恰有一个成功（{rounds} 轮，每轮 {racers} 个）"
        ),
        Check::Delete => tr!("what was deleted is gone at once", "删除后立即消失"),
        Check::NameReuse => tr!("a deleted name can be used again", "已删除的名称可再次使用"),
        Check::Clock => return clock(report.clock_behind_ms),
    };
    if finding.holds { promise } else { tr!("not kept: {promise}", "不满足：{promise}") }
}

fn clock(behind_ms: Option<i64>) -> String {
    match behind_ms {
        None => tr!(
            "the store does not tell how old objects are: gc cannot know how long a run has been quiet",
            "存储不提供对象的存储时间：gc 无法得知任务静默了多久"
        ),
        Some(behind) if behind >= CLOCK_NOTE_MS => {
            let behind = time::duration(u64::try_from(behind).unwrap_or(0).saturating_mul(1_000_000));
            tr!(
                "the store's clock is about {behind} behind this machine's; only the patience of gc goes by it",
                "存储的时钟比本机慢约 {behind}；只有 gc 的等待时长会用到它"
            )
        }
        Some(_) => tr!("the store's clock agrees with this machine's", "存储的时钟与本机一致"),
    }
}

fn document(app: &App, place: &Location, standing: &Standing, report: &Report) -> Result<(), Failure> {
    let check = |finding: &Finding| CheckJson {
        name: finding.check.as_str(),
        verdict: verdict(finding, report),
        needed_for: match finding.check.need() {
            Need::Backup => Some("backup"),
            Need::Collection => Some("collection"),
            Need::Nobody => None,
        },
        message: words(finding, report),
        detail: finding.detail.clone(),
    };
    let document = Document {
        location: place.shown(),
        repository: match standing {
            Standing::Repository(id) => Some(id.to_hex()),
            _ => None,
        },
        tier: report.tier.as_str(),
        checks: report.findings.iter().map(check).collect(),
        rounds: report.rounds,
        racers: report.racers,
        clock_behind_ms: report.clock_behind_ms,
        objects_left: report.left,
    };
    app.out.document(&json::document("doctor-store", document))
}
