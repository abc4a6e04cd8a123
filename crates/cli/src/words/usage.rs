//! Errors of the command line itself: what clap found, in our words.

use super::tr;
use crate::errors::Failure;
use crate::out::Out;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use datakeep_model::{ExitCode, escape_for_terminal};
use std::error::Error;
use std::ffi::OsString;
use std::io::Write;

/// Tells what clap has to say: help and version on standard output, errors on standard error.
pub fn tell(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        // Whoever does not read the help to its end is free not to.
        let _ = write!(std::io::stdout(), "{}", error.render());
        return ExitCode::OK;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = write!(std::io::stderr(), "{}", error.render());
        return ExitCode::USAGE;
    }
    let json = arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    let common = crate::args::Common { json, ..Default::default() };
    Out::new(&common, std::env::var_os("NO_COLOR").is_none()).failure(&failure(error, arguments));
    ExitCode::USAGE
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let text = match error.get(kind)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(list) => list.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        ContextValue::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(escape_for_terminal(text.as_bytes())).filter(|text| !text.is_empty())
}

fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let arg = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let verb = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            tr!("there is no command `{verb}`", "没有命令 `{verb}`")
        }
        ErrorKind::UnknownArgument => tr!("unexpected argument `{arg}`", "未知的参数 `{arg}`"),
        ErrorKind::MissingRequiredArgument => tr!("missing: {arg}", "缺少参数：{arg}"),
        ErrorKind::MissingSubcommand => tr!("a command is missing", "缺少命令"),
        ErrorKind::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg).unwrap_or_default();
            if other.is_empty() || other == arg {
                tr!("`{arg}` was given more than once", "`{arg}` 重复给出")
            } else {
                tr!("`{arg}` cannot stand beside `{other}`", "`{arg}` 不能与 `{other}` 同时使用")
            }
        }
        ErrorKind::InvalidValue if value.is_empty() => tr!("`{arg}` needs a value", "`{arg}` 需要一个值"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            tr!("`{value}` is no value for `{arg}`", "`{value}` 不是 `{arg}` 的有效值")
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            tr!("wrong number of values for `{arg}`", "`{arg}` 的值的个数不对")
        }
        _ => tr!("the command line is wrong", "命令行有误"),
    };
    let mut failure = Failure::usage(message).hint(hint(error, arguments));
    failure.detail = error.source().map(|source| source.to_string());
    failure
}

fn hint(error: &clap::Error, arguments: &[OsString]) -> String {
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(near) = near.into_iter().find_map(|kind| text(error, kind)) {
        return tr!("did you mean `{near}`?", "是否想输入 `{near}`？");
    }
    if let Some(valid) = text(error, ContextKind::ValidValue) {
        return tr!("there are: {valid}", "可用的值：{valid}");
    }
    let command = crate::help::command();
    let verb = arguments.iter().filter_map(|a| a.to_str()).find(|a| command.find_subcommand(a).is_some());
    let verb = verb.map_or_else(String::new, |verb| format!(" {verb}"));
    tr!("see: datakeep{verb} --help", "请参阅：datakeep{verb} --help")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    fn check(line: &str, message: &str, hint: &str) {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = crate::help::command().try_get_matches_from(&arguments).unwrap_err();
        let failure = failure(&error, &arguments);
        assert!(failure.message.contains(message), "{line}: {failure:?}");
        assert!(failure.hint.as_deref().unwrap_or_default().contains(hint), "{line}: {failure:?}");
    }

    #[test]
    fn slips_are_told_in_our_words() {
        check("datakeep restor", "`restor`", "`restore`");
        check("datakeep backup --exlude x /a", "`--exlude`", "`--exclude`");
        check("datakeep restore latest", "--to", "restore --help");
        check("datakeep restore latest --to x --overwrite sometimes", "`sometimes`", "newer");
        check("datakeep init --kdf-memory 0", "`0`", "init --help");
        check("datakeep snapshots --last 1 --latest", "cannot stand beside", "");
    }
}
