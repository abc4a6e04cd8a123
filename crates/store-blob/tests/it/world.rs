//! A server, a store that speaks to it, and time that passes only when somebody waits.

use datakeep_model::Secret;
use datakeep_store_blob::ahead::Bounds;
use datakeep_store_blob::object::settings::{Credentials, Place, Settings};
use datakeep_store_blob::{AheadStore, ObjectStore, Retry, RetryStore, Waiter};
use datakeep_testkit_s3::{Endpoint, S3Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Long enough for a busy machine, short enough for a test of answers that never come.
pub const ANSWER_TIMEOUT_MS: u64 = 1_500;

/// How to speak to an endpoint, below a prefix.
pub fn settings(endpoint: &Endpoint, prefix: &str) -> Settings {
    let location = format!("s3://{}/{prefix}", endpoint.bucket);
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
    let mut settings = Settings::new(Place::parse(&location).unwrap().unwrap());
    settings.endpoint = Some(endpoint.url.clone());
    settings.region = Some(endpoint.region.clone());
    settings.credentials = Credentials::Static {
        id: endpoint.credentials.access_key.clone(),
        secret: secret(&endpoint.credentials.secret_key),
        token: endpoint.credentials.session_token.as_deref().map(secret),
    };
    settings.answer_timeout_ms = ANSWER_TIMEOUT_MS;
    settings.connect_timeout_ms = ANSWER_TIMEOUT_MS;
    settings
}

/// One attempt a call.
pub fn plain(server: &S3Server, prefix: &str) -> ObjectStore {
    ObjectStore::new(settings(&server.endpoint(), prefix)).unwrap()
}

/// Time that waits move; `act` is called at each wait with how many there were.
pub struct Played {
    now_ms: AtomicU64,
    waits: AtomicU64,
    act: Box<dyn Fn(u64) + Send + Sync>,
}

impl Played {
    pub fn new(act: impl Fn(u64) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { now_ms: AtomicU64::new(0), waits: AtomicU64::new(0), act: Box::new(act) })
    }

    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }
}

impl Waiter for Played {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn wait_ms(&self, duration_ms: u64) -> bool {
        self.now_ms.fetch_add(duration_ms, Ordering::Relaxed);
        (self.act)(self.waits.fetch_add(1, Ordering::Relaxed) + 1);
        true
    }

    fn draw(&self, below: u64) -> u64 {
        below / 2
    }

    fn told(&self, _: &Retry<'_>) {}
}

/// Five minutes of patience.
pub fn patient(settings: Settings, time: Arc<Played>) -> RetryStore<ObjectStore> {
    RetryStore::new(ObjectStore::new(settings).unwrap(), time, 300_000)
}

/// As the program opens it.
pub fn whole(settings: Settings, time: Arc<Played>) -> AheadStore<RetryStore<ObjectStore>> {
    AheadStore::new(patient(settings, time), Bounds { threads: 3, waiting_bytes: 1 << 20 })
}
