//! Reading the settings of one opening. Every error is of the kind `Usage` and says which option, and what it takes.

use crate::connector::Options;
use crate::error::ConnectorError;
use datakeep_model::{ErrorKind, SourceInfo, escape_for_terminal};
use std::time::Duration;

fn usage(message: String) -> ConnectorError {
    ConnectorError::new(ErrorKind::Usage, message)
}

/// Refuses options that are none of these.
pub fn refuse_unknown(options: &Options, known: &[&str]) -> Result<(), ConnectorError> {
    match options.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let name = escape_for_terminal(name.as_bytes());
            Err(usage(format!("unknown option `{name}`")).with_hint(format!("known options: {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

/// The value of an option that takes one; `None` where it is not given. An error when it is empty or given more than once.
pub fn one<'a>(options: &'a Options, name: &str) -> Result<Option<&'a str>, ConnectorError> {
    match options.get(name).map(Vec::as_slice) {
        None => Ok(None),
        Some([value]) if !value.is_empty() => Ok(Some(value)),
        Some([] | [_]) => Err(usage(format!("option `{name}` needs a value"))),
        Some(_) => Err(usage(format!("option `{name}` was given more than once"))),
    }
}

/// The name of the source, option `name`.
pub fn source_name(options: &Options) -> Result<Option<String>, ConnectorError> {
    match one(options, "name")? {
        Some(name) if !SourceInfo::is_name(name) => {
            let shown = escape_for_terminal(name.as_bytes());
            Err(usage(format!("`{shown}` cannot be the name of a source"))
                .with_hint("a name has no `@`, no `:` and no control characters, and is not `latest`"))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// A span of time between two bounds, written `30s`, `30` or `500ms`; `None` where it is not given.
pub fn span(
    options: &Options,
    name: &str,
    bounds: std::ops::RangeInclusive<Duration>,
) -> Result<Option<Duration>, ConnectorError> {
    let Some(text) = one(options, name)? else { return Ok(None) };
    let read = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => millis.parse().ok().map(Duration::from_millis),
        (None, seconds) => seconds.unwrap_or(text).parse().ok().map(Duration::from_secs),
    };
    let shown = escape_for_terminal(text.as_bytes());
    let error =
        || usage(format!("option `{name}`: `{shown}` is no time up to a day")).with_hint("such as 30s or 500ms");
    read.filter(|span| bounds.contains(span)).map(Some).ok_or_else(error)
}
