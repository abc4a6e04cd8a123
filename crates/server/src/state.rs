//! What every request and every run works with.

use crate::limits::LoginLimits;
use crate::{Chance, api, guard};
use axum::Router;
use datakeep_connector::Clock;
use datakeep_manage::control::{Control, password};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, Semaphore};

/// Passwords that are hashed at the same time: each takes 19 MiB.
const HASHES: usize = 2;

/// The server's common state.
pub struct App {
    /// The book.
    pub control: Control,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
    /// Something was queued or changed.
    pub wake: Notify,
    pub(crate) limits: Mutex<LoginLimits>,
    pub(crate) hashing: Semaphore,
    /// Hash of the one-time link, while there is no user.
    pub(crate) setup: Mutex<Option<String>>,
    /// What an unknown name is compared with.
    pub(crate) nobody: String,
}

impl App {
    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        let now = self.clock.now();
        now.seconds.saturating_mul(1000).saturating_add(i64::from(now.nanos / 1_000_000))
    }

    /// Makes the one-time link that makes the owner, and returns its secret; an older one opens nothing any more.
    pub fn offer_setup(&self) -> String {
        let secret = self.chance.secret();
        let mut setup = self.setup.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *setup = Some(password::token_hash(&secret));
        secret
    }
}

/// The common state over a control database.
pub fn app(control: Control, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Arc<App> {
    Arc::new(App {
        control,
        clock,
        chance,
        wake: Notify::new(),
        limits: Mutex::default(),
        hashing: Semaphore::new(HASHES),
        setup: Mutex::new(None),
        nobody: password::nobody(),
    })
}

/// Everything that is served: API, and console or plain pages, behind the guard.
pub fn router(app: &Arc<App>) -> Router {
    let (routes, document) = api::routes();
    let declared = Arc::new(guard::declared(&document));
    let text: Arc<str> = document.to_string().into();
    let routes = routes.merge(api::description(text));
    #[cfg(not(feature = "console"))]
    let routes = routes.merge(crate::pages::routes());
    guard::around(routes, app, &declared)
}
