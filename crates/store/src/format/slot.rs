//! Key slots (`docs/format.md` section 5).

use super::codec::{DecodeError, Decoder, Encoder};
use crate::error::StoreError;
use datakeep_process::{KdfParams, RoleKey, Wrapped, digest, mac, macs_match};

const MAGIC: &[u8; 8] = b"DKPSLOT1";
/// Without, and with a copy of the config.
const VERSIONS: [u16; 2] = [1, 2];
pub(crate) const MAX_LEN_BYTES: u64 = 4096;
/// Longest label.
pub(crate) const MAX_LABEL_LEN_BYTES: usize = 255;

/// What opens a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SlotKind {
    /// A password.
    Password = 1,
    /// The recovery code.
    Recovery = 2,
    /// Nothing: the repository is not encrypted.
    Open = 3,
}

impl SlotKind {
    /// A stable word for JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            SlotKind::Password => "password",
            SlotKind::Recovery => "recovery",
            SlotKind::Open => "open",
        }
    }
}

/// One wrapped copy of the root key.
#[derive(Clone)]
pub(crate) struct Slot {
    pub kind: SlotKind,
    pub label: String,
    pub created_seconds: i64,
    pub kdf: KdfParams,
    pub salt: [u8; 32],
    pub wrapped: Wrapped,
    /// The config as it is stored, so that whoever reads the slot need not read it; empty in version 1.
    pub config: Vec<u8>,
}

/// A slot read from the store, its seal still to be proven by [`mac_matches`].
pub(crate) struct Parsed {
    pub slot: Slot,
    authenticated: Vec<u8>,
    mac: [u8; 32],
}

fn mac_label(name: &str) -> Vec<u8> {
    [b"slot\0", name.as_bytes()].concat()
}

pub(crate) fn encode(slot: &Slot, object: &str, commit_key: &RoleKey) -> Vec<u8> {
    let mut out = Encoder::new();
    out.raw(MAGIC);
    out.u16(VERSIONS[usize::from(!slot.config.is_empty())]);
    out.u8(slot.kind as u8);
    out.bytes(slot.label.as_bytes());
    out.i64(slot.created_seconds);
    out.u8(1);
    out.u32(slot.kdf.memory_kib);
    out.u32(slot.kdf.passes);
    out.u32(slot.kdf.lanes);
    out.raw(&slot.salt);
    out.raw(&slot.wrapped.commitment);
    out.raw(&slot.wrapped.sealed_root);
    out.raw(&slot.wrapped.tag);
    if !slot.config.is_empty() {
        out.bytes(&slot.config);
    }
    let checksum = digest(&out.bytes);
    out.raw(&checksum.0[..16]);
    let mac = mac(commit_key, &mac_label(object), &out.bytes);
    out.raw(&mac);
    out.bytes
}

pub(crate) fn decode(object: &str, stored: &[u8]) -> Result<Parsed, StoreError> {
    let of = |e: DecodeError| e.of(object);
    let tail = 16 + 32;
    if stored.len() < tail {
        return Err(StoreError::damaged(object, stored.len() as u64, "more bytes", "the end"));
    }
    let checked_len = stored.len() - tail;
    if digest(&stored[..checked_len]).0[..16] != stored[checked_len..checked_len + 16] {
        return Err(StoreError::damaged(object, checked_len as u64, "the checksum of what stands before", "another"));
    }
    let mut input = Decoder::new(&stored[..checked_len]);
    if input.raw(8).map_err(of)? != MAGIC {
        return Err(StoreError::damaged(object, 0, "the mark DKPSLOT1", "something else"));
    }
    let incompatible = |detail: String| StoreError::Incompatible { object: object.to_string(), detail };
    let version = input.u16().map_err(of)?;
    if !VERSIONS.contains(&version) {
        return Err(incompatible(format!("slot version {version} is not known")));
    }
    let kind = match input.u8().map_err(of)? {
        1 => SlotKind::Password,
        2 => SlotKind::Recovery,
        3 => SlotKind::Open,
        other => return Err(incompatible(format!("slot kind {other} is not known"))),
    };
    let mut slot = decode_fields(&mut input, kind, object)?;
    if version == 2 {
        slot.config = input.bytes().map_err(of)?.to_vec();
        if slot.config.is_empty() {
            return Err(StoreError::damaged(object, input.offset_byte() as u64, "a copy of the config", "nothing"));
        }
    }
    input.end().map_err(of)?;
    let mut mac = [0; 32];
    mac.copy_from_slice(&stored[checked_len + 16..]);
    Ok(Parsed { slot, authenticated: stored[..checked_len + 16].to_vec(), mac })
}

fn decode_fields(input: &mut Decoder<'_>, kind: SlotKind, object: &str) -> Result<Slot, StoreError> {
    let of = |e: DecodeError| e.of(object);
    let label = input.text().map_err(of)?;
    let created_seconds = input.i64().map_err(of)?;
    let kdf_number = input.u8().map_err(of)?;
    if kdf_number != 1 {
        let detail = format!("key derivation {kdf_number} is not known");
        return Err(StoreError::Incompatible { object: object.to_string(), detail });
    }
    let memory_kib = input.u32().map_err(of)?;
    let passes = input.u32().map_err(of)?;
    let kdf = KdfParams { memory_kib, passes, lanes: input.u32().map_err(of)? };
    if kind != SlotKind::Open {
        kdf.check_caps()?;
    }
    let salt = input.array().map_err(of)?;
    let commitment = input.array().map_err(of)?;
    let sealed_root = input.array().map_err(of)?;
    let wrapped = Wrapped { commitment, sealed_root, tag: input.array().map_err(of)? };
    Ok(Slot { kind, label, created_seconds, kdf, salt, wrapped, config: Vec::new() })
}

/// Proves, once the keys are known, that a holder of the root key wrote the slot under this name.
pub(crate) fn mac_matches(parsed: &Parsed, object: &str, commit_key: &RoleKey) -> bool {
    macs_match(&mac(commit_key, &mac_label(object), &parsed.authenticated), &parsed.mac)
}
