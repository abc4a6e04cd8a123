//! The parsers of this crate as targets of the harness in `testkit::fuzz`.

use crate::{ItemPath, SessionId};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

fn id(input: &[u8]) -> Verdict {
    let id = std::str::from_utf8(input).ok().and_then(SessionId::from_hex);
    id.map_or(Verdict::Refused, |id| Verdict::Same(id.to_hex().into_bytes()))
}

fn key(input: &[u8]) -> Verdict {
    ItemPath::from_key(input).map_or(Verdict::Refused, |path| Verdict::Same(path.to_key()))
}

/// People may write more slashes and dots than there need be.
fn path(input: &[u8]) -> Verdict {
    let Ok(path) = ItemPath::parse(input) else { return Verdict::Refused };
    assert_eq!(ItemPath::from_key(&path.to_key()).as_ref(), Ok(&path));
    assert!(path.to_string().chars().all(|c| !c.is_control()));
    Verdict::Like(path.as_bytes().to_vec())
}

#[test]
fn fuzz() {
    let plain: [&[u8]; 6] = [b"", b"a", b"a/b/c", b"a\x01b/\x02/c", b"etc/\xff\xfe", b"dir.with.dots/...x"];
    let keys = plain.iter().map(|path| ItemPath::parse(path).expect("a path").to_key());
    // One pass, however many components there are.
    let many = [b"a/".repeat(1 << 12), b"a".to_vec()].concat();
    let many = ItemPath::parse(&many).expect("a path").to_key();
    let keys = keys.chain([many]).collect();
    let ids = Target::text("id", &["000102030405060708090a0b", "ffffffffffffffffffffffff"], id);
    let keys = Target::bytes("path-from-key", keys, key).open();
    let paths = Target::text("path", &["", "a", "/a//b/./c/", "a\u{1}b/\u{2}", "x\u{202e}/y"], path);
    fuzz::check("model", &[ids, keys, paths]);
}
