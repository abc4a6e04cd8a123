//! Where a server listens and what is needed to speak to it.

use crate::credentials::Credentials;

/// Everything a client must know. Addresses are path-style: `url/bucket/key`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The region that is signed.
    pub region: String,
    /// A bucket that is there.
    pub bucket: String,
    /// Who may write to it.
    pub credentials: Credentials,
}

impl Endpoint {
    /// The endpoint that `DATAKEEP_TEST_S3` names, if it is set: a URL, with `DATAKEEP_TEST_S3_KEY`,
    /// `DATAKEEP_TEST_S3_SECRET` and `DATAKEEP_TEST_S3_BUCKET` beside it, and possibly `DATAKEEP_TEST_S3_TOKEN` and
    /// `DATAKEEP_TEST_S3_REGION` (`us-east-1`).
    ///
    /// # Panics
    ///
    /// When one of the three that must be there is missing: a test that was asked for must not be passed by.
    pub fn from_environment() -> Option<Self> {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let needed = |name: &str| match read(name) {
            Some(value) => value,
            None => panic!("DATAKEEP_TEST_S3 is set, but {name} is not"),
        };
        let url = read("DATAKEEP_TEST_S3")?;
        let mut credentials = Credentials::new(&needed("DATAKEEP_TEST_S3_KEY"), &needed("DATAKEEP_TEST_S3_SECRET"));
        credentials.session_token = read("DATAKEEP_TEST_S3_TOKEN");
        Some(Self {
            url,
            region: read("DATAKEEP_TEST_S3_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            bucket: needed("DATAKEEP_TEST_S3_BUCKET"),
            credentials,
        })
    }
}
