//! How values travel between a server and a column, by the type that the server declares.

use arrow_schema::{DataType, TimeUnit};

/// The kind of exceptions: the text that the server writes for the value.
pub(crate) const EXACT_TEXT: u8 = 4;
/// Name of the hidden column of a table that has none of its own. Nobody's column has an empty name.
pub(crate) const ROW_COLUMN: &str = "";

/// The form in which the values of a type travel in binary, and the type that keeps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    Bool,
    Int2,
    Int4,
    Int8,
    /// An unsigned number of 32 bits.
    Oid,
    Float4,
    Float8,
    /// `numeric(precision, scale)` of at most 76 digits.
    Numeric {
        precision: u8,
        scale: u8,
    },
    Date,
    Time,
    Timestamp,
    TimestampTz,
    /// Text in the encoding of the client, as it is.
    Text,
    /// A byte 1, then text.
    Jsonb,
    Uuid,
    Bytea,
    /// Any other type, as the text that the server writes for it.
    Exact,
}

impl Lane {
    /// The lane of a type of the server's own (`pg_type.oid`, the base type of a domain) with its modifier (`atttypmod`).
    pub fn of(type_oid: u32, modifier: i32) -> Self {
        match type_oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            19 | 25 | 1042 | 1043 | 114 => Self::Text,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            26 => Self::Oid,
            700 => Self::Float4,
            701 => Self::Float8,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            1700 => numeric(modifier),
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => Self::Exact,
        }
    }

    /// The type that keeps its values.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Numeric { precision, scale } if precision <= 38 => DataType::Decimal128(precision, scale as i8),
            Self::Numeric { precision, scale } => DataType::Decimal256(precision, scale as i8),
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text | Self::Jsonb | Self::Exact => DataType::Utf8,
            Self::Uuid => DataType::FixedSizeBinary(16),
            Self::Bytea => DataType::Binary,
        }
    }

    /// True when it travels in binary.
    pub fn is_binary(self) -> bool {
        self != Self::Exact
    }
}

/// Where digits have a fixed place, and no more than a column can hold. A scale beyond the precision, or below 0, stays text.
fn numeric(modifier: i32) -> Lane {
    let Some(packed) = modifier.checked_sub(4).filter(|packed| *packed >= 0) else { return Lane::Exact };
    // The scale has 11 bits and a sign (`make_numeric_typmod`).
    let (precision, scale) = (packed >> 16 & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024);
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision @ 1..=76), Ok(scale)) if scale <= precision => Lane::Numeric { precision, scale },
        _ => Lane::Exact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_a_fixed_point_are_typed() {
        let modifier = |precision: i32, scale: i32| (precision << 16 | (scale & 0x7ff)) + 4;
        let check = |precision, scale, expect: Option<DataType>| {
            let lane = Lane::of(1700, modifier(precision, scale));
            assert_eq!((lane != Lane::Exact).then(|| lane.data_type()), expect, "numeric({precision},{scale})");
        };
        check(15, 2, Some(DataType::Decimal128(15, 2)));
        check(38, 38, Some(DataType::Decimal128(38, 38)));
        check(39, 0, Some(DataType::Decimal256(39, 0)));
        check(76, 10, Some(DataType::Decimal256(76, 10)));
        check(77, 0, None);
        check(3, 5, None);
        check(3, -2, None);
        check(1000, 500, None);
        assert_eq!(Lane::of(1700, -1), Lane::Exact);
    }

    #[test]
    fn what_is_not_known_is_text() {
        assert_eq!(Lane::of(16_999, -1).data_type(), DataType::Utf8);
        assert!(!Lane::of(1186, -1).is_binary() && Lane::of(23, -1).is_binary());
    }
}
