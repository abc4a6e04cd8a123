//! Object stores: S3 and what speaks its protocol, Aliyun OSS, Tencent COS, through OpenDAL.
//!
//! Each call of [`ObjectStore`] is one attempt (a listing is one request a page, a large object one a part): patience is
//! [`crate::RetryStore`]'s, and doing several at once [`crate::AheadStore`]'s. An object is durable when its upload has
//! been acknowledged, and seen whole or not at all; so staging stores, and a barrier has nothing to do.

use crate::{BlobError, BlobStore, Listed, RemoteCause, is_valid_name};
use bytes::Bytes;
use door::Door;
use futures::TryStreamExt;
use opendal::services::{Cos, Oss, S3};
use opendal::{Buffer, BytesRange, HttpTransporter, OperationContext, Operator};
use settings::{Checksum, Credentials, Service, Settings};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

mod door;
mod fault;
mod leftovers;
mod listing;
mod lock;
#[cfg(test)]
mod services;
pub mod settings;

/// Enough to keep a line of 50 MB/s busy with frames of 2 MB while each waits 30 ms for its first byte.
const READS_AT_ONCE: usize = 6;

/// Bytes that several hold.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A bucket, or what begins with a prefix in one.
pub struct ObjectStore {
    // Dropped before the runtime its connections live on.
    operator: Operator,
    door: Door,
    settings: Settings,
    /// The store lets a write depend on the name being free. Found out by the first that does not.
    is_conditional: AtomicBool,
    runtime: Runtime,
}

impl ObjectStore {
    /// Gets ready to speak to a store; nothing is sent yet. The error says which setting makes no sense.
    pub fn new(settings: Settings) -> Result<Self, BlobError> {
        let failed = |detail: String| BlobError::Failed { operation: "use", name: settings.place.location(), detail };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("store-net")
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let door = Door::new(&settings).map_err(failed)?;
        let context = OperationContext::default().with_http_transport(HttpTransporter::new(door.clone()));
        let operator = operator(&settings).map_err(|error| failed(error.to_string()))?.with_context(context);
        Ok(Self { operator, door, settings, is_conditional: AtomicBool::new(true), runtime })
    }

    fn wait<T>(
        &self,
        operation: &'static str,
        name: &str,
        future: impl Future<Output = opendal::Result<T>>,
    ) -> Result<T, BlobError> {
        self.runtime.block_on(future).map_err(|error| match name {
            "" => fault::meaning(operation, &self.location(), &error),
            name => fault::meaning(operation, name, &error),
        })
    }

    /// Stores an object under a free name.
    fn put(&self, operation: &'static str, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        if !is_valid_name(name) {
            let detail = "not a valid object name".into();
            return Err(BlobError::Failed { operation, name: format!("{name:?}"), detail });
        }
        if self.is_conditional.load(Ordering::Relaxed) {
            match self.put_once(operation, name, bytes.clone(), true) {
                // An upload that is gone: completed by an answer that was lost, or ended by somebody.
                Err(BlobError::NotFound { name }) => return Err(upload_gone(operation, name)),
                Err(BlobError::Remote { cause: RemoteCause::Unsupported, .. }) => {
                    self.is_conditional.store(false, Ordering::Relaxed);
                }
                other => return other,
            }
        }
        // Two who do this at once may both succeed: the probe finds that out, and such a store is collected alone.
        if self.len_bytes(name)?.is_some() {
            return Err(BlobError::Exists { name: name.to_string() });
        }
        match self.put_once(operation, name, bytes, false) {
            Err(BlobError::NotFound { name }) => Err(upload_gone(operation, name)),
            other => other,
        }
    }

    fn put_once(&self, operation: &'static str, name: &str, bytes: Bytes, if_free: bool) -> Result<(), BlobError> {
        if bytes.len() as u64 <= self.settings.part_bytes {
            let written = self.operator.write_with(name, bytes).if_not_exists(if_free);
            return self.wait(operation, name, written.into_future()).map(drop);
        }
        let part_bytes = part_len_bytes(bytes.len() as u64, self.settings.part_bytes);
        self.wait(operation, name, async {
            let mut writer =
                self.operator.writer_with(name).if_not_exists(if_free).chunk(part_bytes).concurrent(2).await?;
            let written = match writer.write(Buffer::from(bytes)).await {
                Ok(()) => writer.close().await.map(drop),
                Err(error) => Err(error),
            };
            if written.is_err() {
                // What is left of it is found by its age, should this fail, too.
                let _ = writer.abort().await;
            }
            written
        })
    }

    /// Reads a range that must be there as a whole. One request.
    fn get(&self, name: &str, range: BytesRange) -> Result<Buffer, BlobError> {
        self.wait("read", name, self.operator.read_with(name).range(range).into_future())
    }

    /// Reads at most so many bytes and one more, whatever the object's length, which is told besides where the store says
    /// it. One request.
    fn get_some(&self, name: &str, range: BytesRange, most_bytes: u64) -> Result<(Option<u64>, Vec<u8>), BlobError> {
        self.wait("read", name, async {
            let reader = self.operator.reader(name).await?;
            let mut stream = reader.clone().into_stream(range).await?;
            let mut found = Vec::new();
            while found.len() as u64 <= most_bytes {
                let Some(part) = stream.try_next().await? else { break };
                let room = usize::try_from(most_bytes + 1 - found.len() as u64).unwrap_or(usize::MAX);
                for bytes in part.slice(..part.len().min(room)) {
                    found.extend_from_slice(&bytes);
                }
            }
            Ok((reader.metadata().map(|metadata| metadata.content_length()), found))
        })
    }

    /// A range was not there as a whole: because the object ends before, or because the answer did.
    fn too_short(&self, name: &str, wanted_bytes: u64, error: BlobError) -> BlobError {
        match self.len_bytes(name) {
            Ok(Some(len_bytes)) if len_bytes < wanted_bytes => {
                BlobError::Short { name: name.to_string(), len_bytes, wanted_bytes }
            }
            Ok(None) => BlobError::NotFound { name: name.to_string() },
            Ok(Some(_)) => error,
            Err(failed) => failed,
        }
    }
}

fn upload_gone(operation: &'static str, name: String) -> BlobError {
    let detail = "the store no longer knows the upload".to_string();
    BlobError::Remote { operation, name, cause: RemoteCause::Broken, detail }
}

/// Length of parts: a few of the length at which parts begin, within what S3 allows (5 MiB to 5 GiB, 10,000 parts).
fn part_len_bytes(len_bytes: u64, part_bytes: u64) -> usize {
    let wanted_bytes = (part_bytes / 4).max(len_bytes.div_ceil(1000)).max(5 << 20);
    usize::try_from(wanted_bytes).unwrap_or(usize::MAX)
}

/// What is none of ours is passed over: markers of folders, which consoles make, and names that no object of ours has.
fn listed(entry: &opendal::Entry) -> Option<Listed> {
    let is_ours = entry.metadata().is_file() && is_valid_name(entry.path());
    is_ours.then(|| Listed { name: entry.path().to_string(), len_bytes: entry.metadata().content_length() })
}

/// Puts a listing in order. A page that came twice may stand for one that did not come.
fn in_order(place: &str, mut found: Vec<Listed>) -> Result<Vec<Listed>, BlobError> {
    found.sort();
    match found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => {
            let detail = format!("{} is listed twice", pair[0].name);
            let (name, cause) = (place.to_string(), RemoteCause::Broken);
            Err(BlobError::Remote { operation: "list", name, cause, detail })
        }
        None => Ok(found),
    }
}

/// A name that sorts before `name`, with no name that is valid between the two.
fn just_before(name: &str) -> String {
    let mut characters = name.chars();
    match characters.next_back() {
        // `-` is the first of the characters that names have.
        Some(last) if last > '-' => {
            let before = char::from_u32(u32::from(last) - 1).unwrap_or('-');
            format!("{}{before}~", characters.as_str())
        }
        Some(_) => characters.as_str().to_string(),
        None => String::new(),
    }
}

fn operator(settings: &Settings) -> opendal::Result<Operator> {
    let place = &settings.place;
    let root = format!("/{}", place.prefix);
    let endpoint = settings.endpoint.as_deref();
    let key = |secret: &datakeep_model::Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    match place.service {
        Service::S3 => {
            // The door signs: it also adds what the driver knows nothing of.
            let mut builder =
                S3::default().bucket(&place.bucket).root(&root).region(settings.signing_region()).skip_signature();
            if let Some(endpoint) = endpoint {
                builder = builder.endpoint(endpoint);
            }
            if !settings.uses_path_style() {
                builder = builder.enable_virtual_host_style();
            }
            if settings.checksum == Checksum::Crc32c {
                builder = builder.checksum_algorithm("crc32c");
            }
            Operator::new(builder)
        }
        Service::Oss => {
            let mut builder = Oss::default().bucket(&place.bucket).root(&root);
            if let Some(endpoint) = endpoint {
                builder = builder.endpoint(endpoint);
            }
            if let Credentials::Static { id, secret, token } = &settings.credentials {
                builder = builder.access_key_id(id).access_key_secret(&key(secret));
                if let Some(token) = token {
                    builder = builder.security_token(&key(token));
                }
            }
            Operator::new(builder)
        }
        Service::Cos => {
            let mut builder = Cos::default().bucket(&place.bucket).root(&root);
            if let Some(endpoint) = endpoint {
                builder = builder.endpoint(endpoint);
            }
            if let Credentials::Static { id, secret, token } = &settings.credentials {
                builder = builder.secret_id(id).secret_key(&key(secret));
                if let Some(token) = token {
                    builder = builder.security_token(&key(token));
                }
            }
            Operator::new(builder)
        }
    }
}

impl BlobStore for ObjectStore {
    fn location(&self) -> String {
        self.settings.place.location()
    }

    fn stage(&self, name: &str, parts: &[&[u8]]) -> Result<(), BlobError> {
        self.put("write", name, Bytes::from(parts.concat()))
    }

    fn stage_shared(&self, name: &str, bytes: Arc<Vec<u8>>) -> Result<(), BlobError> {
        self.put("write", name, Bytes::from_owner(Shared(bytes)))
    }

    fn barrier(&self) -> Result<(), BlobError> {
        Ok(())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        self.put("create", name, Bytes::copy_from_slice(bytes))
    }

    fn read(&self, name: &str, max_len_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let (_, found) = self.get_some(name, BytesRange::new(0, None), max_len_bytes)?;
        if found.len() as u64 > max_len_bytes {
            let detail = format!("more than {max_len_bytes} bytes long; at most {max_len_bytes} are possible");
            return Err(BlobError::Failed { operation: "read", name: name.to_string(), detail });
        }
        Ok(found)
    }

    fn read_at(&self, name: &str, offset_byte: u64, buffer: &mut [u8]) -> Result<(), BlobError> {
        if buffer.is_empty() {
            return Ok(());
        }
        let wanted_bytes = offset_byte.saturating_add(buffer.len() as u64);
        let found = match self.get(name, BytesRange::new(offset_byte, Some(buffer.len() as u64))) {
            Err(error @ (BlobError::Short { .. } | BlobError::Remote { cause: RemoteCause::Broken, .. })) => {
                return Err(self.too_short(name, wanted_bytes, error));
            }
            other => other?,
        };
        if found.len() != buffer.len() {
            let detail = format!("{} bytes came where {} were asked for", found.len(), buffer.len());
            let error = BlobError::Remote { operation: "read", name: name.into(), cause: RemoteCause::Broken, detail };
            return Err(self.too_short(name, wanted_bytes, error));
        }
        let mut rest = buffer;
        for bytes in found {
            let (part, after) = rest.split_at_mut(bytes.len());
            part.copy_from_slice(&bytes);
            rest = after;
        }
        Ok(())
    }

    fn read_tail(&self, name: &str, max_len_bytes: u64) -> Result<(u64, Vec<u8>), BlobError> {
        let asked_bytes = max_len_bytes.max(1);
        let (told, mut tail) = match self.get_some(name, BytesRange::suffix(asked_bytes), asked_bytes) {
            // An empty object has no last byte; whether it is one is asked for.
            Err(BlobError::Short { .. }) => (None, Vec::new()),
            other => other?,
        };
        let len_bytes = match told {
            Some(len_bytes) => len_bytes,
            None => self.len_bytes(name)?.ok_or_else(|| BlobError::NotFound { name: name.to_string() })?,
        };
        if tail.len() as u64 != len_bytes.min(asked_bytes) {
            let detail =
                format!("{} bytes came where the last {asked_bytes} of {len_bytes} were asked for", tail.len());
            return Err(BlobError::Remote { operation: "read", name: name.into(), cause: RemoteCause::Broken, detail });
        }
        let wanted = usize::try_from(max_len_bytes).unwrap_or(usize::MAX).min(tail.len());
        Ok((len_bytes, tail.split_off(tail.len() - wanted)))
    }

    fn read_along_bytes(&self) -> u64 {
        // The directories of nearly all packs, and all of most packs of nodes. A request of 30 ms costs as much as 1.5 MB at
        // 50 MB/s; but where several go at once, only the bytes count.
        512 << 10
    }

    fn keeps_what_it_shows(&self) -> bool {
        true
    }

    fn reads_at_once(&self) -> usize {
        READS_AT_ONCE
    }

    fn len_bytes(&self, name: &str) -> Result<Option<u64>, BlobError> {
        match self.wait("look at", name, self.operator.stat(name)) {
            Ok(found) => Ok(Some(found.content_length())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn age_ms(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let found = match self.wait("look at", name, self.operator.stat(name)) {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        let (Some(stored), Some(now_seconds)) = (found.last_modified(), self.door.date_seconds()) else {
            return Ok(None);
        };
        let age_seconds = now_seconds.saturating_sub(stored.into_inner().as_second());
        Ok(Some(u64::try_from(age_seconds).unwrap_or(0).saturating_mul(1000)))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let entries = self.wait("list", prefix, self.operator.list_with(prefix).recursive(true).into_future())?;
        in_order(prefix, entries.iter().filter_map(listed).filter(|found| found.name.starts_with(prefix)).collect())
    }

    fn list_between(&self, from: &str, to: &str) -> Result<Vec<Listed>, BlobError> {
        if !self.operator.info().capability().list_with_start_after {
            let mut found = self.list("")?;
            found.retain(|listed| (from..to).contains(&listed.name.as_str()));
            return Ok(found);
        }
        // The listing begins after a name: the one itself is looked at by what is just before it.
        let after = just_before(from);
        let found = self.wait("list", "", async {
            let mut lister = self.operator.lister_with("").recursive(true).start_after(&after).await?;
            let mut found = Vec::new();
            // Names come in order, a page a request: what comes after the range is not asked for.
            while let Some(entry) = lister.try_next().await? {
                if entry.path() >= to {
                    break;
                }
                found.extend(listed(&entry).filter(|listed| listed.name.as_str() >= from));
            }
            Ok(found)
        })?;
        in_order(from, found)
    }

    fn clear_leftovers(&self) -> Result<u64, BlobError> {
        leftovers::clear(self)
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        match self.wait("delete", name, self.operator.delete(name)) {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }
}
