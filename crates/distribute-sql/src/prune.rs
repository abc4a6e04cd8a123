//! What a condition says of columns: enough to leave row groups out, never too much.

use crate::values::Way;
use arrow_schema::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datakeep_connector::rows::Column;
use datakeep_process_table::describe::ColumnStatistics;
use datakeep_process_table::{TableDescription, encode_keys};

/// Bounds of typed values as parts of normalised keys, both included; none is no bound.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Range {
    pub from: Option<Vec<u8>>,
    pub to: Option<Vec<u8>>,
}

/// One condition on one column that every row of the answer fulfils.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Condition {
    /// Its typed value is in one of these.
    Within(usize, Vec<Range>),
    /// It is null.
    Null(usize),
    /// It is not null.
    NotNull(usize),
}

/// Whatever of these conditions can be told by bounds and counts. `plain` are the positions of columns that are shown as they are.
pub(crate) fn conditions(filters: &[Expr], schema: &SchemaRef, ways: &[Way]) -> Vec<Condition> {
    let mut found = Vec::new();
    for filter in filters {
        gather(filter, &|name| position(schema, ways, name), &mut found);
    }
    found
}

/// A column whose bounds speak of what is shown, with its type.
fn position(schema: &SchemaRef, ways: &[Way], name: &str) -> Option<(usize, DataType)> {
    let at = schema.index_of(name).ok()?;
    (ways[at] == Way::Plain).then(|| (at, schema.field(at).data_type().clone()))
}

type Find<'f> = &'f dyn Fn(&str) -> Option<(usize, DataType)>;

fn gather(filter: &Expr, find: Find<'_>, found: &mut Vec<Condition>) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            gather(left, find, found);
            gather(right, find, found);
        }
        Expr::Between(between) if !between.negated => {
            let low = comparison(&between.expr, Operator::GtEq, &between.low, find);
            let high = comparison(&between.expr, Operator::LtEq, &between.high, find);
            found.extend(low.into_iter().chain(high));
        }
        other => found.extend(one(other, find)),
    }
}

fn one(filter: &Expr, find: Find<'_>) -> Option<Condition> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => either(one(left, find)?, one(right, find)?),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            comparison(left, *op, right, find).or_else(|| comparison(right, op.swap()?, left, find))
        }
        Expr::InList(list) if !list.negated => {
            let (at, data_type) = column(&list.expr, find)?;
            let parts = list.list.iter().map(|value| part(value, &data_type)).collect::<Option<Vec<_>>>()?;
            let ranges = parts.into_iter().map(|part| Range { from: Some(part.clone()), to: Some(part) });
            Some(Condition::Within(at, ranges.collect()))
        }
        Expr::IsNull(inner) => Some(Condition::Null(column(inner, find)?.0)),
        Expr::IsNotNull(inner) => Some(Condition::NotNull(column(inner, find)?.0)),
        _ => None,
    }
}

/// Two conditions of which one holds: only where both are about the values of one column.
fn either(one: Condition, other: Condition) -> Option<Condition> {
    match (one, other) {
        (Condition::Within(at, mut ranges), Condition::Within(also, more)) if at == also => {
            ranges.extend(more);
            Some(Condition::Within(at, ranges))
        }
        _ => None,
    }
}

fn column(expr: &Expr, find: Find<'_>) -> Option<(usize, DataType)> {
    match expr {
        Expr::Column(column) => find(&column.name),
        Expr::Alias(alias) => column(&alias.expr, find),
        _ => None,
    }
}

fn comparison(left: &Expr, op: Operator, right: &Expr, find: Find<'_>) -> Option<Condition> {
    let (at, data_type) = column(left, find)?;
    let part = part(right, &data_type)?;
    let range = match op {
        Operator::Eq => Range { from: Some(part.clone()), to: Some(part) },
        // The bound itself is let in: one group more at worst.
        Operator::Gt | Operator::GtEq => Range { from: Some(part), to: None },
        Operator::Lt | Operator::LtEq => Range { from: None, to: Some(part) },
        _ => return None,
    };
    Some(Condition::Within(at, vec![range]))
}

/// A literal of just this type as the part of a key. Floats are left out: SQL takes 0.0 and -0.0 as equal, keys do not.
fn part(expr: &Expr, data_type: &DataType) -> Option<Vec<u8>> {
    let Expr::Literal(value, _) = expr else { return None };
    let value = match (value, data_type) {
        (ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text), DataType::Utf8) => ScalarValue::Utf8(text.clone()),
        (ScalarValue::BinaryView(bytes) | ScalarValue::LargeBinary(bytes), DataType::Binary) => {
            ScalarValue::Binary(bytes.clone())
        }
        (value, _) => value.clone(),
    };
    if value.is_null() || value.data_type() != *data_type || data_type.is_floating() {
        return None;
    }
    let column = Column::new(value.to_array().ok()?, Vec::new()).ok()?;
    let keys = encode_keys(&[&column]);
    (keys.len() == 1).then(|| keys.get(0).to_vec())
}

/// False only when no row of a group with these statistics fulfils all conditions.
pub(crate) fn may_hold(table: &TableDescription, statistics: &[ColumnStatistics], conditions: &[Condition]) -> bool {
    let of = |at: usize| statistics.iter().find(|known| known.number == table.numbers[at]).map(|known| &known.stats);
    conditions.iter().all(|condition| match condition {
        Condition::Within(at, ranges) => of(*at).is_none_or(|counts| {
            ranges.iter().any(|range| counts.may_hold(range.from.as_deref(), range.to.as_deref()))
        }),
        Condition::Null(at) => of(*at).is_none_or(|counts| counts.nulls > 0),
        Condition::NotNull(at) => of(*at).is_none_or(|counts| counts.nulls < counts.rows),
    })
}

/// What is asked of the first column of the key, as one range around all of it: between its ends the walk over groups goes.
pub(crate) fn key_range(table: &TableDescription, conditions: &[Condition]) -> Range {
    let mut whole = Range::default();
    let Some(&first) = table.info.key.first() else { return whole };
    for condition in conditions {
        let Condition::Within(at, ranges) = condition else { continue };
        if *at != first {
            continue;
        }
        let from = ranges.iter().map(|range| range.from.clone()).min().flatten();
        let to =
            ranges.iter().map(|range| range.to.clone()).collect::<Option<Vec<_>>>().and_then(|to| to.into_iter().max());
        whole.from = whole.from.max(from);
        whole.to = match (whole.to, to) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, Schema};
    use datafusion::logical_expr::{col, lit};
    use std::sync::Arc;

    fn found(filter: Expr) -> Vec<Condition> {
        let fields = vec![
            Field::new("a", DataType::Int64, true),
            Field::new("b", DataType::Utf8, true),
            Field::new("mixed", DataType::Utf8, true),
        ];
        conditions(&[filter], &Arc::new(Schema::new(fields)), &[Way::Plain, Way::Plain, Way::Text])
    }

    fn key(number: i64) -> Option<Vec<u8>> {
        Some([&[2][..], &(number as u64 ^ 1 << 63).to_be_bytes()].concat())
    }

    #[test]
    fn conditions_are_taken_where_bounds_can_tell() {
        let five = || vec![Range { from: key(5), to: key(5) }];
        assert_eq!(found(col("a").eq(lit(5_i64))), [Condition::Within(0, five())]);
        assert_eq!(found(lit(5_i64).eq(col("a"))), [Condition::Within(0, five())]);
        let above = Condition::Within(0, vec![Range { from: key(5), to: None }]);
        assert_eq!(found(lit(5_i64).lt(col("a"))), std::slice::from_ref(&above));
        assert_eq!(found(col("a").gt(lit(5_i64)).and(col("b").is_null())), [above, Condition::Null(1)]);
        assert_eq!(found(col("mixed").eq(lit("x"))), [], "its bounds are of something else");
        assert_eq!(found(col("a").eq(lit(5_i32))), [], "of another type");
        assert_eq!(found(col("a").eq(lit(5_i64)).or(col("b").eq(lit("x")))), [], "either is not both");
        assert_eq!(found(col("a").not_eq(lit(5_i64))), []);
        let list = found(col("a").in_list(vec![lit(5_i64), lit(7_i64)], false));
        let seven = Range { from: key(7), to: key(7) };
        assert_eq!(list, [Condition::Within(0, [five(), vec![seven]].concat())]);
    }
}
