//! Where passwords come from: never from an argument, and nowhere but into a [`Secret`].

use crate::config::{Origin, Settings};
use crate::errors::Failure;
use crate::words::tr;
use datakeep_model::{ErrorKind, Secret};
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// Name of the credential that a systemd unit hands over.
pub const CREDENTIAL: &str = "datakeep-password";
/// The same for the repository to copy to.
pub const COPY_CREDENTIAL: &str = "datakeep-to-password";
/// Variables that hold secrets or say where they are: programs that we start do not get them.
const HIDDEN: [&str; 11] = [
    "DATAKEEP_PASSWORD",
    "DATAKEEP_PASSWORD_FILE",
    "DATAKEEP_PASSWORD_COMMAND",
    "DATAKEEP_NEW_PASSWORD",
    "DATAKEEP_NEW_PASSWORD_FILE",
    "DATAKEEP_RECOVERY_CODE",
    "DATAKEEP_TO_PASSWORD",
    "DATAKEEP_TO_PASSWORD_FILE",
    "DATAKEEP_TO_PASSWORD_COMMAND",
    "DATAKEEP_TO_RECOVERY_CODE",
    "DATAKEEP_TOKEN",
];
/// Longest password read.
const MAX_LEN_BYTES: u64 = 64 << 10;

/// A place a secret is read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reference {
    /// An environment variable.
    Environment(String),
    /// A file; one newline at its end does not count.
    File(PathBuf),
    /// A program and its arguments; what it prints, less one newline at the end.
    Command(Vec<String>),
    /// A systemd credential.
    Credential(String),
    /// A person at a terminal.
    Prompt,
}

impl Reference {
    /// Parses `env:NAME`, `file:/path`, `cmd:argv...` or `cred:name`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let hint = || {
            tr!(
                "write env:NAME, file:/path, cmd:PROGRAM ARGUMENTS or cred:NAME",
                "请写成 env:NAME、file:/路径、cmd:程序 参数 或 cred:NAME"
            )
        };
        let literal = || {
            Failure::usage(tr!("a password never stands in the configuration itself", "密码不能直接写在配置文件中"))
                .hint(hint())
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(literal)?;
        if rest.is_empty() {
            return Err(Failure::usage(tr!("the reference to a secret is empty", "密钥引用为空")).hint(hint()));
        }
        match scheme {
            "env" => Ok(Self::Environment(rest.to_string())),
            "file" => Ok(Self::File(PathBuf::from(rest))),
            "cmd" => Ok(Self::Command(split_arguments(rest)?)),
            "cred" => Ok(Self::Credential(rest.to_string())),
            _ => Err(literal()),
        }
    }

    /// The place, for people; holds no secret.
    pub fn describe(&self) -> String {
        match self {
            Self::Environment(name) => format!("env:{name}"),
            Self::File(path) => format!("file:{}", path.display()),
            // Arguments may hold what is nobody's business.
            Self::Command(argv) => format!("cmd:{} …", argv.first().map_or("", String::as_str)),
            Self::Credential(name) => format!("cred:{name}"),
            Self::Prompt => tr!("asked for on the terminal", "在终端输入"),
        }
    }

    /// Reads the secret.
    pub fn read(&self, prompt: &str) -> Result<Secret, Failure> {
        self.read_beside(prompt, &[])
    }

    /// Reads the secret; a program that prints it does not get to see these variables of ours.
    pub fn read_beside(&self, prompt: &str, hidden: &[String]) -> Result<Secret, Failure> {
        let secret = match self {
            Self::Environment(name) => from_environment(name)?,
            Self::File(path) => from_file(path)?,
            Self::Command(argv) => from_command(argv, hidden)?,
            Self::Credential(name) => from_credential(name)?,
            Self::Prompt => ask(prompt)?,
        };
        if secret.expose().len() as u64 > MAX_LEN_BYTES {
            return Err(Failure::new(ErrorKind::WrongKey, too_long()));
        }
        if secret.is_empty() {
            let from = self.describe();
            let message = tr!("the password is empty ({from})", "密码为空（{from}）");
            return Err(
                Failure::usage(message).hint(tr!("an empty password protects nothing", "空密码起不到任何保护作用"))
            );
        }
        Ok(secret)
    }
}

fn elsewhere() -> String {
    tr!(
        "set it right, or say where the password is: --password-file, --password-command, DATAKEEP_PASSWORD; see: datakeep config show --effective",
        "请更正，或指明密码位置：--password-file、--password-command、DATAKEEP_PASSWORD；查看：datakeep config show --effective"
    )
}

/// Where systemd puts the credentials of a unit: the password command may need it, other programs may not see it.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Variables of our environment that a program we start, other than the password command, must not see.
pub fn hidden_variables(settings: &Settings) -> Vec<String> {
    HIDDEN.into_iter().chain([CREDENTIALS]).map(str::to_string).chain(named_variables(settings)).collect()
}

/// Variables that hold passwords because somebody said so. The program that prints the password of one repository has no
/// business with that of the other.
pub fn named_variables(settings: &Settings) -> Vec<String> {
    let file = &settings.file;
    let in_file = [&file.password, &file.copy.password].map(|value| value.as_ref().map(|value| &value.value));
    let references = [Some(&settings.password.value)].into_iter().chain(in_file);
    let named = references.flatten().filter_map(|reference| match reference {
        Reference::Environment(name) => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

fn from_environment(name: &str) -> Result<Secret, Failure> {
    let missing = || {
        Failure::new(ErrorKind::WrongKey, tr!("the environment variable {name} is not set", "未设置环境变量 {name}"))
            .hint(elsewhere())
    };
    std::env::var_os(name).map(|value| Secret::new(value.into_vec())).ok_or_else(missing)
}

/// One newline at the end is the file's, not the password's.
fn strip_newline(mut bytes: Zeroizing<Vec<u8>>) -> Secret {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Secret::new(std::mem::take(&mut *bytes))
}

fn too_long() -> String {
    tr!("a password has at most 65536 bytes", "密码最长为 65536 字节")
}

/// Reads to the end. A password that is cut would open nothing on the day it is typed.
fn read_all(source: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    source.take(MAX_LEN_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LEN_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, too_long()));
    }
    Ok(bytes)
}

fn from_file(path: &Path) -> Result<Secret, Failure> {
    let failed = |error: std::io::Error| {
        let shown = path.display();
        let failure = Failure::io(tr!("cannot read the password file {shown}", "无法读取密码文件 {shown}"), &error);
        Failure { kind: ErrorKind::WrongKey, ..failure.hint(elsewhere()) }
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    read_all(file).map(strip_newline).map_err(failed)
}

/// True when others than the owner can read a file.
pub fn is_exposed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o044 != 0)
}

fn from_credential(name: &str) -> Result<Secret, Failure> {
    let directory = std::env::var_os(CREDENTIALS);
    let missing = || {
        let message = tr!("there is no systemd credential {name}", "没有名为 {name} 的 systemd 凭据");
        Failure::new(ErrorKind::WrongKey, message).hint(tr!(
            "run inside a unit with LoadCredential={name}",
            "请在带有 LoadCredential={name} 的服务单元中运行"
        ))
    };
    from_file(&PathBuf::from(directory.ok_or_else(missing)?).join(name))
}

fn from_command(argv: &[String], hidden: &[String]) -> Result<Secret, Failure> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Failure::usage(tr!("the password command is empty", "密码命令为空")));
    };
    let failed = |detail: String| {
        let message = tr!("the password command {program} failed", "密码命令 {program} 执行失败");
        Failure::new(ErrorKind::WrongKey, message).detail(detail).hint(tr!(
            "run it by hand: it must end well and print the password alone; no shell is involved",
            "请手动运行该命令：它必须成功结束且只打印密码；不经过 shell"
        ))
    };
    let mut child = Command::new(program);
    for name in HIDDEN.into_iter().chain(hidden.iter().map(String::as_str)) {
        child.env_remove(name);
    }
    let mut child = child
        .args(arguments)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let bytes = match child.stdout.take() {
        Some(stdout) => read_all(stdout).map_err(|error| failed(error.to_string()))?,
        None => Zeroizing::new(Vec::new()),
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(strip_newline(bytes)) } else { Err(failed(status.to_string())) }
}

fn ask(prompt: &str) -> Result<Secret, Failure> {
    if !std::io::stderr().is_terminal() && !std::io::stdin().is_terminal() {
        return Err(no_password());
    }
    let typed = rpassword::prompt_password(format!("{prompt} "));
    typed.map(|text| Secret::new(text.into_bytes())).map_err(|error| no_password().detail(error.to_string()))
}

fn no_password() -> Failure {
    let message = tr!("no password was given and there is no terminal to ask on", "未提供密码，且没有可供输入的终端");
    Failure::new(ErrorKind::WrongKey, message).hint(tr!(
        "set DATAKEEP_PASSWORD_FILE, DATAKEEP_PASSWORD_COMMAND or DATAKEEP_PASSWORD, or give --password-file",
        "请设置 DATAKEEP_PASSWORD_FILE、DATAKEEP_PASSWORD_COMMAND 或 DATAKEEP_PASSWORD，或使用 --password-file"
    ))
}

/// Splits a command at blanks. Single and double quotes group; a backslash takes the next character as it is, except
/// between single quotes. No shell is involved: no variables, no patterns, no pipes.
pub fn split_arguments(text: &str) -> Result<Vec<String>, Failure> {
    let (mut words, mut word, mut begun, mut quote) = (Vec::new(), String::new(), false, None);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some('\''), _) => word.push(character),
            (_, '\\') => {
                word.extend(characters.next());
                begun = true;
            }
            (Some(_), _) => word.push(character),
            (None, '\'' | '"') => (quote, begun) = (Some(character), true),
            (None, blank) if blank.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, _) => {
                word.push(character);
                begun = true;
            }
        }
    }
    if quote.is_some() {
        return Err(Failure::usage(tr!("a quote in the command is never closed", "命令中的引号没有闭合")));
    }
    if begun {
        words.push(word);
    }
    if words.is_empty() { Err(Failure::usage(tr!("the command is empty", "命令为空"))) } else { Ok(words) }
}

/// The password of the repository, from where the settings say.
pub fn password(settings: &Settings) -> Result<Secret, Failure> {
    let prompt = tr!("Password of the repository:", "仓库密码：");
    settings.password.value.read_beside(&prompt, &named_variables(settings))
}

/// The recovery code: from the environment, else asked for.
pub fn recovery_code() -> Result<Secret, Failure> {
    code("DATAKEEP_RECOVERY_CODE", &tr!("Recovery code:", "恢复码："))
}

/// As [`recovery_code`], of the repository that is copied to.
pub fn copy_recovery_code() -> Result<Secret, Failure> {
    let prompt = tr!("Recovery code of the repository to copy to:", "复制目标仓库的恢复码：");
    code("DATAKEEP_TO_RECOVERY_CODE", &prompt)
}

fn code(variable: &str, prompt: &str) -> Result<Secret, Failure> {
    let reference = match std::env::var_os(variable) {
        Some(_) => Reference::Environment(variable.to_string()),
        None => Reference::Prompt,
    };
    reference.read(prompt)
}

/// A password for a new repository or slot: twice when a person types it.
pub fn new_password(reference: &Reference) -> Result<Secret, Failure> {
    let first = reference.read(&tr!("New password:", "新密码："))?;
    if *reference == Reference::Prompt {
        let second = reference.read(&tr!("The same again:", "再次输入："))?;
        if first.expose() != second.expose() {
            return Err(Failure::usage(tr!("the two passwords are not the same", "两次输入的密码不一致")));
        }
    }
    Ok(first)
}

/// Where a new password for an existing repository comes from.
pub fn new_password_reference() -> Reference {
    let file: Option<OsString> = std::env::var_os("DATAKEEP_NEW_PASSWORD_FILE");
    match (std::env::var_os("DATAKEEP_NEW_PASSWORD"), file) {
        (Some(_), _) => Reference::Environment("DATAKEEP_NEW_PASSWORD".into()),
        (None, Some(path)) => Reference::File(PathBuf::from(path)),
        (None, None) => Reference::Prompt,
    }
}

/// What is unwise about where the password comes from.
pub fn advice(settings: &Settings) -> Option<String> {
    match &settings.password.value {
        Reference::File(path) if is_exposed(path) => {
            let path = path.display();
            Some(tr!(
                "others can read the password file {path}: chmod 600 {path}",
                "其他用户可以读取密码文件 {path}：chmod 600 {path}"
            ))
        }
        Reference::Environment(name) if settings.password.origin == Origin::Environment("DATAKEEP_PASSWORD") => {
            Some(tr!(
                "{name} can be seen by every process of the same user; a file or a command is safer",
                "同一用户的所有进程都能看到 {name}；使用文件或命令更安全"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_without_a_shell() {
        let split = |text: &str| split_arguments(text).unwrap();
        assert_eq!(split("pass show  backup"), ["pass", "show", "backup"]);
        assert_eq!(split("a 'b c' \"d e\" f\\ g '' $HOME"), ["a", "b c", "d e", "f g", "", "$HOME"]);
        assert_eq!(split(r#"'a\b' "c\"d""#), [r"a\b", "c\"d"]);
        assert!(split_arguments("a 'b").is_err());
        assert!(split_arguments("  ").is_err());
    }

    #[test]
    fn a_literal_password_is_no_reference() {
        assert_eq!(Reference::parse("hunter2").unwrap_err().kind, ErrorKind::Usage);
        assert!(Reference::parse("hunter2").unwrap_err().hint.is_some());
        assert!(Reference::parse("http:x").is_err());
        assert_eq!(Reference::parse("env:X").unwrap(), Reference::Environment("X".into()));
        assert_eq!(
            Reference::parse("cmd:pass show x").unwrap(),
            Reference::Command(vec!["pass".into(), "show".into(), "x".into()])
        );
    }

    #[test]
    fn one_newline_is_stripped() {
        let strip = |text: &str| strip_newline(Zeroizing::new(text.as_bytes().to_vec())).expose().to_vec();
        assert_eq!(strip("a\n"), b"a");
        assert_eq!(strip("a\n\n"), b"a\n");
        assert_eq!(strip("a\r\n"), b"a");
        assert_eq!(strip(" a "), b" a ");
    }
}
