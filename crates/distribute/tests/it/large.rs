//! One large file: holes, several segments, a content list of its own.

use crate::memory::{TreeSource, file, path, tree};
use crate::support::{NOW, PASSWORD, assert_sound, everything, options, password_slot, restore_to, run};
use datakeep_connector::{Connector, Details, Extent, ItemError, ItemHandle, ItemReader, Options, ReadOutcome};
use datakeep_distribute::{Overwrite, RestoreRequest, look_up};
use datakeep_engine::BackupOptions;
use datakeep_model::{ChunkId, Meta};
use datakeep_source_files::FilesConnector;
use datakeep_store::{
    ChunkerParams, Content, FrameDecoder, InitOptions, Manifest, Part, Repository, SeededEntropy, content_parts,
    list_pages,
};
use datakeep_store_blob::MemoryStore;
use std::collections::BTreeSet;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

const HOLE: u64 = 200 << 20;
const DATA: u64 = 100 << 20;

/// The bytes of the file, made where they are needed.
fn fill(offset_byte: u64, out: &mut [u8]) {
    let mut at = offset_byte;
    let mut rest = out;
    while !rest.is_empty() {
        let word = (at / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = ((word ^ (word >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ word >> 32).to_le_bytes();
        let skip = (at % 8) as usize;
        let count = rest.len().min(8 - skip);
        rest[..count].copy_from_slice(&word[skip..skip + count]);
        at += count as u64;
        rest = &mut rest[count..];
    }
}

/// A hole of [`HOLE`] bytes, then data.
struct Generated(Meta);

impl ItemHandle for Generated {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details::default(), None)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start: u64, end: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        let end = end.unwrap_or(u64::MAX).min(self.0.len_bytes);
        Ok(Box::new(GeneratedReader { meta: self.0.clone(), at: start, end, left: 0 }))
    }
}

struct GeneratedReader {
    meta: Meta,
    at: u64,
    end: u64,
    left: u64,
}

impl ItemReader for GeneratedReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        if self.at >= self.end {
            return Ok(None);
        }
        if self.at < HOLE {
            let len_bytes = self.end.min(HOLE) - self.at;
            self.at += len_bytes;
            return Ok(Some(Extent::Hole { len_bytes }));
        }
        self.left = self.end - self.at;
        Ok(Some(Extent::Data { len_bytes: self.left }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let count = (buffer.len() as u64).min(self.left) as usize;
        fill(self.at, &mut buffer[..count]);
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        Ok(ReadOutcome { meta_after: Some(self.meta) })
    }
}

fn source(len_bytes: u64, tick: i64) -> TreeSource {
    let mut large = file(tick, "");
    large.meta.len_bytes = len_bytes;
    let handle = Generated(large.meta.clone());
    let tree = tree([("large", large), ("small", file(3, "small"))]);
    TreeSource::new("large", &tree).with_handle("large", handle)
}

fn pages(repository: &Repository, manifest: &Manifest) -> (Vec<Part>, BTreeSet<ChunkId>) {
    let entry = look_up(repository, manifest, &path("large")).unwrap().entry;
    let mut decoder = FrameDecoder::new().unwrap();
    let Content::List { root, .. } = &entry.content else { panic!("no list: {} refs", entry.key.len()) };
    let pages = list_pages(repository, root, &mut decoder).unwrap();
    let parts = content_parts(repository, &entry.content, &mut decoder).unwrap();
    (parts, pages.into_iter().map(|page| page.id).collect())
}

#[test]
fn a_large_sparse_file_grows_and_comes_back() {
    let params = ChunkerParams { min_bytes: 8 << 10, avg_bytes: 32 << 10, max_bytes: 128 << 10 };
    let init = InitOptions { chunker: params, segment_mib: 32, ..InitOptions::default() };
    // Where pages end depends on the keys: fixed ones make the same pages in every run.
    let (blobs, chance) = (Arc::new(MemoryStore::new()), Arc::new(SeededEntropy::new(3)));
    let repository = Repository::init(blobs, &init, &[password_slot("main", PASSWORD)], chance, NOW).unwrap();
    let repository = Arc::new(repository);
    let options = BackupOptions { frame_target_bytes: 2 << 20, ..options() };
    let first = run(&repository, &mut source(HOLE + DATA, 4), &options).unwrap();
    assert_eq!(first.counters.read_bytes, DATA + 5, "holes are not read");
    let (parts, before) = pages(&repository, first.manifest.as_ref().unwrap());
    assert!(parts.len() > 1500 && before.len() > 3, "{} parts in {} pages", parts.len(), before.len());
    assert_eq!(parts.iter().map(Part::len_bytes).sum::<u64>(), HOLE + DATA);

    let grown = HOLE + DATA + (5 << 20);
    let second = run(&repository, &mut source(grown, 5), &options).unwrap();
    let manifest = second.manifest.unwrap();
    assert!(second.counters.new_bytes <= 6 << 20, "{} new bytes", second.counters.new_bytes);
    let (_, after) = pages(&repository, &manifest);
    let shared = before.intersection(&after).count();
    assert!(shared + 1 >= before.len(), "{shared} of {} pages are shared", before.len());
    assert_sound(&repository, "large");

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("restored");
    let target = FilesConnector::new().open_target(place.to_str().unwrap(), &Options::new(), false).unwrap();
    let request = RestoreRequest { place: path("large"), ..everything(Overwrite::Refuse) };
    let (report, _) = restore_to(&repository, &manifest, &*target, &request).unwrap();
    assert_eq!(report.tally.lost, []);
    let restored = std::fs::File::open(place.join("large")).unwrap();
    let meta = restored.metadata().unwrap();
    assert_eq!(meta.len(), grown);
    assert!(meta.blocks() * 512 < grown - HOLE + (1 << 20), "{} blocks", meta.blocks());
    let (mut expected, mut found) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    for offset in (HOLE..grown).step_by(1 << 20) {
        fill(offset, &mut expected);
        restored.read_exact_at(&mut found, offset).unwrap();
        assert!(expected == found, "bytes from {offset} on differ");
    }
}
