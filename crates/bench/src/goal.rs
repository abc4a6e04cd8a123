//! A goal of the design, and whether it was reached.

/// One goal.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is measured.
    pub what: String,
    /// The most it may be, or the least it must be.
    pub limit: f64,
    /// Whether the limit is the least.
    pub is_least: bool,
    /// What it is; nothing when it was not measured.
    pub found: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
}

impl Goal {
    /// A goal that is met by `limit` and less.
    pub fn at_most(what: String, limit: f64, found: Option<f64>, unit: &'static str) -> Self {
        Self { what, limit, is_least: false, found, unit }
    }

    /// A goal that is met by `limit` and more.
    pub fn at_least(what: String, limit: f64, found: Option<f64>, unit: &'static str) -> Self {
        Self { what, limit, is_least: true, found, unit }
    }

    /// Whether it was reached; nothing when it was not measured.
    pub fn met(&self) -> Option<bool> {
        self.found.map(|found| if self.is_least { found >= self.limit } else { found <= self.limit })
    }
}

#[cfg(test)]
mod tests {
    use super::Goal;

    #[test]
    fn goals_are_met_missed_or_open() {
        let most = |found| Goal::at_most(String::new(), 2.0, found, "x").met();
        let least = |found| Goal::at_least(String::new(), 2.0, found, "x").met();
        assert_eq!((most(Some(2.0)), most(Some(2.1)), most(None)), (Some(true), Some(false), None));
        assert_eq!((least(Some(2.0)), least(Some(1.9)), least(None)), (Some(true), Some(false), None));
    }
}
