//! What a rule says: where, which rule, what is wrong, what to do.

use std::fmt;

/// Whether a finding fails the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Listed, does not fail.
    Warning,
    /// Fails.
    Error,
}

/// One breach of one rule at one place. Ordered by level, so that errors are read last, next to the sum.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Whether it fails the run.
    pub level: Level,
    /// Path relative to the workspace.
    pub file: String,
    /// Counted from one.
    pub line: usize,
    /// The short name of the rule.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do instead.
    pub help: String,
}

impl Finding {
    /// A finding that fails the run.
    pub fn error(file: &str, line: usize, rule: &'static str, what: impl Into<String>, help: &str) -> Self {
        let (what, help) = (what.into(), help.to_owned());
        Self { level: Level::Error, file: file.to_owned(), line, rule, what, help }
    }

    /// A finding that is only listed.
    pub fn warning(file: &str, line: usize, rule: &'static str, what: impl Into<String>, help: &str) -> Self {
        Self { level: Level::Warning, ..Self::error(file, line, rule, what, help) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{}:{}: {level}[{}]: {}\n    do: {}", self.file, self.line, self.rule, self.what, self.help)
    }
}
