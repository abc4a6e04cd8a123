//! What can go wrong with a query.

use datafusion::common::{DataFusionError, SchemaError};
use datakeep_distribute::DistributeError;
use datakeep_engine::EngineError;
use datakeep_model::ErrorKind;
use std::time::Duration;

/// A query that failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// It is no SQL.
    #[error("{message}")]
    Syntax {
        /// What was expected, and what is there.
        message: String,
        /// Line and column, from 1, where that is known.
        at: Option<(u64, u64)>,
    },
    /// It would change something, or is a command to a server.
    #[error("snapshots are read only: {what} is refused")]
    ReadOnly {
        /// What it is.
        what: String,
    },
    /// There is nothing to run.
    #[error("there is no statement")]
    Empty,
    /// A column that no table has.
    #[error("there is no column {name}")]
    UnknownColumn {
        /// As it was written.
        name: String,
        /// The nearest that exists.
        near: Option<String>,
        /// Some that exist.
        known: Vec<String>,
    },
    /// A table, source or snapshot cannot be found or read.
    #[error(transparent)]
    Distribute(#[from] DistributeError),
    /// What is asked for cannot be done, in the query engine's words.
    #[error("{0}")]
    Plan(String),
    /// A value made it fail while it ran.
    #[error("{0}")]
    Value(String),
    /// It needs more memory than it may have.
    #[error("the query needs more memory than the {limit_bytes} bytes it may have")]
    Memory {
        /// What it may have.
        limit_bytes: u64,
        /// Who asked for it, in the query engine's words.
        detail: String,
    },
    /// It takes longer than it may.
    #[error("the query takes longer than {} seconds", limit.as_secs_f64())]
    Deadline {
        /// How long it may take.
        limit: Duration,
    },
    /// It was stopped.
    #[error("the query was stopped")]
    Cancelled,
    /// A file inside a snapshot that cannot be read as a table.
    #[error("{path}: {why}")]
    File {
        /// Where it lies.
        path: String,
        /// Why not.
        why: String,
    },
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Write(String),
    /// Whoever reads the answer went away.
    #[error("cannot write the answer: {0}")]
    Output(std::io::Error),
    /// The query engine is at fault.
    #[error("the query engine failed: {0}")]
    Engine(String),
}

impl SqlError {
    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Distribute(error) => error.kind(),
            Self::UnknownColumn { .. } => ErrorKind::NotFound,
            Self::Syntax { .. } | Self::ReadOnly { .. } | Self::Empty | Self::Plan(_) | Self::Value(_) => {
                ErrorKind::Usage
            }
            Self::Memory { .. } | Self::Deadline { .. } | Self::File { .. } => ErrorKind::Usage,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Write(_) | Self::Output(_) => ErrorKind::Target,
            Self::Engine(_) => ErrorKind::Internal,
        }
    }
}

impl From<EngineError> for SqlError {
    fn from(error: EngineError) -> Self {
        Self::Distribute(error.into())
    }
}

/// An error of ours on its way through the query engine.
pub(crate) fn outside(error: impl Into<SqlError>) -> DataFusionError {
    DataFusionError::External(Box::new(Carried(std::sync::Mutex::new(Some(error.into())))))
}

/// Errors are no clones and the query engine may share one: the first who takes it out has it.
#[derive(Debug)]
struct Carried(std::sync::Mutex<Option<SqlError>>);

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(error) => error.fmt(f),
            None => f.write_str("told before"),
        }
    }
}

impl std::error::Error for Carried {}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        match root {
            DataFusionError::External(inner) => {
                let carried = inner
                    .downcast_ref::<Carried>()
                    .and_then(|carried| carried.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
                carried.unwrap_or_else(|| Self::Engine(inner.to_string()))
            }
            DataFusionError::SQL(error, _) => syntax(&error.to_string()),
            DataFusionError::SchemaError(error, _) => schema(error),
            DataFusionError::ResourcesExhausted(detail) => Self::Memory { limit_bytes: 0, detail: detail.clone() },
            DataFusionError::Plan(message) | DataFusionError::NotImplemented(message) => Self::Plan(message.clone()),
            DataFusionError::Configuration(message) => Self::Plan(message.clone()),
            DataFusionError::Execution(message) => Self::Value(message.clone()),
            DataFusionError::ArrowError(error, _) => Self::Value(error.to_string()),
            DataFusionError::Diagnostic(_, inner) => Self::Plan(inner.strip_backtrace()),
            _ => Self::Engine(root.strip_backtrace()),
        }
    }
}

/// The parser's words, and the place that stands at their end.
fn syntax(text: &str) -> SqlError {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let place = |text: &str| {
        let (head, rest) = text.rsplit_once(" at Line: ")?;
        let (line, column) = rest.split_once(", Column: ")?;
        Some((head.to_string(), number(line)?, number(column)?))
    };
    match place(text) {
        Some((message, line, column)) => SqlError::Syntax { message, at: Some((line, column)) },
        None => SqlError::Syntax { message: text.to_string(), at: None },
    }
}

fn schema(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<String> = valid_fields.iter().map(|field| field.name.clone()).collect();
            let near =
                datakeep_distribute::near::nearest(&field.name, known.iter().map(String::as_str)).map(str::to_string);
            SqlError::UnknownColumn { name: field.name.clone(), near, known }
        }
        SchemaError::AmbiguousReference { field } => {
            SqlError::Plan(format!("column {} is in several tables: write TABLE.COLUMN", field.name))
        }
        other => SqlError::Plan(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_syntax_error_is_told_apart() {
        let found = syntax("sql parser error: Expected: an SQL statement, found: SELEC at Line: 2, Column: 17");
        let SqlError::Syntax { message, at } = found else { panic!("no syntax error") };
        assert_eq!((message.as_str(), at), ("Expected: an SQL statement, found: SELEC", Some((2, 17))));
        assert!(matches!(syntax("odd"), SqlError::Syntax { at: None, .. }));
    }
}
