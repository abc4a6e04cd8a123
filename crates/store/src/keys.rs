//! Key slots: wrapping and unwrapping the root key.

use crate::entropy::{Entropy, random};
use crate::error::{StoreError, must_exist};
use crate::format::config::Config;
use crate::format::names::KEYS;
use crate::format::slot::{self, Slot, SlotKind};
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
    /// Eight hexadecimal digits.
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
    object.strip_prefix(KEYS).unwrap_or(object)
}

/// An object below `keys/`, and what stands in it.
type FoundSlot = (String, Result<slot::Parsed, StoreError>);

fn read_slots(blobs: &dyn BlobStore) -> Result<Vec<FoundSlot>, StoreError> {
    let mut slots = Vec::new();
    for listed in blobs.list(KEYS)? {
        let parsed = blobs.read(&listed.name, slot::MAX_LEN_BYTES).map_err(must_exist);
        slots.push((listed.name.clone(), parsed.and_then(|stored| slot::decode(&listed.name, &stored))));
    }
    Ok(slots)
}

pub(crate) fn unlock(blobs: &dyn BlobStore, config: &Config, unlock: &Unlock) -> Result<Opened, StoreError> {
    let slots = read_slots(blobs)?;
    if slots.is_empty() {
        return Err(StoreError::Missing { object: "every key slot".to_string() });
    }
    let (kind, secret) = wanted(unlock, config)?;
    let mut damaged = None;
    let mut tried = 0;
    for (object, parsed) in slots {
        let parsed = match parsed {
            Ok(parsed) if parsed.slot.kind == kind => parsed,
            Ok(_) => continue,
            Err(error) => {
                damaged.get_or_insert(error);
                continue;
            }
        };
        tried += 1;
        match open_slot(&parsed.slot, &secret, config) {
            Ok(root) => return Ok(Opened { root, slot: slot_name(&object).to_string() }),
            Err(ProcessError::WrongPassword) => {}
            Err(ProcessError::DamagedSlot) => {
                damaged.get_or_insert(StoreError::damaged(&object, 0, "an authentic root key", "altered bytes"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(damaged.unwrap_or_else(|| wrong_key(kind, tried)))
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

fn wrong_key(kind: SlotKind, tried: usize) -> StoreError {
    let detail = match (kind, tried) {
        (SlotKind::Password, 0) => "no key slot opens with a password".to_string(),
        (SlotKind::Password, 1) => "wrong password".to_string(),
        (SlotKind::Password, n) => format!("wrong password: none of {n} key slots opens with it"),
        (SlotKind::Recovery, 0) => "no key slot opens with a recovery code".to_string(),
        (SlotKind::Recovery, _) => "wrong recovery code: it belongs to another repository, or was replaced".to_string(),
        (SlotKind::Open, _) => "the open key slot is missing".to_string(),
    };
    StoreError::WrongKey { detail }
}

fn open_slot(slot: &Slot, secret: &Secret, config: &Config) -> Result<RootKey, ProcessError> {
    if slot.kind == SlotKind::Open {
        return Ok(RootKey::from_bytes(slot.wrapped.sealed_root));
    }
    let number = slot.kind as u8;
    unwrap_root(&slot.wrapped, secret.expose(), &slot.kdf, &slot.salt, config.repository, number)
}

/// Slots that are damaged, or that no holder of the root key wrote.
pub(crate) fn slot_faults(blobs: &dyn BlobStore, commit_key: &RoleKey) -> Result<Vec<String>, StoreError> {
    let describe = |(object, parsed): FoundSlot| match parsed {
        Err(error) => Some(error.to_string()),
        Ok(parsed) if slot::mac_matches(&parsed, &object, commit_key) => None,
        Ok(_) => Some(StoreError::damaged(object, 0, "this repository's seal", "another").to_string()),
    };
    Ok(read_slots(blobs)?.into_iter().filter_map(describe).collect())
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
    let slot =
        Slot { kind: new.kind, label: new.label.clone(), created_seconds: now.seconds, kdf: new.kdf, salt, wrapped };
    let name = datakeep_model::RepositoryId(random(entropy)).to_hex()[..8].to_string();
    let object = format!("{KEYS}{name}");
    blobs.create(&object, &slot::encode(&slot, &object, &keys.commit))?;
    Ok(name)
}

impl Repository {
    /// All readable slots. Damaged ones are in [`Repository::slot_warnings`].
    pub fn slots(&self) -> Result<Vec<SlotInfo>, StoreError> {
        let readable = read_slots(&*self.blobs)?.into_iter().filter_map(|(object, parsed)| {
            let slot = parsed.ok()?.slot;
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
        Ok(readable.collect())
    }

    /// Makes a slot and returns its name.
    pub fn add_slot(&self, new: &NewSlot, now: Timestamp) -> Result<String, StoreError> {
        if self.config.suite == Suite::Plain {
            return Err(StoreError::Usage { detail: "the repository is not encrypted: it has no passwords".into() });
        }
        write_slot(&*self.blobs, &self.config, &self.root, &self.keys, &*self.entropy, new, now)
    }

    /// Removes a slot. The last one that opens with a password, and the one in use, stay.
    pub fn remove_slot(&self, name: &str) -> Result<SlotInfo, StoreError> {
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
        self.blobs.delete(&format!("{KEYS}{name}"))?;
        self.blobs.barrier()?;
        Ok(slot.clone())
    }

    /// Replaces the slot in use by one with another password: the new one is durable before the old one goes.
    pub fn change_password(&self, new: &NewSlot, now: Timestamp) -> Result<String, StoreError> {
        let name = self.add_slot(new, now)?;
        self.blobs.delete(&format!("{KEYS}{}", self.slot))?;
        self.blobs.barrier()?;
        Ok(name)
    }

    /// Tries a secret on every slot of its kind; the name of the one that opens to this repository's root key.
    pub fn test_secret(&self, unlock_with: &Unlock) -> Result<String, StoreError> {
        let opened = unlock(&*self.blobs, &self.config, unlock_with)?;
        if opened.root.expose() == self.root.expose() {
            return Ok(opened.slot);
        }
        Err(StoreError::damaged(format!("{KEYS}{}", opened.slot), 0, "this repository's root key", "another"))
    }
}
