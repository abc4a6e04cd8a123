//! Reading what entries of a repository hold, as items of a source: every byte is proven by its id on the way out.

use datakeep_connector::{Details, Extent, ItemError, ItemHandle, ItemReader, ReadOutcome, Sameness};
use datakeep_model::{ChunkKind, ErrorKind, FileType, ItemPath, LossCause};
use datakeep_store::{ChunkRef, Entry, FrameDecoder, Part, Repository, StoreError, content_parts};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A repository that is read from several threads.
pub(super) struct Room {
    pub repository: Arc<Repository>,
    /// Decoders at rest. A decoder for each of a million small files would cost more than the files.
    decoders: Mutex<Vec<FrameDecoder>>,
    /// Content bytes read.
    pub read_bytes: AtomicU64,
    /// Tree nodes read.
    pub nodes_read: AtomicU64,
    /// Something could not be read.
    pub is_damaged: AtomicBool,
}

impl Room {
    pub fn new(repository: Arc<Repository>) -> Arc<Self> {
        let (read_bytes, nodes_read, is_damaged) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { repository, decoders: Mutex::default(), read_bytes, nodes_read, is_damaged })
    }

    /// Does something with a decoder.
    pub fn with_decoder<T>(
        &self,
        act: impl FnOnce(&mut FrameDecoder) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let resting = self.decoders.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut decoder = resting.map_or_else(FrameDecoder::searching, Ok)?;
        let result = act(&mut decoder);
        self.decoders.lock().unwrap_or_else(PoisonError::into_inner).push(decoder);
        result
    }

    /// Damage loses the item; whatever else keeps the repository from being read ends the run.
    fn lost(&self, error: &StoreError) -> ItemError {
        self.is_damaged.store(true, Ordering::Relaxed);
        match error.kind() {
            ErrorKind::Integrity => ItemError::new(LossCause::Damaged, error.to_string()),
            kind => ItemError::fatal(kind, error.to_string()),
        }
    }

    /// The bytes of a chunk: where it should be, or wherever else it is whole.
    fn chunk(&self, chunk: &ChunkRef) -> Result<Vec<u8>, StoreError> {
        self.with_decoder(|decoder| self.repository.read_chunk(ChunkKind::Data, chunk, decoder))
    }
}

/// The parts of a content, each with the byte it begins at.
type Layout = Vec<(u64, Part)>;

/// One entry.
pub(super) struct EntryHandle {
    room: Arc<Room>,
    entry: Entry,
    as_in_parent: bool,
    layout: OnceLock<Result<Arc<Layout>, ItemError>>,
}

impl EntryHandle {
    pub fn new(room: Arc<Room>, entry: Entry, as_in_parent: bool) -> Self {
        Self { room, entry, as_in_parent, layout: OnceLock::new() }
    }

    /// Looked up once, however many ranges of the content are read.
    fn layout(&self) -> Result<Arc<Layout>, ItemError> {
        let read = || self.read_layout().map(Arc::new).map_err(|error| self.room.lost(&error));
        self.layout.get_or_init(read).clone()
    }

    fn read_layout(&self) -> Result<Layout, StoreError> {
        let parts =
            self.room.with_decoder(|decoder| content_parts(&self.room.repository, &self.entry.content, decoder))?;
        let (mut layout, mut end) = (Layout::with_capacity(parts.len()), Some(0u64));
        for part in parts {
            let start = end.unwrap_or(u64::MAX);
            end = start.checked_add(part.len_bytes());
            layout.push((start, part));
        }
        let stated = self.entry.meta.len_bytes;
        if end == Some(stated) || self.entry.meta.file_type != FileType::File {
            return Ok(layout);
        }
        let path = ItemPath::from_key(&self.entry.key).map_or_else(|_| "?".into(), |path| path.to_string());
        let found = end.map_or("more than any file".to_string(), |end| format!("{end} bytes"));
        Err(StoreError::damaged(format!("the content of {path}"), 0, format!("{stated} bytes"), found))
    }

    /// Runs of data and of holes by their length: what a content looks like, however it was cut.
    pub fn outline(&self) -> Result<Vec<(bool, u64)>, ItemError> {
        let mut outline: Vec<(bool, u64)> = Vec::new();
        for (_, part) in self.layout()?.iter().filter(|(_, part)| part.len_bytes() > 0) {
            let is_hole = matches!(part, Part::Hole(_));
            match outline.last_mut() {
                Some((before, len_bytes)) if *before == is_hole => *len_bytes += part.len_bytes(),
                _ => outline.push((is_hole, part.len_bytes())),
            }
        }
        Ok(outline)
    }
}

impl ItemHandle for EntryHandle {
    fn details(&self) -> (Details, Option<ItemError>) {
        let (entry, room) = (&self.entry, &self.room);
        let xattrs = room.with_decoder(|decoder| room.repository.attributes(&entry.attributes, decoder));
        let details = Details {
            link_target: entry.link_target.clone(),
            xattrs: Vec::new(),
            read_again: entry.changed_while_read,
        };
        match xattrs {
            Ok(xattrs) => (Details { xattrs, ..details }, None),
            Err(error) => (details, Some(room.lost(&error))),
        }
    }

    fn sameness(&self) -> Sameness {
        Sameness::Exact { as_in_parent: self.as_in_parent, read_again: self.entry.changed_while_read }
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        let layout = self.layout()?;
        let len_bytes = layout.last().map_or(0, |(start, part)| start + part.len_bytes());
        let end = end_byte.unwrap_or(len_bytes).min(len_bytes);
        let next = layout.partition_point(|(start, part)| start + part.len_bytes() <= start_byte);
        let room = self.room.clone();
        Ok(Box::new(EntryReader { room, layout, next, at: start_byte, data_end: start_byte, end, chunk: None }))
    }
}

/// Reads a range of a content.
struct EntryReader {
    room: Arc<Room>,
    layout: Arc<Layout>,
    /// The part that holds `at`.
    next: usize,
    at: u64,
    /// Where the data extent ends that is being read.
    data_end: u64,
    end: u64,
    /// A part's number and its bytes.
    chunk: Option<(usize, Vec<u8>)>,
}

impl EntryReader {
    /// The part that holds `at`, with its first byte.
    fn part(&mut self) -> Option<(u64, Part)> {
        while let Some(&(start, part)) = self.layout.get(self.next) {
            if start + part.len_bytes() > self.at {
                return Some((start, part));
            }
            self.next += 1;
        }
        None
    }

    /// Where the run of parts of one kind ends that `at` is in.
    fn run_end(&self, is_hole: bool) -> u64 {
        let rest = self.layout.get(self.next..).unwrap_or_default();
        let run = rest.iter().take_while(|(_, part)| part.len_bytes() == 0 || matches!(part, Part::Hole(_)) == is_hole);
        run.last().map_or(self.at, |(start, part)| start + part.len_bytes()).min(self.end)
    }
}

impl ItemReader for EntryReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        self.at = self.data_end;
        if self.at >= self.end {
            return Ok(None);
        }
        let Some((_, part)) = self.part() else { return Ok(None) };
        let is_hole = matches!(part, Part::Hole(_));
        self.data_end = self.run_end(is_hole);
        let len_bytes = self.data_end - self.at;
        if is_hole {
            self.at = self.data_end;
            return Ok(Some(Extent::Hole { len_bytes }));
        }
        Ok(Some(Extent::Data { len_bytes }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let mut filled = 0;
        while filled < buffer.len() && self.at < self.data_end {
            let Some((start, Part::Chunk(chunk))) = self.part() else { break };
            let number = self.next;
            let bytes = match &mut self.chunk {
                Some((loaded, bytes)) if *loaded == number => bytes,
                other => {
                    let bytes = self.room.chunk(&chunk).map_err(|error| self.room.lost(&error))?;
                    self.room.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    &mut other.insert((number, bytes)).1
                }
            };
            let from = (self.at - start) as usize;
            let most = (self.data_end - self.at).min((buffer.len() - filled) as u64) as usize;
            let count = most.min(bytes.len() - from);
            buffer[filled..filled + count].copy_from_slice(&bytes[from..from + count]);
            filled += count;
            self.at += count as u64;
        }
        Ok(filled)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        Ok(ReadOutcome::default())
    }
}
