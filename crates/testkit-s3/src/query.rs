//! Percent-encoding the way S3 signs it, and the query of a request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Encodes everything but letters, digits and `-._~`.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The same, but slashes stay.
pub(crate) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, RESERVED_IN_PATH).to_string()
}

/// Decodes; what is no text becomes replacement characters.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The decoded pairs of a query, in the order they came in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Takes apart what stands behind the question mark.
    pub(crate) fn parse(raw: &str) -> Self {
        let value = |text: &str| decode(&text.replace('+', " "));
        let pair = |part: &str| {
            let (name, rest) = part.split_once('=').unwrap_or((part, ""));
            (value(name), value(rest))
        };
        Self(raw.split('&').filter(|part| !part.is_empty()).map(pair).collect())
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// True when there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Encoded and sorted, as it is signed.
    pub(crate) fn canonical(&self) -> String {
        let mut pairs: Vec<(String, String)> =
            self.0.iter().map(|(name, value)| (encode(name), encode(value))).collect();
        pairs.sort();
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_signed_sorted_and_encoded() {
        let query = Query::parse("prefix=some%2Fa%20b&uploads&max-keys=20&a-b=%2B");
        assert_eq!(query.canonical(), "a-b=%2B&max-keys=20&prefix=some%2Fa%20b&uploads=");
        assert_eq!(query.get("prefix"), Some("some/a b"));
        assert_eq!(query.get("uploads"), Some(""));
        assert_eq!(query.get("delete"), None);
        assert!(Query::parse("").is_empty());
    }

    #[test]
    fn slashes_stay_in_paths_only() {
        assert_eq!(encode("a/b~c*"), "a%2Fb~c%2A");
        assert_eq!(encode_path("a/b~c*é"), "a/b~c%2A%C3%A9");
    }
}
