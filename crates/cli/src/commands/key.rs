//! `datakeep key`.

use crate::args_store::{KdfArgs, KeyAddArgs, KeyArgs, KeyVerb};
use crate::commands::init;
use crate::errors::Failure;
use crate::open::App;
use crate::out::{Style, table};
use crate::secrets;
use crate::words::tr;
use crate::{json, time};
use datakeep_model::{ErrorKind, ExitCode, Timestamp, escape_for_terminal};
use datakeep_store::{NewSlot, Repository, SlotInfo, SlotKind, Suite};
use serde::Serialize;

#[derive(Serialize)]
struct SlotJson {
    slot: String,
    label: String,
    kind: &'static str,
    created: String,
    kdf_memory_kib: u32,
    kdf_passes: u32,
    kdf_lanes: u32,
    used: bool,
}

impl From<&SlotInfo> for SlotJson {
    fn from(slot: &SlotInfo) -> Self {
        Self {
            slot: slot.name.clone(),
            label: slot.label.clone(),
            kind: slot.kind.as_str(),
            created: time::utc(Timestamp::new(slot.created_seconds, 0)),
            kdf_memory_kib: slot.kdf.memory_kib,
            kdf_passes: slot.kdf.passes,
            kdf_lanes: slot.kdf.lanes,
            used: slot.used,
        }
    }
}

/// Runs it.
pub fn run(app: &App, args: &KeyArgs) -> Result<ExitCode, Failure> {
    let repository = app.open()?;
    match &args.verb {
        KeyVerb::List => list(app, &repository)?,
        KeyVerb::Add(args) => add(app, &repository, args)?,
        KeyVerb::ChangePassword(kdf) => change_password(app, &repository, kdf)?,
        KeyVerb::Remove(args) => remove(app, &repository, &args.slot)?,
        KeyVerb::Test => test(app, &repository)?,
        KeyVerb::NewRecoveryCode(kdf) => new_recovery_code(app, &repository, kdf)?,
    }
    Ok(ExitCode::OK)
}

fn done(app: &App, kind: &'static str, slot: &str, text: String) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&json::document(kind, serde_json::json!({"slot": slot})));
    }
    app.out.say(text)
}

/// Removes a slot; also one that is damaged or foreign, which opens nothing and is in the way of every check.
fn remove(app: &App, repository: &Repository, slot: &str) -> Result<(), Failure> {
    if repository.faulty_slots()?.iter().any(|faulty| faulty == slot) {
        repository.remove_faulty_slot(slot)?;
        return done(app, "key-removed", slot, tr!("removed the damaged key slot {slot}", "已删除损坏的密钥槽 {slot}"));
    }
    let removed = repository.remove_slot(slot).map_err(|error| no_such_slot(repository, slot, error))?;
    let (name, label) = (&removed.name, escape_for_terminal(removed.label.as_bytes()));
    done(app, "key-removed", name, tr!("removed key slot {name} ({label})", "已删除密钥槽 {name}（{label}）"))
}

fn no_such_slot(repository: &Repository, name: &str, error: datakeep_store::StoreError) -> Failure {
    let failure = Failure::from(error);
    let Ok(slots) = repository.slots() else { return failure };
    let faulty = repository.faulty_slots().unwrap_or_default();
    let names = slots.iter().map(|slot| slot.name.as_str()).chain(faulty.iter().map(String::as_str));
    let near = datakeep_distribute::near::nearest(name, names);
    match near {
        Some(near) if failure.kind == ErrorKind::NotFound => {
            failure.hint(tr!("did you mean {near}?", "是否想输入 {near}？"))
        }
        _ if failure.kind == ErrorKind::NotFound => {
            failure.hint(tr!("see them: datakeep key list", "查看：datakeep key list"))
        }
        _ => failure,
    }
}

fn list(app: &App, repository: &Repository) -> Result<(), Failure> {
    let slots = repository.slots()?;
    if app.out.json {
        let list: Vec<SlotJson> = slots.iter().map(Into::into).collect();
        let body = serde_json::json!({"slots": list, "damaged": repository.slot_warnings()});
        return app.out.document(&json::document("keys", body));
    }
    let mut rows = vec![vec![
        tr!("SLOT", "密钥槽"),
        tr!("OPENS WITH", "打开方式"),
        tr!("LABEL", "名称"),
        tr!("MADE", "创建时间"),
        tr!("COST OF A GUESS", "单次猜测代价"),
    ]];
    rows.extend(slots.iter().map(|slot| {
        let kind = match slot.kind {
            SlotKind::Password => tr!("password", "密码"),
            SlotKind::Recovery => tr!("recovery code", "恢复码"),
            SlotKind::Open => tr!("nothing", "无需密码"),
        };
        let (memory, passes) = (crate::sizes::bytes(u64::from(slot.kdf.memory_kib) << 10), slot.kdf.passes);
        let used = if slot.used { "*" } else { "" };
        let label = escape_for_terminal(slot.label.as_bytes());
        vec![
            format!("{}{used}", slot.name),
            kind,
            label,
            time::local(Timestamp::new(slot.created_seconds, 0)),
            tr!("{memory}, {passes} passes", "{memory}，{passes} 遍"),
        ]
    }));
    for (index, line) in table(&rows, &[]).iter().enumerate() {
        app.out.line(if index == 0 { app.out.styled(Style::Bold, line) } else { line.clone() })?;
    }
    for faulty in repository.faulty_slots()? {
        let faulty = escape_for_terminal(faulty.as_bytes());
        app.out.warn(tr!(
            "{faulty} is no whole key slot of this repository; datakeep key remove {faulty}",
            "{faulty} 不是该仓库的完好密钥槽；datakeep key remove {faulty}"
        ));
    }
    app.out.say(tr!("* opened the repository just now", "* 本次打开仓库所用"))
}

fn new_slot(app: &App, label: &str, kdf: &KdfArgs, repository: &Repository) -> Result<NewSlot, Failure> {
    if repository.config().suite == Suite::Plain {
        return Err(Failure::usage(tr!(
            "the repository is not encrypted: it has no passwords",
            "该仓库未加密：没有密码"
        )));
    }
    let params = init::kdf(kdf)?;
    init::warn_if_dear(app, &params);
    app.out.inform(tr!(
        "the new password is not stored anywhere but in your memory",
        "新密码不会保存在任何地方，请自行记住"
    ));
    let secret = secrets::new_password(&secrets::new_password_reference())?;
    Ok(NewSlot { label: label.to_string(), secret, kind: SlotKind::Password, kdf: params })
}

fn add(app: &App, repository: &Repository, args: &KeyAddArgs) -> Result<(), Failure> {
    let slot = new_slot(app, args.label.as_deref().unwrap_or("password"), &args.kdf, repository)?;
    let name = repository.add_slot(&slot, app.now())?;
    done(app, "key-added", &name, tr!("made key slot {name}", "已新建密钥槽 {name}"))
}

fn used(slots: &[SlotInfo]) -> Option<&SlotInfo> {
    slots.iter().find(|slot| slot.used)
}

/// Replaces the password in use. Opened with the recovery code, it replaces the one password that was lost.
fn change_password(app: &App, repository: &Repository, kdf: &KdfArgs) -> Result<(), Failure> {
    let slots = repository.slots()?;
    let label = used(&slots).filter(|slot| slot.kind == SlotKind::Password).map_or("password", |slot| &slot.label);
    let slot = new_slot(app, label, kdf, repository)?;
    let name = if used(&slots).is_some_and(|slot| slot.kind == SlotKind::Password) {
        repository.change_password(&slot, app.now())?
    } else {
        let name = repository.add_slot(&slot, app.now())?;
        let passwords: Vec<_> = slots.iter().filter(|slot| slot.kind == SlotKind::Password).collect();
        match passwords.as_slice() {
            [lost] => drop(repository.remove_slot(&lost.name)?),
            [] => {}
            _ => app.out.warn(tr!(
                "several passwords stay: see datakeep key list, and remove what was lost",
                "仍有多个密码：请用 datakeep key list 查看并删除已丢失的"
            )),
        }
        name
    };
    done(app, "key-changed", &name, tr!("the password is changed (key slot {name})", "密码已更改（密钥槽 {name}）"))
}

fn test(app: &App, repository: &Repository) -> Result<(), Failure> {
    let slots = repository.slots()?;
    let Some(slot) = used(&slots) else {
        return Err(Failure::new(ErrorKind::Internal, tr!("no slot opened the repository", "没有密钥槽打开仓库")));
    };
    let (name, label) = (&slot.name, escape_for_terminal(slot.label.as_bytes()));
    let kind = slot.kind.as_str();
    if app.out.json {
        return app
            .out
            .document(&json::document("key-test", serde_json::json!({"slot": name, "kind": kind, "opens": true})));
    }
    app.out.say(match slot.kind {
        SlotKind::Recovery => {
            tr!("the recovery code opens the repository (key slot {name})", "恢复码可以打开仓库（密钥槽 {name}）")
        }
        SlotKind::Password => tr!(
            "the password opens the repository (key slot {name}, {label})",
            "密码可以打开仓库（密钥槽 {name}，{label}）"
        ),
        SlotKind::Open => {
            tr!("the repository is not encrypted and opens without a password", "该仓库未加密，无需密码即可打开")
        }
    })
}

fn new_recovery_code(app: &App, repository: &Repository, kdf: &KdfArgs) -> Result<(), Failure> {
    let (slot, code) = init::recovery_slot(init::kdf(kdf)?);
    let slots = repository.slots()?;
    // The new one is durable before an old one goes.
    let name = if used(&slots).is_some_and(|slot| slot.kind == SlotKind::Recovery) {
        repository.change_password(&slot, app.now())?
    } else {
        repository.add_slot(&slot, app.now())?
    };
    for old in slots.iter().filter(|slot| slot.kind == SlotKind::Recovery && !slot.used) {
        repository.remove_slot(&old.name)?;
    }
    if app.out.json {
        let body = serde_json::json!({"slot": name, "recovery_code": code});
        return app.out.document(&json::document("recovery-code", body));
    }
    app.out
        .say(tr!("made a new recovery code; the old one opens nothing any more", "已生成新的恢复码；旧恢复码已失效"))?;
    init::show_recovery_code(app, &code)
}
