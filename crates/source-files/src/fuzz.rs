//! What people write to name files, as targets of the harness in `testkit::fuzz`.

use crate::exclude::Exclude;
use crate::location;
use crate::options::Reader;
use datakeep_connector::Options;
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};
use std::path::Path;

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).unwrap_or("\0")
}

fn taken<T, E>(outcome: Result<T, E>) -> Verdict {
    if outcome.is_ok() { Verdict::Taken } else { Verdict::Refused }
}

fn place(input: &[u8]) -> Verdict {
    let _ = location::is_path(text(input));
    taken(location::parse(text(input), Path::new("/here/and/there")))
}

/// One pattern to a line. What is taken is matched against a few names.
fn pattern(input: &[u8]) -> Verdict {
    let patterns: Vec<String> = text(input).lines().map(str::to_owned).collect();
    let options = Options::from([("exclude".to_owned(), patterns)]);
    let read = Reader::new(&options, &Exclude::OPTIONS).and_then(|reader| Exclude::read(&reader));
    if let Ok(exclude) = &read {
        for name in [&b"a"[..], b"a/b/c.txt", b"\xff\xfe/\x01.tmp", &[b'a'; 300]] {
            let _ = (exclude.leaves_out(name, false), exclude.leaves_out(name, true));
        }
    }
    taken(read)
}

fn size(input: &[u8]) -> Verdict {
    let options = Options::from([("exclude-larger-than".to_owned(), vec![text(input).to_owned()])]);
    taken(Reader::new(&options, &Exclude::OPTIONS).and_then(|reader| reader.bytes("exclude-larger-than")))
}

#[test]
fn fuzz() {
    let patterns =
        ["*.o", "/top", "a/b\n**/c\n!keep.log", "cache/**", "[!ab].txt", "{a,b}{c,d}?", "\\!x", "[a-z]*[0-9]"];
    let targets = [
        Target::text("location", &["/etc", "relative/./path/../x", "file:/a/", "ab:c", "/a/.", "~"], place),
        // Patterns become automata, each with a limit of its own in the library.
        Target::text("exclude-pattern", &patterns, pattern).with_memory(64 << 10, 16 << 20),
        Target::text("size", &["17", "2K", "3MiB", "4 GB", "18446744073709551615"], size),
    ];
    fuzz::check("source-files", &targets);
}
