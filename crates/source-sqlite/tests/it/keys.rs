//! What names a row, and in which order rows come.

use crate::common::{Place, Value, capture, check_keys, open, read_rows, round_trip, source, text, values};
use arrow_schema::DataType;

#[test]
fn rowids_are_keys_whatever_hides_them() {
    let (_place, captured, _) = round_trip(
        r#"CREATE TABLE plain(a); INSERT INTO plain(rowid, a) VALUES (9, 'x'), (-3, 'y'), (9223372036854775807, 'z');
           CREATE TABLE alias(a, id INTEGER PRIMARY KEY); INSERT INTO alias VALUES ('x', 5), ('y', -5);
           CREATE TABLE descending(id INTEGER PRIMARY KEY DESC, a); INSERT INTO descending VALUES (2, 'x'), (1, 'y');
           CREATE TABLE constrained(id INTEGER, a, PRIMARY KEY (id DESC)); INSERT INTO constrained VALUES (2, 'x'), (1, 'y');
           CREATE TABLE int_key(id INT PRIMARY KEY, a); INSERT INTO int_key VALUES (2, 'x'), (NULL, 'y'), (NULL, 'z');
           CREATE TABLE one("RowId" TEXT, a); INSERT INTO one VALUES ('r', 1);
           CREATE TABLE two(rowid, _rowid_, a); INSERT INTO two VALUES ('r', 's', 1);
           CREATE TABLE three(rowid, _rowid_, oid); INSERT INTO three VALUES ('r', 's', 't'), ('a', 'b', 'c');
           CREATE TABLE four(rowid, _rowid_, oid INTEGER PRIMARY KEY); INSERT INTO four VALUES ('r', 's', 7);"#,
    );
    let key = |table: &str| {
        let table = captured.table(table);
        let columns = table.key.iter().map(|place| &table.columns[*place]);
        columns.map(|column| (column.name.as_str(), column.hidden)).collect::<Vec<_>>()
    };
    assert_eq!(key("plain"), [("rowid", true)]);
    assert_eq!(key("alias"), [("id", false)]);
    assert_eq!(key("descending"), [("rowid", true)]);
    assert_eq!(key("constrained"), [("id", false)]);
    assert_eq!(key("int_key"), [("rowid", true)]);
    assert_eq!(key("one"), [("_rowid_", true)]);
    assert_eq!(key("two"), [("oid", true)]);
    assert_eq!(key("three"), []);
    assert_eq!(key("four"), [("oid", false)]);
    assert_eq!(captured.catalog.not_carried.len(), 1, "{:?}", captured.catalog.not_carried);
    let rowids: Vec<Value> = captured.values("plain").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(rowids, [Value::Integer(-3), Value::Integer(9), Value::Integer(i64::MAX)]);
    assert_eq!(captured.values("three")[0][0], text("r"), "physical order");
}

#[test]
fn keys_of_mixed_classes_rise() {
    let (_place, captured, _) = round_trip(
        "CREATE TABLE m(k PRIMARY KEY, v) WITHOUT ROWID;
         INSERT INTO m VALUES (1, 1), (-1, 2), (1.5, 3), (-9e999, 4), ('a', 5), ('', 6), ('b', 7), ('B', 8), (x'', 9),
                              (x'ff', 10), (9223372036854775807, 11), (CAST(x'ff' AS TEXT), 12), ('c', 13), ('d', 14),
                              (CAST(x'61ff' AS TEXT), 15), ('a' || char(0), 16), ('\u{e000}', 17);",
    );
    assert_eq!(captured.table("m").columns[0].data_type, DataType::Utf8);
    let kinds: Vec<u8> =
        captured.values("m").iter().map(|row| if let Value::Exception(kind, _) = row[0] { kind } else { 0 }).collect();
    assert_eq!(kinds, [0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 3, 3, 4, 4, 5, 5]);
}

#[test]
fn keys_rise_whatever_type_they_are_read_as() {
    let place = Place::new();
    for encoding in ["UTF-8", "UTF-16le"] {
        let path = place.path(&format!("{encoding}.db"));
        open(&path)
            .execute_batch(&format!(
                "PRAGMA encoding='{encoding}';
                 CREATE TABLE m(a COLLATE NOCASE, b, v, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
                 WITH k(k) AS (VALUES (1), (-1), (2.5), (-0.5), ('a'), ('B'), (''), ('\u{ff5e}'), ('\u{1F600}'), (x''), (x'80'))
                 INSERT INTO m SELECT x.k, y.k, 1 FROM k AS x, k AS y;"
            ))
            .expect("made");
        let captured = capture(&path);
        for data_type in [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Binary] {
            let mut source = source(&path).expect("opened");
            source.begin().expect("begun");
            let mut table = captured.table("m").clone();
            table.columns.iter_mut().for_each(|column| column.data_type = data_type.clone());
            let batches = read_rows(source.as_mut(), &table).expect("read");
            assert_eq!(values(&batches).len(), 121);
            check_keys(&table, &batches);
        }
    }
}

#[test]
fn keys_rise_whatever_collation_and_direction_they_are_kept_in() {
    let (_place, captured, _) = round_trip(
        "CREATE TABLE c(a TEXT COLLATE NOCASE, b INTEGER, c REAL, v, PRIMARY KEY (b DESC, a, c DESC)) WITHOUT ROWID;
         INSERT INTO c VALUES ('a', 1, 1.0, 1), ('B', 1, 1.0, 2), ('c', 1, 1.0, 3), ('C', 2, -1.0, 4), ('a', 2, 2.0, 5),
                              ('A', 2, 1.0, 6), ('z', -1, 0.0, 7), ('Z', 0, 9e999, 8), ('z', 0, -9e999, 9);
         CREATE TABLE r(a TEXT COLLATE RTRIM PRIMARY KEY, v) WITHOUT ROWID;
         INSERT INTO r VALUES ('x  ', 1), ('w', 2), ('xx', 3);",
    );
    let info = captured.table("c");
    let names: Vec<&str> = info.key.iter().map(|place| info.columns[*place].name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    assert!(info.notes.iter().any(|note| note.name == "without-rowid"));
}

#[test]
fn keys_of_many_rows_rise_over_batches() {
    round_trip(
        "CREATE TABLE big(a TEXT COLLATE NOCASE, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
         INSERT INTO big SELECT char(65 + i % 50) || (i * 7919 % 1000), CASE i % 3 WHEN 0 THEN i WHEN 1 THEN 't' || i ELSE i + 0.5 END FROM n;",
    );
}
