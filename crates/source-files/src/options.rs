//! Reads the option map that configuration and command line hand over.

use crate::near::nearest;
use datakeep_connector::{ConnectorError, Options};
use datakeep_model::{ErrorKind, SourceInfo};

/// Options of one opening, with the words to complain about them.
pub(crate) struct Reader<'a> {
    options: &'a Options,
}

pub(crate) fn usage(message: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorKind::Usage, message)
}

impl<'a> Reader<'a> {
    /// Refuses every name that is not among `known`.
    pub fn new(options: &'a Options, known: &[&str]) -> Result<Self, ConnectorError> {
        for name in options.keys() {
            if !known.contains(&name.as_str()) {
                let hint = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known options: {}", known.join(", ")),
                };
                return Err(usage(format!("unknown option `{name}`")).with_hint(hint));
            }
        }
        Ok(Self { options })
    }

    /// All values given for `name`.
    pub fn many(&self, name: &str) -> &'a [String] {
        self.options.get(name).map_or(&[], Vec::as_slice)
    }

    /// The only value of `name`.
    pub fn one(&self, name: &str) -> Result<Option<&'a str>, ConnectorError> {
        match self.many(name) {
            [] => Ok(None),
            [value] if value.is_empty() => Err(usage(format!("option `{name}` needs a value"))),
            [value] => Ok(Some(value)),
            _ => Err(usage(format!("option `{name}` was given more than once"))),
        }
    }

    /// The name a source was given; refused when nobody could address it.
    pub fn source_name(&self) -> Result<Option<String>, ConnectorError> {
        let Some(name) = self.one("name")? else { return Ok(None) };
        if SourceInfo::is_name(name) {
            return Ok(Some(name.to_owned()));
        }
        let shown = datakeep_model::escape_for_terminal(name.as_bytes());
        Err(usage(format!("`{shown}` cannot be the name of a source"))
            .with_hint("a name has no `@`, no `:` and no control characters, and is not `latest`"))
    }

    /// True when the switch `name` is on: named without a value, or with `true`.
    pub fn flag(&self, name: &str) -> Result<bool, ConnectorError> {
        let Some(values) = self.options.get(name) else { return Ok(false) };
        match values.last().map(String::as_str) {
            None | Some("" | "true" | "yes" | "on") => Ok(true),
            Some("false" | "no" | "off") => Ok(false),
            Some(other) => Err(usage(format!("option `{name}` is a switch: `{other}` is neither true nor false"))),
        }
    }

    /// A number of bytes: digits, or digits with K, M, G or T for powers of 1024.
    pub fn bytes(&self, name: &str) -> Result<Option<u64>, ConnectorError> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let trimmed = text.trim_end_matches("iB").trim_end_matches('B');
        let (digits, shift) = match trimmed.char_indices().next_back() {
            Some((cut, 'K' | 'k')) => (&trimmed[..cut], 10),
            Some((cut, 'M' | 'm')) => (&trimmed[..cut], 20),
            Some((cut, 'G' | 'g')) => (&trimmed[..cut], 30),
            Some((cut, 'T' | 't')) => (&trimmed[..cut], 40),
            _ => (trimmed, 0),
        };
        let number = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        let error = || usage(format!("option `{name}`: `{text}` is not a number of bytes")).with_hint("such as 100M");
        number.map(Some).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(name: &str, values: &[&str]) -> Options {
        Options::from([(name.to_owned(), values.iter().map(|&v| v.to_owned()).collect())])
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let error = Reader::new(&options("exlude", &[]), &["exclude", "host"]).err().expect("refused");
        assert_eq!(error.kind, ErrorKind::Usage);
        assert!(error.message.contains("`exlude`"));
        assert_eq!(error.hint.as_deref(), Some("did you mean `exclude`?"));
    }

    #[test]
    fn sizes_and_switches() {
        let bytes = |text| {
            let map = options("n", &[text]);
            Reader::new(&map, &["n"]).and_then(|r| r.bytes("n")).ok().flatten()
        };
        assert_eq!(bytes("17"), Some(17));
        assert_eq!(bytes("2K"), Some(2048));
        assert_eq!(bytes("3MiB"), Some(3 << 20));
        assert_eq!(bytes("x"), None);
        assert_eq!(bytes("99999999999T"), None);
        let flag = |values: &[&str]| {
            let map = options("n", values);
            Reader::new(&map, &["n"]).and_then(|r| r.flag("n")).ok()
        };
        assert_eq!(
            [flag(&[]), flag(&["true"]), flag(&["no"]), flag(&["2"])],
            [Some(true), Some(true), Some(false), None]
        );
    }
}
