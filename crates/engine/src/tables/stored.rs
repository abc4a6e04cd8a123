//! What is stored of tables: descriptions and columns, read and proven.

use super::large::brought_back;
use super::nulls::Nulls;
use crate::error::EngineError;
use arrow_schema::DataType;
use datakeep_connector::TableName;
use datakeep_connector::rows::{Column, ColumnError, Exception, RowBatch};
use datakeep_model::{ChunkKind, ContentKind, Xattr};
use datakeep_process_table::chunk::decode;
use datakeep_process_table::describe::{
    ColumnStatistics, DATABASE_KEY, decode_statistics, encode_statistics, group_range, table_key,
};
use datakeep_process_table::patch::{self, apply_column};
use datakeep_process_table::rowcodec::decode_exceptions;
use datakeep_process_table::{
    ChunkForm, CodecError, DatabaseDescription, GroupDescription, Patch, TableDescription, TableHasher,
};
use datakeep_store::{
    Entry, FrameDecoder, KeyRange, Manifest, NodeReader, NodeSource, Part, Repository, StoreError, TreeCursor,
    content_parts,
};
use std::sync::Arc;

/// The attribute of an entry that describes it.
pub(crate) const DESCRIPTION: &[u8] = b"description";
/// The attribute that tells what is known of its columns.
const STATISTICS: &[u8] = b"statistics";

/// The attributes of an entry with this description.
pub(crate) fn described(description: Vec<u8>, statistics: &[ColumnStatistics]) -> Vec<Xattr> {
    let mut attributes = vec![Xattr { name: DESCRIPTION.to_vec(), value: description }];
    if !statistics.is_empty() {
        attributes.push(Xattr { name: STATISTICS.to_vec(), value: encode_statistics(statistics) });
    }
    attributes
}

/// A row group as it is stored.
#[derive(Clone, Debug)]
pub struct StoredGroup {
    /// Its entry.
    pub entry: Entry,
    /// What is said of it.
    pub description: GroupDescription,
    /// Its content.
    pub parts: Vec<Part>,
    /// What is known of its columns without reading them.
    pub statistics: Vec<ColumnStatistics>,
}

/// The parts that make up just this range of a content; `None` when some part is only partly within.
pub(crate) fn aligned(parts: &[Part], start_byte: u64, len_bytes: u64) -> Option<Vec<Part>> {
    let (mut at, end) = (0u64, start_byte.checked_add(len_bytes)?);
    let mut within = Vec::new();
    for part in parts {
        let next = at.checked_add(part.len_bytes())?;
        let is_apart = next <= start_byte || at >= end;
        if !is_apart {
            if at < start_byte || next > end {
                return None;
            }
            within.push(*part);
        }
        at = next;
    }
    (at >= end).then_some(within)
}

/// Reads the tables of a snapshot. Many may read at once, each with its own.
pub struct TablesReader {
    repository: Arc<Repository>,
    manifest: Manifest,
    hasher: TableHasher,
}

fn damaged(what: impl Into<String>, error: &CodecError) -> StoreError {
    StoreError::damaged(what.into(), error.at_byte as u64, error.field, error.why)
}

/// The description of an entry.
pub(crate) fn description_of(
    repository: &Repository,
    entry: &Entry,
    decoder: &mut FrameDecoder,
) -> Result<Vec<u8>, StoreError> {
    said_of(repository, entry, decoder).map(|(description, _)| description)
}

/// The description of an entry, and what is known of its columns.
fn said_of(
    repository: &Repository,
    entry: &Entry,
    decoder: &mut FrameDecoder,
) -> Result<(Vec<u8>, Vec<ColumnStatistics>), StoreError> {
    let (mut description, mut statistics) = (None, Vec::new());
    for attribute in repository.attributes(&entry.attributes, decoder)? {
        match attribute.name.as_slice() {
            DESCRIPTION => description = Some(attribute.value),
            STATISTICS => {
                statistics =
                    decode_statistics(&attribute.value).map_err(|error| damaged(name_of(&entry.key), &error))?;
            }
            _ => {}
        }
    }
    let missing = || StoreError::damaged(name_of(&entry.key), 0, "a description", "none");
    Ok((description.ok_or_else(missing)?, statistics))
}

fn name_of(key: &[u8]) -> String {
    format!("tree entry {}", key.escape_ascii())
}

/// A group from its entry.
pub(crate) fn group_of(
    repository: &Repository,
    entry: Entry,
    decoder: &mut FrameDecoder,
) -> Result<StoredGroup, StoreError> {
    let (bytes, statistics) = said_of(repository, &entry, decoder)?;
    let description = GroupDescription::decode(&bytes).map_err(|error| damaged(name_of(&entry.key), &error))?;
    let parts = content_parts(repository, &entry.content, decoder)?;
    let len_bytes: u64 = parts.iter().map(Part::len_bytes).fold(0, u64::saturating_add);
    if len_bytes != description.len_bytes() {
        let expected = format!("{} bytes", description.len_bytes());
        return Err(StoreError::damaged(name_of(&entry.key), 0, expected, format!("{len_bytes} bytes")));
    }
    Ok(StoredGroup { entry, description, parts, statistics })
}

/// The entry of a key.
pub(crate) fn entry_at<S: NodeSource>(
    source: S,
    manifest: &Manifest,
    key: Vec<u8>,
) -> Result<Option<Entry>, StoreError> {
    TreeCursor::new(source, manifest.root, manifest.root_level, KeyRange::one(key)).next_entry()
}

/// A walk over the groups of a table.
pub(crate) fn group_entries<S: NodeSource>(source: S, manifest: &Manifest, table: &TableName) -> TreeCursor<S> {
    let (start, end) = group_range(table);
    TreeCursor::new(source, manifest.root, manifest.root_level, KeyRange { start, end: Some(end) })
}

/// What a table's entry says.
pub(crate) fn table_of(
    repository: &Repository,
    entry: &Entry,
    decoder: &mut FrameDecoder,
) -> Result<(TableDescription, Vec<ColumnStatistics>), StoreError> {
    let (bytes, statistics) = said_of(repository, entry, decoder)?;
    let table = TableDescription::decode(&bytes).map_err(|error| damaged(name_of(&entry.key), &error))?;
    Ok((table, statistics))
}

impl TablesReader {
    /// A reader of a snapshot of tables.
    pub fn new(repository: Arc<Repository>, manifest: Manifest) -> Result<Self, EngineError> {
        if manifest.snapshot.content != ContentKind::Tables {
            let detail = format!("snapshot {} holds files, no tables", manifest.snapshot.id.short());
            return Err(StoreError::Usage { detail }.into());
        }
        let hasher = TableHasher::new(repository.table_key().expose());
        Ok(Self { repository, manifest, hasher })
    }

    /// The snapshot.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The repository.
    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    /// What names rows, columns and groups in this repository.
    pub fn hasher(&self) -> &TableHasher {
        &self.hasher
    }

    /// What is said of the database as a whole.
    pub fn database(&self) -> Result<DatabaseDescription, EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        let entry = entry_at(NodeReader::searching(&self.repository)?, &self.manifest, DATABASE_KEY.to_vec())?;
        let missing = || StoreError::damaged("the tree of a database", 0, "what is said of the database", "nothing");
        let bytes = description_of(&self.repository, &entry.ok_or_else(missing)?, &mut decoder)?;
        Ok(DatabaseDescription::decode(&bytes).map_err(|error| damaged("what is said of the database", &error))?)
    }

    /// What is known of the columns of a table without reading them; nothing where the table is not there.
    pub fn statistics(&self, name: &TableName) -> Result<Vec<ColumnStatistics>, EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        let entry = entry_at(NodeReader::searching(&self.repository)?, &self.manifest, table_key(name))?;
        let said = entry.map(|entry| said_of(&self.repository, &entry, &mut decoder)).transpose()?;
        Ok(said.map(|(_, statistics)| statistics).unwrap_or_default())
    }

    /// All tables, by rising name.
    pub fn tables(&self) -> Result<Vec<TableDescription>, EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        let range = KeyRange { start: b"T".to_vec(), end: Some(b"U".to_vec()) };
        let mut entries = self.repository.entries(&self.manifest, range)?;
        let mut tables = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            tables.push(table_of(&self.repository, &entry, &mut decoder)?.0);
        }
        Ok(tables)
    }

    /// The table of a name.
    pub fn table(&self, name: &TableName) -> Result<Option<TableDescription>, EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        let entry = entry_at(NodeReader::searching(&self.repository)?, &self.manifest, table_key(name))?;
        Ok(entry.map(|entry| table_of(&self.repository, &entry, &mut decoder)).transpose()?.map(|(table, _)| table))
    }

    /// The groups of a table whose last key is not below `from`, in order, as long as `take` says so.
    pub fn each_group(
        &self,
        table: &TableName,
        from: &[u8],
        take: &mut dyn FnMut(StoredGroup) -> Result<bool, EngineError>,
    ) -> Result<(), EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        let (mut start, end) = group_range(table);
        start.extend_from_slice(from);
        let mut entries = self.repository.entries(&self.manifest, KeyRange { start, end: Some(end) })?;
        while let Some(entry) = entries.next_entry()? {
            if !take(group_of(&self.repository, entry, &mut decoder)?)? {
                break;
            }
        }
        Ok(())
    }

    /// The group of an entry of this snapshot's tree.
    pub fn group(&self, entry: Entry) -> Result<StoredGroup, EngineError> {
        Ok(group_of(&self.repository, entry, &mut FrameDecoder::searching()?)?)
    }

    /// These columns of a group, by their positions in the table's description; each proven to be the values it is named by.
    pub fn columns(
        &self,
        table: &TableDescription,
        group: &StoredGroup,
        wanted: &[usize],
    ) -> Result<Vec<Column>, EngineError> {
        let (mut patches, mut decoder) = (Patches::default(), FrameDecoder::searching()?);
        wanted.iter().map(|&at| Ok(self.column(table, group, at, (&mut patches, &mut decoder))?)).collect()
    }

    /// All columns of a group.
    pub fn rows(&self, table: &TableDescription, group: &StoredGroup) -> Result<RowBatch, EngineError> {
        let wanted: Vec<usize> = (0..table.info.columns.len()).collect();
        let columns = self.columns(table, group, &wanted)?;
        Ok(RowBatch::new(columns).map_err(|error| uneven(&group.entry.key, &error))?)
    }

    fn column(
        &self,
        table: &TableDescription,
        group: &StoredGroup,
        at: usize,
        tools: (&mut Patches, &mut FrameDecoder),
    ) -> Result<Column, StoreError> {
        let (patches, decoder) = tools;
        let of = (table.numbers[at], types(table));
        let column = read_column(&self.repository, group, (of.0, &of.1), (patches, decoder))?;
        let column = brought_back(&self.repository, group, column, (&self.hasher, decoder))?;
        let expected = group.description.columns.iter().find(|column| column.number == table.numbers[at]);
        if expected.is_none_or(|expected| expected.hash != self.hasher.column(&column)) {
            let what = format!("column {} of {}", table.info.columns[at].name, name_of(&group.entry.key));
            return Err(StoreError::damaged(what, 0, "the values that were captured", "others"));
        }
        Ok(column)
    }

    /// The stored bytes of a column's chunk, and their form; `None` where it has no typed values.
    pub fn chunk(&self, group: &StoredGroup, number: u32) -> Result<Option<(ChunkForm, Vec<u8>)>, EngineError> {
        let mut decoder = FrameDecoder::searching()?;
        let Some(at) = group.description.columns.iter().position(|column| column.number == number) else {
            return Ok(None);
        };
        let Some((form, len_bytes)) = group.description.columns[at].chunk else { return Ok(None) };
        let start = group.description.column_start_byte(at);
        Ok(Some((form, read_range(&self.repository, &group.parts, (start, len_bytes), &mut decoder)?)))
    }
}

fn uneven(key: &[u8], error: &ColumnError) -> StoreError {
    StoreError::damaged(name_of(key), 0, "columns of one length", error.to_string())
}

/// A range of a content.
pub(crate) fn read_range(
    repository: &Repository,
    parts: &[Part],
    (start_byte, len_bytes): (u64, u64),
    decoder: &mut FrameDecoder,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    append_range(repository, parts, (start_byte, len_bytes), (decoder, &mut bytes))?;
    Ok(bytes)
}

/// Appends bytes of a group's content.
pub(crate) fn append_range(
    repository: &Repository,
    parts: &[Part],
    (start_byte, len_bytes): (u64, u64),
    (decoder, bytes): (&mut FrameDecoder, &mut Vec<u8>),
) -> Result<(), StoreError> {
    let end = start_byte.saturating_add(len_bytes);
    let mut at = 0u64;
    for part in parts {
        let next = at.saturating_add(part.len_bytes());
        if next > start_byte && at < end {
            let Part::Chunk(chunk) = part else {
                return Err(StoreError::damaged("the content of a row group", at, "data", "a hole"));
            };
            let data = repository.read_chunk(ChunkKind::Data, chunk, decoder)?;
            let (from, to) = (start_byte.saturating_sub(at) as usize, (end.min(next) - at) as usize);
            bytes.extend_from_slice(&data[from..to]);
        }
        at = next;
    }
    Ok(())
}

/// The types of columns by their numbers.
pub(crate) type Types<'t> = &'t [(u32, DataType)];

/// A column of a group as its patches leave it, large values aside. What it is has not been compared with its name. `types` has those of all columns
/// of the table.
pub(crate) fn read_column(
    repository: &Repository,
    group: &StoredGroup,
    (number, types): (u32, Types<'_>),
    (patches, decoder): (&mut Patches, &mut FrameDecoder),
) -> Result<Column, StoreError> {
    let description = &group.description;
    let what = || format!("column {number} of {}", name_of(&group.entry.key));
    let unfit = |error: &dyn std::fmt::Display| StoreError::damaged(what(), 0, "a column", error.to_string());
    let data_type = type_of(types, number).ok_or_else(|| unfit(&"one without a type"))?;
    let Some(at) = description.columns.iter().position(|column| column.number == number) else {
        // A column that was added since: it is null everywhere.
        let values = patches.nulls.of(data_type, description.rows as usize)?;
        return Column::new(values, Vec::new()).map_err(|error| unfit(&error));
    };
    let mut column = read_base(repository, group, (at, data_type), (&mut patches.nulls, decoder))?;
    let from = description.columns[at].contains_patches as usize;
    if from < description.patches.len() {
        let types = types_of(description, types).ok_or_else(|| unfit(&"one without a type"))?;
        for number in from..description.patches.len() {
            let patch = patches.get(repository, group, (number, &types), decoder)?;
            column = apply_column(&column, patch, at).map_err(|error| unfit(&error))?;
        }
    }
    Ok(column)
}

/// Values of patches that are kept to be applied to another column.
const KEPT_PATCHES_LEN_BYTES: usize = 32 << 20;

/// The patches of a group, each decoded once for all columns, as long as they are not too long together.
#[derive(Default)]
pub(crate) struct Patches {
    known: Vec<Option<Patch>>,
    len_bytes: usize,
    /// What its columns have that hold nothing.
    pub nulls: Nulls,
}

impl Patches {
    /// One patch of the group that these are of.
    pub fn get(
        &mut self,
        repository: &Repository,
        group: &StoredGroup,
        (number, types): (usize, &[DataType]),
        decoder: &mut FrameDecoder,
    ) -> Result<&Patch, StoreError> {
        if self.known.get(number).is_none_or(Option::is_none) {
            if self.len_bytes > KEPT_PATCHES_LEN_BYTES {
                (self.known, self.len_bytes) = (Vec::new(), 0);
            }
            let patch = read_patch(repository, group, (number, types), decoder)?;
            self.len_bytes += patch.memory_len_bytes();
            self.known.resize(self.known.len().max(number + 1), None);
            self.known[number] = Some(patch);
        }
        let missing = || StoreError::Usage { detail: format!("patch {number} is not there") };
        self.known.get(number).and_then(Option::as_ref).ok_or_else(missing)
    }
}

pub(crate) fn type_of(types: Types<'_>, number: u32) -> Option<&DataType> {
    types.iter().find(|(known, _)| *known == number).map(|(_, data_type)| data_type)
}

/// The types of a group's columns, in its order.
pub(crate) fn types_of(description: &GroupDescription, types: Types<'_>) -> Option<Vec<DataType>> {
    description.columns.iter().map(|column| type_of(types, column.number).cloned()).collect()
}

/// One patch of a group.
pub(crate) fn read_patch(
    repository: &Repository,
    group: &StoredGroup,
    (number, types): (usize, &[DataType]),
    decoder: &mut FrameDecoder,
) -> Result<Patch, StoreError> {
    let what = || format!("patch {number} of {}", name_of(&group.entry.key));
    let len_bytes = group.description.patches.get(number).map_or(0, |patch| patch.len_bytes);
    let range = (group.description.patch_start_byte(number), len_bytes);
    let bytes = read_range(repository, &group.parts, range, decoder)?;
    patch::decode(&bytes, types).map_err(|error| StoreError::damaged(what(), 0, "a patch", error.to_string()))
}

/// A column as it was written, before its patches.
pub(crate) fn read_base(
    repository: &Repository,
    group: &StoredGroup,
    (at, data_type): (usize, &DataType),
    (nulls, decoder): (&mut Nulls, &mut FrameDecoder),
) -> Result<Column, StoreError> {
    let description = &group.description;
    let column = &description.columns[at];
    let what = || format!("column {} of {}", column.number, name_of(&group.entry.key));
    let start = description.column_start_byte(at);
    let rows = description.rows_with(column.contains_patches as usize) as usize;
    let values = match &column.chunk {
        None => nulls.of(data_type, rows)?,
        Some((form, len_bytes)) => {
            let bytes = read_range(repository, &group.parts, (start, *len_bytes), decoder)?;
            decode(&bytes, data_type, form)
                .map_err(|error| StoreError::damaged(what(), 0, "a column chunk", error.to_string()))?
        }
    };
    let exceptions = read_exceptions(repository, group, (at, values.len()), decoder)?;
    Column::new(values, exceptions).map_err(|error| StoreError::damaged(what(), 0, "a column", error.to_string()))
}

/// The exceptions that are stored of a column of so many rows.
pub(crate) fn read_exceptions(
    repository: &Repository,
    group: &StoredGroup,
    (at, rows): (usize, usize),
    decoder: &mut FrameDecoder,
) -> Result<Vec<Exception>, StoreError> {
    let column = &group.description.columns[at];
    if column.exceptions_len_bytes == 0 {
        return Ok(Vec::new());
    }
    let what = || format!("column {} of {}", column.number, name_of(&group.entry.key));
    let start = group.description.column_start_byte(at).saturating_add(column.chunk_len_bytes());
    let bytes = read_range(repository, &group.parts, (start, column.exceptions_len_bytes), decoder)?;
    decode_exceptions(&bytes, rows).map_err(|error| damaged(what(), &error))
}

/// The types of a table's columns by their numbers.
pub(crate) fn types(table: &TableDescription) -> Vec<(u32, DataType)> {
    let types = table.info.columns.iter().map(|column| column.data_type.clone());
    table.numbers.iter().copied().zip(types).collect()
}
