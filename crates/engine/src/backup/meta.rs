//! Writes tree nodes, content lists and attributes. Used by one thread, so a chunk's location is known the moment it
//! is taken.

use super::packer::ToPacker;
use datakeep_model::{ChunkId, ChunkKind};
use datakeep_process::{CompressionSettings, Compressor, Decompressor};
use datakeep_store::long::LongForm;
use datakeep_store::{
    ChunkInfo, ChunkRef, Location, META_PACK_TARGET_BYTES, NodeSink, PackBuilder, PackClass, PlainFrame, Repository,
    StoreError, Writer,
};
use std::collections::HashMap;
use std::sync::mpsc::SyncSender;

/// Plaintext of a meta frame.
const FRAME_TARGET_BYTES: usize = 128 << 10;
/// What a reader accepts of one chunk.
const MAX_CHUNK_LEN_BYTES: usize = 16 << 20;
/// A pack longer than this takes no first inner node: those of a tree of a million entries fit into what is left.
const ROOM_FOR_INNER_BYTES: usize = META_PACK_TARGET_BYTES / 4;

pub(crate) struct MetaWriter<'a> {
    writer: &'a Writer,
    packer: SyncSender<ToPacker>,
    compressor: Compressor,
    decompressor: Decompressor,
    builder: Option<PackBuilder>,
    kind: ChunkKind,
    /// True when the last node was one above the leaves.
    is_inner: bool,
    group: Vec<u8>,
    chunks: Vec<ChunkInfo>,
    /// Meta chunks that need not be written: of the parent, and of this run.
    known: HashMap<ChunkId, ChunkRef>,
    /// References to everything that went through here.
    pub used: Vec<ChunkRef>,
    /// True when a list or attributes were written that are not yet on their way to the store.
    holds_content: bool,
}

impl<'a> MetaWriter<'a> {
    pub fn new(writer: &'a Writer, packer: SyncSender<ToPacker>) -> Result<Self, StoreError> {
        Ok(Self {
            writer,
            packer,
            compressor: Compressor::new(&CompressionSettings::DEFAULT)?,
            decompressor: Decompressor::new()?,
            builder: None,
            kind: ChunkKind::Node,
            is_inner: false,
            group: Vec::new(),
            chunks: Vec::new(),
            known: HashMap::new(),
            used: Vec::new(),
            holds_content: false,
        })
    }

    /// Tells of a meta chunk that exists (nodes of the parent's tree).
    pub fn know(&mut self, chunk: ChunkRef) {
        self.known.insert(chunk.id, chunk);
    }

    fn repository(&self) -> &Repository {
        self.writer.repository()
    }

    fn store(&mut self, kind: ChunkKind, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        if plain.len() > MAX_CHUNK_LEN_BYTES {
            let len = plain.len();
            let detail = format!("what is to be said of one item takes {len} bytes; up to 16 MiB can be stored");
            return Err(StoreError::Usage { detail });
        }
        let id = self.repository().ids().id(kind, &plain);
        if let Some(known) = self.known.get(&id) {
            let known = *known;
            self.used.push(known);
            return Ok(known);
        }
        let full = self.group.len() + plain.len() > FRAME_TARGET_BYTES;
        if !self.chunks.is_empty() && (full || kind != self.kind) {
            self.flush_frame()?;
        }
        self.kind = kind;
        self.holds_content |= kind != ChunkKind::Node;
        let builder = self.builder.get_or_insert_with(|| self.writer.new_pack(PackClass::Meta));
        let at = Location { pack: builder.name(), frame: builder.next_frame(), slot: self.chunks.len() as u32 };
        let len_bytes = plain.len() as u32;
        self.group.extend_from_slice(&plain);
        self.chunks.push(ChunkInfo { id, len_bytes });
        let chunk = ChunkRef { id, len_bytes, at: Some(at) };
        self.known.insert(id, chunk);
        self.used.push(chunk);
        Ok(chunk)
    }

    fn flush_frame(&mut self) -> Result<(), StoreError> {
        if self.chunks.is_empty() {
            return Ok(());
        }
        let mut body = Vec::new();
        let mut proof = Vec::new();
        let codec = self.compressor.compress(&self.group, &mut body)?;
        self.decompressor.decompress(codec, &body, self.group.len(), &mut proof)?;
        if proof != self.group {
            let found = "other bytes: check this machine's memory";
            return Err(StoreError::damaged("a compressed frame", 0, "the bytes that were compressed", found));
        }
        let frame = PlainFrame {
            kind: self.kind,
            codec,
            raw_len_bytes: self.group.len() as u32,
            body,
            chunks: std::mem::take(&mut self.chunks),
        };
        self.group.clear();
        let builder = self.builder.get_or_insert_with(|| self.writer.new_pack(PackClass::Meta));
        builder.push(frame);
        if builder.len_bytes() >= META_PACK_TARGET_BYTES || builder.is_at_limit() {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what is held to the store.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.flush_frame()?;
        self.holds_content = false;
        if let Some(builder) = self.builder.take() {
            let _ = self.packer.send(ToPacker::Meta(builder));
        }
        Ok(())
    }

    /// Sends what is held to the store if entries refer to it.
    pub fn flush_content(&mut self) -> Result<(), StoreError> {
        if self.holds_content { self.flush() } else { Ok(()) }
    }
}

impl NodeSink for MetaWriter<'_> {
    /// Nodes above the leaves come one after another, and stand together at the end of a pack: whoever looks for one entry
    /// reads all of them at once.
    fn store_node(&mut self, level: u8, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        if level > 0 && !self.is_inner {
            self.flush_frame()?;
            if self.builder.as_ref().is_some_and(|builder| builder.len_bytes() > ROOM_FOR_INNER_BYTES) {
                self.flush()?;
            }
        }
        self.is_inner = level > 0;
        self.store(ChunkKind::Node, plain)
    }
}

impl LongForm for MetaWriter<'_> {
    fn store_chunk(&mut self, kind: ChunkKind, plain: Vec<u8>) -> Result<ChunkRef, StoreError> {
        self.store(kind, plain)
    }
}
