//! Finding and unlocking a repository.

use crate::cache::Cache;
use crate::entropy::Entropy;
use crate::error::{StoreError, must_exist};
use crate::format::config::{self, Config};
use crate::format::names;
use crate::format::slot::SlotKind;
use crate::format::version::{FRONT, FormatVersion};
use crate::keys::{self, KdfLimit, Slots, Unlock};
use crate::repository::Repository;
use datakeep_process::{KeyRing, Suite};
use datakeep_store_blob::{BlobStore, Listed};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What the files of the cache folder may take when nobody says anything else.
const CACHE_MOST_BYTES: u64 = 2 << 30;

/// A repository that has been found and not yet unlocked.
pub struct Locked {
    blobs: Arc<dyn BlobStore>,
    parsed: config::Parsed,
    /// True when the config has been read by itself, false when it is a slot's copy.
    is_read: bool,
    slots: Slots,
    /// What was listed of [`FRONT`].
    front: Vec<Listed>,
    limit: KdfLimit,
    cache_most_bytes: u64,
}

impl Locked {
    /// Looks for a repository. Needs no key.
    ///
    /// Two requests where the format version is 2: a listing, and a slot with its copy of the config.
    pub fn find(blobs: Arc<dyn BlobStore>) -> Result<Self, StoreError> {
        let front = match blobs.list_between(FRONT.0, FRONT.1) {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let folder = FormatVersion::Two.slots();
        let mut slots = Slots { names: Vec::new(), read: Vec::new() };
        slots.names.extend(front.iter().map(|listed| &listed.name).filter(|name| name.starts_with(folder)).cloned());
        if !front.iter().any(|listed| listed.name == names::CONFIG) {
            return Err(Self::nothing_there(&*blobs, &slots.names));
        }
        let copy = copied_config(&*blobs, &mut slots);
        let is_read = copy.is_none();
        let parsed = copy.map_or_else(|| read_config(&*blobs), Ok)?;
        config::check_features(&parsed.config, 0, "read")?;
        if parsed.config.version == FormatVersion::One {
            slots.names = keys::slot_names(&*blobs, FormatVersion::One)?;
        }
        Ok(Self {
            blobs,
            parsed,
            is_read,
            slots,
            front,
            limit: KdfLimit::default(),
            cache_most_bytes: CACHE_MOST_BYTES,
        })
    }

    /// With another limit of what may be spent on slots.
    #[must_use]
    pub fn with_kdf_limit(mut self, limit: KdfLimit) -> Self {
        self.limit = limit;
        self
    }

    /// With another bound of what the files of the cache folder may take; the usual one is 2 GiB.
    #[must_use]
    pub fn with_cache_limit(mut self, most_bytes: u64) -> Self {
        self.cache_most_bytes = most_bytes;
        self
    }

    /// No config: either nothing is there at all, or a repository lost it.
    fn nothing_there(blobs: &dyn BlobStore, slots: &[String]) -> StoreError {
        let has_old_slots = || blobs.list(FormatVersion::One.slots()).is_ok_and(|slots| !slots.is_empty());
        match !slots.is_empty() || has_old_slots() {
            true => StoreError::Missing { object: names::CONFIG.to_string() },
            false => StoreError::NoRepository { location: blobs.location() },
        }
    }

    /// The config, authentic only once unlocked.
    pub fn config(&self) -> &Config {
        &self.parsed.config
    }

    /// Unwraps the root key and proves config and slot. `cache_folder` is where disposable copies go.
    pub fn unlock(
        mut self,
        unlock: &Unlock,
        entropy: Arc<dyn Entropy>,
        cache_folder: Option<PathBuf>,
    ) -> Result<Repository, StoreError> {
        let opened = match self.open(unlock) {
            // Whoever can add a slot could have put another config into it: the config itself decides.
            Err(error) if !self.is_read => {
                let parsed = read_config(&*self.blobs)?;
                if parsed.stored() == self.parsed.stored() {
                    return Err(error);
                }
                (self.parsed, self.is_read) = (parsed, true);
                self.open(unlock)?
            }
            other => other?,
        };
        let (opened, keys) = opened;
        let config = self.parsed.config.clone();
        let cache = cache_folder.filter(|_| self.cache_most_bytes > 0);
        let cache = cache.map(|folder| Arc::new(Cache::new(&folder, self.cache_most_bytes, keys.commit.clone())));
        let mut repository = Repository::assemble(self.blobs, config, opened.root, keys, entropy, cache);
        repository.slot = opened.slot;
        repository.slots = Mutex::new(Some(self.slots));
        repository.front = Mutex::new(Some(self.front));
        Ok(repository)
    }

    fn open(&mut self, unlock: &Unlock) -> Result<(keys::Opened, KeyRing), StoreError> {
        let config = &self.parsed.config;
        let opened = keys::unlock(&*self.blobs, config, unlock, self.limit, &mut self.slots)?;
        let keys = KeyRing::derive(&opened.root, config.repository, config.key_epoch);
        config::check_mac(&self.parsed, &keys.commit)?;
        Ok((opened, keys))
    }
}

/// The config object, not a copy of it.
pub(crate) fn read_config(blobs: &dyn BlobStore) -> Result<config::Parsed, StoreError> {
    config::decode(&blobs.read(names::CONFIG, config::MAX_LEN_BYTES).map_err(must_exist)?)
}

/// The config that stands in the slot that is most likely to be wanted next.
fn copied_config(blobs: &dyn BlobStore, slots: &mut Slots) -> Option<config::Parsed> {
    let rank = |name: &&String| match keys::spoken_kind(name) {
        Some(SlotKind::Password) => 0,
        Some(SlotKind::Recovery) => 1,
        _ => 2,
    };
    // Where slots speak of several configs, only the config itself tells which is this repository's.
    let mark = keys::agreed_mark(&slots.names)?.to_string();
    let first = slots.names.iter().min_by_key(rank)?;
    let found = keys::read_slot(blobs, first);
    let copied = found.1.as_ref().ok().map(|parsed| &parsed.slot.config);
    let copied = copied.filter(|config| keys::config_mark(config) == mark);
    let copy = copied.and_then(|config| config::decode(config).ok());
    slots.read.push(found);
    // That nothing is encrypted is not to be learned from what anybody can add.
    copy.filter(|parsed| parsed.config.version == FormatVersion::Two && parsed.config.suite != Suite::Plain)
}
