//! The server as a process: its folder, its lock, its address, its end.

use crate::chance::OsChance;
use crate::error::ServerError;
use crate::executor::{Executor, keep_time};
use crate::state::{App, app, router};
use datakeep_connector::SystemClock;
use datakeep_manage::control::{Control, ControlError};
use rustix::fs::{FlockOperation, flock};
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long requests and runs may take to end when the server is asked to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// Whoever holds the lock of the data folder is this one.
const HOLDER: &str = "server";

/// What a server needs.
pub struct ServerConfig {
    /// Folder of the control database, the cache and the lock.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The program that does runs: `datakeep`.
    pub program: PathBuf,
    /// The environment that references to secrets are read from.
    pub environment: Vec<(OsString, OsString)>,
    /// Runs at the same time.
    pub workers: usize,
    /// Hears of troubles that are tried again: at most a few each second.
    pub trouble: Arc<dyn Fn(&ControlError) + Send + Sync>,
}

/// A server that listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    /// Where.
    pub address: SocketAddr,
    /// Path of the one-time link, while there is no user.
    pub setup: Option<String>,
}

/// Serves until SIGINT or SIGTERM, then stops runs in good order. `started` is called once requests are heard.
///
/// # Errors
/// What keeps it from starting: the folder, another server in it, the address, the control database.
pub fn run(config: &ServerConfig, started: impl FnOnce(&Started)) -> Result<(), ServerError> {
    let failed = |error: std::io::Error| ServerError::Start { detail: error.to_string() };
    let _lock = hold(&config.data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    let outcome = runtime.block_on(serve(config, started));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Makes the folder, for its owner alone, and locks it as long as the file lives.
fn hold(data: &Path) -> Result<File, ServerError> {
    let failed =
        |error: std::io::Error| ServerError::Folder { path: data.display().to_string(), detail: error.to_string() };
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let open = |name: &str| {
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(data.join(name)).map_err(failed)
    };
    let lock = open("server.lock")?;
    // Runs have no configuration but what the server gives them.
    open("executor.toml")?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ServerError::Held { path: data.display().to_string() }),
        Err(error) => Err(failed(error.into())),
    }
}

async fn serve(config: &ServerConfig, started: impl FnOnce(&Started)) -> Result<(), ServerError> {
    // Before anything else, so that no signal is lost.
    let failed = |error: std::io::Error| ServerError::Start { detail: error.to_string() };
    let (mut interrupt, mut end) =
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?);
    let control = Control::open(&config.data.join("control.db")).await?;
    let app = app(control, Arc::new(SystemClock), Arc::new(OsChance));
    // The lock is ours, so whoever held leases under this name is dead.
    app.control.expire(HOLDER).await?;
    app.control.reap(app.now_ms()).await?;
    let refused =
        |error: std::io::Error| ServerError::Listen { listen: config.listen.to_string(), detail: error.to_string() };
    let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let setup =
        if app.control.has_people().await? { None } else { Some(format!("/setup?token={}", app.offer_setup())) };
    let (stop, stopped) = watch::channel(false);
    let mut tasks = start(config, &app, &stopped);
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let mut until = stopped.clone();
    let shutdown = async move { until.changed().await.unwrap_or(()) };
    let mut server = tokio::spawn(async move { axum::serve(listener, service).with_graceful_shutdown(shutdown).await });
    started(&Started { address, setup });
    tokio::select! { _ = interrupt.recv() => {}, _ = end.recv() => {} }
    let _ = stop.send(true);
    let _ = timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
    // Whoever watches events does not hang up by himself.
    if timeout(Duration::from_secs(1), &mut server).await.is_err() {
        server.abort();
    }
    app.control.close().await;
    Ok(())
}

fn start(config: &ServerConfig, app: &Arc<App>, stopped: &watch::Receiver<bool>) -> JoinSet<()> {
    let executor = Arc::new(Executor {
        app: app.clone(),
        program: config.program.clone(),
        data: config.data.clone(),
        environment: config.environment.clone(),
        holder: HOLDER.to_string(),
        trouble: config.trouble.clone(),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..config.workers.max(1) {
        tasks.spawn(executor.clone().work(stopped.clone()));
    }
    tasks.spawn(keep_time(app.clone(), config.trouble.clone(), stopped.clone()));
    tasks
}
