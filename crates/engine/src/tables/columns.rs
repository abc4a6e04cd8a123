//! Which columns of a table are those of the snapshot before, whatever they are called now.

use datakeep_connector::TableInfo;
use datakeep_process_table::{Layout, TableDescription};

/// What a table takes over from the snapshot before.
pub(crate) struct Inherited {
    /// The table, with the types its columns had where they are declared as they were.
    pub info: TableInfo,
    /// Numbers of its columns.
    pub numbers: Vec<u32>,
    /// The number the next new column gets.
    pub next_number: u32,
    /// How columns are written; `None` for new ones.
    pub layouts: Vec<Option<Layout>>,
}

/// A column is the one of the same name. One whose name is new is the one that stood in its place, if that name is gone and it
/// was declared alike: it was renamed. Any other is new.
///
/// With `keeps_types`, a column that is declared as it was keeps the type it was stored in; a copy has the types of its original.
pub(crate) fn inherit(mut info: TableInfo, was: Option<&TableDescription>, keeps_types: bool) -> Inherited {
    let mut next_number = was.map_or(0, |was| was.next_number);
    let (mut numbers, mut layouts) = (Vec::new(), Vec::new());
    // A hidden column, as a row's number, is never one that people made and called alike.
    let names: Vec<(String, bool)> = info.columns.iter().map(|column| (column.name.clone(), column.hidden)).collect();
    for (place, column) in info.columns.iter_mut().enumerate() {
        let same = was.and_then(|was| {
            let by_name =
                was.info.columns.iter().position(|old| old.name == column.name && old.hidden == column.hidden);
            by_name.or_else(|| {
                let old = was.info.columns.get(place)?;
                let is_alike = old.declared == column.declared && old.hidden == column.hidden;
                (is_alike && !names.contains(&(old.name.clone(), old.hidden))).then_some(place)
            })
        });
        match (was, same) {
            (Some(was), Some(at)) => {
                let old = &was.info.columns[at];
                numbers.push(was.numbers[at]);
                let keeps_type = keeps_types && old.declared == column.declared;
                if keeps_type {
                    column.data_type = old.data_type.clone();
                }
                layouts.push((keeps_type || old.data_type == column.data_type).then_some(was.layouts[at]));
            }
            _ => {
                numbers.push(next_number);
                next_number += 1;
                layouts.push(None);
            }
        }
    }
    Inherited { info, numbers, next_number, layouts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;
    use datakeep_connector::{ColumnInfo, TableName};
    use datakeep_process_table::RowSum;

    fn table(columns: &[(&str, &str)]) -> TableInfo {
        let column = |&(name, declared): &(&str, &str)| ColumnInfo {
            name: name.into(),
            declared: declared.into(),
            data_type: if declared == "TEXT" { DataType::Utf8 } else { DataType::Int64 },
            nullable: true,
            hidden: false,
        };
        TableInfo {
            name: TableName { schema: "main".into(), table: "t".into() },
            columns: columns.iter().map(column).collect(),
            key: vec![0],
            sql: String::new(),
            notes: Vec::new(),
            rows_estimate: None,
        }
    }

    fn described(inherited: Inherited) -> TableDescription {
        TableDescription {
            layouts: vec![Layout::Plain; inherited.numbers.len()],
            info: inherited.info,
            numbers: inherited.numbers,
            next_number: inherited.next_number,
            window: 1,
            rows: 0,
            groups: 0,
            row_sum: RowSum::default(),
            content_root: [0; 32],
            compared_with: None,
            changes: None,
        }
    }

    #[test]
    fn numbers_follow_their_columns() {
        let first = described(inherit(table(&[("id", "INT"), ("name", "TEXT"), ("price", "INT")]), None, true));
        assert_eq!(first.numbers, [0, 1, 2]);
        // Renamed in place, one added, one gone, others moved.
        let second = inherit(
            table(&[("id", "INT"), ("title", "TEXT"), ("added", "TEXT"), ("price", "INT")]),
            Some(&first),
            true,
        );
        assert_eq!(second.numbers, [0, 1, 3, 2]);
        assert!(second.layouts[2].is_none() && second.layouts[1].is_some());
        let third = inherit(table(&[("price", "INT"), ("id", "INT")]), Some(&described(second)), true);
        assert_eq!((third.numbers, third.next_number), (vec![2, 0], 4));
        // Another type in the same place is another column, and a number is not used twice.
        let fourth = inherit(table(&[("price", "INT"), ("other", "TEXT")]), Some(&first), true);
        assert_eq!((fourth.numbers, fourth.next_number), (vec![2, 1], 3));
    }

    #[test]
    fn a_hidden_column_is_none_that_people_made() {
        let hidden = |name: &str| {
            let mut table = table(&[(name, "INT"), ("a", "TEXT")]);
            table.columns[0].hidden = true;
            table
        };
        let first = described(inherit(hidden("rowid"), None, true));
        let mut second = hidden("_rowid_");
        second.columns.push(ColumnInfo { name: "rowid".into(), hidden: false, ..second.columns[0].clone() });
        assert_eq!(inherit(second, Some(&first), true).numbers, [0, 1, 2]);
    }
}
