//! What is said of a table.

use super::{MAX_COLUMNS, put_bytes, put_notes, read_hash, read_notes, read_text, read_u128, read_version};
use crate::chunk::Layout;
use crate::codec::{CodecError, Reader, put_varint};
use crate::hash::RowSum;
use crate::split::MAX_WINDOW;
use crate::types::{put_type, read_type};
use datakeep_connector::{ColumnInfo, TableInfo, TableName};
use datakeep_model::SessionId;

const VERSION: u8 = 1;
const NULLABLE: u8 = 1;
const HIDDEN: u8 = 2;

/// What became of a table's rows since the snapshot before.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// Rows with a key that was not there.
    pub inserted: u64,
    /// Rows with a key that was there, and other values.
    pub updated: u64,
    /// Rows that are no longer there.
    pub deleted: u64,
}

/// A table of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableDescription {
    /// The table, with the types its rows are stored in.
    pub info: TableInfo,
    /// The numbers of its columns: they stay the same from snapshot to snapshot, whatever the columns are called and wherever they
    /// stand.
    pub numbers: Vec<u32>,
    /// The number the next new column gets.
    pub next_number: u32,
    /// How its columns are written.
    pub layouts: Vec<Layout>,
    /// Rows that are looked at on both sides of one that might end a group ([`crate::Splitter`]).
    pub window: u32,
    /// Its rows.
    pub rows: u64,
    /// Its groups.
    pub groups: u64,
    /// The sum of its rows.
    pub row_sum: RowSum,
    /// The identity of its content ([`crate::TableHasher::root`]).
    pub content_root: [u8; 32],
    /// The snapshot it was compared with when this was last written: a table that stays as it was keeps what was said of it.
    pub compared_with: Option<SessionId>,
    /// What became of it since that snapshot; `None` where there is none to compare with, or only the sum is known.
    pub changes: Option<Changes>,
}

impl TableDescription {
    /// What became of the table since `parent`, which is that of the snapshot it stands in.
    pub fn changes_since(&self, parent: Option<SessionId>) -> Option<Changes> {
        match parent {
            None => None,
            Some(_) if self.compared_with == parent => self.changes,
            // It was not written again.
            Some(_) => Some(Changes::default()),
        }
    }
}

impl TableDescription {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let info = &self.info;
        let mut to = vec![VERSION];
        for text in [&info.name.schema, &info.name.table, &info.sql] {
            put_bytes(text.as_bytes(), &mut to);
        }
        put_varint(u64::from(self.next_number), &mut to);
        put_varint(info.columns.len() as u64, &mut to);
        for ((column, number), layout) in info.columns.iter().zip(&self.numbers).zip(&self.layouts) {
            put_varint(u64::from(*number), &mut to);
            put_bytes(column.name.as_bytes(), &mut to);
            put_bytes(column.declared.as_bytes(), &mut to);
            put_type(&column.data_type, &mut to);
            let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
            to.push(flag(column.nullable, NULLABLE) | flag(column.hidden, HIDDEN));
            to.push(*layout as u8);
        }
        put_varint(info.key.len() as u64, &mut to);
        info.key.iter().for_each(|column| put_varint(*column as u64, &mut to));
        put_notes(&info.notes, &mut to);
        for number in [u64::from(self.window), self.rows, self.groups] {
            put_varint(number, &mut to);
        }
        to.extend(self.row_sum.0.to_le_bytes());
        to.extend(self.content_root);
        to.push(u8::from(self.compared_with.is_some()));
        self.compared_with.iter().for_each(|session| to.extend(session.0));
        to.push(u8::from(self.changes.is_some()));
        if let Some(Changes { inserted, updated, deleted }) = self.changes {
            [inserted, updated, deleted].into_iter().for_each(|rows| put_varint(rows, &mut to));
        }
        to
    }

    /// Reads what [`TableDescription::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let input = &mut reader;
        read_version(input, VERSION..=VERSION)?;
        let name = TableName { schema: read_text(input, "schema")?, table: read_text(input, "table")? };
        let sql = read_text(input, "statement")?;
        let next_number = input.at_most(u64::from(u32::MAX), "next number")? as u32;
        let count = input.count(MAX_COLUMNS, 7, "columns")?;
        let (mut columns, mut numbers, mut layouts) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let (column, number, layout) = read_column(input)?;
            columns.push(column);
            numbers.push(number);
            layouts.push(layout);
        }
        let parts = input.count(MAX_COLUMNS, 1, "key")?;
        let key = (0..parts).map(|_| read_position(input, count)).collect::<Result<_, _>>()?;
        let notes = read_notes(input)?;
        let window = input.at_most(MAX_WINDOW as u64, "window")? as u32;
        let (rows, groups) = (input.varint("rows")?, input.varint("groups")?);
        let row_sum = RowSum(read_u128(input, "row sum")?);
        let content_root = read_hash(input, "content root")?;
        let compared_with = match input.byte("snapshot before")? {
            0 => None,
            1 => Some(read_session(input)?),
            _ => return Err(input.refuse("snapshot before", "neither 0 nor 1")),
        };
        let changes = match input.byte("changes")? {
            0 => None,
            1 => Some(Changes {
                inserted: input.varint("rows inserted")?,
                updated: input.varint("rows updated")?,
                deleted: input.varint("rows deleted")?,
            }),
            _ => return Err(input.refuse("changes", "neither 0 nor 1")),
        };
        reader.finish()?;
        let info = TableInfo { name, columns, key, sql, notes, rows_estimate: Some(rows) };
        Ok(Self {
            info,
            numbers,
            next_number,
            layouts,
            window,
            rows,
            groups,
            row_sum,
            content_root,
            compared_with,
            changes,
        })
    }
}

fn read_session(reader: &mut Reader<'_>) -> Result<SessionId, CodecError> {
    let bytes = reader.bytes(SessionId::LEN_BYTES, "snapshot before")?;
    bytes.try_into().map(SessionId).map_err(|_| reader.refuse("snapshot before", "the bytes end"))
}

fn read_position(reader: &mut Reader<'_>, columns: usize) -> Result<usize, CodecError> {
    match reader.varint("key")? {
        position if position < columns as u64 => Ok(position as usize),
        _ => Err(reader.refuse("key", "no such column")),
    }
}

fn read_column(reader: &mut Reader<'_>) -> Result<(ColumnInfo, u32, Layout), CodecError> {
    let number = reader.at_most(u64::from(u32::MAX), "number of a column")? as u32;
    let (name, declared) = (read_text(reader, "name of a column")?, read_text(reader, "declared type")?);
    let data_type = read_type(reader)?;
    let flags = reader.byte("flags of a column")?;
    if flags & !(NULLABLE | HIDDEN) != 0 {
        return Err(reader.refuse("flags of a column", "one that is not known"));
    }
    let layout = Layout::from_number(reader.byte("layout")?);
    let layout = layout.ok_or_else(|| reader.refuse("layout", "no layout has this number"))?;
    let column = ColumnInfo { name, declared, data_type, nullable: flags & NULLABLE != 0, hidden: flags & HIDDEN != 0 };
    Ok((column, number, layout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;
    use datakeep_connector::Note;

    #[test]
    fn what_is_said_comes_back() {
        let column = |name: &str, data_type, hidden: bool| ColumnInfo {
            name: name.into(),
            declared: "ANY".into(),
            data_type,
            nullable: !hidden,
            hidden,
        };
        let columns = vec![column("rowid", DataType::Int64, true), column("价格", DataType::Decimal128(15, 2), false)];
        let table = TableDescription {
            info: TableInfo {
                name: TableName { schema: "main".into(), table: "orders".into() },
                columns,
                key: vec![0],
                sql: "CREATE TABLE orders(...)".into(),
                notes: vec![Note { name: "strict".into(), value: vec![] }],
                rows_estimate: Some(1 << 40),
            },
            numbers: vec![0, 4],
            next_number: 5,
            layouts: vec![Layout::Delta, Layout::Plain],
            window: 32_768,
            rows: 1 << 40,
            groups: 12,
            row_sum: RowSum(77),
            content_root: [9; 32],
            compared_with: Some(SessionId([3; 12])),
            changes: Some(Changes { inserted: 3, updated: 500, deleted: 0 }),
        };
        let bytes = table.encode();
        assert_eq!(TableDescription::decode(&bytes), Ok(table));
        for cut in 0..bytes.len() {
            assert!(TableDescription::decode(&bytes[..cut]).is_err());
        }
    }
}
