//! What a machine that has nothing of a repository asks of its store to read one small file: every call is a request.

use crate::collect::{collect_done, forget};
use crate::memory::{self, TreeSource, TreeTarget, file, path};
use crate::support::{KDF, NOW, PASSWORD, everything, options, password_slot, restore_to, run, unlock};
use datakeep_connector::{
    ConnectorError, Details, Extent, Item, ItemBatch, ItemError, ItemHandle, ItemReader, ItemStream, ReadOutcome,
    Source,
};
use datakeep_distribute::{Overwrite, RestoreRequest, list_directory, look_up};
use datakeep_engine::BackupOptions;
use datakeep_model::{ChunkKind, FileType, ItemPath, Mark, Secret, SessionId, SourceInfo, Timestamp};
use datakeep_store::{
    FrameDecoder, InitOptions, Locked, NewSlot, OsEntropy, Part, Repository, SlotKind, cached_bytes, content_parts,
};
use datakeep_store_blob::object::settings::{Credentials, Place, Settings};
use datakeep_store_blob::{BlobStore, MemoryStore, ObjectStore, Record, RecordStore};
use datakeep_testkit_s3::{Dialect, S3Server};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an object store is told to be worth a request.
const READ_ALONG_BYTES: u64 = 512 << 10;
const FOLDERS: u64 = 1000;
const FILES_PER_FOLDER: u64 = 1000;
/// What the goal allows.
const MOST_REQUESTS: usize = 8;
const MOST_BYTES: u64 = 4_000_000;

/// A million small files, no two of which are the same.
struct Many {
    next_folder: u64,
}

fn content(number: u64) -> [u8; 16] {
    (u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
}

fn folder(number: u64) -> String {
    format!("d{number:04}")
}

impl Source for Many {
    fn info(&self) -> SourceInfo {
        SourceInfo { kind: "tree".into(), name: "many".into(), location: "memory".into(), host: "test".into() }
    }

    fn roots(&self) -> Vec<ItemPath> {
        vec![ItemPath::root()]
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        Ok(Mark::FileTime(Timestamp::new(1_600_000_000, 0)))
    }

    fn items(&mut self) -> Result<Box<dyn ItemStream>, ConnectorError> {
        Ok(Box::new(Many { next_folder: 0 }))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn confirm(&mut self, _mark: &Mark) -> Result<(), ConnectorError> {
        Ok(())
    }
}

impl ItemStream for Many {
    fn next_batch(&mut self) -> Result<Option<ItemBatch>, ConnectorError> {
        let tick = self.next_folder;
        self.next_folder += 1;
        let directory = |name: String| {
            let meta = memory::directory(2).meta;
            Item { name: name.into_bytes(), meta, handle: Arc::new(Tiny(u64::MAX)) }
        };
        let (directory, items) = match tick {
            0 => (ItemPath::root(), vec![directory(String::new())]),
            1 => (ItemPath::root(), (0..FOLDERS).map(|number| directory(folder(number))).collect()),
            number if number < FOLDERS + 2 => {
                let first = (number - 2) * FILES_PER_FOLDER;
                let one = |number: u64| {
                    let mut meta = memory::thing(FileType::File, 3 + (number / 7) as i64).meta;
                    (meta.len_bytes, meta.inode) = (16, 2_000_000 + number);
                    let name = format!("file-{:06}.txt", number % FILES_PER_FOLDER).into_bytes();
                    Item { name, meta, handle: Arc::new(Tiny(number)) }
                };
                (path(&folder(number - 2)), (first..first + FILES_PER_FOLDER).map(one).collect())
            }
            _ => return Ok(None),
        };
        Ok(Some(ItemBatch { directory, items, losses: Vec::new() }))
    }
}

struct Tiny(u64);

impl ItemHandle for Tiny {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details::default(), None)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        let end = end_byte.map_or(16, |end| end.min(16) as usize);
        Ok(Box::new(TinyReader { rest: content(self.0)[start_byte as usize..end].to_vec(), is_told: false }))
    }
}

struct TinyReader {
    rest: Vec<u8>,
    is_told: bool,
}

impl ItemReader for TinyReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        let len_bytes = self.rest.len() as u64;
        Ok((!std::mem::replace(&mut self.is_told, true)).then_some(Extent::Data { len_bytes }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let count = buffer.len().min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        Ok(ReadOutcome::default())
    }
}

/// As `datakeep init` makes it: a password and a recovery code.
fn init(store: &MemoryStore) -> Arc<Repository> {
    let recovery =
        NewSlot { label: "recovery".into(), secret: Secret::new(vec![7; 20]), kind: SlotKind::Recovery, kdf: KDF };
    let slots = [password_slot("main", PASSWORD), recovery];
    let made = Repository::init(Arc::new(store.clone()), &InitOptions::default(), &slots, Arc::new(OsEntropy), NOW);
    Arc::new(made.unwrap())
}

fn open(blobs: impl BlobStore + 'static) -> Repository {
    Locked::find(Arc::new(blobs)).unwrap().unlock(&unlock(PASSWORD), Arc::new(OsEntropy), None).unwrap()
}

/// What `datakeep cat` does.
fn cat(repository: &Repository, only: Option<SessionId>, place: &ItemPath) -> Vec<u8> {
    let (manifests, faults) = repository.snapshots_to_read(only).unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let place = look_up(repository, manifests.last().unwrap(), place).unwrap();
    let mut decoder = FrameDecoder::new().unwrap();
    let mut bytes = Vec::new();
    for part in content_parts(repository, &place.entry.content, &mut decoder).unwrap() {
        let Part::Chunk(chunk) = part else { panic!("a hole") };
        bytes.extend(repository.read_chunk(ChunkKind::Data, &chunk, &mut decoder).unwrap());
    }
    bytes
}

/// Reads a file on a machine that has nothing; what that asked for.
fn asked(store: &MemoryStore, only: Option<SessionId>, number: u64) -> Vec<Record> {
    let store = RecordStore::new(store.clone(), READ_ALONG_BYTES, 8);
    let log = store.log();
    let repository = open(store);
    let name = format!("{}/file-{:06}.txt", folder(number / FILES_PER_FOLDER), number % FILES_PER_FOLDER);
    assert_eq!(cat(&repository, only, &path(&name)), content(number), "{name}");
    log.take()
}

/// The same over HTTP: every request counts, as the server saw it.
fn assert_few_over_http(store: &MemoryStore, number: u64) {
    let server = S3Server::start(Dialect::strict());
    for object in store.list("").unwrap() {
        server.insert(&format!("p/{}", object.name), &store.read(&object.name, u64::MAX - 1).unwrap());
    }
    let endpoint = server.endpoint();
    let place = Place::parse(&format!("s3://{}/p", endpoint.bucket)).unwrap().unwrap();
    let mut settings = Settings::new(place);
    (settings.endpoint, settings.region) = (Some(endpoint.url), Some(endpoint.region));
    let (id, secret) = (endpoint.credentials.access_key, endpoint.credentials.secret_key);
    settings.credentials = Credentials::Static { id, secret: Secret::new(secret.into_bytes()), token: None };
    let repository = open(ObjectStore::new(settings).unwrap());
    let name = format!("{}/file-{:06}.txt", folder(number / FILES_PER_FOLDER), number % FILES_PER_FOLDER);
    assert_eq!(cat(&repository, None, &path(&name)), content(number));
    let traffic = server.traffic();
    let lines: Vec<String> = server
        .requests()
        .iter()
        .map(|r| format!("{:?} {} {:?} {}", r.operation, r.key, r.range, r.body_len_bytes_out))
        .collect();
    println!(
        "over HTTP: {} requests, {} bytes\n  {}",
        traffic.requests,
        traffic.body_len_bytes_out,
        lines.join("\n  ")
    );
    assert!(traffic.requests <= MOST_REQUESTS as u64, "{traffic:?}");
    assert!(traffic.body_len_bytes_out <= MOST_BYTES, "{traffic:?}");
}

fn assert_few(records: &[Record], what: &str) {
    let bytes: u64 = records.iter().map(|record| record.len_bytes).sum();
    let line = |r: &Record| format!("{} {} {}", r.operation.name(), r.name, r.len_bytes);
    let lines: Vec<String> = records.iter().map(line).collect();
    println!("{what}: {} requests, {bytes} bytes\n  {}", records.len(), lines.join("\n  "));
    assert!(records.len() <= MOST_REQUESTS, "{what}: {} requests", records.len());
    assert!(bytes <= MOST_BYTES, "{what}: {bytes} bytes");
}

/// Opening with a password, one of several slots, included.
#[test]
fn one_small_file_of_a_million_costs_eight_requests() {
    let store = MemoryStore::new();
    let repository = init(&store);
    let backup_options = BackupOptions { workers: 2, slack_ns: 0, ..BackupOptions::default() };
    let report = run(&repository, &mut Many { next_folder: 0 }, &backup_options).unwrap();
    let id = report.manifest.unwrap().snapshot.id;
    for number in [0, 777_777, 999_999] {
        assert_few(&asked(&store, None, number), "without a checkpoint");
        assert_few_over_http(&store, number);
    }
    let recorded = RecordStore::new(store.clone(), READ_ALONG_BYTES, 8);
    let log = recorded.log();
    let opened = open(recorded);
    let (manifests, _) = opened.snapshots_to_read(None).unwrap();
    let request = RestoreRequest { place: path("d0500/file-000123.txt"), ..everything(Overwrite::Refuse) };
    let target = TreeTarget::default();
    restore_to(&opened, &manifests[0], &target, &request).unwrap();
    assert_eq!(*target.tree().values().next().unwrap().body, content(500_123));
    assert_few(&log.take(), "restored");

    let other = memory::tree([("other", file(9, "other"))]);
    let report = run(&repository, &mut TreeSource::new("other", &other), &options()).unwrap();
    forget(&repository, &report.manifest.unwrap());
    collect_done(&repository, 30);
    assert_eq!(store.list("checkpoints/").unwrap().len(), 1);
    assert_few(&asked(&store, None, 345_678), "with a checkpoint");
    assert_few_over_http(&store, 345_678);

    // Not so few snapshots: one is named by its whole id. Its epoch is below the fence; that of the others is not.
    for name in ["a", "b", "c"] {
        run(&repository, &mut TreeSource::new(name, &other), &options()).unwrap();
    }
    assert_few(&asked(&store, Some(id), 5), "one of several");
}

/// Opens through a cache in a folder.
fn open_cached(store: RecordStore<MemoryStore>, folder: &Path) -> Repository {
    let locked = Locked::find(Arc::new(store)).unwrap();
    let unlocked = locked.unlock(&unlock(PASSWORD), Arc::new(OsEntropy), Some(folder.to_path_buf()));
    let mut repository = unlocked.unwrap();
    repository.read_through_cache();
    repository
}

/// What `datakeep snapshots` and `datakeep ls` do; what that asked for.
fn looked(store: &MemoryStore, cache: &Path, expected: usize) -> [Vec<Record>; 2] {
    let recorded = RecordStore::new(store.clone(), READ_ALONG_BYTES, 8);
    let log = recorded.log();
    let (manifests, faults) = open_cached(recorded, cache).snapshots().unwrap();
    assert_eq!((manifests.len(), faults.len()), (expected, 0));
    let snapshots = log.take();
    let recorded = RecordStore::new(store.clone(), READ_ALONG_BYTES, 8);
    let log = recorded.log();
    let repository = open_cached(recorded, cache);
    let (manifests, faults) = repository.snapshots_to_read(None).unwrap();
    assert_eq!((manifests.len(), faults.len()), (expected, 0));
    let entries = list_directory(&repository, &manifests[expected / 2], &ItemPath::root()).unwrap();
    assert_eq!(entries.len(), 2);
    [snapshots, log.take()]
}

fn hundred_snapshots() -> MemoryStore {
    let store = MemoryStore::new();
    let repository = init(&store);
    for number in 0..100 {
        let tree = memory::tree([("a", file(5, format!("{number}"))), ("b", file(6, "same"))]);
        run(&repository, &mut TreeSource::new("s", &tree), &options()).unwrap();
    }
    store
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn what_is_cached_is_not_asked_for_again() {
    let store = hundred_snapshots();
    let folder = tempfile::tempdir().unwrap();
    let [cold, _] = looked(&store, folder.path(), 100);
    assert!(cold.len() > 100, "decisions are read");
    let [snapshots, ls] = looked(&store, folder.path(), 100);
    println!("warm: {} requests for snapshots, {} for ls", snapshots.len(), ls.len());
    assert!(snapshots.len() <= 8 && ls.len() <= 5, "{snapshots:?} {ls:?}");
    // Nothing of it is needed, and nothing that is harmed there harms anybody.
    for (number, path) in files(folder.path()).into_iter().enumerate() {
        let mut bytes = std::fs::read(&path).unwrap();
        match number % 3 {
            0 => bytes.truncate(bytes.len() / 2),
            1 => *bytes.last_mut().unwrap() ^= 1,
            _ => bytes.clear(),
        }
        std::fs::write(&path, bytes).unwrap();
    }
    looked(&store, folder.path(), 100);
    std::fs::remove_dir_all(folder.path()).unwrap();
    looked(&store, folder.path(), 100);
}

/// A bit that turned on the way into the cache is found when it is used, and read anew.
#[test]
fn what_was_harmed_on_its_way_into_the_cache_harms_nobody() {
    let store = hundred_snapshots();
    let folder = tempfile::tempdir().unwrap();
    let whole = store.fork();
    let names = ["commits/", "commits-copies/", "meta/"].map(|folder| store.list(folder).unwrap()).concat();
    for name in names.iter().map(|listed| &listed.name) {
        let mut bytes = store.read(name, u64::MAX).unwrap();
        let at = bytes.len() * 2 / 3;
        bytes[at] ^= 16;
        store.tamper(name, Some(bytes));
    }
    // Everything is damaged as this reader sees it; what it has seen is cached.
    let repository = open_cached(RecordStore::new(store.clone(), READ_ALONG_BYTES, 8), folder.path());
    let (manifests, faults) = repository.snapshots().unwrap();
    assert_eq!((manifests.len(), faults.len()), (0, 100));
    assert!(!files(folder.path()).is_empty());
    looked(&whole, folder.path(), 100);
}

/// What a collection has deleted does not live on in the cache.
#[test]
fn a_deleted_snapshot_is_gone_whatever_is_cached() {
    let store = hundred_snapshots();
    let folder = tempfile::tempdir().unwrap();
    looked(&store, folder.path(), 100);
    let repository = Arc::new(open(store.clone()));
    for manifest in repository.snapshots().unwrap().0.iter().take(40) {
        forget(&repository, manifest);
    }
    looked(&store, folder.path(), 60);
    for _ in 0..2 {
        collect_done(&repository, 0);
        looked(&store, folder.path(), 60);
    }
}

/// Several readers with one small cache.
#[test]
fn readers_share_a_cache() {
    let store = hundred_snapshots();
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let store = RecordStore::new(store.clone(), READ_ALONG_BYTES, 8);
                    let locked = Locked::find(Arc::new(store)).unwrap().with_cache_limit(40_000);
                    let cache = Some(folder.path().to_path_buf());
                    let mut repository = locked.unlock(&unlock(PASSWORD), Arc::new(OsEntropy), cache).unwrap();
                    repository.read_through_cache();
                    assert_eq!(repository.snapshots_to_read(None).unwrap().0.len(), 100);
                }
            });
        }
    });
    let most_bytes = 40_000 + 3 * 40_000 / 16;
    assert!((1..=most_bytes).contains(&cached_bytes(folder.path())), "{}", cached_bytes(folder.path()));
}
