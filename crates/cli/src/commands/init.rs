//! `datakeep init`.

use crate::args::{InitArgs, SuiteName};
use crate::args_store::KdfArgs;
use crate::config::Origin;
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::out::Style;
use crate::probing;
use crate::secrets;
use crate::words::tr;
use datakeep_model::{ExitCode, Secret};
use datakeep_store::{
    Entropy, InitOptions, KdfLimit, KdfParams, NewSlot, OsEntropy, RecoveryCode, Repository, SlotKind, Suite,
};
use datakeep_store_blob::Effort;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Made {
    repository: String,
    location: String,
    suite: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<String>,
}

/// Cost of guessing, as asked for.
pub fn kdf(args: &KdfArgs) -> Result<KdfParams, Failure> {
    let usual = KdfParams::default();
    let params = KdfParams {
        memory_kib: args.kdf_memory.map_or(usual.memory_kib, |mib| mib << 10),
        passes: args.kdf_passes.unwrap_or(usual.passes),
        lanes: usual.lanes,
    };
    params.check_caps().map_err(|error| {
        Failure::usage(tr!("the cost of guessing is out of range", "密钥派生参数超出范围")).detail(error.to_string())
    })?;
    Ok(params)
}

/// Who makes a slot dearer than what is tried unasked should hear of it now.
pub fn warn_if_dear(app: &App, params: &KdfParams) {
    let (mib, most) = (params.memory_kib >> 10, KdfLimit::default().memory_kib >> 10);
    if mib > most {
        app.out.warn(tr!(
            "to open it needs --kdf-limit {mib}: without, no slot may ask for more than {most} MiB",
            "打开时需要 --kdf-limit {mib}：否则密钥槽最多可使用 {most} MiB"
        ));
    }
}

/// The stable word for a suite.
pub fn suite_name(suite: Suite) -> &'static str {
    match suite {
        Suite::Plain => "none",
        Suite::Aes256Gcm => "aes-256-gcm",
        Suite::ChaCha20Poly1305 => "chacha20-poly1305",
    }
}

/// A new recovery code: its slot, and its text.
pub fn recovery_slot(kdf: KdfParams) -> (NewSlot, String) {
    let mut code = [0u8; RecoveryCode::LEN_BYTES];
    OsEntropy.fill(&mut code);
    let secret = Secret::new(code.to_vec());
    let slot = NewSlot { label: "recovery code".into(), secret, kind: SlotKind::Recovery, kdf };
    (slot, RecoveryCode::encode(&code))
}

/// Runs it.
pub fn run(app: &App, args: &InitArgs) -> Result<ExitCode, Failure> {
    let blobs = app.store()?;
    let params = kdf(&KdfArgs { kdf_memory: args.kdf_memory, kdf_passes: args.kdf_passes })?;
    warn_if_dear(app, &params);
    if datakeep_store::Locked::find(blobs.clone()).is_ok() {
        let (location, found) = (blobs.location(), "a repository".to_string());
        return Err(datakeep_store::StoreError::Occupied { location, found }.into());
    }
    let (suite, mut slots) = (suite(app, args), Vec::new());
    let mut recovery_code = None;
    if suite == Suite::Plain {
        slots.push(NewSlot {
            label: "open".into(),
            secret: Secret::new(Vec::new()),
            kind: SlotKind::Open,
            kdf: params,
        });
    } else {
        let secret = secrets::new_password(&app.settings.password.value)?;
        slots.push(NewSlot { label: "password".into(), secret, kind: SlotKind::Password, kdf: params });
        if !args.no_recovery_code {
            let (slot, text) = recovery_slot(params);
            slots.push(slot);
            recovery_code = Some(text);
        }
    }
    must_be_empty(&blobs.location())?;
    // Before anything is written for good. A few races will do here: the first collection looks closely.
    Repository::look_for_room(&*blobs)?;
    if let Some(warning) = probing::judge(&probing::run(app, Effort::QUICK)?)? {
        app.out.warn(warning);
    }
    let options = InitOptions { suite, ..InitOptions::default() };
    let made = Repository::init(blobs, &options, &slots, Arc::new(OsEntropy), app.now())?;
    let (repository, location) = (made.config().repository.to_hex(), made.blobs().location());
    if app.out.json {
        app.out.document(&json::document(
            "init",
            Made { repository, location, suite: suite_name(suite), recovery_code },
        ))?;
        return Ok(ExitCode::OK);
    }
    let cipher = suite_name(suite);
    app.out.say(tr!(
        "made repository {repository} at {location} (encryption: {cipher})",
        "已在 {location} 新建仓库 {repository}（加密：{cipher}）"
    ))?;
    if suite == Suite::Plain {
        app.out.warn(tr!(
            "it is not encrypted: whoever can read it can read everything in it",
            "该仓库未加密：能读取仓库的人即可读取全部内容"
        ));
    }
    if let Some(code) = recovery_code {
        show_recovery_code(app, &code)?;
    }
    Ok(ExitCode::OK)
}

/// A directory of other things is none to make a repository in, whatever they are called. What file systems and desktops put
/// into every directory, and what a probe that was killed has left, is let be.
fn must_be_empty(location: &str) -> Result<(), Failure> {
    let Ok(entries) = std::fs::read_dir(location) else { return Ok(()) };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    match names.filter(|name| !name.starts_with('.') && name != "lost+found" && name != "probe").min() {
        None => Ok(()),
        Some(found) => {
            let location = location.to_string();
            Err(datakeep_store::StoreError::Occupied { location, found }.into())
        }
    }
}

/// Not to encrypt is said for this one repository: accepting such ones in general does not say it.
fn suite(app: &App, args: &InitArgs) -> Suite {
    match args.suite {
        _ if matches!(app.settings.unencrypted.origin, Origin::Flag(_)) => Suite::Plain,
        SuiteName::Aes256Gcm => Suite::Aes256Gcm,
        SuiteName::ChaCha20Poly1305 => Suite::ChaCha20Poly1305,
    }
}

/// Shows a recovery code, framed. Not even --quiet hides it: it is shown once.
pub fn show_recovery_code(app: &App, code: &str) -> Result<(), Failure> {
    let edge = "-".repeat(code.len() + 4);
    let heading = tr!("Recovery code (shown this once):", "恢复码（仅显示这一次）：");
    app.out.line("")?;
    app.out.line(app.out.styled(Style::Bold, &heading))?;
    app.out.line(format!("+{edge}+"))?;
    app.out.line(format!("|  {code}  |"))?;
    app.out.line(format!("+{edge}+"))?;
    app.out.line(tr!(
        "It opens the repository when the password is lost. Write it on paper and keep it away from this machine.\nWithout password and without this code nobody can read the backups, the makers of datakeep included.\nTry it: datakeep key test --recovery-code",
        "密码丢失时可用它打开仓库。请抄写在纸上，并与本机分开保管。\n密码和恢复码都丢失后，任何人都无法读取备份，包括 datakeep 的开发者。\n验证：datakeep key test --recovery-code"
    ))
}
