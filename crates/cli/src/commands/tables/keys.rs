//! Keys that cannot be keys of a table, in words.

use super::backup::safe;
use crate::errors::Failure;
use crate::words::tr;
use datakeep_distribute::tables::{KeyError, KeyType};

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::None { table } => {
                let table = safe(&table);
                Self::usage(tr!("rows of table {table} have no key", "表 {table} 的行没有键")).hint(tr!(
                    "compare whole snapshots instead: datakeep diff A B",
                    "请改为比较整个备份集：datakeep diff A B"
                ))
            }
            KeyError::Parts { table, columns, found } => {
                let (table, wanted, names) = (safe(&table), columns.len(), safe(&columns.join(", ")));
                Self::usage(tr!(
                    "the key of table {table} has {wanted} parts, not {found}",
                    "表 {table} 的键由 {wanted} 列组成，而给出了 {found} 个值"
                ))
                .hint(tr!("give one value for each of: {names}", "请为以下每一列给出一个值：{names}"))
            }
            KeyError::Part { column, takes, text } => {
                let (column, text, example) = (safe(&column), safe(&text), takes.example());
                let what = takes_what(takes);
                Self::usage(tr!(
                    "key column {column} takes {what}: `{text}` is none",
                    "键列 {column} 需要{what}：`{text}` 不是"
                ))
                .hint(tr!(
                    "such as {example}; text is also '…', bytes are x'…'",
                    "例如 {example}；文本也可写作 '…'，字节写作 x'…'"
                ))
            }
        }
    }
}

fn takes_what(takes: KeyType) -> String {
    match takes {
        KeyType::Integer => tr!("an integer", "整数"),
        KeyType::Real => tr!("a real number", "实数"),
        KeyType::Bytes => tr!("bytes", "字节"),
        KeyType::Truth => tr!("true or false", " true 或 false"),
        KeyType::Uuid => tr!("a UUID", " UUID"),
        KeyType::Date => tr!("a date", "日期"),
        KeyType::Instant => tr!("a date with a time, in UTC", "日期和时间（UTC）"),
        KeyType::Other => tr!("a value of a type that cannot be written here", "无法在此书写的类型的值"),
    }
}
