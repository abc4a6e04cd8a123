//! Arguments of table functions: literals, as text.

use crate::error::SqlError;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

/// The text of a literal.
pub(crate) fn literal(expr: &Expr, function: &str) -> Result<String, SqlError> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Ok(text.clone()),
        Expr::Literal(ScalarValue::LargeUtf8(Some(text)), _) => Ok(text.clone()),
        Expr::Literal(value, _) if value.data_type().is_numeric() && !value.is_null() => Ok(value.to_string()),
        Expr::Negative(inner) => Ok(format!("-{}", literal(inner, function)?)),
        other => Err(SqlError::Plan(format!("{function}() takes literals such as 'orders', not {other}"))),
    }
}

/// All arguments of a call; `usage` is told when there are too few or too many.
pub(crate) fn literals(
    exprs: &[Expr],
    (function, usage): (&str, &str),
    count: std::ops::RangeInclusive<usize>,
) -> Result<Vec<String>, SqlError> {
    if !count.contains(&exprs.len()) {
        return Err(SqlError::Plan(format!("{function}() is called as {usage}")));
    }
    exprs.iter().map(|expr| literal(expr, function)).collect()
}
