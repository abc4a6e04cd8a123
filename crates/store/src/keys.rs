//! Key slots: wrapping and unwrapping the root key.

use crate::entropy::{Entropy, random};
use crate::error::{StoreError, must_exist};
use crate::fetch;
use crate::format::config::{self, Config, WRITING, check_features};
use crate::format::slot::{self, Slot, SlotKind};
use crate::format::version::FormatVersion;
use crate::repository::Repository;
use datakeep_model::{Secret, Timestamp};
use datakeep_process::{
    KdfParams, KeyRing, ProcessError, RecoveryCode, RoleKey, RootKey, Suite, unwrap_root, wrap_root,
};
use datakeep_store_blob::BlobStore;

/// What a person has to open a repository with.
#[derive(Clone, Debug)]
pub enum Unlock {
    /// A password.
    Password(Secret),
    /// The recovery code as printed, in any spacing.
    RecoveryCode(Secret),
    /// Nothing: for unencrypted repositories, and for no others.
    Nothing,
}

/// A slot to be made.
#[derive(Clone, Debug)]
pub struct NewSlot {
    /// Name for people.
    pub label: String,
    /// What opens it. For a recovery slot: the 20 bytes of the code, not its text.
    pub secret: Secret,
    /// Kind.
    pub kind: SlotKind,
    /// Cost of guessing.
    pub kdf: KdfParams,
}

/// A slot as `key list` shows it.
#[derive(Clone, Debug)]
pub struct SlotInfo {
    /// Sixteen hexadecimal digits; eight in repositories of format version 1.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Kind.
    pub kind: SlotKind,
    /// When it was made, in seconds since the epoch.
    pub created_seconds: i64,
    /// Cost of guessing.
    pub kdf: KdfParams,
    /// True for the slot that opened the repository in this run.
    pub used: bool,
}

pub(crate) struct Opened {
    pub root: RootKey,
    pub slot: String,
}

fn slot_name(object: &str) -> &str {
    object.rsplit_once('/').map_or(object, |(_, name)| name)
}

/// An object in the folder of slots, and what stands in it.
pub(crate) type FoundSlot = (String, Result<slot::Parsed, StoreError>);

pub(crate) fn read_slot(blobs: &dyn BlobStore, object: &str) -> FoundSlot {
    let stored = blobs.read(object, slot::MAX_LEN_BYTES).map_err(must_exist);
    (object.to_string(), stored.and_then(|stored| slot::decode(object, &stored)))
}

fn read_these(blobs: &dyn BlobStore, names: &[String]) -> Vec<FoundSlot> {
    let read = |object: &str| Ok(read_slot(blobs, object).1);
    let found = fetch::each(names, blobs.reads_at_once(), &read);
    names.iter().cloned().zip(found.into_iter().map(Result::flatten)).collect()
}

/// The objects in the folder of slots.
pub(crate) fn slot_names(blobs: &dyn BlobStore, version: FormatVersion) -> Result<Vec<String>, StoreError> {
    Ok(blobs.list(version.slots())?.into_iter().map(|listed| listed.name).collect())
}

fn read_slots(blobs: &dyn BlobStore, version: FormatVersion) -> Result<Vec<FoundSlot>, StoreError> {
    Ok(read_these(blobs, &slot_names(blobs, version)?))
}

/// The kind of slot that a name speaks of, by its first digit. Nothing relies on it: it says which to read first.
pub(crate) fn spoken_kind(object: &str) -> Option<SlotKind> {
    let digit = slot_name(object).get(..1).and_then(|digit| u8::from_str_radix(digit, 16).ok())?;
    [SlotKind::Password, SlotKind::Recovery, SlotKind::Open].into_iter().find(|kind| *kind as u8 == digit & 3)
}

/// Digits of a slot's name that speak of its config.
const MARK: std::ops::Range<usize> = 1..8;

/// What the name of a slot says of the config that is copied into it.
pub(crate) fn config_mark(config: &[u8]) -> String {
    datakeep_process::digest(config).to_hex()[..MARK.len()].to_string()
}

/// What the names of all slots say of the config; `None` when they do not agree. An `init` that did not end may have left
/// slots of a config that never was: they open with the same password, and lead to another root key.
pub(crate) fn agreed_mark(names: &[String]) -> Option<&str> {
    let mut marks = names.iter().map(|name| slot_name(name).get(MARK));
    let first = marks.next()??;
    marks.all(|mark| mark == Some(first)).then_some(first)
}

/// What may be spent on slots before anything in them is proven: whoever can write to the store chooses their cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KdfLimit {
    /// Slots that want more memory are not tried.
    pub memory_kib: u32,
    /// Not more slots than this are tried, cheapest first.
    pub slots: usize,
}

impl Default for KdfLimit {
    fn default() -> Self {
        Self { memory_kib: 1 << 20, slots: 32 }
    }
}

/// Slots to be tried, and what keeps others from being tried.
#[derive(Default)]
struct Trial {
    slots: Vec<(String, Slot)>,
    /// How many more there are than are tried.
    untried: usize,
    /// The first that cannot be read.
    damaged: Option<StoreError>,
    /// The cheapest of those that cost too much.
    too_dear: Option<StoreError>,
}

/// Sorts out what may be tried, cheapest first.
fn choose_slots<'s>(found: impl Iterator<Item = &'s FoundSlot>, kind: SlotKind, limit: KdfLimit) -> Trial {
    let mut trial = Trial::default();
    for (object, parsed) in found {
        match parsed {
            Ok(parsed) if parsed.slot.kind == kind => trial.slots.push((object.clone(), parsed.slot.clone())),
            Ok(_) => {}
            Err(error) => drop(trial.damaged.get_or_insert_with(|| error.clone())),
        }
    }
    let cost = |kdf: &KdfParams| (kdf.memory_kib, u64::from(kdf.memory_kib) * u64::from(kdf.passes));
    trial.slots.sort_by_key(|(_, slot)| cost(&slot.kdf));
    let most = if kind == SlotKind::Open { u32::MAX } else { limit.memory_kib };
    let affordable = trial.slots.iter().take_while(|(_, slot)| slot.kdf.memory_kib <= most).count();
    trial.too_dear = trial.slots.drain(affordable..).next().map(|(object, slot)| StoreError::SlotTooDear {
        object,
        memory_mib: slot.kdf.memory_kib.div_ceil(1 << 10),
        limit_mib: most >> 10,
    });
    trial.untried = trial.slots.len().saturating_sub(limit.slots);
    trial.slots.truncate(limit.slots);
    trial
}

/// Slots of a repository on the way to its key: all their names, and those that have been read.
pub(crate) struct Slots {
    pub names: Vec<String>,
    pub read: Vec<FoundSlot>,
}

impl Slots {
    /// Reads those that `is_wanted` and that have not been read; all that are wanted.
    pub fn fetch(&mut self, blobs: &dyn BlobStore, is_wanted: impl Fn(&str) -> bool) -> Vec<usize> {
        let is_read = |name: &String| self.read.iter().any(|(object, _)| object == name);
        let unread: Vec<String> = self.names.iter().filter(|name| is_wanted(name) && !is_read(name)).cloned().collect();
        self.read.extend(read_these(blobs, &unread));
        (0..self.read.len()).filter(|number| is_wanted(&self.read[*number].0)).collect()
    }
}

/// Opens the repository with the first slot that fits. Those whose names speak of another kind are read only when no other
/// has opened it.
pub(crate) fn unlock(
    blobs: &dyn BlobStore,
    config: &Config,
    unlock: &Unlock,
    limit: KdfLimit,
    slots: &mut Slots,
) -> Result<Opened, StoreError> {
    if slots.names.is_empty() {
        return Err(StoreError::Missing { object: "every key slot".to_string() });
    }
    let (kind, secret) = wanted(unlock, config)?;
    let mut search = Search { kind, secret, limit, config, tried: 0, trouble: Trouble::default() };
    let is_likely = |name: &str| config.version == FormatVersion::One || spoken_kind(name) == Some(kind);
    let likely = slots.fetch(blobs, is_likely);
    if let Some(opened) = search.try_these(likely.iter().map(|number| &slots.read[*number]))? {
        return Ok(opened);
    }
    let others = slots.fetch(blobs, |name| !is_likely(name));
    if let Some(opened) = search.try_these(others.iter().map(|number| &slots.read[*number]))? {
        return Ok(opened);
    }
    Err(search.failure())
}

/// What kept a slot from opening the repository, the gravest first.
#[derive(Default)]
struct Trouble {
    broken: Option<StoreError>,
    too_dear: Option<StoreError>,
    damaged: Option<StoreError>,
    untried: usize,
}

struct Search<'a> {
    kind: SlotKind,
    secret: Secret,
    limit: KdfLimit,
    config: &'a Config,
    tried: usize,
    trouble: Trouble,
}

impl Search<'_> {
    fn try_these<'s>(&mut self, found: impl Iterator<Item = &'s FoundSlot>) -> Result<Option<Opened>, StoreError> {
        let left = KdfLimit { slots: self.limit.slots.saturating_sub(self.tried), ..self.limit };
        let trial = choose_slots(found, self.kind, left);
        self.trouble.untried += trial.untried;
        self.trouble.too_dear = self.trouble.too_dear.take().or(trial.too_dear);
        self.trouble.damaged = self.trouble.damaged.take().or(trial.damaged);
        for (object, slot) in trial.slots {
            self.tried += 1;
            match open_slot(&slot, &self.secret, self.config) {
                Ok(root) => return Ok(Some(Opened { root, slot: slot_name(&object).to_string() })),
                Err(ProcessError::WrongPassword) => {}
                // The secret is right, and what it opens is not whole.
                Err(ProcessError::DamagedSlot) => {
                    let error = StoreError::damaged(&object, 0, "an authentic root key", "altered bytes");
                    self.trouble.broken.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn failure(self) -> StoreError {
        let Trouble { broken, too_dear, damaged, untried } = self.trouble;
        let damaged = damaged.filter(|_| self.tried == 0);
        broken.or(too_dear).or(damaged).unwrap_or_else(|| wrong_key(self.kind, self.tried, untried))
    }
}

fn wanted(unlock: &Unlock, config: &Config) -> Result<(SlotKind, Secret), StoreError> {
    match unlock {
        Unlock::Nothing if config.suite == Suite::Plain => Ok((SlotKind::Open, Secret::new(Vec::new()))),
        Unlock::Nothing => {
            Err(StoreError::WrongKey { detail: "the repository is encrypted and no password was given".into() })
        }
        // Whoever put an unencrypted repository in the place of an encrypted one must not be given the data.
        _ if config.suite == Suite::Plain => Err(StoreError::NotEncrypted),
        Unlock::Password(secret) => Ok((SlotKind::Password, secret.clone())),
        Unlock::RecoveryCode(text) => {
            let text = String::from_utf8_lossy(text.expose()).into_owned();
            let code = RecoveryCode::parse(&text)
                .map_err(|error| StoreError::WrongKey { detail: format!("this is not a recovery code: {error}") })?;
            Ok((SlotKind::Recovery, Secret::new(code.to_vec())))
        }
    }
}

fn wrong_key(kind: SlotKind, tried: usize, untried: usize) -> StoreError {
    let mut detail = match (kind, tried) {
        (SlotKind::Password, 0) => "no key slot opens with a password".to_string(),
        (SlotKind::Password, 1) => "wrong password".to_string(),
        (SlotKind::Password, n) => format!("wrong password: none of {n} key slots opens with it"),
        (SlotKind::Recovery, 0) => "no key slot opens with a recovery code".to_string(),
        (SlotKind::Recovery, _) => "wrong recovery code: it belongs to another repository, or was replaced".to_string(),
        (SlotKind::Open, _) => "the open key slot is missing".to_string(),
    };
    if untried > 0 {
        detail.push_str(&format!("; {untried} more were not tried: take foreign objects out of the folder of slots"));
    }
    StoreError::WrongKey { detail }
}

fn open_slot(slot: &Slot, secret: &Secret, config: &Config) -> Result<RootKey, ProcessError> {
    if slot.kind == SlotKind::Open {
        return Ok(RootKey::from_bytes(slot.wrapped.sealed_root));
    }
    let number = slot.kind as u8;
    unwrap_root(&slot.wrapped, secret.expose(), &slot.kdf, &slot.salt, config.repository, number)
}

/// A key slot that is damaged, or that no holder of the root key wrote.
#[derive(Debug)]
pub(crate) struct SlotFault {
    /// Name as [`SlotInfo::name`], or of a foreign object among them.
    pub name: String,
    /// What is wrong with it.
    pub error: StoreError,
}

/// What stands in the folder of slots, each proven to be one of this repository's.
pub(crate) fn prove((object, parsed): FoundSlot, commit_key: &RoleKey) -> FoundSlot {
    let proven = parsed.and_then(|parsed| match slot::mac_matches(&parsed, &object, commit_key) {
        true => Ok(parsed),
        false => Err(StoreError::damaged(&object, 0, "this repository's seal", "another")),
    });
    (object, proven)
}

/// What is wrong with slots.
pub(crate) fn faults_of(slots: Vec<FoundSlot>, commit_key: &RoleKey) -> Vec<SlotFault> {
    let fault = |(object, proven): FoundSlot| {
        proven.err().map(|error| SlotFault { name: slot_name(&object).to_string(), error })
    };
    slots.into_iter().map(|slot| prove(slot, commit_key)).filter_map(fault).collect()
}

pub(crate) fn write_slot(
    blobs: &dyn BlobStore,
    config: &Config,
    root: &RootKey,
    keys: &KeyRing,
    entropy: &dyn Entropy,
    new: &NewSlot,
    now: Timestamp,
) -> Result<String, StoreError> {
    if new.label.len() > slot::MAX_LABEL_LEN_BYTES {
        return Err(StoreError::Limit { what: "the slot's label".into(), limit: slot::MAX_LABEL_LEN_BYTES as u64 });
    }
    let salt = random(entropy);
    let wrapped = if new.kind == SlotKind::Open {
        datakeep_process::Wrapped { commitment: [0; 32], sealed_root: *root.expose(), tag: [0; 16] }
    } else {
        wrap_root(root, new.secret.expose(), &new.kdf, &salt, config.repository, new.kind as u8)?
    };
    let copy = match config.version {
        FormatVersion::One => Vec::new(),
        FormatVersion::Two => config::encode(config, &keys.commit),
    };
    let (kind, label, created_seconds, kdf) = (new.kind, new.label.clone(), now.seconds, new.kdf);
    let slot = Slot { kind, label, created_seconds, kdf, salt, wrapped, config: copy };
    let mark = config_mark(&slot.config);
    let mut chance: [u8; 16] = random(entropy);
    if config.version != FormatVersion::One {
        chance[0] = chance[0] & 0xcf | (kind as u8) << 4;
    }
    let drawn = datakeep_model::RepositoryId(chance).to_hex();
    let name = match config.version {
        FormatVersion::One => drawn[..8].to_string(),
        FormatVersion::Two => format!("{}{mark}{}", &drawn[..1], &drawn[8..16]),
    };
    let object = format!("{}{name}", config.version.slots());
    blobs.create(&object, &slot::encode(&slot, &object, &keys.commit))?;
    Ok(name)
}

impl Repository {
    /// Slots that are damaged, or that no holder of the root key wrote.
    pub(crate) fn slot_faults(&self) -> Result<Vec<SlotFault>, StoreError> {
        Ok(faults_of(read_slots(&*self.blobs, self.config.version)?, &self.keys.commit))
    }

    /// All slots of this repository. Damaged and foreign ones are in [`Repository::slot_warnings`].
    pub fn slots(&self) -> Result<Vec<SlotInfo>, StoreError> {
        let found = read_slots(&*self.blobs, self.config.version)?;
        let proven = found.into_iter().filter_map(|found| {
            let (object, proven) = prove(found, &self.keys.commit);
            let slot = proven.ok()?.slot;
            let name = slot_name(&object).to_string();
            let used = name == self.slot;
            Some(SlotInfo {
                name,
                label: slot.label,
                kind: slot.kind,
                created_seconds: slot.created_seconds,
                kdf: slot.kdf,
                used,
            })
        });
        Ok(proven.collect())
    }

    /// Names of objects in the folder of slots that are damaged, or that no holder of the root key wrote.
    pub fn faulty_slots(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.slot_faults()?.into_iter().map(|fault| fault.name).collect())
    }

    /// Removes an object in the folder of slots that is no whole slot of this repository. It opens nothing, but others may have a
    /// use for what is left of it: the slot in use stays even then.
    pub fn remove_faulty_slot(&self, name: &str) -> Result<(), StoreError> {
        if name == self.slot || !self.faulty_slots()?.iter().any(|faulty| faulty == name) {
            return Err(StoreError::NotFound { what: format!("damaged key slot {name}") });
        }
        self.blobs.delete(&self.slot_object(name))?;
        Ok(self.blobs.barrier()?)
    }

    fn slot_object(&self, name: &str) -> String {
        format!("{}{name}", self.config.version.slots())
    }

    /// Makes a slot and returns its name.
    pub fn add_slot(&self, new: &NewSlot, now: Timestamp) -> Result<String, StoreError> {
        check_features(&self.config, WRITING, "written")?;
        if self.config.suite == Suite::Plain {
            return Err(StoreError::Usage { detail: "the repository is not encrypted: it has no passwords".into() });
        }
        write_slot(&*self.blobs, &self.config, &self.root, &self.keys, &*self.entropy, new, now)
    }

    /// Removes a slot. The last one that opens with a password, and the one in use, stay.
    pub fn remove_slot(&self, name: &str) -> Result<SlotInfo, StoreError> {
        check_features(&self.config, WRITING, "written")?;
        let slots = self.slots()?;
        let slot = slots.iter().find(|slot| slot.name == name);
        let slot = slot.ok_or_else(|| StoreError::NotFound { what: format!("key slot {name}") })?;
        if slot.used {
            let detail = format!("slot {name} opened the repository just now; open it with another one to remove this");
            return Err(StoreError::Usage { detail });
        }
        let passwords = slots.iter().filter(|slot| slot.kind == SlotKind::Password).count();
        if slot.kind == SlotKind::Password && passwords == 1 {
            let detail = format!("slot {name} is the last that opens with a password; add another one first");
            return Err(StoreError::Usage { detail });
        }
        if slots.len() == 1 {
            return Err(StoreError::Usage {
                detail: format!("slot {name} is the last one: nothing could open the repository"),
            });
        }
        self.blobs.delete(&self.slot_object(name))?;
        self.blobs.barrier()?;
        Ok(slot.clone())
    }

    /// Replaces the slot in use by one with another password: the new one is durable before the old one goes.
    pub fn change_password(&self, new: &NewSlot, now: Timestamp) -> Result<String, StoreError> {
        let name = self.add_slot(new, now)?;
        self.blobs.delete(&self.slot_object(&self.slot))?;
        self.blobs.barrier()?;
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_speak_of_several_configs_are_believed_nothing() {
        let agreed = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| format!("config-keys/{name}")).collect();
            agreed_mark(&names).map(str::to_string)
        };
        assert_eq!(agreed(&["1abcdef0ffffffff", "2abcdef000000000"]).as_deref(), Some("abcdef0"));
        assert_eq!(agreed(&["1abcdef0ffffffff", "1abcdef100000000"]), None, "one of them is left over");
        assert_eq!(agreed(&["1abcdef0ffffffff", "stray"]), None);
        assert_eq!(agreed(&[]), None);
    }

    #[test]
    fn what_opens_a_repository_does_not_print() {
        let secret = Secret::new(b"canary".to_vec());
        let slot =
            NewSlot { label: "l".into(), secret: secret.clone(), kind: SlotKind::Password, kdf: KdfParams::DEFAULT };
        let shown = format!("{slot:?} {:?} {:?}", Unlock::Password(secret.clone()), Unlock::RecoveryCode(secret));
        assert_eq!(shown.matches("Secret(..)").count(), 3, "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
    }
}
