//! Which frames of which packs a snapshot uses (`docs/format.md` section 9).

use super::codec::{DecodeError, Decoder, Encoder};
use super::index::{MIN_RECORD_LEN_BYTES, PackRecord, decode_record, encode_record};
use super::names::PackName;
use datakeep_model::ObjectDigest;
use std::collections::BTreeMap;

/// Frames used, per pack.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// Per pack: what is known of it, and its used frames.
    pub packs: BTreeMap<PackName, (PackRecord, FrameSet)>,
}

/// A set of frame numbers.
#[derive(Clone, Debug, Default)]
pub struct FrameSet {
    /// Every frame below this number is in: most packs are used as a whole, and a set of all takes no room.
    below: u32,
    /// The frames from there on.
    bits: Vec<u8>,
}

impl FrameSet {
    /// Adds a frame.
    pub fn insert(&mut self, frame: u32) {
        if frame < self.below {
            return;
        }
        let byte = frame as usize / 8;
        if byte >= self.bits.len() {
            self.bits.resize(byte + 1, 0);
        }
        self.bits[byte] |= 1 << (frame % 8);
    }

    /// The set of all frames of a pack that has so many.
    pub(crate) fn all(frames: u32) -> Self {
        Self { below: frames, bits: Vec::new() }
    }

    /// Adds every frame of another set.
    pub fn extend(&mut self, other: &Self) {
        self.below = self.below.max(other.below);
        if self.bits.len() < other.bits.len() {
            self.bits.resize(other.bits.len(), 0);
        }
        self.bits.iter_mut().zip(&other.bits).for_each(|(byte, more)| *byte |= more);
    }

    /// True when the frame is in.
    pub fn contains(&self, frame: u32) -> bool {
        frame < self.below || self.bits.get(frame as usize / 8).is_some_and(|byte| byte >> (frame % 8) & 1 == 1)
    }

    /// Number of frames in the set.
    pub fn count(&self) -> u32 {
        let above = |frame: &u32| *frame >= self.below && self.contains(*frame);
        self.below + (0..self.bits.len() as u32 * 8).filter(above).count() as u32
    }

    /// A number above every frame in the set.
    pub(crate) fn end(&self) -> u32 {
        self.below.max(self.bits.len() as u32 * 8)
    }

    /// The set that a bitmap for so many frames stands for; `None` unless it is what [`encode`] writes: of a set of all
    /// frames no bitmap is written, and there are no frames behind the last one.
    fn from_bitmap(bits: &[u8], frames: u32) -> Option<Self> {
        let used: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
        let behind = bits.last().map_or(0, |last| u32::from(*last) >> ((frames - 1) % 8 + 1));
        (used < frames && behind == 0).then(|| Self { below: 0, bits: bits.to_vec() })
    }

    fn byte(&self, number: u32) -> u8 {
        (0..8).filter(|bit| self.contains(number * 8 + bit)).fold(0, |byte, bit| byte | 1 << bit)
    }
}

impl PartialEq for FrameSet {
    fn eq(&self, other: &Self) -> bool {
        (0..self.end().max(other.end())).all(|frame| self.contains(frame) == other.contains(frame))
    }
}

impl Eq for FrameSet {}

pub(crate) fn encode(reach: &Reach) -> Vec<u8> {
    let mut out = Encoder::new();
    out.uv(reach.packs.len() as u64);
    for (record, frames) in reach.packs.values() {
        encode_record(&mut out, record);
        if frames.count() == record.frames {
            out.u8(1);
            continue;
        }
        out.u8(0);
        (0..record.frames.div_ceil(8)).for_each(|number| out.u8(frames.byte(number)));
    }
    out.bytes
}

pub(crate) fn decode(plain: &[u8]) -> Result<Reach, DecodeError> {
    let mut input = Decoder::new(plain);
    let count = input.count(u64::MAX, MIN_RECORD_LEN_BYTES + 1)?;
    let mut packs = BTreeMap::new();
    for _ in 0..count {
        let record = decode_record(&mut input)?;
        let frames = match input.u8()? {
            1 => FrameSet { below: record.frames, bits: Vec::new() },
            0 => {
                let bits = input.raw(record.frames.div_ceil(8) as usize)?;
                FrameSet::from_bitmap(bits, record.frames).map_or_else(|| input.fail("a bitmap of some frames"), Ok)?
            }
            _ => return input.fail("0 or 1"),
        };
        if packs.last_key_value().is_some_and(|(last, _)| *last >= record.name) {
            return input.fail("packs in order");
        }
        packs.insert(record.name, (record, frames));
    }
    input.end()?;
    Ok(Reach { packs })
}

/// A reach object that a repair has made again (section 14).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mended {
    /// Of the object it stands in for, as the manifest says.
    pub stands_for: ObjectDigest,
    /// The tree could not be walked whole: it names everything there was.
    pub keeps_all: bool,
    pub reach: Reach,
}

pub(crate) fn encode_mended(mended: &Mended) -> Vec<u8> {
    let mut out = Encoder::new();
    out.raw(&mended.stands_for.0);
    out.u8(u8::from(mended.keeps_all));
    out.raw(&encode(&mended.reach));
    out.bytes
}

pub(crate) fn decode_mended(plain: &[u8]) -> Result<Mended, DecodeError> {
    let mut input = Decoder::new(plain);
    let stands_for = ObjectDigest(input.array()?);
    let keeps_all = match input.u8()? {
        0 => false,
        1 => true,
        _ => return input.fail("0 or 1"),
    };
    let reach = decode(&plain[stands_for.0.len() + 1..])?;
    Ok(Mended { stands_for, keeps_all, reach })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::names::PackClass;
    use datakeep_model::SessionId;

    #[test]
    fn full_and_partial_packs_round_trip() {
        let mut reach = Reach::default();
        for (seq, frames, used) in [(0, 9, 9), (1, 16, 3), (2, 8, 8), (3, 0, 0)] {
            let name = PackName { session: SessionId([7; 12]), seq };
            let digest = ObjectDigest([seq as u8; 32]);
            let record = PackRecord { name, class: PackClass::Data, len_bytes: 5, digest, frames };
            let mut set = FrameSet::default();
            (0..used).for_each(|frame| set.insert(frame));
            reach.packs.insert(name, (record, set));
        }
        let plain = encode(&reach);
        assert!(decode(&plain[..plain.len() - 1]).is_err());
        assert_eq!(decode(&plain).as_ref(), Ok(&reach));
        for keeps_all in [false, true] {
            let mended = Mended { stands_for: ObjectDigest([4; 32]), keeps_all, reach: reach.clone() };
            let plain = encode_mended(&mended);
            assert_eq!(decode_mended(&plain), Ok(mended));
            (0..plain.len()).for_each(|len| assert!(decode_mended(&plain[..len]).is_err(), "{len}"));
            assert!(decode_mended(&[&plain[..], &[0]].concat()).is_err());
        }
    }
}
