//! The configuration file: TOML, unknown keys refused with line and near match.

use crate::config::{Origin, Value};
use crate::errors::Failure;
use crate::secrets::Reference;
use crate::stores::options;
use crate::words::{Lang, tr};
use datakeep_distribute::near::nearest;
use datakeep_model::ErrorKind;
use std::io::Read;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Options of the store, by name; secrets are references to where they are.
pub type StoreValues = Vec<(String, Value<String>)>;

/// Names of flags of `backup`, each with its values.
pub type BackupValues = Vec<(String, Value<Vec<String>>)>;

/// What the file says of the repository to copy to.
#[derive(Clone, Debug, Default)]
pub struct CopyValues {
    /// `repository`.
    pub repository: Option<Value<String>>,
    /// `password`.
    pub password: Option<Value<Reference>>,
}

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct FileValues {
    /// `repository`.
    pub repository: Option<Value<String>>,
    /// `cache-dir`.
    pub cache_dir: Option<Value<String>>,
    /// `password`.
    pub password: Option<Value<Reference>>,
    /// `unencrypted`.
    pub unencrypted: Option<Value<bool>>,
    /// `cache-size`.
    pub cache_size: Option<Value<String>>,
    /// `memory`.
    pub memory: Option<Value<String>>,
    /// `kdf-limit`.
    pub kdf_limit: Option<Value<String>>,
    /// `language`.
    pub language: Option<Value<Lang>>,
    /// `color`.
    pub colour: Option<Value<bool>>,
    /// `[copy]`.
    pub copy: CopyValues,
    /// `[backup]`: names as the flags of `backup`, each with its values.
    pub backup: BackupValues,
    /// `[store]`: names as the keys of `--store-option`.
    pub store: StoreValues,
}

impl FileValues {
    /// Values of a key of `[backup]`.
    pub fn backup(&self, name: &str) -> &[String] {
        self.backup.iter().find(|(key, _)| key == name).map_or(&[], |(_, value)| &value.value)
    }
}

const KEYS: [&str; 12] = [
    "repository",
    "cache-dir",
    "cache-size",
    "password",
    "unencrypted",
    "kdf-limit",
    "memory",
    "language",
    "color",
    "backup",
    "store",
    "copy",
];
const COPY_KEYS: [&str; 2] = ["repository", "password"];
/// Keys of `[backup]` and whether each is a switch.
const BACKUP_KEYS: [(&str, bool); 10] = [
    ("exclude", false),
    ("exclude-file", false),
    ("exclude-if-present", false),
    ("exclude-larger-than", false),
    ("exclude-caches", true),
    ("one-file-system", true),
    ("no-xattrs", true),
    ("compression", false),
    ("host", false),
    ("workers", false),
];

/// Longest configuration file read.
const MAX_LEN_BYTES: u64 = 1 << 20;

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

/// Reads the file. A file that nobody named may be missing.
pub fn read(path: &Path, must_exist: bool) -> Result<FileValues, Failure> {
    let text = match read_limited(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(FileValues::default()),
        Err(error) => {
            let shown = path.display();
            let failure =
                Failure::io(tr!("cannot read the configuration file {shown}", "无法读取配置文件 {shown}"), &error);
            let failure = failure.hint(tr!(
                "look at the path and its permissions, or name another file: --config FILE",
                "请检查路径和权限，或指定其他文件：--config 文件"
            ));
            return Err(Failure { kind: ErrorKind::Usage, ..failure });
        }
    };
    parse(path, &text)
}

/// What a text says; `path` is for complaints.
pub fn parse(path: &Path, text: &str) -> Result<FileValues, Failure> {
    Reader { path, text }.values()
}

/// Reads text of a plausible length: a device, or a wrong file, would be read for ever.
fn read_limited(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_LEN_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_LEN_BYTES {
        let why = tr!("a configuration file has at most 1 MiB", "配置文件最大为 1 MiB");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
    }
    Ok(text)
}

impl Reader<'_> {
    fn line(&self, at_byte: usize) -> usize {
        self.text.get(..at_byte).unwrap_or(self.text).matches('\n').count() + 1
    }

    fn refuse(&self, line: usize, why: String) -> Failure {
        let path = self.path.display();
        Failure::usage(tr!("{path}, line {line}: {why}", "{path} 第 {line} 行：{why}"))
    }

    fn values(&self) -> Result<FileValues, Failure> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let line = self.line(error.span().map_or(0, |span| span.start));
            self.refuse(line, error.message().to_string())
        })?;
        let mut values = FileValues::default();
        for (key, value) in table.get_ref() {
            let line = self.line(key.span().start);
            let origin = Origin::File(line);
            match key.get_ref().as_ref() {
                "repository" => values.repository = Some(Value { value: self.text(value, line)?, origin }),
                "cache-dir" => values.cache_dir = Some(Value { value: self.text(value, line)?, origin }),
                "password" => values.password = Some(Value { value: self.reference(value, line)?, origin }),
                "language" => {
                    let name = self.text(value, line)?;
                    let lang = Lang::parse(&name)
                        .ok_or_else(|| self.refuse(line, tr!("there is no language {name:?}", "没有语言 {name:?}")))?;
                    values.language = Some(Value { value: lang, origin });
                }
                "cache-size" => values.cache_size = Some(Value { value: self.text(value, line)?, origin }),
                "memory" => values.memory = Some(Value { value: self.text(value, line)?, origin }),
                "kdf-limit" => values.kdf_limit = Some(Value { value: self.text(value, line)?, origin }),
                "unencrypted" => values.unencrypted = Some(Value { value: self.switch(value, line)?, origin }),
                "color" => values.colour = Some(Value { value: self.switch(value, line)?, origin }),
                "backup" => values.backup = self.backup(value, line)?,
                "store" => values.store = self.store(value, line)?,
                "copy" => values.copy = self.copy(value, line)?,
                other => return Err(self.unknown(other, line, &KEYS)),
            }
        }
        Ok(values)
    }

    fn unknown(&self, key: &str, line: usize, known: &[&str]) -> Failure {
        let shown = datakeep_model::escape_for_terminal(key.as_bytes());
        let failure = self.refuse(line, tr!("unknown key `{shown}`", "未知的键 `{shown}`"));
        let known_list = known.join(", ");
        failure.hint(match nearest(key, known.iter().copied()) {
            Some(near) => tr!("did you mean `{near}`?", "是否想写 `{near}`？"),
            None => tr!("known keys: {known_list}", "可用的键：{known_list}"),
        })
    }

    fn text(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Result<String, Failure> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.to_string()),
            _ => Err(self.refuse(line, tr!("this must be a text in quotes", "此处应为带引号的文本"))),
        }
    }

    fn reference(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Result<Reference, Failure> {
        let reference = Reference::parse(&self.text(value, line)?);
        reference.map_err(|failure| Failure { message: self.refuse(line, failure.message.clone()).message, ..failure })
    }

    fn switch(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Result<bool, Failure> {
        match value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.refuse(line, tr!("this must be true or false", "此处应为 true 或 false"))),
        }
    }

    fn store(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Result<StoreValues, Failure> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.refuse(line, tr!("`store` must be a table: [store]", "`store` 应为表：[store]")));
        };
        let mut values = Vec::new();
        for (key, value) in table {
            let line = self.line(key.span().start);
            let name = key.get_ref().as_ref();
            if options::known(name).is_err() {
                return Err(self.unknown(name, line, &options::KEYS.map(|(known, _)| known)));
            }
            let text = match value.get_ref() {
                DeValue::Boolean(value) => value.to_string(),
                _ => self.text(value, line)?,
            };
            if options::SECRET.contains(&name) {
                Reference::parse(&text).map_err(|failure| Failure {
                    message: self.refuse(line, failure.message.clone()).message,
                    ..failure
                })?;
            }
            values.push((name.to_string(), Value { value: text, origin: Origin::File(line) }));
        }
        Ok(values)
    }

    fn copy(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Result<CopyValues, Failure> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.refuse(line, tr!("`copy` must be a table: [copy]", "`copy` 应为表：[copy]")));
        };
        let mut values = CopyValues::default();
        for (key, value) in table {
            let line = self.line(key.span().start);
            let origin = Origin::File(line);
            match key.get_ref().as_ref() {
                "repository" => values.repository = Some(Value { value: self.text(value, line)?, origin }),
                "password" => values.password = Some(Value { value: self.reference(value, line)?, origin }),
                other => return Err(self.unknown(other, line, &COPY_KEYS)),
            }
        }
        Ok(values)
    }

    fn backup(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Result<BackupValues, Failure> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.refuse(line, tr!("`backup` must be a table: [backup]", "`backup` 应为表：[backup]")));
        };
        let mut values = Vec::new();
        for (key, value) in table {
            let line = self.line(key.span().start);
            let name = key.get_ref().as_ref();
            let Some((_, is_switch)) = BACKUP_KEYS.iter().find(|(known, _)| *known == name) else {
                return Err(self.unknown(name, line, &BACKUP_KEYS.map(|(known, _)| known)));
            };
            let texts = match value.get_ref() {
                _ if *is_switch => vec![self.switch(value, line)?.to_string()],
                DeValue::Array(items) => items.iter().map(|item| self.text(item, line)).collect::<Result<_, _>>()?,
                _ => vec![self.text(value, line)?],
            };
            values.push((name.to_string(), Value { value: texts, origin: Origin::File(line) }));
        }
        Ok(values)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<FileValues, Failure> {
        super::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn a_whole_file_is_read_with_lines() {
        let values = parse("repository = \"/backup\"\npassword = \"file:/pw\"\n\n[backup]\nexclude = [\"*.o\", \"x\"]\nexclude-caches = true\nworkers = 3\n").unwrap();
        assert_eq!(values.repository.as_ref().map(|v| v.origin.clone()), Some(Origin::File(1)));
        assert_eq!(values.backup("exclude"), ["*.o", "x"]);
        assert_eq!(values.backup("exclude-caches"), ["true"]);
        assert_eq!(values.backup("workers"), ["3"]);
    }

    #[test]
    fn slips_are_errors_with_line_and_near_match() {
        let failure = parse("\nrepositroy = \"/x\"\n").unwrap_err();
        assert!(failure.message.contains("line 2"), "{failure:?}");
        assert!(failure.hint.unwrap().contains("`repository`"));
        let failure = parse("[backup]\n\nexlude = []\n").unwrap_err();
        assert!(failure.message.contains("line 3"), "{failure:?}");
        let failure = parse("[copy]\npasword = \"file:/x\"\n").unwrap_err();
        assert!(failure.message.contains("line 2") && failure.hint.unwrap().contains("`password`"));
        assert!(parse("[copy]\npassword = \"hunter2\"\n").is_err());
        assert!(parse("copy = 1\n").is_err());
        assert!(parse("repository = 1.5").is_err());
        assert!(parse("repository = ").unwrap_err().message.contains("line 1"));
    }

    /// What both READMEs show is everything there is, and is accepted.
    #[test]
    fn the_documented_file_is_whole() {
        for readme in [include_str!("../../../README.md"), include_str!("../../../README.zh.md")] {
            let text = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
            let values = parse(text).unwrap();
            assert_eq!(values.backup.len(), BACKUP_KEYS.len());
            assert_eq!(values.store.len(), options::KEYS.len());
            assert!(values.copy.repository.is_some() && values.copy.password.is_some());
            for key in KEYS.iter().copied().filter(|key| !["backup", "store", "copy"].contains(key)) {
                assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
            }
        }
    }

    #[test]
    fn a_literal_password_is_refused_without_repeating_it() {
        let failure = parse("password = \"hunter2\"").unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"));
        assert!(failure.hint.is_some());
    }
}
