//! Random schemas with random values.

use crate::common::{Place, check_round_trip, open};
use proptest::prelude::*;
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};

const DECLARED: [&str; 8] = ["INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "", "TEXT COLLATE NOCASE", "DATE"];

/// A value, text as bytes that need not be valid.
#[derive(Clone, Debug)]
enum Any {
    Plain(Sql),
    Text(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Key {
    None,
    Rowid,
    /// WITHOUT ROWID, keyed by the first two columns.
    Primary,
}

#[derive(Clone, Debug)]
struct Table {
    columns: Vec<usize>,
    key: Key,
    descending: bool,
    rows: Vec<Vec<Any>>,
}

fn any_value() -> impl Strategy<Value = Any> {
    let text = prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        "[a-cA-C]{0,3}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..6),
        any::<i32>().prop_map(|number| number.to_string().into_bytes()),
    ];
    prop_oneof![
        1 => Just(Any::Plain(Sql::Null)),
        3 => any::<i64>().prop_map(|number| Any::Plain(Sql::Integer(number))),
        2 => (-3i64..3).prop_map(|number| Any::Plain(Sql::Integer(number))),
        3 => any::<u64>().prop_map(|bits| Any::Plain(Sql::Real(f64::from_bits(bits)))),
        1 => (-3i32..3).prop_map(|number| Any::Plain(Sql::Real(f64::from(number) / 2.0))),
        4 => text.prop_map(Any::Text),
        2 => proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| Any::Plain(Sql::Blob(bytes))),
    ]
}

fn any_table() -> impl Strategy<Value = Table> {
    let columns = proptest::collection::vec(0..DECLARED.len(), 2..6);
    let key = prop_oneof![Just(Key::None), Just(Key::Rowid), Just(Key::Primary)];
    (columns, key, any::<bool>()).prop_flat_map(|(columns, key, descending)| {
        let row = proptest::collection::vec(any_value(), columns.len());
        let rows = proptest::collection::vec(row, 0..40);
        rows.prop_map(move |rows| Table { columns: columns.clone(), key, descending, rows })
    })
}

fn make(connection: &rusqlite::Connection, number: usize, table: &Table) {
    let mut columns: Vec<String> =
        table.columns.iter().enumerate().map(|(n, declared)| format!("c{n} {}", DECLARED[*declared])).collect();
    let direction = if table.descending { "DESC" } else { "" };
    let end = match table.key {
        Key::None => "",
        Key::Rowid => {
            columns.push("id INTEGER PRIMARY KEY".to_owned());
            ""
        }
        Key::Primary => {
            columns.push(format!("PRIMARY KEY (c0 {direction}, c1)"));
            " WITHOUT ROWID"
        }
    };
    connection.execute_batch(&format!("CREATE TABLE t{number}({}){end}", columns.join(", "))).expect("a table");
    connection.execute_batch(&format!("CREATE INDEX i{number} ON t{number}(c1 {direction}, c0)")).expect("an index");
    let names: Vec<String> = (0..table.columns.len()).map(|n| format!("c{n}")).collect();
    let places = vec!["?"; names.len()].join(", ");
    // Rows that contradict the key are not taken.
    let sql = format!("INSERT OR IGNORE INTO t{number}({}) VALUES ({places})", names.join(", "));
    let mut statement = connection.prepare(&sql).expect("valid");
    for row in &table.rows {
        for (place, value) in row.iter().enumerate() {
            let value = match value {
                Any::Plain(value) => ToSqlOutput::Borrowed(ValueRef::from(value)),
                Any::Text(bytes) => ToSqlOutput::Borrowed(ValueRef::Text(bytes)),
            };
            statement.raw_bind_parameter(place + 1, value).expect("bound");
        }
        statement.raw_execute().expect("added or ignored");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn random_databases_come_back(tables in proptest::collection::vec(any_table(), 1..4), is_wal in any::<bool>(), encoding in 0..3usize) {
        let place = Place::new();
        let path = place.path("source.db");
        let connection = open(&path);
        let encoding = ["UTF-8", "UTF-16le", "UTF-16be"][encoding];
        connection.execute_batch(&format!("PRAGMA encoding='{encoding}'; PRAGMA synchronous=OFF")).expect("set");
        connection.execute_batch(if is_wal { "PRAGMA journal_mode=WAL" } else { "PRAGMA journal_mode=MEMORY" }).expect("set");
        connection.execute_batch("BEGIN").expect("begun");
        for (number, table) in tables.iter().enumerate() {
            make(&connection, number, table);
        }
        connection.execute_batch("COMMIT").expect("committed");
        drop(connection);
        check_round_trip(&place, &path);
    }
}
