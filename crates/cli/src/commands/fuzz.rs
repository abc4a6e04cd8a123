//! What people and files tell this program, as targets of the harness in `testkit::fuzz`.

use super::{backup, check, drill, gc};
use crate::stores::Location;
use crate::{args_forget, config_file, place, secrets, sizes, time, words};
use datakeep_model::Timestamp;
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// The program takes arguments that are not text nowhere but in places.
fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).unwrap_or("\0")
}

fn taken(is_taken: bool) -> Verdict {
    if is_taken { Verdict::Taken } else { Verdict::Refused }
}

/// Refused or not, what it says of a secret does not hold one: a literal password is never repeated.
fn configuration(input: &[u8]) -> Verdict {
    taken(config_file::parse(Path::new("config.toml"), text(input)).is_ok())
}

fn reference(input: &[u8]) -> Verdict {
    let _ = secrets::split_arguments(text(input));
    match secrets::Reference::parse(text(input)) {
        Ok(reference) => taken(!reference.describe().is_empty()),
        Err(failure) => {
            let said = format!("{failure:?}");
            let is_secret = text(input).len() > 40 && text(input).is_ascii();
            assert!(!is_secret || !said.contains(text(input)), "{said}");
            Verdict::Refused
        }
    }
}

fn any_place(input: &[u8]) -> Verdict {
    if let Some(bytes) = place::unescape(input) {
        assert!(bytes.len() < input.len());
    }
    let shown = datakeep_model::escape_for_terminal(input);
    let back = place::unescape(shown.as_bytes()).unwrap_or_else(|| shown.clone().into_bytes());
    assert_eq!(back, input, "what is shown can be typed");
    taken(place::split(OsStr::from_bytes(input)).is_ok())
}

/// Refused or not, what stands before an `@` is never repeated: it may be a secret.
fn location(input: &[u8]) -> Verdict {
    match Location::parse(OsStr::from_bytes(input)) {
        Ok(place) => taken(!place.shown().is_empty() || input.is_empty() || input == b"file:" || input == b"file://"),
        Err(failure) => {
            let before = text(input).split('@').next().filter(|_| input.contains(&b'@'));
            let is_shown = before.is_some_and(|before| before.len() > 12 && format!("{failure:?}").contains(before));
            assert!(!is_shown, "{failure:?}");
            Verdict::Refused
        }
    }
}

fn instant(input: &[u8]) -> Verdict {
    taken(time::parse(text(input), Timestamp::new(1_700_000_000, 5)).is_some())
}

const CONFIGURATION: &str = "repository = \"/backup\"\ncache-dir = \"/cache\"\npassword = \"file:/pw\"\n\
    language = \"zh\"\nkdf-limit = 64\nmemory = \"128M\"\ncolor = false\n[backup]\nexclude = [\"*.o\", \"x\"]\n\
    exclude-caches = true\nworkers = 3\n";

const ASSERTIONS: [&str; 2] = [
    "",
    "[[assert]]\nname = \"orders\"\nsql = \"SELECT count(*) FROM orders\"\nexpected = 3\n[[assert]]\nsql = \"SELECT 1 = 1\"\n",
];

#[test]
fn fuzz() {
    let references = ["env:NAME", "file:/etc/pw", "cmd:pass show 'a b' \"c\\\"d\"", "cred:datakeep-password"];
    let places = ["latest", "files:/etc/x", "a\\x1b\\u{202e}\\\\b", "files@2026-01-02 10:11:/etc", "\\n\\r\\t"];
    let times =
        ["now", "2h", "7d", "2026-01-02", "2026-01-02 23:59", "2026-01-02T10:11:12.5+08:00", "1970-01-02T00:00:00Z"];
    let locations = ["/backup", "file:///b", "s3://bucket/a/b", "oss://bucket", "cos://b-125/p"];
    let targets = [
        // A message shows the line, and a table takes more than its text.
        Target::text("configuration", &[CONFIGURATION, "", "[backup]\n"], configuration).with_memory(256, 2 << 20),
        Target::text("secret-reference", &references, reference),
        Target::text("place", &places, any_place),
        Target::text("time", &times, instant),
        Target::text("duration", &["0", "90s", "10m", "1h", "2d"], |i| taken(gc::patience_ms(text(i)).is_ok())),
        Target::text("amount", &["0", "17", "2K", "3MiB", "1gb"], |i| taken(sizes::parse(text(i)).is_some())),
        Target::text("location", &locations, location),
        Target::text("slice", &["1/1", "3/30"], |i| taken(check::parse_slice(text(i)).is_ok())),
        Target::text("compression", &["fast", "default", "19"], |i| taken(backup::compression(text(i)).is_ok())),
        Target::text("retention-count", &["0", "all", "4294967295"], |i| taken(args_forget::count(text(i)).is_ok())),
        Target::text("assertions", &ASSERTIONS, |i| taken(drill::parse_assertions(text(i)).is_ok()))
            .with_memory(256, 2 << 20),
        Target::text("language", &["en", "zh"], |i| taken(words::Lang::parse(text(i)).is_some())),
    ];
    fuzz::check("cli", &targets);
}
