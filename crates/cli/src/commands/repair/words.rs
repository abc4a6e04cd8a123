//! What a repair says.

use crate::errors::Failure;
use crate::faults::words_of;
use crate::open::App;
use crate::words::tr;
use crate::{sizes, time};
use datakeep_store::{LostSnapshot, RepairPlan, Repaired};

pub(super) fn tell_plan(app: &App, plan: &RepairPlan) -> Result<(), Failure> {
    for fault in &plan.beyond {
        let words = words_of(&fault.what, &fault.error);
        app.out.warn(tr!("cannot be mended yet: {words}", "暂时无法修复：{words}"));
    }
    if plan.unfinished {
        app.out.say(tr!(
            "a collection or repair was begun and not finished: it is finished first",
            "发现未完成的回收或修复，将首先完成"
        ))?;
    }
    for pack in &plan.packs {
        let (object, error) = (pack.object(), &pack.error);
        // Most errors name their object themselves.
        let words = if error.starts_with(&object) { error.clone() } else { format!("{object}: {error}") };
        app.out.say(tr!("damaged: {words}", "损坏：{words}"))?;
        let (used, lost) = (pack.used_frames, pack.lost_frames.len());
        let whole = u64::from(used) - lost as u64;
        app.out.say(tr!(
            "  in use: {used} frames; {whole} of them are whole and are saved, {lost} are lost",
            "  使用中的帧 {used} 个；其中 {whole} 个完好将被保全，{lost} 个已丢失"
        ))?;
        if !pack.snapshots.is_empty() {
            let list: Vec<String> = pack.snapshots.iter().map(|id| id.short().to_string()).collect();
            let list = list.join(", ");
            app.out.say(tr!("  hurt snapshots: {list}", "  受影响的备份集：{list}"))?;
        }
    }
    for index in &plan.indexes {
        app.out.say(tr!("made again from packs: {index}", "由数据包重建：{index}"))?;
    }
    if !plan.unindexed.is_empty() && plan.indexes.is_empty() {
        let count = sizes::count(plan.unindexed.len() as u64);
        app.out.say(tr!("packs in use that no index names: {count}", "未被任何索引收录的在用数据包：{count}"))?;
    }
    for checkpoint in &plan.checkpoints {
        app.out.say(tr!("made again from its other copy: {checkpoint}", "由另一份副本重建：{checkpoint}"))?;
    }
    tell_records(app, plan)?;
    if plan.is_empty() && !plan.is_blind() && plan.beyond.is_empty() {
        app.out.say(tr!(
            "nothing to repair: every pack, every index and every record is whole",
            "无需修复：所有数据包、索引和记录完好"
        ))?;
    }
    Ok(())
}

/// What is made again of records, what falls back, what is lost.
fn tell_records(app: &App, plan: &RepairPlan) -> Result<(), Failure> {
    for record in plan.records() {
        app.out.say(tr!("damaged or missing: {record}", "损坏或缺失：{record}"))?;
    }
    for reach in &plan.reaches {
        let id = reach.snapshot.short();
        app.out.say(match reach.keeps_all {
            false => tr!("what snapshot {id} uses is made again from its tree", "备份集 {id} 的用量记录由其目录树重建"),
            true => tr!(
                "the tree of snapshot {id} cannot be read whole: everything there is now is kept until it is forgotten",
                "备份集 {id} 的目录树无法完整读取：在忘记它之前，现有内容全部保留"
            ),
        })?;
    }
    for lost in &plan.labels {
        let (id, labels) = (lost.snapshot.short(), lost.labels.join(", "));
        let labels = datakeep_model::escape_for_terminal(labels.as_bytes());
        app.out.say(tr!(
            "a change of labels of snapshot {id} is lost; in force now: {labels}",
            "备份集 {id} 的一次标签修改丢失；现在生效的标签：{labels}"
        ))?;
    }
    for lost in &plan.lost {
        tell_lost(app, lost);
    }
    Ok(())
}

fn tell_lost(app: &App, lost: &LostSnapshot) {
    let (id, error) = (lost.snapshot.to_hex(), &lost.error);
    let source = datakeep_model::escape_for_terminal(lost.source.as_bytes());
    let host = datakeep_model::escape_for_terminal(lost.host.as_bytes());
    let started = lost.started.map_or_else(|| "?".to_string(), time::local);
    app.out.warn(tr!(
        "lost: snapshot {id} of {source} on {host}, begun {started}: {error}",
        "已丢失：备份集 {id}，来源 {source}，主机 {host}，开始于 {started}：{error}"
    ));
    if lost.is_given_up {
        app.out.note(tr!(
            "  it is given up: the next gc frees what only it used",
            "  将放弃它：下次 gc 会释放仅由它使用的内容"
        ));
    } else {
        app.out.note(tr!(
            "  hint: nothing is freed while it is not known what it used. Bring its objects back from a copy of the repository if there is one; else agree to lose it: datakeep repair --give-up {id}",
            "  提示：在不知道它使用了什么之前，不会释放任何内容。若有仓库副本请从中取回其对象；否则确认放弃：datakeep repair --give-up {id}"
        ));
    }
}

pub(super) fn tell_done(app: &App, plan: &RepairPlan, done: &Repaired) -> Result<(), Failure> {
    let (packs, indexes) = (sizes::count(done.packs), sizes::count(done.indexes));
    let checkpoints = sizes::count(done.checkpoints);
    let moved = sizes::bytes(done.moved_bytes);
    app.out.say(tr!(
        "set aside in quarantine: {packs} packs; saved {moved}; made again: {indexes} indexes, {checkpoints} checkpoints",
        "已隔离 {packs} 个数据包；保全 {moved}；重建 {indexes} 个索引、{checkpoints} 个检查点"
    ))?;
    let (reaches, decisions) = (sizes::count(done.reaches), sizes::count(done.decisions));
    let (intents, given_up) = (sizes::count(done.intents), sizes::count(done.given_up));
    if done.reaches + done.decisions + done.intents + done.given_up > 0 {
        app.out.say(tr!(
            "records made again: {reaches} of use, {decisions} decisions, {intents} of runs; snapshots given up: {given_up}",
            "重建记录：用量 {reaches}、决定 {decisions}、任务 {intents}；放弃的备份集：{given_up}"
        ))?;
    }
    if done.rescued > 0 {
        let rescued = sizes::count(done.rescued);
        app.out.warn(tr!(
            "{rescued} packs stay, because a snapshot made meanwhile uses them: repair again",
            "{rescued} 个数据包因新备份集正在使用而保留：请再次修复"
        ));
    }
    if plan.packs.iter().any(|pack| !pack.lost_frames.is_empty()) {
        app.out.note(tr!(
            "  hint: back up now: what the source still has is stored again and older snapshots find it; then `datakeep check` names what stays lost",
            "  提示：请立即备份：数据源中仍有的内容会重新存储，旧备份集也能找到；之后 `datakeep check` 会列出仍丢失的内容"
        ));
    }
    Ok(())
}
