//! What is left out: patterns as in a `.gitignore`, marked directories, large files.

use crate::options::{Reader, usage};
use datakeep_connector::ConnectorError;
use datakeep_model::ErrorKind;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Name of the tag that marks a cache directory (bford.info/cachedir).
pub(crate) const CACHE_TAG_NAME: &[u8] = b"CACHEDIR.TAG";
/// What a cache tag begins with.
pub(crate) const CACHE_TAG_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Longest exclude file read.
const MAX_FILE_LEN_BYTES: u64 = 16 << 20;

/// Everything that decides whether an entry is left out.
pub(crate) struct Exclude {
    patterns: Gitignore,
    /// A directory that holds an entry of one of these names is kept as an entry only.
    pub if_present: Vec<Vec<u8>>,
    /// So is a directory that holds a valid cache tag.
    pub caches: bool,
    larger_than_bytes: Option<u64>,
}

impl Exclude {
    /// Option names read here.
    pub const OPTIONS: [&'static str; 5] =
        ["exclude", "exclude-file", "exclude-if-present", "exclude-caches", "exclude-larger-than"];

    pub fn read(options: &Reader<'_>) -> Result<Self, ConnectorError> {
        Ok(Self {
            patterns: patterns(options)?,
            if_present: marker_names(options)?,
            caches: options.flag("exclude-caches")?,
            larger_than_bytes: options.bytes("exclude-larger-than")?,
        })
    }

    /// True when there is any pattern to match.
    pub fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// True when the entry at `path`, relative to the location that was asked for, is left out.
    pub fn leaves_out(&self, path: &[u8], is_directory: bool) -> bool {
        self.patterns.matched(Path::new(OsStr::from_bytes(path)), is_directory).is_ignore()
    }

    /// True when a regular file of this length is left out.
    pub fn is_too_large(&self, len_bytes: u64) -> bool {
        self.larger_than_bytes.is_some_and(|limit| len_bytes > limit)
    }
}

fn patterns(options: &Reader<'_>) -> Result<Gitignore, ConnectorError> {
    let mut builder = GitignoreBuilder::new("");
    // A class that is never closed is a slip, not a literal bracket.
    builder.allow_unclosed_class(false);
    for pattern in options.many("exclude") {
        // On a command line nothing is a comment.
        let text = if pattern.starts_with('#') { format!("\\{pattern}") } else { pattern.clone() };
        add(&mut builder, &text, pattern, &|| "option `exclude`".to_owned())?;
    }
    for file in options.many("exclude-file") {
        let bytes = read_limited(file).map_err(|error| {
            let kind =
                if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Usage };
            ConnectorError::new(kind, format!("cannot read exclude file `{file}`: {error}"))
        })?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let place = || format!("{file}, line {}", index + 1);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line =
                std::str::from_utf8(line).map_err(|_| usage(format!("{}: the pattern is not UTF-8", place())))?;
            add(&mut builder, line, line, &place)?;
        }
    }
    builder.build().map_err(|error| usage(format!("the exclude patterns cannot be combined: {error}")))
}

/// Reads an exclude file of a plausible length: a device, or a wrong file, would be read for ever.
fn read_limited(file: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_FILE_LEN_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_LEN_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is longer than 16 MiB"));
    }
    Ok(bytes)
}

fn add(
    builder: &mut GitignoreBuilder,
    text: &str,
    given: &str,
    place: &dyn Fn() -> String,
) -> Result<(), ConnectorError> {
    let bad = |why: String| {
        usage(format!("bad exclude pattern `{given}` ({}): {why}", place()))
            .with_hint("patterns follow the rules of .gitignore; put a backslash before a special character")
    };
    if text.contains('\0') {
        return Err(bad("it contains a NUL byte".to_owned()));
    }
    match builder.add_line(None, text) {
        Ok(_) => Ok(()),
        Err(ignore::Error::Glob { err, .. }) => Err(bad(err)),
        Err(other) => Err(bad(other.to_string())),
    }
}

fn marker_names(options: &Reader<'_>) -> Result<Vec<Vec<u8>>, ConnectorError> {
    let names = options.many("exclude-if-present").iter();
    names
        .map(|name| match datakeep_model::path::check_name(name.as_bytes()) {
            Ok(()) => Ok(name.as_bytes().to_vec()),
            Err(error) => Err(usage(format!("option `exclude-if-present`: `{name}` is not a file name: {error}"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datakeep_connector::Options;
    use std::io::Write;

    fn read(pairs: &[(&str, &[&str])]) -> Result<Exclude, ConnectorError> {
        let options: Options =
            pairs.iter().map(|(n, v)| ((*n).to_owned(), v.iter().map(|&v| v.to_owned()).collect())).collect();
        Exclude::read(&Reader::new(&options, &Exclude::OPTIONS)?)
    }

    #[test]
    fn patterns_work_as_in_gitignore() {
        let check = |patterns: &[&str], path: &str, is_directory: bool, expect: bool| {
            let exclude = read(&[("exclude", patterns)]).expect("good patterns");
            assert_eq!(exclude.leaves_out(path.as_bytes(), is_directory), expect, "{patterns:?} {path}");
        };
        check(&["*.o"], "a/b.o", false, true);
        check(&["*.o"], "a/b.c", false, false);
        check(&["/top"], "top", false, true);
        check(&["/top"], "a/top", false, false);
        check(&["a/b"], "a/b", false, true);
        check(&["a/b"], "x/a/b", false, false);
        check(&["**/a/b"], "x/a/b", false, true);
        check(&["build/"], "x/build", true, true);
        check(&["build/"], "x/build", false, false);
        check(&["*.log", "!keep.log"], "keep.log", false, false);
        check(&["*.log", "!keep.log"], "drop.log", false, true);
        check(&["!keep.log", "*.log"], "keep.log", false, true);
        check(&["cache/**"], "cache", true, false);
        check(&["cache/**"], "cache/x", false, true);
        check(&["[ab].txt"], "b.txt", false, true);
        check(&["[!ab].txt"], "b.txt", false, false);
        check(&["#auto#"], "#auto#", false, true);
        check(&["\\!x"], "!x", false, true);
        check(&["a?c"], "abc", false, true);
        check(&["*"], "anything", false, true);
        check(&[], "anything", false, false);
    }

    #[test]
    fn bytes_that_are_not_text_can_be_matched() {
        let exclude = read(&[("exclude", &["*.tmp"])]).expect("good");
        assert!(exclude.leaves_out(b"\xff\xfe/\x01.tmp", false));
        assert!(!exclude.leaves_out(b"\xff\xfe/\x01.tm", false));
    }

    #[test]
    fn a_bad_pattern_is_named_with_its_place() {
        let error = read(&[("exclude", &["a[b"])]).err().expect("refused");
        assert_eq!(error.kind, ErrorKind::Usage);
        assert!(error.message.contains("`a[b`") && error.message.contains("unclosed"), "{}", error.message);

        let mut file = tempfile::NamedTempFile::new().expect("temp");
        file.write_all(b"# comment\n*.o\nx{a,b\n").expect("write");
        let path = file.path().to_str().expect("text").to_owned();
        let error = read(&[("exclude-file", &[&path])]).err().expect("refused");
        assert!(error.message.contains("`x{a,b`") && error.message.contains("line 3"), "{}", error.message);
        assert!(error.message.contains(&path));

        let long = tempfile::NamedTempFile::new().expect("temp");
        long.as_file().set_len(MAX_FILE_LEN_BYTES + 1).expect("set");
        let error = read(&[("exclude-file", &[long.path().to_str().expect("text")])]).err().expect("refused");
        assert!(error.message.contains("16 MiB"), "{}", error.message);
        let error = read(&[("exclude-file", &["/does/not/exist"])]).err().expect("refused");
        assert_eq!(error.kind, ErrorKind::NotFound);
        let error = read(&[("exclude-if-present", &["a/b"])]).err().expect("refused");
        assert_eq!(error.kind, ErrorKind::Usage);
    }
}
