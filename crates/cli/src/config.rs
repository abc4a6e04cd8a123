//! Settings: flag before environment before file before default, and for each which one won.

use crate::args::Common;
use crate::config_file::{self, FileValues};
use crate::errors::Failure;
use crate::secrets::{COPY_CREDENTIAL, CREDENTIAL, Reference};
use crate::sizes;
use crate::stores::options::StoreOptions;
use crate::words::{Lang, tr};
use datakeep_store::{KdfLimit, KdfParams};
use std::ffi::OsString;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This flag.
    Flag(&'static str),
    /// This environment variable.
    Environment(&'static str),
    /// This line of the configuration file.
    File(usize),
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// A stable word for JSON output.
    pub fn as_str(&self) -> &'static str {
        match self {
            Origin::Flag(_) => "flag",
            Origin::Environment(_) => "environment",
            Origin::File(_) => "file",
            Origin::Default => "default",
        }
    }

    /// For people.
    pub fn describe(&self) -> String {
        match self {
            Origin::Flag(name) => tr!("flag {name}", "命令行参数 {name}"),
            Origin::Environment(name) => tr!("environment {name}", "环境变量 {name}"),
            Origin::File(line) => tr!("configuration file, line {line}", "配置文件第 {line} 行"),
            Origin::Default => tr!("default", "默认值"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Value<T> {
    fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// True when somebody said it.
    pub fn is_given(&self) -> bool {
        self.origin != Origin::Default
    }
}

/// Everything in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration file; it need not exist.
    pub config_file: Value<Option<PathBuf>>,
    /// The repository.
    pub repository: Value<Option<OsString>>,
    /// Where disposable copies go.
    pub cache_dir: Value<Option<PathBuf>>,
    /// What these may take, in MiB; 0 for none at all.
    pub cache_size_mib: Value<u32>,
    /// Where the password comes from.
    pub password: Value<Reference>,
    /// True when the recovery code opens the repository.
    pub recovery_code: bool,
    /// True when an unencrypted repository may be opened though a secret is configured.
    pub unencrypted: Value<bool>,
    /// Memory that a key slot may ask for, in MiB.
    pub kdf_limit_mib: Value<u32>,
    /// Memory that a run may hold; nothing where nobody said so.
    pub memory_bytes: Value<Option<u64>>,
    /// The language.
    pub language: Value<Lang>,
    /// Colours on terminals.
    pub colour: Value<bool>,
    /// How object stores are spoken to.
    pub store: StoreOptions,
    /// What the file says besides.
    pub file: FileValues,
}

fn environment(name: &'static str) -> Option<(OsString, Origin)> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| (value, Origin::Environment(name)))
}

fn flag<T>(value: Option<T>, name: &'static str) -> Option<(T, Origin)> {
    value.map(|value| (value, Origin::Flag(name)))
}

/// The configuration file and who named it.
pub fn config_path(given: Option<PathBuf>) -> Value<Option<PathBuf>> {
    let named =
        flag(given, "--config").or_else(|| environment("DATAKEEP_CONFIG").map(|(path, origin)| (path.into(), origin)));
    match named {
        Some((path, origin)) => Value::new(Some(path), origin),
        None => {
            Value::new(user_directory("XDG_CONFIG_HOME", ".config").map(|d| d.join("config.toml")), Origin::Default)
        }
    }
}

fn user_directory(variable: &'static str, below_home: &str) -> Option<PathBuf> {
    let set = environment(variable).map(|(path, _)| PathBuf::from(path)).filter(|path| path.is_absolute());
    let home = || environment("HOME").map(|(home, _)| PathBuf::from(home).join(below_home));
    set.or_else(home).map(|directory| directory.join("datakeep"))
}

/// The language before anything else is known, for help and for errors of the command line itself.
pub fn early_language(arguments: &[OsString]) -> Lang {
    let text: Vec<_> = arguments.iter().take_while(|a| *a != "--").map(|a| a.to_string_lossy()).collect();
    let after = |name: &str| {
        let equals = format!("{name}=");
        let joined = text.iter().find_map(|a| a.strip_prefix(&equals).map(str::to_string));
        joined.or_else(|| text.iter().position(|a| a == name).and_then(|at| text.get(at + 1)).map(|a| a.to_string()))
    };
    let flag = after("--lang").and_then(|name| Lang::parse(&name));
    let set = || environment("DATAKEEP_LANG").and_then(|(name, _)| Lang::parse(&name.to_string_lossy()));
    let file = || {
        let path = config_path(after("--config").map(PathBuf::from)).value?;
        config_file::read(&path, false).ok()?.language.map(|value| value.value)
    };
    flag.or_else(set).or_else(file).unwrap_or_else(|| locale().value)
}

fn locale() -> Value<Lang> {
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        if let Some((value, origin)) = environment(name) {
            return Value::new(Lang::parse(&value.to_string_lossy()).unwrap_or(Lang::En), origin);
        }
    }
    Value::new(Lang::En, Origin::Default)
}

fn language(common: &Common, file: &FileValues) -> Result<Value<Lang>, Failure> {
    let given = flag(common.lang.clone(), "--lang")
        .or_else(|| environment("DATAKEEP_LANG").map(|(value, origin)| (value.to_string_lossy().into_owned(), origin)));
    match given {
        Some((name, origin)) => match Lang::parse(&name) {
            Some(lang) => Ok(Value::new(lang, origin)),
            None => Err(Failure::usage(tr!("there is no language {name:?}", "没有语言 {name:?}"))
                .hint(tr!("there are en and zh", "可用 en 和 zh"))),
        },
        None => Ok(file.language.clone().unwrap_or_else(locale)),
    }
}

fn password(common: &Common, file: &FileValues) -> Result<Value<Reference>, Failure> {
    if let Some(path) = &common.password_file {
        return Ok(Value::new(Reference::File(path.clone()), Origin::Flag("--password-file")));
    }
    if let Some(command) = &common.password_command {
        let argv = crate::secrets::split_arguments(command)?;
        return Ok(Value::new(Reference::Command(argv), Origin::Flag("--password-command")));
    }
    const PLAIN: &str = "DATAKEEP_PASSWORD";
    if std::env::var_os(PLAIN).is_some() {
        return Ok(Value::new(Reference::Environment(PLAIN.into()), Origin::Environment(PLAIN)));
    }
    if let Some((path, origin)) = environment("DATAKEEP_PASSWORD_FILE") {
        return Ok(Value::new(Reference::File(path.into()), origin));
    }
    if let Some((command, origin)) = environment("DATAKEEP_PASSWORD_COMMAND") {
        return Ok(Value::new(
            Reference::Command(crate::secrets::split_arguments(&command.to_string_lossy())?),
            origin,
        ));
    }
    if let Some((directory, origin)) = environment("CREDENTIALS_DIRECTORY")
        && PathBuf::from(directory).join(CREDENTIAL).is_file()
    {
        return Ok(Value::new(Reference::Credential(CREDENTIAL.into()), origin));
    }
    Ok(file.password.clone().unwrap_or_else(|| Value::new(Reference::Prompt, Origin::Default)))
}

/// Where the password of the repository to copy to comes from; in the order of [`password`].
fn copy_password(
    given_file: Option<PathBuf>,
    given_command: Option<String>,
    file: &FileValues,
) -> Result<Value<Reference>, Failure> {
    if let Some(path) = given_file {
        return Ok(Value::new(Reference::File(path), Origin::Flag("--to-password-file")));
    }
    if let Some(command) = given_command {
        let argv = crate::secrets::split_arguments(&command)?;
        return Ok(Value::new(Reference::Command(argv), Origin::Flag("--to-password-command")));
    }
    const PLAIN: &str = "DATAKEEP_TO_PASSWORD";
    if std::env::var_os(PLAIN).is_some() {
        return Ok(Value::new(Reference::Environment(PLAIN.into()), Origin::Environment(PLAIN)));
    }
    if let Some((path, origin)) = environment("DATAKEEP_TO_PASSWORD_FILE") {
        return Ok(Value::new(Reference::File(path.into()), origin));
    }
    if let Some((command, origin)) = environment("DATAKEEP_TO_PASSWORD_COMMAND") {
        let argv = crate::secrets::split_arguments(&command.to_string_lossy())?;
        return Ok(Value::new(Reference::Command(argv), origin));
    }
    if let Some((directory, origin)) = environment("CREDENTIALS_DIRECTORY")
        && PathBuf::from(directory).join(COPY_CREDENTIAL).is_file()
    {
        return Ok(Value::new(Reference::Credential(COPY_CREDENTIAL.into()), origin));
    }
    Ok(file.copy.password.clone().unwrap_or_else(|| Value::new(Reference::Prompt, Origin::Default)))
}

fn colour(common: &Common, file: &FileValues) -> Value<bool> {
    if common.no_color {
        return Value::new(false, Origin::Flag("--no-color"));
    }
    // https://no-color.org: set and not empty, whatever it says.
    if let Some((_, origin)) = environment("NO_COLOR") {
        return Value::new(false, origin);
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Value::new(false, Origin::Environment("TERM"));
    }
    file.colour.clone().unwrap_or_else(|| Value::new(true, Origin::Default))
}

fn unencrypted(common: &Common, file: &FileValues) -> Value<bool> {
    if common.unencrypted {
        return Value::new(true, Origin::Flag("--unencrypted"));
    }
    match environment("DATAKEEP_UNENCRYPTED") {
        Some((value, origin)) => Value::new(value == "1" || value == "true", origin),
        None => file.unencrypted.clone().unwrap_or(Value::new(false, Origin::Default)),
    }
}

/// What a slot may always ask for: the usual cost.
const USUAL_KDF_MIB: u32 = KdfParams::DEFAULT.memory_kib >> 10;

/// Slots are read before anything is proven: by default they get no more than the machine can spare.
fn kdf_limit(common: &Common, file: &FileValues, memory_bytes: Option<u64>) -> Result<Value<u32>, Failure> {
    let named = flag(common.kdf_limit.map(|mib| mib.to_string()), "--kdf-limit")
        .or_else(|| environment("DATAKEEP_KDF_LIMIT").map(|(v, origin)| (v.to_string_lossy().into_owned(), origin)))
        .or_else(|| file.kdf_limit.clone().map(|value| (value.value, value.origin)));
    let Some((text, origin)) = named else {
        let most = KdfLimit::default().memory_kib >> 10;
        let allowed = memory_bytes.and_then(|bytes| u32::try_from(bytes >> 20).ok()).unwrap_or(most);
        let free = free_memory_mib().unwrap_or(most).min(allowed);
        return Ok(Value::new(free.clamp(USUAL_KDF_MIB, most), Origin::Default));
    };
    match text.parse() {
        Ok(mib @ 1..=4096) => Ok(Value::new(mib, origin)),
        _ => Err(Failure::usage(tr!(
            "kdf-limit: {text:?} is not a number from 1 to 4096",
            "kdf-limit：{text:?} 不是 1 到 4096 之间的数"
        ))),
    }
}

/// Nothing is done with less.
const LEAST_MEMORY_BYTES: u64 = 16 << 20;

fn memory(common: &Common, file: &FileValues) -> Result<Value<Option<u64>>, Failure> {
    let named = flag(common.memory.clone(), "--memory")
        .or_else(|| environment("DATAKEEP_MEMORY").map(|(v, origin)| (v.to_string_lossy().into_owned(), origin)))
        .or_else(|| file.memory.clone().map(|value| (value.value, value.origin)));
    let Some((text, origin)) = named else { return Ok(Value::new(None, Origin::Default)) };
    match sizes::parse(&text).filter(|bytes| *bytes >= LEAST_MEMORY_BYTES) {
        Some(bytes) => Ok(Value::new(Some(bytes), origin)),
        None => {
            let from = origin.describe();
            Err(Failure::usage(tr!(
                "memory: {text:?} is no size of 16 MiB or more ({from})",
                "memory：{text:?} 不是 16 MiB 以上的大小（{from}）"
            ))
            .hint(tr!("write it like 256M or 2G", "请写成 256M 或 2G")))
        }
    }
}

/// What disposable copies may take when nobody says anything.
const USUAL_CACHE_MIB: u32 = 2048;

fn cache_size(common: &Common, file: &FileValues) -> Result<Value<u32>, Failure> {
    let named = flag(common.cache_size.map(|mib| mib.to_string()), "--cache-size")
        .or_else(|| environment("DATAKEEP_CACHE_SIZE").map(|(v, origin)| (v.to_string_lossy().into_owned(), origin)))
        .or_else(|| file.cache_size.clone().map(|value| (value.value, value.origin)));
    let Some((text, origin)) = named else { return Ok(Value::new(USUAL_CACHE_MIB, Origin::Default)) };
    match text.parse() {
        Ok(mib) => Ok(Value::new(mib, origin)),
        Err(_) => Err(Failure::usage(tr!(
            "cache-size: {text:?} is not a number of MiB",
            "cache-size：{text:?} 不是以 MiB 为单位的数"
        ))),
    }
}

/// What the kernel says can be had without swapping.
fn free_memory_mib() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    u32::try_from(kib >> 10).ok()
}

impl Settings {
    /// What may be spent on key slots.
    pub fn kdf_limit(&self) -> KdfLimit {
        KdfLimit { memory_kib: self.kdf_limit_mib.value << 10, ..KdfLimit::default() }
    }

    /// True when somebody said what opens the repository.
    pub fn has_secret(&self) -> bool {
        self.recovery_code || self.password.origin != Origin::Default
    }

    /// The repository to copy to; `given` is what the flag says.
    pub fn copy_repository(&self, given: Option<OsString>) -> Value<Option<OsString>> {
        let from_file = self.file.copy.repository.clone().map(|v| (OsString::from(v.value), v.origin));
        match flag(given, "--to").or_else(|| environment("DATAKEEP_TO_REPO")).or(from_file) {
            Some((location, origin)) => Value::new(Some(location), origin),
            None => Value::new(None, Origin::Default),
        }
    }

    /// Where its password comes from; the arguments are what the flags say.
    pub fn copy_password(&self, file: Option<PathBuf>, command: Option<String>) -> Result<Value<Reference>, Failure> {
        copy_password(file, command, &self.file)
    }

    /// Works everything out. Reads the environment and the configuration file.
    pub fn resolve(common: &Common) -> Result<Self, Failure> {
        let config_file = config_path(common.config.clone());
        let must_exist = config_file.origin != Origin::Default;
        let file = match &config_file.value {
            Some(path) => config_file::read(path, must_exist)?,
            None => FileValues::default(),
        };
        let from_file = |value: &Option<Value<String>>| value.clone().map(|v| (OsString::from(v.value), v.origin));
        let repository = flag(common.repo.clone(), "--repo")
            .or_else(|| environment("DATAKEEP_REPO"))
            .or_else(|| from_file(&file.repository));
        let cache_dir = flag(common.cache_dir.clone().map(OsString::from), "--cache-dir")
            .or_else(|| environment("DATAKEEP_CACHE_DIR"))
            .or_else(|| from_file(&file.cache_dir));
        let cache_dir = match cache_dir {
            Some((path, origin)) => Value::new(Some(PathBuf::from(path)), origin),
            None => Value::new(user_directory("XDG_CACHE_HOME", ".cache"), Origin::Default),
        };
        let repository = match repository {
            Some((path, origin)) => Value::new(Some(path), origin),
            None => Value::new(None, Origin::Default),
        };
        let memory_bytes = memory(common, &file)?;
        Ok(Self {
            store: StoreOptions::resolve(&common.store_option, &file.store)?.with_memory(&memory_bytes),
            language: language(common, &file)?,
            password: password(common, &file)?,
            colour: colour(common, &file),
            recovery_code: common.recovery_code,
            unencrypted: unencrypted(common, &file),
            kdf_limit_mib: kdf_limit(common, &file, memory_bytes.value)?,
            memory_bytes,
            cache_size_mib: cache_size(common, &file)?,
            config_file,
            repository,
            cache_dir,
            file,
        })
    }
}
