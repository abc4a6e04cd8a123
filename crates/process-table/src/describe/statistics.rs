//! What is known of the columns of a group or a table without reading them.

use super::{MAX_COLUMNS, read_bytes, read_version};
use crate::codec::{CodecError, Reader, put_varint};
use crate::stats::{ColumnStats, Distinct};

const VERSION: u8 = 1;

/// Statistics of one column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnStatistics {
    /// The column's number in the table.
    pub number: u32,
    /// Counts and bounds.
    pub stats: ColumnStats,
    /// How many distinct values there are or were: kept for tables only. It knows no deletion: after many, it says too much,
    /// until all groups of the table are written anew.
    pub distinct: Option<Distinct>,
}

/// Statistics as bytes.
pub fn encode_statistics(columns: &[ColumnStatistics]) -> Vec<u8> {
    let mut to = vec![VERSION];
    put_varint(columns.len() as u64, &mut to);
    for column in columns {
        put_varint(u64::from(column.number), &mut to);
        let mut bytes = Vec::new();
        column.stats.encode(&mut bytes);
        super::put_bytes(&bytes, &mut to);
        to.push(u8::from(column.distinct.is_some()));
        if let Some(distinct) = &column.distinct {
            let mut bytes = Vec::new();
            distinct.encode(&mut bytes);
            super::put_bytes(&bytes, &mut to);
        }
    }
    to
}

/// Reads what [`encode_statistics`] wrote, and nothing else.
pub fn decode_statistics(bytes: &[u8]) -> Result<Vec<ColumnStatistics>, CodecError> {
    let mut reader = Reader::new(bytes);
    read_version(&mut reader, VERSION..=VERSION)?;
    let count = reader.count(MAX_COLUMNS, 8, "columns")?;
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        let number = reader.at_most(u64::from(u32::MAX), "number of a column")? as u32;
        let stats = ColumnStats::decode(read_bytes(&mut reader, "statistics")?)?;
        let distinct = match reader.byte("sketch")? {
            0 => None,
            1 => Some(Distinct::decode(read_bytes(&mut reader, "sketch")?)?),
            _ => return Err(reader.refuse("sketch", "neither 0 nor 1")),
        };
        columns.push(ColumnStatistics { number, stats, distinct });
    }
    reader.finish()?;
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableHasher;
    use arrow_array::{ArrayRef, StringArray};
    use datakeep_connector::rows::Column;
    use std::sync::Arc;

    #[test]
    fn what_is_known_comes_back() {
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("中文")]));
        let column = Column::new(values, Vec::new()).expect("valid");
        let distinct = Some(Distinct::of(&column, &TableHasher::new(&[1; 32])));
        let stats = ColumnStats::of(&column);
        let known = vec![
            ColumnStatistics { number: 0, stats: stats.clone(), distinct: None },
            ColumnStatistics { number: 9, stats, distinct },
        ];
        let bytes = encode_statistics(&known);
        assert_eq!(decode_statistics(&bytes), Ok(known));
        for cut in 0..bytes.len() {
            assert!(decode_statistics(&bytes[..cut]).is_err());
        }
    }
}
