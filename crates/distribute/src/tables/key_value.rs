//! Values of keys as columns of one row, and as people write them.

use super::cell::Cell;
use super::key_error::KeyType;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::types::{
    Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, PrimitiveArray, StringArray,
};
use arrow_schema::{DataType, TimeUnit};
use jiff::civil::{Date, DateTime};
use std::sync::Arc;

/// The cell as a typed value; `None` where the type does not hold it.
pub(super) fn one_value(cell: &Cell, data_type: &DataType) -> Option<ArrayRef> {
    use DataType as T;
    Some(match (cell, data_type) {
        (Cell::Bool(truth), T::Boolean) => Arc::new(BooleanArray::from(vec![*truth])),
        (Cell::Integer(number), _) => return integer(*number, data_type),
        (Cell::Unsigned(number), T::UInt64) => Arc::new(PrimitiveArray::<UInt64Type>::from_iter_values([*number])),
        (Cell::Real(number), T::Float64) => Arc::new(Float64Array::from(vec![*number])),
        (Cell::Real(number), T::Float32) => Arc::new(Float32Array::from(vec![single(*number)?])),
        (Cell::Text(text), T::Utf8) => Arc::new(StringArray::from(vec![text.as_str()])),
        (Cell::Blob(bytes), T::Binary) => Arc::new(BinaryArray::from(vec![bytes.as_slice()])),
        (Cell::Blob(bytes), T::FixedSizeBinary(len)) if usize::try_from(*len) == Ok(bytes.len()) => {
            Arc::new(FixedSizeBinaryArray::try_from_iter([bytes].into_iter()).ok()?)
        }
        (Cell::Written(text), _) => return written(text, data_type),
        _ => return None,
    })
}

fn one<T: ArrowPrimitiveType>(value: T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values([value]))
}

fn integer(number: i64, data_type: &DataType) -> Option<ArrayRef> {
    use DataType as T;
    Some(match data_type {
        T::Int8 => one::<Int8Type>(number.try_into().ok()?),
        T::Int16 => one::<Int16Type>(number.try_into().ok()?),
        T::Int32 => one::<Int32Type>(number.try_into().ok()?),
        T::Int64 => one::<Int64Type>(number),
        T::UInt8 => one::<UInt8Type>(number.try_into().ok()?),
        T::UInt16 => one::<UInt16Type>(number.try_into().ok()?),
        T::UInt32 => one::<UInt32Type>(number.try_into().ok()?),
        T::UInt64 => one::<UInt64Type>(number.try_into().ok()?),
        _ => return None,
    })
}

/// The number in single precision, where that is the same number.
#[expect(clippy::cast_possible_truncation, reason = "whether anything is lost is seen by the way back")]
fn single(number: f64) -> Option<f32> {
    let single = number as f32;
    (f64::from(single).to_bits() == number.to_bits()).then_some(single)
}

/// Dates, instants and decimal numbers as they are written.
fn written(text: &str, data_type: &DataType) -> Option<ArrayRef> {
    Some(match data_type {
        DataType::Date32 => one::<Date32Type>(days(text)?),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let values = PrimitiveArray::<TimestampMicrosecondType>::from_iter_values([micros(text)?]);
            Arc::new(values.with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => {
            let values = PrimitiveArray::<Decimal128Type>::from_iter_values([decimal(text, *scale)?]);
            Arc::new(values.with_precision_and_scale(*precision, *scale).ok()?)
        }
        _ => return None,
    })
}

/// Days since 1970-01-01.
fn days(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    let since = date.since(Date::new(1970, 1, 1).ok()?).ok()?;
    Some(since.get_days())
}

/// Microseconds since 1970-01-01 00:00:00, of a time without a zone or of UTC.
fn micros(text: &str) -> Option<i64> {
    let moment: DateTime = text.strip_suffix(['Z', 'z']).unwrap_or(text).parse().ok()?;
    let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

/// Digits without their point.
fn decimal(text: &str, scale: i8) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    let all = format!("{whole}{fraction}{}", "0".repeat(missing));
    let is_plain = !all.is_empty() && all.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| all.parse::<i128>().ok()).flatten().map(|number| sign * number)
}

/// What a column of this type may have been meant to hold, beside what SQLite takes for equal; empty where it is none of the
/// type.
pub(super) fn parse_typed(text: &str, data_type: &DataType) -> (Vec<Cell>, KeyType) {
    use DataType as T;
    let (cell, takes) = match data_type {
        T::Boolean => (truth(text).map(Cell::Bool), KeyType::Truth),
        T::Int8 | T::Int16 | T::Int32 | T::UInt8 | T::UInt16 | T::UInt32 => {
            (text.parse().ok().map(Cell::Integer), KeyType::Integer)
        }
        T::UInt64 => (text.parse().ok().map(Cell::Unsigned), KeyType::Integer),
        T::FixedSizeBinary(16) => (super::key::unhex(&text.replace('-', "")).map(Cell::Blob), KeyType::Uuid),
        T::Date32 => (Some(Cell::Written(text.to_owned())), KeyType::Date),
        T::Timestamp(..) => (Some(Cell::Written(text.to_owned())), KeyType::Instant),
        T::Decimal128(..) => (Some(Cell::Written(text.to_owned())), KeyType::Real),
        _ => (None, KeyType::Other),
    };
    let cell = cell.filter(|cell| one_value(cell, data_type).is_some());
    (cell.into_iter().collect(), takes)
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "t" | "true" => Some(true),
        "f" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_a_value_of_its_column() {
        let is = |text: &str, data_type: DataType| !parse_typed(text, &data_type).0.is_empty();
        assert!(is("12", DataType::Int16) && !is("70000", DataType::Int16) && !is("-1", DataType::UInt32));
        assert!(is("true", DataType::Boolean) && !is("yes", DataType::Boolean));
        let uuid = DataType::FixedSizeBinary(16);
        assert!(is("6f9619ff-8b86-d011-b42d-00c04fc964ff", uuid.clone()) && !is("6f96", uuid));
        assert!(is("2026-01-31", DataType::Date32) && !is("2026-02-31", DataType::Date32));
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert!(is("2026-01-31 18:00:00.25Z", instant.clone()) && !is("18:00", instant));
        assert_eq!(days("1970-01-03"), Some(2));
        assert_eq!(days("1969-12-31"), Some(-1));
        assert_eq!(micros("1970-01-01T00:00:01"), Some(1_000_000));
        assert_eq!(
            [decimal("-1.5", 2), decimal("7", 0), decimal("1.234", 2), decimal("x", 2)],
            [Some(-150), Some(7), None, None]
        );
    }
}
