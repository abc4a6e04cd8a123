//! Who may speak to a server.

use std::fmt;

/// A key, its secret, and for temporary credentials a token. Its debug form shows no secret, because it may be that of
/// a real endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Goes over the wire.
    pub access_key: String,
    /// Never does.
    pub secret_key: String,
    /// What temporary credentials bring along.
    pub session_token: Option<String>,
}

impl Credentials {
    /// A key and its secret, without a token.
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), secret_key: secret_key.to_owned(), session_token: None }
    }
}

impl Default for Credentials {
    fn default() -> Self {
        Self::new("AKIATESTKIT", "testkit-secret-key")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}
