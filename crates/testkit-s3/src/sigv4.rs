//! Signatures of AWS, version 4, in the `Authorization` header: made for the plain client, checked by the server.

use crate::checksum::{hex, sha256_hex};
use crate::credentials::Credentials;
use crate::dialect::WrongRegion;
use crate::headers::Headers;
use crate::query::{Query, decode, encode_path};
use crate::refusal::Refusal;
use aws_lc_rs::hmac;
use jiff::Timestamp;

/// How far a client's clock may be off.
const MAX_SKEW_S: i64 = 15 * 60;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is signed, apart from the headers that say who signs.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// As it stands in the request line, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a Headers,
}

impl Signed<'_> {
    /// The signature over the named headers. `amz_date` is `YYYYMMDDThhmmssZ`, `scope` is `YYYYMMDD/REGION/s3/aws4_request`.
    fn signature(&self, names: &[&str], amz_date: &str, scope: &str, secret_key: &str) -> String {
        let payload = self.headers.get("x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD");
        let headers: String = names.iter().map(|name| format!("{name}:{}\n", self.headers.joined(name))).collect();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{payload}",
            self.method,
            encode_path(&decode(self.path)),
            self.query.canonical(),
            names.join(";"),
        );
        let text = format!("{ALGORITHM}\n{amz_date}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        hex(&mac(&signing_key(scope, secret_key), text.as_bytes()))
    }
}

fn signing_key(scope: &str, secret_key: &str) -> Vec<u8> {
    let first = format!("AWS4{secret_key}").into_bytes();
    scope.split('/').fold(first, |key, part| mac(&key, part.as_bytes()))
}

/// Signatures of the chunks of a body, each over the one before it, the first over that of the request ("Signature
/// Calculations: Transferring Payload in Multiple Chunks").
pub(crate) struct ChunkSigner<'a> {
    key: Vec<u8>,
    date: &'a str,
    scope: &'a str,
    previous: String,
}

impl<'a> ChunkSigner<'a> {
    /// For a request with these headers, which say when, for whom and with what signature it was made.
    pub(crate) fn new(headers: &'a Headers, secret_key: &str) -> Option<Self> {
        let authorization = Authorization::parse(headers.get("authorization")?)?;
        let (scope, previous) = (authorization.scope, authorization.signature.to_owned());
        Some(Self { key: signing_key(scope, secret_key), date: headers.get("x-amz-date")?, scope, previous })
    }

    /// The signature of the next chunk.
    pub(crate) fn sign(&mut self, chunk: &[u8]) -> &str {
        let (date, scope, previous) = (self.date, self.scope, &self.previous);
        let text =
            format!("{ALGORITHM}-PAYLOAD\n{date}\n{scope}\n{previous}\n{}\n{}", sha256_hex(b""), sha256_hex(chunk));
        self.previous = hex(&mac(&self.key, text.as_bytes()));
        &self.previous
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

/// `YYYYMMDDThhmmssZ`.
pub(crate) fn amz_date(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The value of the `Authorization` header over all headers that are there.
pub(crate) fn authorize(signed: &Signed<'_>, credentials: &Credentials, region: &str, amz_date: &str) -> String {
    let names = signed.headers.names();
    let scope = format!("{}/{region}/s3/aws4_request", amz_date.get(..8).unwrap_or_default());
    let signature = signed.signature(&names, amz_date, &scope, &credentials.secret_key);
    let (key, names) = (&credentials.access_key, names.join(";"));
    format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}")
}

/// What the server knows when it checks a signature.
pub(crate) struct Verifier<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) region: &'a str,
    pub(crate) wrong_region: WrongRegion,
    pub(crate) now: Timestamp,
}

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    scope: &'a str,
    names: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let fields = value.strip_prefix(ALGORITHM)?.split(',');
        let (mut credential, mut names, mut signature) = (None, None, None);
        for field in fields {
            match field.trim().split_once('=')? {
                ("Credential", text) => credential = Some(text),
                ("SignedHeaders", text) => names = Some(text),
                ("Signature", text) => signature = Some(text),
                _ => return None,
            }
        }
        let (access_key, scope) = credential?.split_once('/')?;
        let parts: Vec<&str> = scope.split('/').collect();
        let [date, region, "s3", "aws4_request"] = parts.as_slice() else { return None };
        Some(Self { access_key, date, region, scope, names: names?.split(';').collect(), signature: signature? })
    }
}

impl Verifier<'_> {
    /// Checks who asks, in the order in which S3 does.
    pub(crate) fn check(&self, signed: &Signed<'_>) -> Result<(), Refusal> {
        let value = signed.headers.get("authorization").ok_or_else(Refusal::access_denied)?;
        let malformed = || Refusal::new(400, "AuthorizationHeaderMalformed", "The authorization header is malformed");
        let authorization = Authorization::parse(value).ok_or_else(malformed)?;
        if authorization.access_key != self.credentials.access_key {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            return Err(Refusal::new(403, "InvalidAccessKeyId", message)
                .with_element("AWSAccessKeyId", authorization.access_key));
        }
        if authorization.region != self.region {
            return Err(self.other_region(authorization.region));
        }
        let date = self.date(signed.headers, authorization.date)?;
        self.token(signed.headers)?;
        all_signed(signed.headers, &authorization.names)?;
        let expected = signed.signature(&authorization.names, date, authorization.scope, &self.credentials.secret_key);
        if expected == authorization.signature {
            return Ok(());
        }
        let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
        Err(Refusal::new(403, "SignatureDoesNotMatch", message))
    }

    fn other_region(&self, given: &str) -> Refusal {
        match self.wrong_region {
            WrongRegion::Redirect => Refusal::redirect(self.region),
            WrongRegion::Malformed => {
                let message = format!(
                    "The authorization header is malformed; the region '{given}' is wrong; expecting '{}'",
                    self.region
                );
                Refusal::new(400, "AuthorizationHeaderMalformed", &message).with_element("Region", self.region)
            }
        }
    }

    fn date<'h>(&self, headers: &'h Headers, scope_date: &str) -> Result<&'h str, Refusal> {
        let missing =
            || Refusal::new(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
        let text = headers.get("x-amz-date").ok_or_else(missing)?;
        let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).map_err(|_| missing())?;
        let at_s = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| missing())?.timestamp().as_second();
        if !text.starts_with(scope_date) {
            let message = "Invalid credential date. Date is not the same as X-Amz-Date";
            return Err(Refusal::new(400, "AuthorizationHeaderMalformed", message));
        }
        if (at_s - self.now.as_second()).abs() > MAX_SKEW_S {
            return Err(Refusal::too_skewed());
        }
        Ok(text)
    }

    fn token(&self, headers: &Headers) -> Result<(), Refusal> {
        match (headers.get("x-amz-security-token"), self.credentials.session_token.as_deref()) {
            (given, own) if given == own => Ok(()),
            _ => Err(Refusal::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")),
        }
    }
}

/// S3 wants `host` and everything of its own signed.
fn all_signed(headers: &Headers, names: &[&str]) -> Result<(), Refusal> {
    let must = |name: &&str| *name == "host" || name.starts_with("x-amz-");
    match headers.names().into_iter().filter(must).find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let message = "There were headers present in the request which were not signed";
            Err(Refusal::new(403, "AccessDenied", message).with_element("HeadersNotSigned", name))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#[path = "sigv4_tests.rs"]
mod tests;
