//! What a bucket holds: plain data that tests may look at and change.

use crate::checksum::{Algorithm, hex, md5};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Its ETag, without quotes.
    pub etag: String,
    /// When it was stored, by the server's clock.
    pub modified: Timestamp,
    /// The checksums its request came with, by algorithm, in base64.
    pub checksums: BTreeMap<Algorithm, String>,
    /// Its lock.
    pub lock: Option<Lock>,
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its `x-amz-meta-` headers, by their whole names.
    pub metadata: BTreeMap<String, String>,
    /// The request that stored it, counted by the server.
    pub(crate) created_tick: u64,
}

impl Object {
    /// An object made of bytes alone, stored at `modified`.
    pub fn new(bytes: Vec<u8>, modified: Timestamp) -> Self {
        Self {
            etag: hex(&md5(&bytes)),
            bytes: Arc::new(bytes),
            modified,
            checksums: BTreeMap::new(),
            lock: None,
            content_type: "binary/octet-stream".to_owned(),
            metadata: BTreeMap::new(),
            created_tick: 0,
        }
    }

    /// Its length.
    pub fn len_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether it must not be deleted or replaced at `now`.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.until > now)
    }
}

/// What keeps an object from being deleted. Simplified: there are no versions, so it keeps it from being replaced too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// Until when, by the server's clock.
    pub until: Timestamp,
}

/// An upload that is neither completed nor aborted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    /// Under which name the object will be.
    pub key: String,
    /// When it was begun.
    pub initiated: Timestamp,
    /// Its parts so far.
    pub parts: BTreeMap<u32, Part>,
    /// What the object will have beside its bytes.
    pub(crate) template: Object,
}

/// A part of an upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Their MD5.
    pub md5: [u8; 16],
    /// When it was stored.
    pub modified: Timestamp,
    /// The checksums its request came with.
    pub checksums: BTreeMap<Algorithm, String>,
}

/// What a listing shows of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) len_bytes: u64,
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
}

/// A bucket.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bucket {
    objects: BTreeMap<String, Object>,
    /// Uploads by their ids.
    pub uploads: BTreeMap<String, Upload>,
    /// What listings show, for each name from a request on; only kept by dialects that list late.
    history: BTreeMap<String, Vec<(u64, Option<Entry>)>>,
}

impl Bucket {
    /// All objects by name.
    pub fn objects(&self) -> &BTreeMap<String, Object> {
        &self.objects
    }

    /// Stores an object behind the server's back; listings show it at once.
    pub fn insert(&mut self, key: &str, object: Object) {
        self.history.remove(key);
        self.objects.insert(key.to_owned(), object);
    }

    /// Removes an object behind the server's back; listings show it no more.
    pub fn remove(&mut self, key: &str) -> Option<Object> {
        self.history.remove(key);
        self.objects.remove(key)
    }

    /// Changes an object at request `tick`; listings may follow later.
    pub(crate) fn set(&mut self, key: &str, object: Option<Object>, tick: u64) {
        let entry = |object: &Object| Entry {
            key: key.to_owned(),
            len_bytes: object.len_bytes(),
            etag: object.etag.clone(),
            modified: object.modified,
        };
        let before = self.objects.get(key).map(entry);
        let changes = self.history.entry(key.to_owned()).or_insert_with(|| vec![(0, before)]);
        changes.push((tick, object.as_ref().map(entry)));
        match object {
            Some(object) => self.objects.insert(key.to_owned(), object),
            None => self.objects.remove(key),
        };
    }

    /// What a listing at request `tick` shows when it is `lag` requests behind, sorted by name.
    pub(crate) fn listed(&mut self, tick: u64, lag: u64) -> Vec<Entry> {
        let settled = |at: u64| tick.saturating_sub(at) > lag;
        let history = std::mem::take(&mut self.history);
        let mut shown: BTreeMap<String, Entry> = BTreeMap::new();
        for (key, object) in self.objects.iter().filter(|(key, _)| !history.contains_key(*key)) {
            let (len_bytes, etag) = (object.len_bytes(), object.etag.clone());
            shown.insert(key.clone(), Entry { key: key.clone(), len_bytes, etag, modified: object.modified });
        }
        for (key, mut changes) in history {
            let last = changes.iter().rposition(|(at, _)| settled(*at)).unwrap_or(0);
            if let Some(entry) = &changes[last].1 {
                shown.insert(key.clone(), entry.clone());
            }
            changes.drain(..last);
            if changes.len() > 1 {
                self.history.insert(key, changes);
            }
        }
        shown.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_follow_after_the_lag_and_not_before() {
        let mut bucket = Bucket::default();
        let object = || Some(Object::new(b"x".to_vec(), Timestamp::UNIX_EPOCH));
        let names =
            |bucket: &mut Bucket, tick| bucket.listed(tick, 2).into_iter().map(|entry| entry.key).collect::<Vec<_>>();
        bucket.set("a", object(), 1);
        assert_eq!(names(&mut bucket, 3), [""; 0]);
        assert_eq!(names(&mut bucket, 4), ["a"]);
        bucket.set("a", None, 5);
        bucket.set("b", object(), 5);
        assert_eq!(names(&mut bucket, 7), ["a"]);
        bucket.set("b", None, 7);
        assert_eq!(names(&mut bucket, 8), ["b"]);
        assert_eq!(names(&mut bucket, 9), ["b"]);
        assert_eq!(names(&mut bucket, 10), [""; 0]);
        assert!(bucket.history.is_empty());
    }
}
