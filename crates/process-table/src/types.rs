//! Types of columns as numbers of the format.

use crate::codec::{CodecError, Reader, put_varint};
use arrow_schema::{DataType, TimeUnit};

/// The number of a type and its parameters (`docs/format.md`, section 17). A type that no column can have has number 0.
pub(crate) fn code_of(data_type: &DataType) -> (u8, Vec<u8>) {
    use DataType as T;
    match data_type {
        T::Boolean => (1, Vec::new()),
        T::Int8 => (2, Vec::new()),
        T::Int16 => (3, Vec::new()),
        T::Int32 => (4, Vec::new()),
        T::Int64 => (5, Vec::new()),
        T::UInt8 => (6, Vec::new()),
        T::UInt16 => (7, Vec::new()),
        T::UInt32 => (8, Vec::new()),
        T::UInt64 => (9, Vec::new()),
        T::Float32 => (10, Vec::new()),
        T::Float64 => (11, Vec::new()),
        T::Date32 => (12, Vec::new()),
        T::Time64(_) => (13, Vec::new()),
        T::Timestamp(_, None) => (14, Vec::new()),
        T::Timestamp(_, Some(zone)) => (15, zone.as_bytes().to_vec()),
        T::Utf8 => (16, Vec::new()),
        T::Binary => (17, Vec::new()),
        T::FixedSizeBinary(len) => (18, len.to_le_bytes().to_vec()),
        T::Decimal128(precision, scale) => (19, vec![*precision, *scale as u8]),
        T::Decimal256(precision, scale) => (20, vec![*precision, *scale as u8]),
        // `Column` admits no other.
        other => (0, other.to_string().into_bytes()),
    }
}

/// Appends a type: its number, the length of its parameters, the parameters.
pub(crate) fn put_type(data_type: &DataType, to: &mut Vec<u8>) {
    let (code, parameters) = code_of(data_type);
    to.push(code);
    put_varint(parameters.len() as u64, to);
    to.extend(parameters);
}

/// Reads what [`put_type`] wrote.
pub(crate) fn read_type(reader: &mut Reader<'_>) -> Result<DataType, CodecError> {
    use DataType as T;
    const FIELD: &str = "type";
    let code = reader.byte(FIELD)?;
    let len = reader.count(255, 1, FIELD)?;
    let parameters = reader.bytes(len, FIELD)?;
    let plain = match code {
        1 => Some(T::Boolean),
        2 => Some(T::Int8),
        3 => Some(T::Int16),
        4 => Some(T::Int32),
        5 => Some(T::Int64),
        6 => Some(T::UInt8),
        7 => Some(T::UInt16),
        8 => Some(T::UInt32),
        9 => Some(T::UInt64),
        10 => Some(T::Float32),
        11 => Some(T::Float64),
        12 => Some(T::Date32),
        13 => Some(T::Time64(TimeUnit::Microsecond)),
        14 => Some(T::Timestamp(TimeUnit::Microsecond, None)),
        16 => Some(T::Utf8),
        17 => Some(T::Binary),
        _ => None,
    };
    let found = match (plain, code, parameters) {
        (Some(plain), _, []) => Some(plain),
        (None, 15, zone) => {
            std::str::from_utf8(zone).ok().map(|zone| T::Timestamp(TimeUnit::Microsecond, Some(zone.into())))
        }
        (None, 18, len) => len.try_into().ok().map(i32::from_le_bytes).map(T::FixedSizeBinary),
        (None, 19, &[precision, scale]) if (1..=38).contains(&precision) => Some(T::Decimal128(precision, scale as i8)),
        (None, 20, &[precision, scale]) if (1..=76).contains(&precision) => Some(T::Decimal256(precision, scale as i8)),
        _ => None,
    };
    let fitting = found.filter(datakeep_connector::rows::is_supported);
    fitting.ok_or_else(|| reader.refuse(FIELD, "no column has this type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back() {
        let types = [
            DataType::Boolean,
            DataType::Int8,
            DataType::UInt64,
            DataType::Float32,
            DataType::Date32,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(TimeUnit::Microsecond, Some("+08:00".into())),
            DataType::Utf8,
            DataType::Binary,
            DataType::FixedSizeBinary(16),
            DataType::Decimal128(15, 2),
            DataType::Decimal256(76, 0),
        ];
        for data_type in types {
            let mut bytes = Vec::new();
            put_type(&data_type, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(read_type(&mut reader), Ok(data_type));
            assert!(reader.finish().is_ok());
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for bytes in
            [&[0u8, 0][..], &[1, 1, 0], &[18, 4, 0, 0, 0, 0], &[19, 2, 0, 0], &[19, 2, 10, 0xff], &[15, 1, 0xff]]
        {
            assert!(read_type(&mut Reader::new(bytes)).is_err(), "{bytes:?}");
        }
    }
}
