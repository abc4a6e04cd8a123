//! The one place where requests leave and answers come in: time limits, signatures for S3, what the store said of the time,
//! and refusals told apart before the driver forgets what they were.

use super::fault::{Fault, Told};
use super::listing;
use super::lock;
use super::settings::{Credentials, Lock, Service, Settings};
use crate::RemoteCause;
use http::header::{AUTHORIZATION, DATE, HOST, RETRY_AFTER};
use http::{HeaderMap, Request, Response};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// No network is taken to be slower when the time for sending is reckoned.
const SLOWEST_BYTES_PER_MS: u64 = 32;
/// Longest refusal that is read.
const MOST_REFUSAL_BYTES: usize = 64 << 10;
/// No date has been seen.
const NO_DATE: i64 = i64::MIN;

/// Sends requests.
#[derive(Clone)]
pub(super) struct Door {
    transport: ReqwestTransport,
    signer: Option<Signer<Credential>>,
    lock: Option<Lock>,
    answer_timeout_ms: u64,
    /// The store's clock when it last answered, in seconds since 1970.
    date_seconds: Arc<AtomicI64>,
}

impl Door {
    /// A door for these settings.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let transport = ReqwestTransport::new(client(settings)?);
        let is_s3 = settings.place.service == Service::S3;
        Ok(Self {
            signer: is_s3.then(|| signer(settings, &transport)),
            lock: settings.lock.filter(|_| is_s3),
            answer_timeout_ms: settings.answer_timeout_ms,
            date_seconds: Arc::new(AtomicI64::new(NO_DATE)),
            transport,
        })
    }

    /// The store's clock, as of its last answer.
    pub fn date_seconds(&self) -> Option<i64> {
        Some(self.date_seconds.load(Ordering::Relaxed)).filter(|seconds| *seconds != NO_DATE)
    }

    async fn sign(&self, request: Request<Buffer>) -> Result<Request<Buffer>, Error> {
        let Some(signer) = &self.signer else { return Ok(request) };
        let (mut parts, body) = request.into_parts();
        if let Some(lock) = self.lock {
            lock::add(&mut parts, lock, self.date_seconds().unwrap_or_else(now_seconds));
        }
        signer.sign(&mut parts, None).await.map_err(|error| silent(no_credentials(&error)))?;
        parts.headers.remove(HOST);
        if let Some(value) = parts.headers.get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        Ok(Request::from_parts(parts, body))
    }

    fn note_date(&self, headers: &HeaderMap) -> Option<i64> {
        let text = headers.get(DATE)?.to_str().ok()?;
        let seconds = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
        self.date_seconds.store(seconds, Ordering::Relaxed);
        Some(seconds)
    }

    async fn refusal(&self, status: u16, headers: HeaderMap, mut body: HttpBody) -> Error {
        let date = self.note_date(&headers);
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string);
        let told = Told {
            retry_after_ms: text(RETRY_AFTER.as_str())
                .and_then(|t| t.parse::<u64>().ok())
                .map(|s| s.saturating_mul(1000)),
            region: text("x-amz-bucket-region"),
            ahead_seconds: date.map(|date| now_seconds().saturating_sub(date)),
        };
        let limit = Duration::from_millis(self.answer_timeout_ms);
        let bytes = match tokio::time::timeout(limit, body.to_buffer()).await {
            Ok(Ok(buffer)) => buffer.slice(..buffer.len().min(MOST_REFUSAL_BYTES)).to_vec(),
            _ => Vec::new(),
        };
        silent(Fault::of_answer(status, &bytes, told))
    }
}

impl HttpTransport for Door {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Error> {
        let request = self.sign(request).await?;
        let is_listing = request.method() == http::Method::GET && request.uri().query().is_some_and(listing::is_one);
        let is_head = request.method() == http::Method::HEAD;
        let sending_ms = request.body().len() as u64 / SLOWEST_BYTES_PER_MS;
        let limit = Duration::from_millis(self.answer_timeout_ms.saturating_add(sending_ms));
        let answer = match tokio::time::timeout(limit, self.transport.fetch(request)).await {
            Err(_) => {
                let message = format!("no answer within {} s", limit.as_secs());
                return Err(silent(Fault::of_silence(RemoteCause::TimedOut, message)));
            }
            Ok(Err(error)) => return Err(silent(no_answer(&error))),
            Ok(Ok(answer)) => answer,
        };
        let status = answer.status().as_u16();
        self.note_date(answer.headers());
        // A HEAD has no words to tell with: that nothing is there is an answer, and the driver knows what to make of it.
        let is_answer = answer.status().is_success() || (is_head && status == 404);
        if is_answer && is_listing {
            return listing::checked(answer, self.answer_timeout_ms).await.map_err(silent);
        }
        if is_answer {
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        Err(self.refusal(status, parts.headers, body).await)
    }
}

/// The driver's error that carries a fault to where it is understood.
fn silent(fault: Fault) -> Error {
    Error::new(ErrorKind::Unexpected, "the store did not do it").set_source(fault)
}

/// Only for a message and for how long a lock holds: nothing safe depends on it.
fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn client(settings: &Settings) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("datakeep/", env!("CARGO_PKG_VERSION")))
        // A redirect would carry what is sent, and in part the signature, to somebody else.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
        .read_timeout(Duration::from_millis(settings.answer_timeout_ms))
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(20));
    if let Some(path) = &settings.ca_file {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| format!("cannot read the certificates in {shown}: {error}"))?;
        let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| format!("{shown}: {error}"))?;
        if found.is_empty() {
            return Err(format!("{shown} holds no certificate in PEM form"));
        }
        builder = builder.tls_certs_merge(found);
    }
    builder.build().map_err(|error| chain(&error))
}

fn signer(settings: &Settings, transport: &ReqwestTransport) -> Signer<Credential> {
    // Where credentials come from the machine, that may take a request of its own.
    let context = Context::new()
        .with_file_read(TokioFileRead)
        .with_http_send(HttpTransporter::new(transport.clone()))
        .with_env(OsEnv);
    let request_signer = RequestSigner::new("s3", settings.signing_region());
    let chain = ProvideCredentialChain::new();
    let chain = match &settings.credentials {
        Credentials::Static { id, secret, token } => {
            let text = |secret: &datakeep_model::Secret| String::from_utf8_lossy(secret.expose()).into_owned();
            let mut provider = StaticCredentialProvider::new(id, &text(secret));
            if let Some(token) = token {
                provider = provider.with_session_token(&text(token));
            }
            chain.push(provider)
        }
        Credentials::Chain => chain.push(DefaultCredentialProvider::builder().build()),
        Credentials::Profile(name) => chain.push(DefaultCredentialProvider::builder().with_profile(name).build()),
    };
    Signer::new(context, chain, request_signer)
}

fn no_credentials(error: &reqsign_core::Error) -> Fault {
    let cause = match error.is_retryable() {
        true => RemoteCause::Unreachable,
        false => RemoteCause::NoCredentials,
    };
    Fault::of_silence(cause, chain(error))
}

/// Why there was no answer.
fn no_answer(error: &Error) -> Fault {
    let mut next = std::error::Error::source(error);
    let mut cause = RemoteCause::Broken;
    let mut message = String::new();
    while let Some(found) = next {
        if let Some(http) = found.downcast_ref::<reqwest::Error>() {
            cause = match () {
                () if http.is_timeout() && !http.is_connect() => RemoteCause::TimedOut,
                () if http.is_connect() => RemoteCause::Unreachable,
                () => RemoteCause::Broken,
            };
        }
        message = found.to_string();
        if is_about_trust(&message) {
            cause = RemoteCause::NotSecure;
            break;
        }
        next = found.source();
    }
    Fault::of_silence(cause, message)
}

/// The TLS library's words for what no second attempt changes.
fn is_about_trust(message: &str) -> bool {
    ["invalid peer certificate", "certificate", "HandshakeFailure", "received fatal alert", "corrupt message"]
        .iter()
        .any(|word| message.contains(word))
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(found) = next {
        let more = found.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = found.source();
    }
    text
}
