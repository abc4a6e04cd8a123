//! What names a snapshot and a path in it, as a target of the harness in `testkit::fuzz`.

use crate::split_place;
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// The two halves are the text again, but for the colon between them.
fn place(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    match split_place(text) {
        (snapshot, None) => Verdict::Same(snapshot.as_bytes().to_vec()),
        (snapshot, Some(path)) => Verdict::Same(format!("{snapshot}:{path}").into_bytes()),
    }
}

#[test]
fn fuzz() {
    let places = ["", "latest", "files:/etc/x", "files@2026-01-02 10:11:12:/etc", "files@2026-01-02T10:11", "a:b:c"];
    fuzz::check("distribute", &[Target::text("place", &places, place)]);
}
