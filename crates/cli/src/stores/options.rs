//! Options of object stores: flag before environment before file, each known by name.

use crate::config::{Origin, Value};
use crate::config_file::StoreValues;
use crate::errors::Failure;
use crate::secrets::Reference;
use crate::sizes;
use crate::time;
use crate::words::tr;
use datakeep_distribute::near::nearest;
use datakeep_store_blob::Limits;
use datakeep_store_blob::ahead::Bounds;
use datakeep_store_blob::object::settings::{Checksum, Credentials, Lock, LockMode, Place, Settings};
use std::path::PathBuf;

/// All options, and the variables of the environment that say the same, the first that is set.
pub const KEYS: [(&str, &[&str]); 18] = [
    ("endpoint", &["DATAKEEP_STORE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
    ("region", &["DATAKEEP_STORE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("path-style", &["DATAKEEP_STORE_PATH_STYLE"]),
    ("profile", &["DATAKEEP_STORE_PROFILE"]),
    ("access-key-id", &[]),
    ("secret-access-key", &[]),
    ("session-token", &[]),
    ("ca-file", &["DATAKEEP_STORE_CA_FILE", "AWS_CA_BUNDLE"]),
    ("checksum", &["DATAKEEP_STORE_CHECKSUM"]),
    ("object-lock", &["DATAKEEP_STORE_OBJECT_LOCK"]),
    ("patience", &["DATAKEEP_STORE_PATIENCE"]),
    ("timeout", &["DATAKEEP_STORE_TIMEOUT"]),
    ("upload-limit", &["DATAKEEP_STORE_UPLOAD_LIMIT"]),
    ("download-limit", &["DATAKEEP_STORE_DOWNLOAD_LIMIT"]),
    ("request-limit", &["DATAKEEP_STORE_REQUEST_LIMIT"]),
    ("uploads", &["DATAKEEP_STORE_UPLOADS"]),
    ("upload-memory", &["DATAKEEP_STORE_UPLOAD_MEMORY"]),
    ("part-size", &["DATAKEEP_STORE_PART_SIZE"]),
];

/// Options whose values are secrets: the place they come from is said, never the value.
pub const SECRET: [&str; 2] = ["secret-access-key", "session-token"];

/// A store that failed for so long is given up.
const USUAL_PATIENCE_MS: u64 = 5 * 60_000;
/// Calls at once.
const USUAL_UPLOADS: usize = 4;
/// Bytes of uploads that wait or are under way: two full packs, each up to a frame longer than its target. With one the line
/// is idle whenever a pack ends (measured: 38.6 MB/s instead of 46 on a line of 50 MB/s and 30 ms).
const USUAL_UPLOAD_BYTES: u64 = 72 << 20;
/// One full pack.
const LEAST_UPLOAD_BYTES: u64 = 36 << 20;

/// What was said about the store, in the order of [`KEYS`].
#[derive(Clone, Debug, Default)]
pub struct StoreOptions(Vec<(&'static str, Value<String>)>);

/// Everything that follows from the options.
pub struct Chosen {
    /// The store itself.
    pub settings: Settings,
    /// How fast it may be used.
    pub limits: Limits,
    /// How long a failing call is tried.
    pub patience_ms: u64,
    /// What may be under way.
    pub bounds: Bounds,
}

/// The option of a name; the error names a near one.
pub fn known(name: &str) -> Result<&'static str, Failure> {
    if let Some((key, _)) = KEYS.iter().find(|(key, _)| *key == name) {
        return Ok(key);
    }
    let shown = datakeep_model::escape_for_terminal(name.as_bytes());
    let failure = Failure::usage(tr!("there is no store option `{shown}`", "没有存储选项 `{shown}`"));
    let all = KEYS.map(|(key, _)| key).join(", ");
    Err(failure.hint(match nearest(name, KEYS.iter().map(|(key, _)| *key)) {
        Some(near) => tr!("did you mean `{near}`?", "是否想写 `{near}`？"),
        None => tr!("there are: {all}", "可用：{all}"),
    }))
}

impl StoreOptions {
    /// Works out what is in force. `flags` are `KEY=VALUE`.
    pub fn resolve(flags: &[String], file: &StoreValues) -> Result<Self, Failure> {
        let mut given = Vec::new();
        for flag in flags {
            let Some((key, value)) = flag.split_once('=') else {
                // What was meant as a value must not be printed: it may be a secret.
                return Err(Failure::usage(tr!("--store-option wants KEY=VALUE", "--store-option 的格式为 键=值"))
                    .hint(tr!(
                        "for example: --store-option region=eu-central-1",
                        "例如：--store-option region=eu-central-1"
                    )));
            };
            let key = known(key)?;
            if SECRET.contains(&key) {
                let message = tr!("{key} is a secret and never an argument", "{key} 是机密，不能作为参数");
                return Err(Failure::usage(message).hint(credentials_hint()));
            }
            given.push((key, Value { value: value.to_string(), origin: Origin::Flag("--store-option") }));
        }
        let mut all = Vec::new();
        for (key, variables) in KEYS {
            let flag = given.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
            let variable = || {
                let set = |name: &&'static str| Some((std::env::var(name).ok().filter(|v| !v.is_empty())?, *name));
                variables.iter().find_map(set).map(|(value, name)| Value { value, origin: Origin::Environment(name) })
            };
            let filed = || file.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
            all.extend(flag.or_else(variable).or_else(filed).map(|value| (key, value)));
        }
        Ok(Self(all))
    }

    /// Each option in force; the values of secrets are the places they come from.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value<String>)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    /// Uploads take a share of the memory that a run may hold, where nothing else was said of them.
    pub fn with_memory(mut self, memory: &Value<Option<u64>>) -> Self {
        const KEY: &str = "upload-memory";
        if let (Some(bytes), None) = (memory.value, self.get(KEY)) {
            let share = (bytes / 4).clamp(LEAST_UPLOAD_BYTES, USUAL_UPLOAD_BYTES);
            self.0.push((KEY, Value { value: format!("{}K", share >> 10), origin: memory.origin.clone() }));
        }
        self
    }

    /// What uploads may hold.
    pub fn upload_bytes(&self) -> u64 {
        self.get("upload-memory").and_then(sizes::parse).unwrap_or(USUAL_UPLOAD_BYTES)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value.value.as_str())
    }

    fn read<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<Option<T>, Failure> {
        let Some((_, value)) = self.0.iter().find(|(name, _)| *name == key) else { return Ok(None) };
        match parse(&value.value) {
            Some(found) => Ok(Some(found)),
            None => {
                let (text, from) = (&value.value, value.origin.describe());
                let message = tr!("store option {key}: {text:?} makes no sense", "存储选项 {key}：{text:?} 无法识别");
                Err(Failure::usage(message).hint(tr!("{wanted} (it comes from: {from})", "{wanted}（来自：{from}）")))
            }
        }
    }

    /// Everything for a place.
    pub fn choose(&self, place: Place) -> Result<Chosen, Failure> {
        let mut settings = Settings::new(place);
        settings.endpoint = self.read(
            "endpoint",
            endpoint,
            &tr!("write http://HOST:PORT or https://HOST", "请写成 http://主机:端口 或 https://主机"),
        )?;
        settings.region = self.get("region").map(str::to_string);
        settings.is_path_style = self.read("path-style", switch, &tr!("write true or false", "请写 true 或 false"))?;
        settings.credentials = self.credentials()?;
        settings.ca_file = self.get("ca-file").map(PathBuf::from);
        let checksums = tr!("write crc32c or none", "请写 crc32c 或 none");
        settings.checksum = self.read("checksum", checksum, &checksums)?.unwrap_or_default();
        settings.lock = self.read(
            "object-lock",
            lock,
            &tr!("write governance:30d or compliance:30d", "请写 governance:30d 或 compliance:30d"),
        )?;
        let sizes_hint = tr!("write a size such as 20M", "请写大小，如 20M");
        if let Some(bytes) = self.read(
            "part-size",
            |text| sizes::parse(text).filter(|b| *b >= 5 << 20),
            &tr!("write a size of at least 5M", "请写不小于 5M 的大小"),
        )? {
            settings.part_bytes = bytes;
        }
        let times = tr!("write a time such as 90s, 5m or 1h", "请写时长，如 90s、5m 或 1h");
        if let Some(timeout_ms) = self.read("timeout", time::parse_duration_ms, &times)? {
            settings.answer_timeout_ms = timeout_ms;
            settings.connect_timeout_ms = settings.connect_timeout_ms.min(timeout_ms);
        }
        let rate = |key| self.read(key, |text| sizes::parse(text).filter(|rate| *rate > 0), &sizes_hint);
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let numbers = tr!("write a number above 0", "请写大于 0 的数");
        let limits = Limits {
            up_bytes: rate("upload-limit")?,
            down_bytes: rate("download-limit")?,
            calls: self.read("request-limit", number, &numbers)?,
        };
        let uploads = self.read(
            "uploads",
            |text| text.parse::<usize>().ok().filter(|n| (1..=64).contains(n)),
            &tr!("write a number from 1 to 64", "请写 1 到 64 之间的数"),
        )?;
        let threads = uploads.unwrap_or(USUAL_UPLOADS);
        let waiting_bytes = self.read("upload-memory", sizes::parse, &sizes_hint)?.unwrap_or(USUAL_UPLOAD_BYTES);
        let bounds = Bounds { threads, waiting_bytes };
        let patience_ms = self.read("patience", time::parse_duration_ms, &times)?.unwrap_or(USUAL_PATIENCE_MS);
        Ok(Chosen { settings, limits, patience_ms, bounds })
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        let read = |key: &str| match self.get(key) {
            Some(reference) => Reference::parse(reference)?.read(&tr!("{key}: ", "{key}：")).map(Some),
            None => Ok(None),
        };
        match (self.get("access-key-id"), read("secret-access-key")?) {
            (Some(id), Some(secret)) => {
                Ok(Credentials::Static { id: id.to_string(), secret, token: read("session-token")? })
            }
            (None, None) => {
                Ok(self.get("profile").map_or(Credentials::Chain, |name| Credentials::Profile(name.into())))
            }
            _ => Err(Failure::usage(tr!(
                "access-key-id and secret-access-key go together",
                "access-key-id 与 secret-access-key 须同时给出"
            ))
            .hint(credentials_hint())),
        }
    }
}

/// Where credentials may come from.
pub fn credentials_hint() -> String {
    tr!(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials, or in [store] of the configuration: access-key-id = \"…\", secret-access-key = \"file:/etc/datakeep/secret-key\"",
        "请设置 AWS_ACCESS_KEY_ID 和 AWS_SECRET_ACCESS_KEY，或使用 ~/.aws/credentials 中的 profile，或在配置的 [store] 中写：access-key-id = \"…\"、secret-access-key = \"file:/etc/datakeep/secret-key\""
    )
}

fn endpoint(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let host = rest.trim_end_matches('/');
    let is_plain = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
    (matches!(scheme, "http" | "https") && is_plain).then(|| format!("{scheme}://{host}"))
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

fn checksum(text: &str) -> Option<Checksum> {
    match text {
        "crc32c" => Some(Checksum::Crc32c),
        "none" => Some(Checksum::None),
        _ => None,
    }
}

fn lock(text: &str) -> Option<Lock> {
    let (mode, days) = text.split_once(':')?;
    let mode = match mode {
        "governance" => LockMode::Governance,
        "compliance" => LockMode::Compliance,
        _ => return None,
    };
    let days = days.strip_suffix('d')?.parse().ok().filter(|days| (1..=36_500).contains(days))?;
    Some(Lock { mode, days })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    fn resolve(flags: &[&str]) -> Result<Chosen, Failure> {
        let flags: Vec<String> = flags.iter().map(|flag| flag.to_string()).collect();
        StoreOptions::resolve(&flags, &Vec::new())?.choose(Place::parse("s3://bucket/p").unwrap().unwrap())
    }

    #[test]
    fn options_are_read() {
        let chosen = resolve(&[
            "endpoint=http://127.0.0.1:9000/",
            "region=cn-north-1",
            "path-style=false",
            "object-lock=compliance:30d",
            "upload-limit=20M",
            "patience=90s",
            "uploads=4",
            "part-size=16M",
        ])
        .unwrap();
        assert_eq!(chosen.settings.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(chosen.settings.is_path_style, Some(false));
        assert_eq!(chosen.settings.lock, Some(Lock { mode: LockMode::Compliance, days: 30 }));
        assert_eq!(chosen.limits.up_bytes, Some(20 << 20));
        assert_eq!((chosen.patience_ms, chosen.bounds.threads, chosen.settings.part_bytes), (90_000, 4, 16 << 20));
    }

    #[test]
    fn slips_are_told_with_what_is_wanted() {
        let check = |flag: &str, word: &str| {
            let failure = resolve(&[flag]).err().unwrap();
            assert_eq!(failure.code().0, 2, "{flag}");
            assert!(format!("{failure:?}").contains(word), "{flag}: {failure:?}");
        };
        check("endpont=x", "`endpoint`");
        check("endpoint=127.0.0.1", "http://HOST");
        check("endpoint=http://u:p@h", "http://HOST");
        check("path-style=maybe", "true or false");
        check("checksum=md6", "crc32c");
        check("object-lock=forever", "governance:30d");
        check("uploads=0", "1 to 64");
        check("part-size=1M", "5M");
        check("patience=soon", "90s");
        check("region", "KEY=VALUE");
    }

    #[test]
    fn a_secret_in_an_argument_is_refused_and_not_repeated() {
        let failure = resolve(&["secret-access-key=hunter2"]).err().unwrap();
        assert!(!format!("{failure:?}").contains("hunter2"));
        assert!(failure.hint.unwrap().contains("AWS_SECRET_ACCESS_KEY"));
        let failure = resolve(&["hunter2"]).err().unwrap();
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}
