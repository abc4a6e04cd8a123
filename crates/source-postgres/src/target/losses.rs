//! What could not be made as it was, told once for each reason.

use datakeep_connector::SchemaObject;
use std::collections::BTreeMap;

/// Objects that are named for one reason; the others are counted.
const NAMED_MAX: usize = 5;

/// Reasons, and what each of them befell.
#[derive(Default)]
pub(crate) struct Losses {
    reasons: BTreeMap<String, Vec<String>>,
}

impl Losses {
    /// An object that could not be made.
    pub fn add(&mut self, object: &SchemaObject, why: String) {
        let name = format!("{} {}", object.kind.to_lowercase(), object.name);
        self.reasons.entry(why).or_default().push(name);
    }

    /// Those of another, too.
    pub fn extend(&mut self, other: Self) {
        for (why, names) in other.reasons {
            self.reasons.entry(why).or_default().extend(names);
        }
    }

    /// One sentence for each reason.
    pub fn sentences(&self) -> Vec<String> {
        let sentence = |(why, names): (&String, &Vec<String>)| {
            let shown = datakeep_model::escape_for_terminal(names[..names.len().min(NAMED_MAX)].join(", ").as_bytes());
            let more = names.len().saturating_sub(NAMED_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("not made as it was: {shown}{more}: {why}")
        };
        self.reasons.iter().map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_told_once() {
        let mut losses = Losses::default();
        for number in 0..7 {
            let object = SchemaObject {
                kind: "OWNER".into(),
                name: format!("a.t{number}"),
                table: String::new(),
                sql: String::new(),
            };
            losses.add(&object, "no such role".to_owned());
        }
        let expect =
            "not made as it was: owner a.t0, owner a.t1, owner a.t2, owner a.t3, owner a.t4 and 2 more: no such role";
        assert_eq!(losses.sentences(), [expect]);
    }
}
