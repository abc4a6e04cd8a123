//! A run of the index as a file of the local cache.

use crate::cache;
use crate::format::codec::{Decoder, Encoder};
use crate::format::index::{self, IndexRun, PackRecord};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8; 8] = b"DKPXSEG1";
/// One fence key per so many entries: a lookup reads one such block, and an eighth of a byte of memory goes on each entry.
const BLOCK_ENTRIES: usize = 64;
/// Blocks read at once when all are read.
const SCAN_BLOCKS: usize = 1024;
const ENTRY_LEN_BYTES: usize = 12;
const BLOCK_LEN_BYTES: usize = BLOCK_ENTRIES * ENTRY_LEN_BYTES;

/// A file of sorted entries with its filter and fence keys in memory.
pub(super) struct Segment {
    file: File,
    start_byte: u64,
    count: usize,
    fences: Vec<u64>,
    filter: Filter,
}

impl Segment {
    /// Opens a cached run; `None` when it is not there or not whole.
    pub fn open(path: &Path) -> Option<(Vec<PackRecord>, Self)> {
        let file = File::open(path).ok()?;
        let len = file.metadata().ok()?.len();
        let mut head = [0; 24];
        file.read_exact_at(&mut head, 0).ok()?;
        let mut fields = Decoder::new(&head);
        if fields.raw(8).ok()? != MAGIC {
            return None;
        }
        let (packs_len, count) = (fields.u64().ok()?, fields.u64().ok()?);
        let start_byte = packs_len.checked_add(24)?;
        let whole = count.checked_mul(ENTRY_LEN_BYTES as u64).and_then(|bytes| bytes.checked_add(start_byte));
        if whole != Some(len) || count > index::MAX_ENTRIES as u64 {
            return None;
        }
        let mut packs = vec![0; packs_len as usize];
        file.read_exact_at(&mut packs, 24).ok()?;
        let mut packs = Decoder::new(&packs);
        let mut records = Vec::new();
        while packs.remaining() > 0 {
            records.push(index::decode_record(&mut packs).ok()?);
        }
        let mut segment =
            Self { file, start_byte, count: count as usize, fences: Vec::new(), filter: Filter::new(count as usize) };
        segment.scan(records.len())?;
        cache::touch(&segment.file);
        Some((records, segment))
    }

    /// What a run takes as a file, at most.
    pub fn len_bytes(run: &IndexRun) -> u64 {
        (24 + run.packs.len() * 96 + run.entries.len() * ENTRY_LEN_BYTES) as u64
    }

    /// Writes a run into the cache; `None` when that fails, which only costs memory.
    pub fn create(path: &Path, run: &IndexRun) -> Option<Self> {
        std::fs::create_dir_all(path.parent()?).ok()?;
        let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
        std::fs::write(&temporary, encode(run)).ok()?;
        std::fs::rename(&temporary, path).ok()?;
        Self::open(path).map(|(_, segment)| segment)
    }

    /// Reads all entries once: they must be sorted, and name one of so many packs.
    fn scan(&mut self, packs: usize) -> Option<()> {
        let mut last = 0;
        let mut bytes = vec![0; BLOCK_LEN_BYTES * SCAN_BLOCKS.min(self.blocks())];
        for first in (0..self.blocks()).step_by(SCAN_BLOCKS) {
            for block in self.read(first, &mut bytes)?.chunks(BLOCK_ENTRIES) {
                self.fences.push(fingerprint_of(block.first()?));
                for entry in block {
                    let fingerprint = fingerprint_of(entry);
                    if fingerprint < last || pack_of(entry) as usize >= packs {
                        return None;
                    }
                    last = fingerprint;
                    self.filter.insert(fingerprint);
                }
            }
        }
        Some(())
    }

    fn blocks(&self) -> usize {
        self.count.div_ceil(BLOCK_ENTRIES)
    }

    /// The entries from block `first` on, as many as there are and `bytes` has room for.
    fn read<'a>(&self, first: usize, bytes: &'a mut [u8]) -> Option<&'a [EntryBytes]> {
        let first = first * BLOCK_ENTRIES;
        let count = (bytes.len() / ENTRY_LEN_BYTES).min(self.count.checked_sub(first)?);
        let bytes = bytes.get_mut(..count * ENTRY_LEN_BYTES)?;
        self.file.read_exact_at(bytes, self.start_byte + (first * ENTRY_LEN_BYTES) as u64).ok()?;
        Some(bytes.as_chunks().0)
    }

    pub fn chunks(&self) -> u64 {
        self.count as u64
    }

    /// Gives `found` the numbers of packs that may hold the chunk. A read error means none: the chunk is then stored again.
    pub fn candidates(&self, fingerprint: u64, found: &mut impl FnMut(u32)) {
        if !self.filter.may_contain(fingerprint) {
            return;
        }
        let mut bytes = [0; BLOCK_LEN_BYTES];
        let mut block = self.fences.partition_point(|&fence| fence < fingerprint).saturating_sub(1);
        while self.fences.get(block).is_some_and(|&fence| fence <= fingerprint) {
            let entries = self.read(block, &mut bytes).unwrap_or_default();
            let start = entries.partition_point(|entry| fingerprint_of(entry) < fingerprint);
            let same = entries[start..].iter().take_while(|entry| fingerprint_of(entry) == fingerprint);
            same.for_each(|entry| found(pack_of(entry)));
            block += 1;
        }
    }
}

/// A fingerprint of eight bytes and a pack number of four.
type EntryBytes = [u8; ENTRY_LEN_BYTES];

fn fingerprint_of([a, b, c, d, e, f, g, h, ..]: &EntryBytes) -> u64 {
    u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])
}

fn pack_of([.., a, b, c, d]: &EntryBytes) -> u32 {
    u32::from_le_bytes([*a, *b, *c, *d])
}

fn encode(run: &IndexRun) -> Vec<u8> {
    let mut packs = Encoder::new();
    run.packs.iter().for_each(|record| index::encode_record(&mut packs, record));
    let mut out = Encoder::new();
    out.raw(MAGIC);
    out.u64(packs.bytes.len() as u64);
    out.u64(run.entries.len() as u64);
    out.raw(&packs.bytes);
    for (fingerprint, pack) in &run.entries {
        out.raw(&fingerprint.to_be_bytes());
        out.u32(*pack);
    }
    out.bytes
}

/// A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): ten bits
/// an entry, all probes of a key in one 512-bit block. Fingerprints are uniform, so their bits are the hashes.
struct Filter {
    blocks: Vec<Line>,
}

/// One line of the processor's cache, so that a question costs one miss.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u64; 8]);

impl Filter {
    fn new(entries: usize) -> Self {
        Self { blocks: vec![Line([0; 8]); (entries * 10).div_ceil(512).max(1)] }
    }

    fn place(&self, fingerprint: u64) -> (usize, [u16; 6]) {
        let mixed = fingerprint.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let block = (u128::from(mixed) * self.blocks.len() as u128) >> 64;
        let bits = [0, 9, 18, 27, 36, 45].map(|shift| (fingerprint >> shift) as u16 & 511);
        (block as usize, bits)
    }

    fn insert(&mut self, fingerprint: u64) {
        let (block, bits) = self.place(fingerprint);
        bits.iter().for_each(|bit| self.blocks[block].0[*bit as usize / 64] |= 1 << (bit % 64));
    }

    fn may_contain(&self, fingerprint: u64) -> bool {
        let (block, bits) = self.place(fingerprint);
        let Line(words) = &self.blocks[block];
        bits.iter().all(|bit| words[*bit as usize / 64] >> (bit % 64) & 1 == 1)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::format::names::{PackClass, PackName};
    use datakeep_model::{ObjectDigest, SessionId};

    fn run(count: u64) -> IndexRun {
        let name = PackName { session: SessionId([1; 12]), seq: 1 };
        let pack = PackRecord { name, class: PackClass::Data, len_bytes: 9, digest: ObjectDigest([2; 32]), frames: 3 };
        let mut entries: Vec<(u64, u32)> =
            (0..count).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1, (n % 2) as u32)).collect();
        entries.push((77, 0));
        entries.extend((0..600).map(|_| (78, 1)));
        entries.sort_unstable();
        IndexRun { packs: vec![pack, pack], entries }
    }

    fn found(segment: &Segment, fingerprint: u64) -> Vec<u32> {
        let mut numbers = Vec::new();
        segment.candidates(fingerprint, &mut |number| numbers.push(number));
        numbers
    }

    /// A file as it is written.
    pub(crate) fn sample_bytes(count: u64) -> Vec<u8> {
        encode(&run(count))
    }

    /// A file in memory where the system has such a place: very many contents are tried.
    fn memory_file() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new_in("/dev/shm").or_else(|_| tempfile::NamedTempFile::new());
        file.expect("a file")
    }

    thread_local! {
        static TRIED: tempfile::NamedTempFile = memory_file();
    }

    /// Opens such bytes as a file and looks things up in it; what would be written for what was found.
    pub(crate) fn tried(bytes: &[u8]) -> Option<Vec<u8>> {
        let (packs, segment) = TRIED.with(|file| {
            std::fs::write(file.path(), bytes).expect("written");
            Segment::open(file.path())
        })?;
        let mut body = vec![0; segment.count * ENTRY_LEN_BYTES];
        let read = segment.read(0, &mut body).expect("it was read before");
        let entries: Vec<(u64, u32)> = read.iter().map(|entry| (fingerprint_of(entry), pack_of(entry))).collect();
        for (fingerprint, pack) in entries.iter().take(20).chain(&[(0, 0), (u64::MAX, 0)]) {
            let found = found(&segment, *fingerprint);
            assert!(found.contains(pack) || !entries.contains(&(*fingerprint, *pack)), "{fingerprint:x}");
        }
        // Entries of one chunk keep their order: the file is written as it is.
        Some(encode(&IndexRun { packs, entries }))
    }

    #[test]
    fn finds_all_and_little_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache/run");
        let run = run(20_000);
        Segment::create(&path, &run).expect("created");
        let (packs, segment) = Segment::open(&path).expect("opened");
        assert_eq!(packs, run.packs);
        for (fingerprint, pack) in &run.entries {
            assert!(found(&segment, *fingerprint).contains(pack), "{fingerprint:x}");
        }
        assert_eq!(found(&segment, 78).len(), 600);
        let missing = |n: &u64| segment.filter.may_contain(n.wrapping_mul(0xd134_2543_de82_ef95) | 1 << 63);
        assert!((0..10_000u64).filter(missing).count() < 300, "the filter keeps most misses out");
    }

    #[test]
    fn a_torn_cache_is_no_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        Segment::create(&path, &run(1000)).expect("created");
        let bytes = std::fs::read(&path).expect("read");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
        assert!(Segment::open(&path).is_none());
        let mut stranger = bytes.clone();
        let last = stranger.len() - 1;
        stranger[last] = 0xff;
        std::fs::write(&path, &stranger).expect("written");
        assert!(Segment::open(&path).is_none(), "a pack that the file does not name");
    }
}
