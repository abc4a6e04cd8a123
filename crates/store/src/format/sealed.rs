//! Small encrypted objects (`docs/format.md` section 13).

use super::codec::{Decoder, Encoder};
use crate::error::StoreError;
use datakeep_model::RepositoryId;
use datakeep_process::{
    Codec, CompressionSettings, Compressor, Decompressor, MAX_FRAME_RAW_LEN_BYTES, ObjectKey, ProcessError, RoleKey,
    Suite, commitment_matches,
};

const MAGIC: &[u8; 8] = b"DKPOBJT1";
const VERSION: u16 = 1;
const HEADER_LEN_BYTES: usize = 8 + 2 + 1 + 1 + 4 + 32 + 32 + 1 + 8 + 8;
const TAG_LEN_BYTES: usize = 16;
/// Stored length of an object without content.
pub(crate) const EMPTIEST_LEN_BYTES: u64 = (HEADER_LEN_BYTES + TAG_LEN_BYTES) as u64;

/// Largest plaintext.
pub(crate) const MAX_PLAIN_LEN_BYTES: u64 = 64 << 20;
/// Largest stored form.
pub(crate) const MAX_STORED_LEN_BYTES: u64 = MAX_PLAIN_LEN_BYTES + 4096;

/// What a sealed object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum ObjectType {
    Index = 1,
    Reach = 2,
    Intent = 3,
    Decision = 4,
    Tags = 5,
    Progress = 6,
    Checkpoint = 7,
    Condemned = 8,
    Tombstone = 9,
    OriginMark = 10,
    Mended = 11,
}

/// What sealing needs to know besides the content.
pub(crate) struct SealContext<'a> {
    pub repository: RepositoryId,
    pub suite: Suite,
    pub key_epoch: u32,
    pub role_key: &'a RoleKey,
}

fn context_bytes(repository: RepositoryId, object_type: ObjectType) -> Vec<u8> {
    [b"object\0", &repository.0[..], &[object_type as u8]].concat()
}

fn associated(repository: RepositoryId, header: &[u8], name: &str) -> Vec<u8> {
    [&repository.0[..], header, name.as_bytes()].concat()
}

/// Seals `plain` as the object `name`.
pub(crate) fn seal(
    context: &SealContext<'_>,
    object_type: ObjectType,
    name: &str,
    salt: [u8; 32],
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    if plain.len() as u64 > MAX_PLAIN_LEN_BYTES {
        return Err(StoreError::Limit { what: format!("the content of {name}"), limit: MAX_PLAIN_LEN_BYTES });
    }
    let mut body = Vec::new();
    let codec = compress(plain, &mut body)?;
    let key_context = context_bytes(context.repository, object_type);
    let (key, commitment) = ObjectKey::derive(context.suite, context.role_key, &key_context, &salt);
    let mut out = Encoder::new();
    out.raw(MAGIC);
    out.u16(VERSION);
    out.u8(object_type as u8);
    out.u8(context.suite.number());
    out.u32(context.key_epoch);
    out.raw(&salt);
    out.raw(&commitment);
    out.u8(codec.number());
    out.u64(plain.len() as u64);
    out.u64(body.len() as u64);
    let tag = key.seal(0, &associated(context.repository, &out.bytes, name), &mut body)?;
    out.raw(&body);
    out.raw(&tag);
    Ok(out.bytes)
}

/// What is too short to gain, and what is longer than the compressor takes in one piece, is stored as it is.
fn compress(plain: &[u8], body: &mut Vec<u8>) -> Result<Codec, StoreError> {
    if !(128..=MAX_FRAME_RAW_LEN_BYTES).contains(&plain.len()) {
        body.extend_from_slice(plain);
        return Ok(Codec::Raw);
    }
    Ok(Compressor::new(&CompressionSettings::DEFAULT)?.compress(plain, body)?)
}

/// Opens the object `name`; proves that it is what was sealed under that name.
pub(crate) fn open(
    context: &SealContext<'_>,
    object_type: ObjectType,
    name: &str,
    stored: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut input = Decoder::new(stored);
    let header = input.raw(HEADER_LEN_BYTES).map_err(|e| e.of(name))?;
    let mut fields = Decoder::new(header);
    let parse = read_header(&mut fields, name, object_type, Some((context.suite, context.key_epoch)))?;
    check_lengths(name, &parse, stored)?;
    let key_context = context_bytes(context.repository, object_type);
    let (key, commitment) = ObjectKey::derive(context.suite, context.role_key, &key_context, &parse.salt);
    if !commitment_matches(&commitment, &parse.commitment) {
        return Err(StoreError::damaged(name, 48, "the commitment of this repository's key", "another"));
    }
    let (body, tag_bytes) = stored[HEADER_LEN_BYTES..].split_at(parse.body_len as usize);
    let (mut body, mut tag) = (body.to_vec(), [0; TAG_LEN_BYTES]);
    tag.copy_from_slice(tag_bytes);
    key.open(0, &associated(context.repository, header, name), &mut body, &tag)
        .map_err(|_| StoreError::damaged(name, HEADER_LEN_BYTES as u64, "authentic content", "altered bytes"))?;
    plain_of(&parse, body)
        .map_err(|e| StoreError::damaged(name, HEADER_LEN_BYTES as u64, "content that decompresses", e.to_string()))
}

fn plain_of(header: &Header, body: Vec<u8>) -> Result<Vec<u8>, ProcessError> {
    let len_bytes = header.plain_len as usize;
    if header.codec == Codec::Raw {
        let is_whole = body.len() == len_bytes;
        return if is_whole { Ok(body) } else { Err(ProcessError::FrameLength { expected_bytes: len_bytes }) };
    }
    let mut plain = Vec::new();
    Decompressor::new()?.decompress(header.codec, &body, len_bytes, &mut plain)?;
    Ok(plain)
}

/// What can be proven of the object `name` without a key: mark, version, type, suite, key epoch and lengths. Suite and
/// key epoch are those of the config; without it they are taken as they stand.
pub(crate) fn inspect(
    object_type: ObjectType,
    name: &str,
    expected: Option<(Suite, u32)>,
    stored: &[u8],
) -> Result<(), StoreError> {
    let mut input = Decoder::new(stored);
    let mut fields = Decoder::new(input.raw(HEADER_LEN_BYTES).map_err(|e| e.of(name))?);
    let header = read_header(&mut fields, name, object_type, expected)?;
    check_lengths(name, &header, stored)
}

fn check_lengths(name: &str, header: &Header, stored: &[u8]) -> Result<(), StoreError> {
    let body_len = stored.len() - HEADER_LEN_BYTES;
    let stated = header.body_len.checked_add(TAG_LEN_BYTES as u64);
    if header.plain_len <= MAX_PLAIN_LEN_BYTES && stated == Some(body_len as u64) {
        return Ok(());
    }
    Err(StoreError::damaged(name, 81, "a body as long as stated", format!("{body_len} bytes")))
}

struct Header {
    salt: [u8; 32],
    commitment: [u8; 32],
    codec: Codec,
    plain_len: u64,
    body_len: u64,
}

fn read_header(
    fields: &mut Decoder<'_>,
    name: &str,
    object_type: ObjectType,
    expected: Option<(Suite, u32)>,
) -> Result<Header, StoreError> {
    let damaged = |offset, expected: &str, found: String| StoreError::damaged(name, offset, expected, found);
    let decode = |e: super::codec::DecodeError| e.of(name);
    if fields.raw(8).map_err(decode)? != MAGIC {
        return Err(damaged(0, "the mark DKPOBJT1", "something else".into()));
    }
    let version = fields.u16().map_err(decode)?;
    if version != VERSION {
        let detail = format!("object version {version} is not known");
        return Err(StoreError::Incompatible { object: name.to_string(), detail });
    }
    let found_type = fields.u8().map_err(decode)?;
    if found_type != object_type as u8 {
        return Err(damaged(10, &format!("object type {}", object_type as u8), found_type.to_string()));
    }
    let suite = fields.u8().map_err(decode)?;
    if let Some((expected, _)) = expected
        && suite != expected.number()
    {
        return Err(damaged(11, &format!("cipher suite {}", expected.number()), suite.to_string()));
    }
    let key_epoch = fields.u32().map_err(decode)?;
    if let Some((_, expected)) = expected
        && key_epoch != expected
    {
        return Err(damaged(12, &format!("key epoch {expected}"), key_epoch.to_string()));
    }
    let salt = fields.array().map_err(decode)?;
    let commitment = fields.array().map_err(decode)?;
    let codec_number = fields.u8().map_err(decode)?;
    let codec = Codec::from_number(codec_number).ok_or_else(|| damaged(80, "a codec", codec_number.to_string()))?;
    let (plain_len, body_len) = (fields.u64().map_err(decode)?, fields.u64().map_err(decode)?);
    Ok(Header { salt, commitment, codec, plain_len, body_len })
}
