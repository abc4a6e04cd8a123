//! Nodes, content lists and attributes in and out of a repository.

use crate::error::StoreError;
use crate::format::{list, node};
use crate::pack::FrameDecoder;
use crate::repository::Repository;
use crate::tree::entry::{Attributes, ChunkRef, Content, Node, Part};
use crate::tree::reader::{NodeSource, wrong_level};
use datakeep_model::{ChunkKind, Xattr};

/// Reads tree nodes of a repository.
pub struct NodeReader<'a> {
    repository: &'a Repository,
    decoder: FrameDecoder,
}

impl<'a> NodeReader<'a> {
    /// A reader.
    pub fn new(repository: &'a Repository) -> Result<Self, StoreError> {
        Ok(Self { repository, decoder: FrameDecoder::new()? })
    }

    /// A reader that looks for nodes that are not whole in other packs ([`FrameDecoder::searching`]).
    pub fn searching(repository: &'a Repository) -> Result<Self, StoreError> {
        Ok(Self { repository, decoder: FrameDecoder::searching()? })
    }
}

impl NodeSource for NodeReader<'_> {
    fn load_node(&mut self, reference: &ChunkRef) -> Result<Node, StoreError> {
        self.repository.read_node(reference, &mut self.decoder)
    }
}

/// The parts of a content, list pages read and proven.
pub fn content_parts(
    repository: &Repository,
    content: &Content,
    decoder: &mut FrameDecoder,
) -> Result<Vec<Part>, StoreError> {
    match content {
        Content::Empty => Ok(Vec::new()),
        Content::One(chunk) => Ok(vec![Part::Chunk(*chunk)]),
        Content::Parts(parts) => Ok(parts.clone()),
        Content::List { parts, root } => {
            let mut all = Vec::new();
            for page in read_page(repository, root, 1, decoder)? {
                let Part::Chunk(page) = page else { return Err(wrong_level(root, 1)) };
                all.extend(read_page(repository, &page, 0, decoder)?);
                if all.len() as u64 > *parts {
                    break;
                }
            }
            if all.len() as u64 != *parts {
                let name = format!("content list {}", root.id);
                return Err(StoreError::damaged(name, 0, format!("{parts} parts"), format!("{}", all.len())));
            }
            Ok(all)
        }
    }
}

/// References to the pages of a long content, the root apart.
pub fn list_pages(
    repository: &Repository,
    root: &ChunkRef,
    decoder: &mut FrameDecoder,
) -> Result<Vec<ChunkRef>, StoreError> {
    let pages = read_page(repository, root, 1, decoder)?;
    Ok(pages.into_iter().filter_map(|page| if let Part::Chunk(chunk) = page { Some(chunk) } else { None }).collect())
}

fn read_page(
    repository: &Repository,
    page: &ChunkRef,
    depth: u8,
    decoder: &mut FrameDecoder,
) -> Result<Vec<Part>, StoreError> {
    let plain = repository.read_chunk(ChunkKind::List, page, decoder)?;
    let (found, parts) = list::decode_page(&plain).map_err(|e| e.of(&format!("content list {}", page.id)))?;
    if found == depth { Ok(parts) } else { Err(wrong_level(page, depth)) }
}

impl Repository {
    /// The node of a tree behind a reference, proven to be the one meant.
    pub fn read_node(&self, reference: &ChunkRef, decoder: &mut FrameDecoder) -> Result<Node, StoreError> {
        let plain = self.read_chunk(ChunkKind::Node, reference, decoder)?;
        node::decode(&plain).map_err(|e| e.of(&format!("tree node {}", reference.id)))
    }

    /// The extended attributes of an entry.
    pub fn attributes(&self, attributes: &Attributes, decoder: &mut FrameDecoder) -> Result<Vec<Xattr>, StoreError> {
        match attributes {
            Attributes::None => Ok(Vec::new()),
            Attributes::Inline(list) => Ok(list.clone()),
            Attributes::Chunk(chunk) => {
                let plain = self.read_chunk(ChunkKind::Attributes, chunk, decoder)?;
                list::decode_attributes(&plain).map_err(|e| e.of(&format!("attributes {}", chunk.id)))
            }
        }
    }
}

/// What `shorten` hands over to be stored as meta chunks.
pub trait LongForm {
    /// Stores a chunk and returns its reference, with location.
    fn store_chunk(&mut self, kind: ChunkKind, plain: Vec<u8>) -> Result<ChunkRef, StoreError>;
}

/// Content and attributes in the form an entry holds: long ones go into chunks of their own.
pub fn shorten(
    parts: Vec<Part>,
    xattrs: Vec<Xattr>,
    sink: &mut dyn LongForm,
) -> Result<(Content, Attributes), StoreError> {
    Ok((shorten_content(parts, sink)?, shorten_attributes(xattrs, sink)?))
}

fn shorten_content(parts: Vec<Part>, sink: &mut dyn LongForm) -> Result<Content, StoreError> {
    match parts.as_slice() {
        [] => return Ok(Content::Empty),
        [Part::Chunk(chunk)] => return Ok(Content::One(*chunk)),
        few if few.len() <= list::MAX_INLINE_PARTS => return Ok(Content::Parts(parts)),
        _ => {}
    }
    let count = parts.len() as u64;
    let (mut pages, mut page) = (Vec::new(), Vec::new());
    for part in parts {
        let ends = list::ends_page(&part);
        page.push(part);
        if ends || page.len() == list::MAX_PAGE_PARTS {
            pages.push(Part::Chunk(sink.store_chunk(ChunkKind::List, list::encode_page(0, &page))?));
            page.clear();
        }
    }
    if !page.is_empty() {
        pages.push(Part::Chunk(sink.store_chunk(ChunkKind::List, list::encode_page(0, &page))?));
    }
    let root = sink.store_chunk(ChunkKind::List, list::encode_page(1, &pages))?;
    Ok(Content::List { parts: count, root })
}

fn shorten_attributes(xattrs: Vec<Xattr>, sink: &mut dyn LongForm) -> Result<Attributes, StoreError> {
    if xattrs.is_empty() {
        return Ok(Attributes::None);
    }
    let len_bytes: usize = xattrs.iter().map(|x| x.name.len() + x.value.len()).sum();
    if len_bytes <= list::MAX_INLINE_ATTRIBUTES_LEN_BYTES {
        return Ok(Attributes::Inline(xattrs));
    }
    Ok(Attributes::Chunk(sink.store_chunk(ChunkKind::Attributes, list::encode_attributes(&xattrs))?))
}
