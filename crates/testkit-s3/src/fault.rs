//! What goes wrong, and with which requests: plain data that a test writes down. Nothing here is chance, and no clock
//! decides anything.

use crate::operation::Operation;
use crate::refusal::Refusal;

/// How one request goes wrong. "Applied" means that the server did what it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Applied, and the answer begins so much later.
    Latency {
        /// Real milliseconds; keep them few.
        ms: u64,
    },
    /// The connection is reset when the head has come; not applied.
    ResetBefore,
    /// The connection is reset when so much of the body has come; not applied.
    ResetInRequest {
        /// 0 to 16.
        sixteenths: u8,
    },
    /// Applied; the connection is reset instead of an answer.
    LostAnswer,
    /// Applied; the connection is reset when so much of the answer's body was sent.
    ResetInBody {
        /// 0 to 16.
        sixteenths: u8,
    },
    /// Applied; the connection ends in order when so much of the answer's body was sent.
    CutBody {
        /// 0 to 16.
        sixteenths: u8,
    },
    /// Nothing ever comes, and the connection stays open until the client gives up; not applied.
    Stall,
    /// Applied, but nothing ever comes, and the connection stays open until the client gives up.
    StallAfter,
    /// Applied; nothing more comes after so much of the answer's body.
    StallInBody {
        /// 0 to 16.
        sixteenths: u8,
    },
    /// Applied; `Content-Length` is so much more or less than what is sent.
    WrongLength {
        /// Added to the true length.
        by_bytes: i64,
    },
    /// Applied; one bit in the middle of the answer's body is another, and its length is right.
    WrongBytes,
    /// Not applied; this is the answer.
    Instead(Refusal),
    /// Applied; this is the answer all the same.
    Afterwards(Refusal),
    /// Applied twice, one right after the other; the second answer is sent.
    Twice,
    /// The connection is reset; applied right after the next request that matches.
    Late {
        /// Which request overtakes this one.
        overtaken_by: Match,
    },
    /// A listing says that there is more, and gives the token it was asked with (or one that begins anew).
    RepeatedToken,
    /// A listing lacks the entry in this place of the page.
    MissingEntry {
        /// Counted from 0.
        nth: usize,
    },
    /// A listing has the entry in this place of the page twice.
    DoubledEntry {
        /// Counted from 0.
        nth: usize,
    },
}

/// Which requests are meant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Match {
    /// One of these; all when there are none.
    pub operations: Vec<Operation>,
    /// How the object's name begins (for listings, the prefix that is listed).
    pub key_prefix: String,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of one operation.
    pub fn on(operation: Operation) -> Self {
        Self { operations: vec![operation], key_prefix: String::new() }
    }

    /// Whether a request is meant.
    pub(crate) fn fits(&self, operation: Operation, key: &str) -> bool {
        (self.operations.is_empty() || self.operations.contains(&operation)) && key.starts_with(&self.key_prefix)
    }
}

/// A fault and the requests it strikes: of those that match, the first `skip` pass, then `times` are struck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Which requests are counted.
    pub on: Match,
    /// How many pass before.
    pub skip: u64,
    /// How many are struck; [`Rule::ALWAYS`] until the faults are cleared.
    pub times: u64,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    /// Until the faults are cleared.
    pub const ALWAYS: u64 = u64::MAX;

    /// The next request of an operation.
    pub fn on(operation: Operation, fault: Fault) -> Self {
        Self { on: Match::on(operation), skip: 0, times: 1, fault }
    }

    /// The next request, whatever it is.
    pub fn next(fault: Fault) -> Self {
        Self { on: Match::any(), skip: 0, times: 1, fault }
    }

    /// The `n`-th request from now, counted from 1.
    pub fn nth(n: u64, fault: Fault) -> Self {
        Self { skip: n.saturating_sub(1), ..Self::next(fault) }
    }

    /// Only names that begin so.
    #[must_use]
    pub fn under(mut self, key_prefix: &str) -> Self {
        self.on.key_prefix = key_prefix.to_owned();
        self
    }

    /// Lets so many pass before.
    #[must_use]
    pub fn after(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Strikes so many.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Strikes until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(Self::ALWAYS)
    }
}

/// The rules of a server. Of several that strike at once, the one written down first does; the others count on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Plan {
    rules: Vec<(Rule, u64)>,
}

impl Plan {
    /// Adds a rule; it counts from now on.
    pub(crate) fn push(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    /// Forgets all rules.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts a request; tells what happens to it.
    pub(crate) fn fate(&mut self, operation: Operation, key: &str) -> Option<Fault> {
        let mut fate = None;
        for (rule, seen) in self.rules.iter_mut().filter(|(rule, _)| rule.on.fits(operation, key)) {
            let nth = *seen;
            *seen += 1;
            if fate.is_none() && nth >= rule.skip && nth - rule.skip < rule.times {
                fate = Some(rule.fault.clone());
            }
        }
        fate
    }
}

/// `sixteenths` of a length.
pub(crate) fn share(len_bytes: usize, sixteenths: u8) -> usize {
    len_bytes * usize::from(sixteenths.min(16)) / 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation::{DeleteObject, GetObject, PutObject};

    #[test]
    fn a_rule_counts_what_it_matches_and_nothing_else() {
        let mut plan = Plan::default();
        plan.push(Rule::on(GetObject, Fault::WrongBytes).under("data/").after(1).times(2));
        let calls = [
            (GetObject, "data/1", false),
            (PutObject, "data/2", false),
            (GetObject, "index/1", false),
            (GetObject, "data/2", true),
            (GetObject, "data/3", true),
            (GetObject, "data/4", false),
        ];
        for (operation, key, is_struck) in calls {
            assert_eq!(plan.fate(operation, key).is_some(), is_struck, "{key}");
        }
    }

    #[test]
    fn the_nth_request_is_struck_and_the_first_rule_wins() {
        let mut plan = Plan::default();
        plan.push(Rule::nth(2, Fault::Stall));
        plan.push(Rule::next(Fault::Twice).always());
        let fates = [GetObject, DeleteObject, PutObject].map(|operation| plan.fate(operation, "k"));
        assert_eq!(fates, [Some(Fault::Twice), Some(Fault::Stall), Some(Fault::Twice)]);
        plan.clear();
        assert_eq!(plan.fate(GetObject, "k"), None);
        assert_eq!([share(100, 0), share(100, 8), share(100, 16), share(100, 99)], [0, 50, 100, 100]);
    }
}
