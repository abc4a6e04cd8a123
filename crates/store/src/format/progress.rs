//! What an unfinished run has done (`docs/format.md` section 12).

use super::codec::{DecodeError, Decoder, Encoder};
use super::decision::{decode_mark, encode_mark};
use super::index::{MIN_RECORD_LEN_BYTES, PackRecord, decode_record, encode_record};
use datakeep_model::Mark;

/// One record of progress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Progress {
    pub epoch: u64,
    pub mark: Mark,
    pub packs: Vec<PackRecord>,
    /// Plaintexts of leaf nodes.
    pub leaves: Vec<Vec<u8>>,
}

pub(crate) fn encode(progress: &Progress) -> Vec<u8> {
    let mut out = Encoder::new();
    out.u64(progress.epoch);
    encode_mark(&mut out, &progress.mark);
    out.uv(progress.packs.len() as u64);
    progress.packs.iter().for_each(|record| encode_record(&mut out, record));
    out.uv(progress.leaves.len() as u64);
    progress.leaves.iter().for_each(|leaf| out.bytes(leaf));
    out.bytes
}

pub(crate) fn decode(plain: &[u8]) -> Result<Progress, DecodeError> {
    let mut input = Decoder::new(plain);
    let epoch = input.u64()?;
    let mark = decode_mark(&mut input)?;
    let count = input.count(u64::MAX, MIN_RECORD_LEN_BYTES)?;
    let packs = (0..count).map(|_| decode_record(&mut input)).collect::<Result<Vec<_>, _>>()?;
    let count = input.count(u64::MAX, 1)?;
    let leaves = (0..count).map(|_| Ok(input.bytes()?.to_vec())).collect::<Result<Vec<_>, _>>()?;
    input.end()?;
    Ok(Progress { epoch, mark, packs, leaves })
}
