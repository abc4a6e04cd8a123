//! The server: threads, connections, and the handle that tests hold.

use crate::bucket::{Bucket, Object, Upload};
use crate::credentials::Credentials;
use crate::delivery::End;
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::fault::{Fault, Rule};
use crate::log::{Request, Traffic};
use crate::operation::Operation;
use crate::pace::{Pace, Pacer};
use crate::payload;
use crate::wire::{Wire, reset};
use crate::world::World;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The bucket every server begins with.
pub const BUCKET: &str = "datakeep-test";

/// More connections than this at a time are reset.
const MAX_CONNECTIONS: usize = 256;

/// A server of S3 on a free port of this machine, in memory; it ends when it is dropped.
///
/// Requests are applied one at a time and whole, in the order in which they were there with their bodies.
pub struct S3Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    world: Mutex<World>,
    pacer: Pacer,
    connections: Mutex<BTreeMap<u64, TcpStream>>,
    is_down: AtomicBool,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_connections(&self) {
        for stream in self.connections().values() {
            reset(stream);
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl S3Server {
    /// Starts a server with one empty bucket, [`BUCKET`].
    ///
    /// # Panics
    ///
    /// When no port of this machine can be had.
    pub fn start(dialect: Dialect) -> Self {
        Self::try_start(dialect).unwrap_or_else(|error| panic!("cannot start an S3 server: {error}"))
    }

    fn try_start(dialect: Dialect) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(dialect, BUCKET)),
            pacer: Pacer::new(),
            connections: Mutex::default(),
            is_down: AtomicBool::new(false),
        });
        let own = shared.clone();
        let acceptor = thread::Builder::new().name("s3-accept".to_owned()).spawn(move || accept(&own, &listener))?;
        Ok(Self { shared, address, acceptor: Some(acceptor) })
    }

    /// What a client must know.
    pub fn endpoint(&self) -> Endpoint {
        let world = self.shared.world();
        Endpoint {
            url: format!("http://{}", self.address),
            region: world.dialect.region.clone(),
            bucket: BUCKET.to_owned(),
            credentials: world.credentials.clone(),
        }
    }

    /// Answers as another dialect from now on.
    pub fn set_dialect(&self, dialect: Dialect) {
        self.shared.world().dialect = dialect;
    }

    /// Accepts these credentials and no others from now on; they have not expired.
    pub fn set_credentials(&self, credentials: Credentials) {
        let mut world = self.shared.world();
        (world.credentials, world.has_expired) = (credentials, false);
    }

    /// Answers `ExpiredToken` to everybody until there are new credentials.
    pub fn expire_credentials(&self) {
        self.shared.world().has_expired = true;
    }

    /// Sets the server's clock so many seconds before (or, if negative, behind) this machine's: for `Date`,
    /// `Last-Modified`, locks and signatures.
    pub fn set_clock_offset_s(&self, offset_s: i64) {
        self.shared.world().clock_offset_s = offset_s;
    }

    /// Makes the server so fast and no faster.
    pub fn set_pace(&self, pace: Pace) {
        self.shared.pacer.set(pace);
    }

    /// Plans a fault. Its requests are counted from now on; of two that strike at once, the earlier planned one does.
    pub fn inject(&self, rule: Rule) {
        self.shared.world().plan.push(rule);
    }

    /// Forgets all planned faults.
    pub fn clear_faults(&self) {
        self.shared.world().plan.clear();
    }

    /// Resets every connection there is and every one that comes, until [`S3Server::come_back`].
    pub fn go_down(&self) {
        self.shared.is_down.store(true, Ordering::SeqCst);
        self.shared.end_connections();
    }

    /// Serves again, with everything that was stored.
    pub fn come_back(&self) {
        self.shared.is_down.store(false, Ordering::SeqCst);
    }

    /// All requests whose answers were decided, in that order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.world().log.clone()
    }

    /// The same, and forgets them.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.world().log)
    }

    /// The sum over all requests in the log.
    pub fn traffic(&self) -> Traffic {
        self.shared.world().log.iter().collect()
    }

    /// How many requests of an operation are in the log.
    pub fn count(&self, operation: Operation) -> usize {
        self.shared.world().log.iter().filter(|request| request.operation == operation).count()
    }

    /// The objects of [`BUCKET`] as they are now.
    pub fn objects(&self) -> BTreeMap<String, Object> {
        self.with_bucket(|bucket| bucket.objects().clone())
    }

    /// The open uploads of [`BUCKET`] by their ids.
    pub fn uploads(&self) -> BTreeMap<String, Upload> {
        self.with_bucket(|bucket| bucket.uploads.clone())
    }

    /// Looks at [`BUCKET`] or changes it behind the server's back, while no request is applied.
    pub fn with_bucket<R>(&self, act: impl FnOnce(&mut Bucket) -> R) -> R {
        act(self.shared.world().buckets.entry(BUCKET.to_owned()).or_default())
    }

    /// Stores an object behind the server's back.
    pub fn insert(&self, key: &str, bytes: &[u8]) {
        let mut world = self.shared.world();
        let object = Object::new(bytes.to_vec(), world.now());
        world.buckets.entry(BUCKET.to_owned()).or_default().insert(key, object);
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.shared.pacer.stop();
        self.shared.end_connections();
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.pacer.is_stopped() {
            break;
        }
        let Ok(stream) = stream else { continue };
        workers.retain(|worker| !worker.is_finished());
        if shared.is_down.load(Ordering::SeqCst) || workers.len() >= MAX_CONNECTIONS {
            reset(&stream);
            continue;
        }
        let own = shared.clone();
        let worker = thread::Builder::new().name("s3-serve".to_owned()).spawn(move || serve(&own, number, stream));
        workers.extend(worker.ok());
    }
    for worker in workers {
        let _ = worker.join();
    }
}

fn serve(shared: &Shared, number: u64, stream: TcpStream) {
    let Ok(own) = stream.try_clone() else { return };
    shared.connections().insert(number, own);
    // Who ends all connections does so after saying why: one of the two sees the other.
    if !shared.pacer.is_stopped()
        && !shared.is_down.load(Ordering::SeqCst)
        && let Ok(mut wire) = Wire::new(stream, &shared.pacer)
    {
        match answer_all(shared, &mut wire) {
            Ok(End::Reset) => wire.reset(),
            Ok(End::Stall) => wire.stall(),
            Ok(End::Keep | End::Close) | Err(_) => {}
        }
    }
    shared.connections().remove(&number);
}

/// Answers one request after the other, and says how the connection ends. An error means that the client has gone or
/// speaks no HTTP; nobody is there to hear of it.
fn answer_all(shared: &Shared, wire: &mut Wire<'_>) -> io::Result<End> {
    while let Some(mut call) = wire.read_head()? {
        let fault = shared.world().begin(&mut call);
        let early = match fault {
            Some(Fault::ResetBefore) => Some(0),
            Some(Fault::ResetInRequest { sixteenths }) => Some(sixteenths.min(16)),
            _ => None,
        };
        if let Some(sixteenths) = early {
            let len_bytes = if sixteenths == 0 { 0 } else { wire.read_body(&call, sixteenths)?.len() as u64 };
            shared.world().give_up(&call, len_bytes, fault);
            return Ok(End::Reset);
        }
        call.body = wire.read_body(&call, 16)?;
        let len_bytes = call.body.len() as u64;
        let (checksums, secret_key) = shared.world().rules_for_bodies();
        let payload = payload::check(&mut call, checksums, &secret_key);
        let delivery = shared.world().finish(call, len_bytes, payload, fault);
        shared.pacer.wait(Duration::from_millis(delivery.wait_ms + shared.pacer.latency_ms()));
        if delivery.status.is_some() {
            wire.send(&delivery)?;
        }
        if delivery.end != End::Keep {
            return Ok(delivery.end);
        }
    }
    Ok(End::Close)
}
