//! States as a few words: what is explored must fit into memory.

use super::state::*;

/// Words of a packed state.
pub const WORDS: usize = 11;

/// A state, packed. Equal states are equal words.
pub type Packed = [u64; WORDS];

/// Epochs of a packed state; the checks beyond them are never stored.
const STORED_EPOCHS: usize = 4;

/// One description of the layout for both directions.
trait Bits {
    fn bits(&mut self, value: u16, width: u32) -> u16;
}

struct Put {
    words: Packed,
    at: u32,
}

impl Bits for Put {
    fn bits(&mut self, value: u16, width: u32) -> u16 {
        debug_assert!(u32::from(value) < 1 << width, "{value} needs more than {width} bits");
        let (word, shift) = ((self.at / 64) as usize, self.at % 64);
        self.words[word] |= u64::from(value) << shift;
        if shift + width > 64 {
            self.words[word + 1] |= u64::from(value) >> (64 - shift);
        }
        self.at += width;
        value
    }
}

struct Take<'a> {
    words: &'a Packed,
    at: u32,
}

impl Bits for Take<'_> {
    fn bits(&mut self, _: u16, width: u32) -> u16 {
        let (word, shift) = ((self.at / 64) as usize, self.at % 64);
        let mut value = self.words[word] >> shift;
        if shift + width > 64 {
            value |= self.words[word + 1] << (64 - shift);
        }
        self.at += width;
        (value & ((1 << width) - 1)) as u16
    }
}

/// Packs a state.
pub fn pack(state: &State) -> Packed {
    let mut state = *state;
    let mut put = Put { words: [0; WORDS], at: 0 };
    walk(&mut put, &mut state);
    put.words
}

/// Unpacks a state over one that any scope begins with.
pub fn unpack(words: &Packed, first: &State) -> State {
    let mut state = *first;
    walk(&mut Take { words, at: 0 }, &mut state);
    state
}

fn byte(bits: &mut impl Bits, value: &mut u8, width: u32) {
    *value = bits.bits(u16::from(*value), width) as u8;
}

fn set(bits: &mut impl Bits, value: &mut Set) {
    *value = bits.bits(*value, SESSIONS as u32);
}

fn walk(bits: &mut impl Bits, state: &mut State) {
    for session in &mut state.sessions {
        byte(bits, &mut session.epoch, 2);
        byte(bits, &mut session.flags, 8);
        session.reach.iter_mut().for_each(|pack| byte(bits, pack, 4));
    }
    state.packs.iter_mut().for_each(|chunks| byte(bits, chunks, 2));
    for list in &mut state.condemned[1..STORED_EPOCHS] {
        list.exists = bits.bits(u16::from(list.exists), 1) == 1;
        set(bits, &mut list.packs);
        list.moved.iter_mut().for_each(|packs| set(bits, packs));
        byte(bits, &mut list.home, 4);
    }
    byte(bits, &mut state.newest.epoch, 2);
    set(bits, &mut state.newest.delete);
    set(bits, &mut state.newest.listed);
    state.newest.forward.iter_mut().flatten().for_each(|home| byte(bits, home, 4));
    state.checkpoints = bits.bits(state.checkpoints, STORED_EPOCHS as u32);
    state.writers.iter_mut().for_each(|writer| walk_writer(bits, writer));
    state.collectors.iter_mut().for_each(|collector| walk_collector(bits, collector));
    state.reader.at = ReaderAt::ALL[usize::from(bits.bits(state.reader.at as u16, 3))];
    set(bits, &mut state.reader.seen);
    set(bits, &mut state.reader.dead);
    set(bits, &mut state.reader.fence);
    byte(bits, &mut state.reader.epoch, 2);
    set(bits, &mut state.reader.listed);
    byte(bits, &mut state.copies, 3);
    byte(bits, &mut state.forgets, 3);
}

fn walk_writer(bits: &mut impl Bits, writer: &mut Writer) {
    writer.at = WriterAt::ALL[usize::from(bits.bits(writer.at as u16, 4))];
    byte(bits, &mut writer.opened, 3);
    byte(bits, &mut writer.epoch, 2);
    writer.view.iter_mut().for_each(|packs| set(bits, packs));
    set(bits, &mut writer.banned);
}

fn walk_collector(bits: &mut impl Bits, collector: &mut Collector) {
    collector.at = CollectorAt::ALL[usize::from(bits.bits(collector.at as u16, 5))];
    byte(bits, &mut collector.epoch, 2);
    byte(bits, &mut collector.own, 4);
    set(bits, &mut collector.a);
    set(bits, &mut collector.b);
    collector.live.iter_mut().for_each(|packs| set(bits, packs));
    set(bits, &mut collector.kept);
}
