//! What an object store is and how it is spoken to, as plain data.

use datakeep_model::Secret;
use std::path::PathBuf;

/// Which protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// Amazon S3, and whatever speaks its protocol.
    S3,
    /// Aliyun OSS.
    Oss,
    /// Tencent COS.
    Cos,
}

impl Service {
    /// The scheme of its locations.
    pub fn scheme(self) -> &'static str {
        match self {
            Service::S3 => "s3",
            Service::Oss => "oss",
            Service::Cos => "cos",
        }
    }

    /// By scheme.
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        [Service::S3, Service::Oss, Service::Cos].into_iter().find(|service| service.scheme() == scheme)
    }
}

/// Where a repository is: `s3://BUCKET/PREFIX`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which protocol.
    pub service: Service,
    /// The bucket's name.
    pub bucket: String,
    /// What all names begin with, without slashes around; empty for the whole bucket.
    pub prefix: String,
}

impl Place {
    /// Reads a location; `None` when its scheme is none of an object store. The error says what is wrong with it.
    pub fn parse(location: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = location.split_once("://")?;
        let service = Service::of_scheme(scheme)?;
        Some(Self::parse_rest(service, rest))
    }

    fn parse_rest(service: Service, rest: &str) -> Result<Self, String> {
        if rest.contains('@') {
            return Err("a location holds no credentials".into());
        }
        if rest.contains(['?', '#']) {
            return Err("a location has no query; options have names of their own".into());
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
        if !(1..=255).contains(&bucket.len()) || !bucket.bytes().all(is_known) || bucket.starts_with(['.', '-']) {
            return Err(format!("{bucket:?} is no name of a bucket (lower-case letters, digits, hyphens, dots)"));
        }
        let prefix = prefix.trim_matches('/');
        let is_plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(|c: char| c.is_control() || c == '\\')
        };
        if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
            return Err(format!("{prefix:?} is no prefix: parts are not empty, `.` or `..`"));
        }
        if prefix.len() > 512 {
            return Err("a prefix has at most 512 bytes".into());
        }
        Ok(Self { service, bucket: bucket.to_string(), prefix: prefix.to_string() })
    }

    /// As it is written.
    pub fn location(&self) -> String {
        let (scheme, bucket) = (self.service.scheme(), &self.bucket);
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("{scheme}://{bucket}{slash}{}", self.prefix)
    }
}

/// How content is protected on its way to the store.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Checksum {
    /// CRC-32C in a header: what most stores of today check.
    #[default]
    Crc32c,
    /// None: for stores that refuse unknown headers. What is read is proven in any case.
    None,
}

/// Who may ask for something.
#[derive(Clone, Default)]
pub enum Credentials {
    /// What the machine offers: environment, profile files, and the metadata services of cloud machines.
    #[default]
    Chain,
    /// The same, with a profile of that name.
    Profile(String),
    /// These and no others.
    Static {
        /// Key id.
        id: String,
        /// Its secret.
        secret: Secret,
        /// Token of a session, for credentials that expire.
        token: Option<Secret>,
    },
}

/// How strictly the store is to keep what it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockMode {
    /// Who has the right may shorten it.
    Governance,
    /// Nobody may.
    Compliance,
}

/// Object Lock: packs and records are stored with a date before which nobody can remove them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
    /// How strictly.
    pub mode: LockMode,
    /// For how long from the moment an object is stored.
    pub days: u32,
}

/// Everything about an object store.
#[derive(Clone)]
pub struct Settings {
    /// Where.
    pub place: Place,
    /// `http://` or `https://`, host, port; `None` for the service's own.
    pub endpoint: Option<String>,
    /// Signing region.
    pub region: Option<String>,
    /// `https://HOST/BUCKET/NAME` instead of `https://BUCKET.HOST/NAME`; `None`: with an endpoint of one's own.
    pub is_path_style: Option<bool>,
    /// Who asks.
    pub credentials: Credentials,
    /// What goes along with content.
    pub checksum: Checksum,
    /// Object Lock.
    pub lock: Option<Lock>,
    /// A certificate authority to trust besides those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Objects above this are sent in parts.
    pub part_bytes: u64,
    /// No connection after so long: unreachable.
    pub connect_timeout_ms: u64,
    /// No answer, or no next byte of it, for so long: timed out. Sending gets more, by length.
    pub answer_timeout_ms: u64,
}

impl Settings {
    /// The settings in which nothing is special.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            endpoint: None,
            region: None,
            is_path_style: None,
            credentials: Credentials::Chain,
            checksum: Checksum::Crc32c,
            lock: None,
            ca_file: None,
            part_bytes: 64 << 20,
            connect_timeout_ms: 10_000,
            answer_timeout_ms: 30_000,
        }
    }

    /// Region to sign for.
    pub fn signing_region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    /// True when the bucket stands in the path.
    pub fn uses_path_style(&self) -> bool {
        // A bucket with dots does not fit the certificate of `*.HOST`.
        self.is_path_style.unwrap_or(self.endpoint.is_some() || self.place.bucket.contains('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_and_written() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let place = Place::parse(text).and_then(Result::ok);
            let found = place.as_ref().map(|place| (place.bucket.as_str(), place.prefix.as_str()));
            assert_eq!(found, expected, "{text}");
        };
        check("s3://bucket", Some(("bucket", "")));
        check("s3://bucket/", Some(("bucket", "")));
        check("s3://my-bucket.eu/a/b/", Some(("my-bucket.eu", "a/b")));
        check("oss://bucket/p", Some(("bucket", "p")));
        check("cos://bucket-125/p", Some(("bucket-125", "p")));
        for bad in ["s3://", "s3:///a", "s3://B/a", "s3://b/a//b", "s3://b/../a", "s3://k:s@b/a", "s3://b/a?region=x"] {
            assert!(Place::parse(bad).is_some_and(|place| place.is_err()), "{bad}");
        }
        for other in ["/a", "file:///a", "sftp://h/a", "a"] {
            assert!(Place::parse(other).is_none(), "{other}");
        }
        let place = Place::parse("s3://bucket/a/").and_then(Result::ok).expect("a place");
        assert_eq!(place.location(), "s3://bucket/a");
    }

    #[test]
    fn buckets_stand_in_the_path_where_they_must() {
        let settings = |location: &str| Settings::new(Place::parse(location).expect("s3").expect("a place"));
        assert!(!settings("s3://bucket").uses_path_style());
        assert!(settings("s3://my.bucket").uses_path_style());
        assert!(Settings { endpoint: Some("http://h".into()), ..settings("s3://bucket") }.uses_path_style());
        let forced = Settings { endpoint: Some("http://h".into()), is_path_style: Some(false), ..settings("s3://b") };
        assert!(!forced.uses_path_style());
    }
}
