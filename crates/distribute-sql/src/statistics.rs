//! What is known of a table without reading it, in the query engine's words: a count, a least or greatest value, or how many
//! values are null is then answered from it.

use crate::values::{Shown, Way};
use arrow_schema::DataType;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics as Engine, ScalarValue, Statistics};
use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::{Bound, BoundValue, TableDescription};

/// Of the columns at these positions.
pub(crate) fn of(
    table: &TableDescription,
    statistics: &[ColumnStatistics],
    shown: &Shown,
    positions: &[usize],
) -> Statistics {
    let column = |&at: &usize| {
        let known = statistics.iter().find(|known| known.number == table.numbers[at]);
        known.map_or_else(Engine::new_unknown, |known| {
            of_column(known, shown.schema.field(at).data_type(), shown.ways[at])
        })
    };
    Statistics {
        num_rows: usize::try_from(table.rows).map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Absent,
        column_statistics: positions.iter().map(column).collect(),
    }
}

fn of_column(known: &ColumnStatistics, data_type: &DataType, way: Way) -> Engine {
    let mut engine = Engine::new_unknown();
    let number = |number: u64| usize::try_from(number).ok();
    // What its type cannot hold is shown all the same, and is no null.
    engine.null_count = number(known.stats.nulls).map_or(Precision::Absent, Precision::Exact);
    if let Some(distinct) = known.distinct.as_ref().and_then(|distinct| number(distinct.estimate())) {
        engine.distinct_count = Precision::Inexact(distinct);
    }
    // Bounds are of typed values alone.
    if way != Way::Plain {
        return engine;
    }
    if let Some((least, most)) = &known.stats.bounds {
        engine.min_value = scalar(least, data_type).map_or(Precision::Absent, Precision::Exact);
        engine.max_value = scalar(most, data_type).map_or(Precision::Absent, Precision::Exact);
    }
    engine
}

/// A bound as a value of its column. Only where both agree on what is less: not floats, whose zeros differ.
fn scalar(bound: &Bound, data_type: &DataType) -> Option<ScalarValue> {
    if !bound.is_exact() {
        return None;
    }
    match (bound.value(data_type), data_type) {
        (BoundValue::Integer(number), DataType::Int64) => Some(ScalarValue::Int64(Some(number))),
        (BoundValue::Integer(number), DataType::Int32) => {
            i32::try_from(number).ok().map(|n| ScalarValue::Int32(Some(n)))
        }
        (BoundValue::Integer(number), DataType::Int16) => {
            i16::try_from(number).ok().map(|n| ScalarValue::Int16(Some(n)))
        }
        (BoundValue::Integer(number), DataType::Int8) => i8::try_from(number).ok().map(|n| ScalarValue::Int8(Some(n))),
        (BoundValue::Integer(number), DataType::Date32) => {
            i32::try_from(number).ok().map(|n| ScalarValue::Date32(Some(n)))
        }
        (BoundValue::Text(text), DataType::Utf8) => Some(ScalarValue::Utf8(Some(text))),
        _ => None,
    }
}
