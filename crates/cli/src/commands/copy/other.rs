//! The repository that is copied to: where it is, what opens it.

use crate::args_copy::CopyArgs;
use crate::config::Settings;
use crate::errors::Failure;
use crate::open::{self, App};
use crate::secrets;
use crate::stores::Location;
use crate::stores::options::StoreOptions;
use crate::words::tr;
use datakeep_model::ErrorKind;
use datakeep_process::Suite;
use datakeep_store::{Locked, Repository, StoreError, Unlock};
use std::ffi::OsString;

/// Says of a failure that it is the other repository's.
pub fn of_other(failure: Failure) -> Failure {
    let message = &failure.message;
    let message = tr!("the repository to copy to: {message}", "复制目标仓库：{message}");
    let hint = match failure.kind {
        ErrorKind::WrongKey => Some(tr!(
            "its password comes from --to-password-file, --to-password-command, DATAKEEP_TO_PASSWORD, `password` below [copy] in the configuration, or a prompt; its recovery code opens it with --to-recovery-code",
            "其密码来自 --to-password-file、--to-password-command、DATAKEEP_TO_PASSWORD、配置文件 [copy] 中的 `password`，或终端输入；也可用 --to-recovery-code 以恢复码打开"
        )),
        _ => failure.hint.clone(),
    };
    Failure { message, hint, ..failure }
}

fn location(settings: &Settings, args: &CopyArgs) -> Result<OsString, Failure> {
    settings.copy_repository(args.to.clone()).value.ok_or_else(|| {
        let message = tr!("no repository to copy to was named", "未指定复制到哪个仓库");
        Failure::usage(message).hint(tr!(
            "give --to PATH, or set DATAKEEP_TO_REPO, or `repository` below [copy] in the configuration",
            "请使用 --to 路径，或设置 DATAKEEP_TO_REPO，或在配置文件的 [copy] 中写 `repository`"
        ))
    })
}

/// Finds it; needs no key.
pub fn find(app: &App, args: &CopyArgs) -> Result<Locked, Failure> {
    let location = location(&app.settings, args)?;
    let place = Location::parse(&location).map_err(of_other)?;
    // What is not said of its store is as for the first one.
    let options = match args.to_store_option.as_slice() {
        [] => app.settings.store.clone(),
        given => StoreOptions::resolve(given, &app.settings.file.store).map_err(of_other)?,
    };
    app.find_at(&place, &options).map_err(of_other)
}

/// Unlocks it. What leaves an encrypted repository for one that is not is in the open: that wants a word.
pub fn unlock(app: &App, args: &CopyArgs, locked: Locked, from: Suite) -> Result<Repository, Failure> {
    let with = unlock_with(app, args, &locked, from)?;
    app.unlock(locked, &with).map_err(of_other)
}

fn unlock_with(app: &App, args: &CopyArgs, locked: &Locked, from: Suite) -> Result<Unlock, Failure> {
    let password = app.settings.copy_password(args.to_password_file.clone(), args.to_password_command.clone())?;
    if locked.config().suite == Suite::Plain {
        if app.settings.unencrypted.value {
            return Ok(Unlock::Nothing);
        }
        if password.is_given() {
            return Err(of_other(StoreError::NotEncrypted.into()));
        }
        if from == Suite::Plain {
            return Ok(Unlock::Nothing);
        }
        let message = tr!(
            "the repository to copy to is not encrypted, and the one that is copied from is",
            "复制目标仓库未加密，而源仓库已加密"
        );
        return Err(Failure::usage(message).hint(tr!(
            "copy to an encrypted one; or, if everyone who can read it may read everything, say --unencrypted",
            "请复制到加密的仓库；如果允许所有能读取它的人看到全部内容，请使用 --unencrypted"
        )));
    }
    if args.to_recovery_code {
        let code = secrets::copy_recovery_code().map_err(of_other)?;
        return open::well_formed(&code).map(|()| Unlock::RecoveryCode(code)).map_err(of_other);
    }
    let prompt = tr!("Password of the repository to copy to:", "复制目标仓库的密码：");
    let hidden = secrets::named_variables(&app.settings);
    let secret = password.value.read_beside(&prompt, &hidden).map_err(of_other)?;
    if let secrets::Reference::File(path) = &password.value
        && secrets::is_exposed(path)
    {
        let path = path.display();
        app.out.warn(tr!(
            "others can read the password file {path}: chmod 600 {path}",
            "其他用户可以读取密码文件 {path}：chmod 600 {path}"
        ));
    }
    Ok(Unlock::Password(secret))
}
