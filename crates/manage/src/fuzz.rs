//! The parsers of retention rules as targets of the harness in `testkit::fuzz`.

use crate::{GroupBy, Span};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

fn span(input: &[u8]) -> Verdict {
    let span = text(input).and_then(Span::parse);
    span.map_or(Verdict::Refused, |span| Verdict::Like(span.to_string().into_bytes()))
}

fn group_by(input: &[u8]) -> Verdict {
    text(input).and_then(GroupBy::parse).map_or(Verdict::Refused, |_| Verdict::Taken)
}

#[test]
fn fuzz() {
    let targets = [
        Target::text("span", &["30d", "36h", "1y6mo", "1y2mo3w4d5h", "65535d"], span),
        Target::text("group-by", &["none", "source", "source,host", "tags,source,host"], group_by),
    ];
    fuzz::check("manage", &targets);
}
