//! Failures as people see them: message, detail, hint; and the code the process ends with.

use crate::phrases;
use crate::words::{Lang, lang, tr};
use datakeep_connector::{ConnectorError, ItemError};
use datakeep_distribute::DistributeError;
use datakeep_engine::EngineError;
use datakeep_model::{ErrorKind, ExitCode};
use datakeep_store::StoreError;
use datakeep_store_blob::BlobError;

/// A command that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Coarse kind.
    pub kind: ErrorKind,
    /// What went wrong, in the language in use.
    pub message: String,
    /// The exact words of the part that failed, in English.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The reader of our output went away: end without a word.
    pub is_quiet: bool,
}

impl Failure {
    /// A failure without detail and hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None, is_quiet: false }
    }

    /// The command line or configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The same failure with the system's or a lower part's own words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A failed call of the operating system; `doing` says what was attempted on what.
    pub fn io(doing: impl Into<String>, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, doing).detail(error.to_string())
    }

    /// Standard output cannot be written. A reader that went away (`| head`) is no failure worth a word.
    pub fn output(error: &std::io::Error) -> Self {
        let is_quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        let failure = Self::new(ErrorKind::Internal, tr!("cannot write to standard output", "无法写入标准输出"));
        Self { is_quiet, ..failure.detail(error.to_string()) }
    }

    /// The exit code of the process.
    pub fn code(&self) -> ExitCode {
        if self.is_quiet { ExitCode::OK } else { self.kind.exit_code() }
    }
}

/// A lower part's own words: in English they are the message, else they stand below a frame.
fn framed(kind: ErrorKind, words: String, frame: impl FnOnce() -> String) -> Failure {
    match lang() {
        Lang::En => Failure::new(kind, words),
        Lang::Zh => Failure::new(kind, frame()).detail(words),
    }
}

/// Hints of lower parts, by what they begin with, and the same in Chinese.
const TRANSLATED: [(&str, &str); 16] = [
    ("a pattern is like", "模式例如 *.pdf、src/**/*.rs 或 photo-[0-9]?.jpg；\\ 使后一个字符按原样匹配"),
    ("patterns follow the rules", "排除规则同 .gitignore；特殊字符前加反斜杠"),
    ("name at least one directory", "请至少指定一个目录或文件"),
    ("name a directory or a file", "请指定目录或文件"),
    ("nothing stands there", "该路径不存在；相对路径从当前目录算起"),
    ("run it as a user", "请以有读取权限的用户运行"),
    ("a name has no", "名称不能含有 `@`、`:` 和控制字符，也不能是 `latest`"),
    ("such as 100M", "例如 100M"),
    ("give one location", "只能给出一个位置：`-` 或 `cmd:`"),
    ("set option `command`", "请给出命令：backup --command -- 程序 参数"),
    ("use `cmd:`", "命令请用 --command"),
    ("the command is run directly", "命令直接运行，不经过 shell：请给出程序及其参数"),
    ("its output is not trusted", "其输出不可信，因此未生成备份集；程序自身的消息见上文"),
    ("name a directory that can be written", "请指定可写的目录：目录恢复到其中，文件以原名放入其中"),
    ("make room, or make it writable", "请腾出空间或使其可写，然后用 --overwrite changed 重新运行：已恢复的内容保留"),
    ("print one file", "可用 datakeep cat 打印单个文件"),
];

/// What lower parts say was asked for, in the language in use.
fn in_words(what: String) -> String {
    const CHINESE: [(&str, &str); 16] = [
        ("a snapshot of files", "文件的备份集"),
        ("a snapshot of tables", "数据库的备份集"),
        ("a path without a snapshot", "未指明备份集的路径"),
        ("an entry that matches the patterns", "与模式匹配的条目"),
        (" in snapshot ", "，所在备份集 "),
        ("run without an end ", "未结束的任务 "),
        ("run ", "任务 "),
        ("snapshot or source ", "备份集或数据源 "),
        ("a snapshot of source ", "备份集（不晚于所给时间），数据源 "),
        (" at or before ", "，时间 "),
        ("snapshot id ", "备份集编号 "),
        ("snapshot ", "备份集 "),
        (" of source ", "，数据源 "),
        (" (it is neither an id nor a time)", "（既不是编号也不是时间）"),
        ("source ", "数据源 "),
        ("key slot ", "密钥槽 "),
    ];
    if lang() == Lang::En {
        return what;
    }
    // A name of a table stands there as it is.
    if let Some(table) = what.strip_prefix("table ") {
        return format!("表 {table}");
    }
    // Names stand in quotes: only the words around them are replaced.
    let first = what.find('"').unwrap_or(what.len());
    let last = what.rfind('"').unwrap_or(0).max(first);
    let say = |text: &str| CHINESE.iter().fold(text.to_string(), |text, (en, zh)| text.replace(en, zh));
    let middle = &what[first..last];
    let middle = if middle.contains("\" of source \"") { say(middle) } else { middle.to_string() };
    format!("{}{middle}{}", say(&what[..first]), say(&what[last..]))
}

/// The hints of lower parts in the language in use.
fn translated(hint: String) -> String {
    if lang() == Lang::En {
        return hint;
    }
    if let Some(near) = hint.strip_prefix("did you mean ").and_then(|rest| rest.strip_suffix('?')) {
        return format!("是否想输入 {near}？");
    }
    // Whole sentences first: what only begins alike may mean another thing.
    let by_start =
        || TRANSLATED.iter().find(|(start, _)| hint.starts_with(start)).map(|(_, chinese)| chinese.to_string());
    phrases::chinese(&hint).or_else(by_start).unwrap_or(hint)
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = error.kind();
        let detail = error.to_string();
        match error {
            StoreError::NoRepository { location } => {
                let hint =
                    tr!("make one: datakeep init --repo {location}", "可以新建一个：datakeep init --repo {location}");
                Self::new(kind, tr!("there is no repository at {location}", "{location} 处没有仓库")).hint(hint)
            }
            StoreError::Occupied { location, found } => occupied(kind, &location, &found),
            StoreError::Incompatible { .. } => incompatible(kind, detail),
            StoreError::WrongKey { .. } => wrong_key(kind, detail),
            StoreError::NotEncrypted => not_encrypted(kind),
            StoreError::SlotTooDear { memory_mib, limit_mib, .. } => too_dear(kind, memory_mib, limit_mib, detail),
            StoreError::Damaged { ref object, .. } | StoreError::Missing { ref object } => {
                damaged(kind, object, detail)
            }
            StoreError::NotFound { what } => {
                let what = in_words(what);
                Self::new(kind, tr!("{what} does not exist", "不存在：{what}"))
            }
            StoreError::Ambiguous { what, candidates } => {
                let hint =
                    tr!("give more characters; it may be: {candidates}", "请多输入几个字符；可能是：{candidates}");
                let what = in_words(what);
                Self::new(kind, tr!("{what} is ambiguous", "有歧义：{what}")).hint(hint)
            }
            StoreError::Busy { .. } => Self::new(kind, tr!("somebody else was first", "其他进程抢先完成了修改"))
                .detail(detail)
                .hint(tr!("run the command again", "请重新运行该命令")),
            StoreError::Blob(error) => error.into(),
            StoreError::Process(_) if kind == ErrorKind::Incompatible => incompatible(kind, detail),
            StoreError::Process(_) if kind == ErrorKind::WrongKey => wrong_key(kind, detail),
            StoreError::Process(_) if kind == ErrorKind::Integrity => damaged(kind, "", detail),
            _ if kind == ErrorKind::Usage => framed(kind, detail, || "无法执行该请求".into()),
            _ => Self::new(kind, tr!("the repository could not be used", "仓库操作失败")).detail(detail),
        }
    }
}

/// What to do when nothing is near what was asked for.
fn where_to_look(what: &str) -> String {
    if what.contains("neither an id nor a time") {
        return tr!(
            "a time is like 2026-01-31 or 2026-01-31T18:00; see: datakeep snapshots",
            "时间例如 2026-01-31 或 2026-01-31T18:00；查看：datakeep snapshots"
        );
    }
    let is_snapshot = ["snapshot", "source", "a snapshot"].iter().any(|word| what.starts_with(word));
    match is_snapshot {
        true => tr!("see what there is: datakeep snapshots", "查看现有备份集：datakeep snapshots"),
        false => tr!(
            "see what there is: datakeep ls SNAPSHOT:PATH, or search: datakeep find",
            "查看现有内容：datakeep ls 备份集:路径，或查找：datakeep find"
        ),
    }
}

fn occupied(kind: ErrorKind, location: &str, found: &str) -> Failure {
    if found == "a repository" {
        let hint = tr!(
            "back up into it: datakeep backup --repo {location} PATH",
            "可直接备份：datakeep backup --repo {location} 路径"
        );
        return Failure::new(kind, tr!("there is a repository at {location} already", "{location} 处已有仓库"))
            .hint(hint);
    }
    let message = tr!("{location} is not empty: it holds {found}", "{location} 不是空目录：其中有 {found}");
    Failure::new(kind, message).hint(tr!("name a new or empty directory", "请指定一个新目录或空目录"))
}

fn incompatible(kind: ErrorKind, detail: String) -> Failure {
    let version = env!("CARGO_PKG_VERSION");
    let message = tr!(
        "the repository needs a newer datakeep than this one ({version})",
        "该仓库需要比当前版本（{version}）更新的 datakeep"
    );
    let hint = tr!(
        "use the version that wrote it, or a newer one; nothing was changed",
        "请使用写入它的版本或更新的版本；未做任何修改"
    );
    Failure::new(kind, message).detail(detail).hint(hint)
}

fn not_encrypted(kind: ErrorKind) -> Failure {
    let message = tr!("a password is configured, but the repository is not encrypted", "已配置密码，但该仓库未加密");
    Failure::new(kind, message).hint(tr!(
        "make sure that it is your repository and nobody exchanged it; then say --unencrypted, or `unencrypted = true` in the configuration",
        "请先确认这是您的仓库且未被调换；确认后使用 --unencrypted，或在配置文件中写 `unencrypted = true`"
    ))
}

fn too_dear(kind: ErrorKind, memory_mib: u32, limit_mib: u32, detail: String) -> Failure {
    let message = tr!(
        "no key slot opens within {limit_mib} MiB of memory; one wants {memory_mib} MiB",
        "在 {limit_mib} MiB 内存限制内没有密钥槽能打开；有一个需要 {memory_mib} MiB"
    );
    Failure::new(kind, message).detail(detail).hint(tr!(
        "if you made a slot that dear, and the machine has the memory: --kdf-limit {memory_mib}",
        "如果确实创建过这样的密钥槽，且本机内存足够：--kdf-limit {memory_mib}"
    ))
}

fn wrong_key(kind: ErrorKind, detail: String) -> Failure {
    let message = tr!("the password or recovery code does not open this repository", "密码或恢复码无法打开该仓库");
    let hint = tr!(
        "look for a wrong keyboard layout or a trailing space; the recovery code from `datakeep init` opens it too: --recovery-code",
        "请检查键盘布局和末尾空格；也可以使用 `datakeep init` 时给出的恢复码：--recovery-code"
    );
    let detail = if lang() == Lang::En { detail } else { wrong_key_in_words(detail) };
    Failure::new(kind, message).detail(detail).hint(hint)
}

fn wrong_key_in_words(detail: String) -> String {
    const CHINESE: [(&str, &str); 8] = [
        ("wrong password: none of ", "密码错误：尝试的密钥槽数 "),
        (" key slots opens with it", "，均无法打开"),
        ("wrong password", "密码错误"),
        ("no key slot opens with a password", "没有可用密码打开的密钥槽"),
        ("no key slot opens with a recovery code", "没有可用恢复码打开的密钥槽"),
        (
            "wrong recovery code: it belongs to another repository, or was replaced",
            "恢复码错误：属于其他仓库，或已被替换",
        ),
        ("the open key slot is missing", "缺少开放的密钥槽"),
        ("this is not a recovery code", "这不是恢复码"),
    ];
    CHINESE.iter().fold(detail, |text, (english, chinese)| text.replace(english, chinese))
}

fn damaged(kind: ErrorKind, object: &str, detail: String) -> Failure {
    let failure = Failure::new(kind, tr!("stored data is damaged", "仓库中的数据已损坏")).detail(detail);
    if object.starts_with("keys/") || object.starts_with("config-keys/") {
        return failure.hint(tr!(
            "a key slot is damaged: try another password, or the recovery code: --recovery-code",
            "某个密钥槽已损坏：请尝试其他密码或恢复码：--recovery-code"
        ));
    }
    if object == "every key slot" {
        return failure.hint(tr!(
            "bring `config-keys/` (older: `keys/`) back from a copy of the repository: without a key slot nobody can open it",
            "请从仓库副本中取回 `config-keys/`（旧版为 `keys/`）：没有密钥槽，任何人都无法打开仓库"
        ));
    }
    if object == "config" {
        return failure.hint(tr!(
            "bring `config` back from a copy of the repository: without it nothing can be read",
            "请从仓库副本中取回 `config`：没有它就无法读取任何内容"
        ));
    }
    failure.hint(tr!(
        "see everything that is damaged: datakeep check --read-data",
        "查看全部损坏情况：datakeep check --read-data"
    ))
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            BlobError::Denied { .. } => {
                Self::new(kind, tr!("the store refused it", "存储拒绝了该操作")).detail(detail).hint(tr!(
                    "look at the owner and permissions of the repository, and whether it is mounted read-only",
                    "请检查仓库的属主和权限，以及是否以只读方式挂载"
                ))
            }
            BlobError::Full { .. } => {
                Self::new(kind, tr!("the store is full", "存储空间已满")).detail(detail).hint(tr!(
                    "make room and run it again: what was stored is used",
                    "请腾出空间后重新运行：已存储的内容会被继续使用"
                ))
            }
            BlobError::NotFound { .. } | BlobError::Short { .. } => damaged(kind, "", detail),
            BlobError::Remote { cause, .. } => crate::stores::words::failure(&cause, kind, detail),
            _ => Self::new(kind, tr!("the store could not be reached", "无法访问存储")).detail(detail),
        }
    }
}

impl From<ConnectorError> for Failure {
    fn from(error: ConnectorError) -> Self {
        let frame = match error.kind {
            ErrorKind::Usage => "无法执行该请求",
            ErrorKind::NotFound => "找不到指定的对象",
            ErrorKind::Denied => "访问被拒绝",
            ErrorKind::Target => "无法写入恢复目标",
            ErrorKind::Source => "数据源读取失败；未生成备份集",
            _ => "操作失败",
        };
        let known = phrases::chinese(&error.message).filter(|_| lang() == Lang::Zh);
        let failure = match known {
            Some(known) => Self::new(error.kind, known),
            None => framed(error.kind, error.message, || frame.into()),
        };
        Self { hint: error.hint.map(translated), ..failure }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Connector(error) => error.into(),
            EngineError::Cancelled => Self::new(ErrorKind::Cancelled, tr!("stopped on request", "已按请求停止"))
                .hint(tr!("run it again: what was stored so far is used", "请重新运行：已存储的内容会被继续使用")),
            EngineError::Broken(_) => {
                Self::new(ErrorKind::Internal, tr!("an internal error", "内部错误")).detail(error.to_string())
            }
        }
    }
}

impl From<ItemError> for Failure {
    fn from(error: ItemError) -> Self {
        let kind = error.fatal.unwrap_or(ErrorKind::Target);
        Self::new(kind, tr!("the target cannot be used", "无法使用恢复目标")).detail(error.detail)
    }
}

impl From<DistributeError> for Failure {
    fn from(error: DistributeError) -> Self {
        let kind = error.kind();
        match error {
            DistributeError::Store(error) => error.into(),
            DistributeError::Engine(EngineError::Cancelled) => {
                Self::new(kind, tr!("stopped on request", "已按请求停止")).hint(tr!(
                    "what was restored so far stands; --overwrite changed completes it",
                    "已恢复的内容保留；可用 --overwrite changed 补全"
                ))
            }
            DistributeError::Engine(error) => error.into(),
            DistributeError::Connector(error) => error.into(),
            DistributeError::Target(error) => error.into(),
            DistributeError::Cancelled => Self::new(kind, tr!("stopped on request", "已按请求停止")),
            DistributeError::NoSnapshots => {
                Self::new(kind, tr!("the repository has no snapshots yet", "仓库中还没有备份集"))
                    .hint(tr!("make one: datakeep backup PATH", "新建：datakeep backup 路径"))
            }
            DistributeError::NotFound { what, near } => {
                let hint = match &near {
                    Some(near) => tr!("did you mean {near}?", "是否想输入 {near}？"),
                    None => where_to_look(&what),
                };
                let what = in_words(what);
                Self::new(kind, tr!("{what} does not exist", "不存在：{what}")).hint(hint)
            }
            DistributeError::Ambiguous { what, candidates } => {
                let candidates = candidates.join(", ");
                let hint = if what.starts_with("snapshot ") {
                    tr!("give more characters; it may be: {candidates}", "请多输入几个字符；可能是：{candidates}")
                } else {
                    tr!("name one of: {candidates}", "请指定其中之一：{candidates}")
                };
                let what = in_words(what);
                Self::new(kind, tr!("{what} is ambiguous", "有歧义：{what}")).hint(hint)
            }
            DistributeError::Key(error) => error.into(),
            DistributeError::Usage { message, hint } => {
                Self { hint: hint.map(translated), ..framed(kind, message, || "无法执行该请求".into()) }
            }
            DistributeError::TableStands { location, found } => {
                let message = tr!("{location} holds {found} already", "{location} 中已有 {found}");
                Self::new(kind, message).hint(tr!(
                    "a whole database goes into a new file; one table (SNAPSHOT:TABLE) may get another name (--into-table), be made anew (--overwrite always) or merged by key (--merge)",
                    "整个数据库需恢复到新文件；单张表（备份集:表名）可改名（--into-table）、重建（--overwrite always）或按键合并（--merge）"
                ))
            }
            DistributeError::TargetNotEmpty { location, found } => {
                let message = tr!("{location} is not empty: it holds {found}", "{location} 不是空目录：其中有 {found}");
                Self::new(kind, message).hint(tr!(
                    "restore into a new directory, or say what happens to what stands there: --overwrite never (keep it), changed, newer, or always",
                    "请恢复到新目录，或说明如何处理已有内容：--overwrite never（保留）、changed（覆盖不同的）、newer（覆盖较旧的）或 always（全部覆盖）"
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes are a contract.
    #[test]
    fn every_kind_has_its_code() {
        let code = |kind| Failure::new(kind, "").code().0;
        let expected = [
            (ErrorKind::Usage, 2),
            (ErrorKind::NotFound, 1),
            (ErrorKind::NoRepository, 10),
            (ErrorKind::Busy, 11),
            (ErrorKind::WrongKey, 12),
            (ErrorKind::Source, 13),
            (ErrorKind::Store, 14),
            (ErrorKind::Integrity, 15),
            (ErrorKind::Denied, 16),
            (ErrorKind::Incompatible, 17),
            (ErrorKind::Target, 1),
            (ErrorKind::Cancelled, 130),
            (ErrorKind::Internal, 1),
        ];
        for (kind, number) in expected {
            assert_eq!(code(kind), number, "{kind:?}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let failure = Failure::output(&std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(failure.code(), ExitCode::OK);
    }
}
