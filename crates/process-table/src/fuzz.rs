//! The decoders of this crate as targets of the harness in `testkit::fuzz`.

use crate::aside::{ASIDE_KIND, AsideError, LargeValues, with_large};
use crate::chunk::{self, ChunkForm, Layout};
use crate::codec::Reader;
use crate::describe::{
    ColumnStatistics, DATABASE_KEY, EntryKey, decode_statistics, encode_statistics, group_key, parse_key, table_key,
};
use crate::rowcodec::{decode_exceptions, encode_exceptions};
use crate::types::{put_type, read_type};
use crate::{
    Changes, ColumnHash, ColumnStats, DatabaseDescription, Distinct, GroupColumn, GroupDescription, LargeName,
    LargeValue, PatchDescription, RowSum, TableDescription, TableHasher, patch,
};
use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_schema::{DataType, TimeUnit};
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{ColumnInfo, Note, SchemaObject, TableInfo, TableName};
use datakeep_testkit::fuzz::{self, CountedHeap, Target, Verdict};
use std::sync::Arc;

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

const ROWS: usize = 600;

fn types() -> Vec<DataType> {
    vec![DataType::Int64, DataType::Utf8, DataType::Float64, DataType::Int32, DataType::Decimal128(30, 2)]
}

/// Columns of these types; `salt` changes some of their values.
fn columns(salt: i64) -> Vec<Column> {
    let rows = || 0..ROWS as i64;
    let some = |n: i64| (n % 7 != 3).then_some(if n % 13 == 0 { n + salt } else { n });
    let texts = rows().map(|n| some(n).map(|n| format!("https://example.org/{}", n % 50)));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(rows().collect::<Int64Array>()),
        Arc::new(texts.collect::<StringArray>()),
        Arc::new(rows().map(|n| some(n).map(|n| n as f64 / 3.0)).collect::<Float64Array>()),
        Arc::new(rows().map(|n| some(n).map(|n| n as i32 * 1_000)).collect::<Int32Array>()),
        Arc::new(
            rows()
                .map(|n| some(n).map(i128::from))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(30, 2)
                .expect("fitting"),
        ),
    ];
    let odd = |at: usize| if at == 0 { Vec::new() } else { exceptions() };
    let columns = arrays.into_iter().enumerate();
    columns.map(|(at, values)| Column::new(values, odd(at)).expect("supported")).collect()
}

fn exceptions() -> Vec<Exception> {
    [3, 10, 24].into_iter().map(|row| Exception { row, kind: 1 + row as u8, bytes: vec![7; row as usize] }).collect()
}

fn encoded(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes);
    bytes
}

fn same<T, E>(decoded: Result<T, E>, encode: impl FnOnce(&T, &mut Vec<u8>)) -> Verdict {
    decoded.map_or(Verdict::Refused, |made| Verdict::Same(encoded(|to| encode(&made, to))))
}

fn column_form(input: &[u8]) -> Verdict {
    same(ChunkForm::decode(input), ChunkForm::encode)
}

/// The number of a type, the length of the form, the form, the chunk.
fn column_chunk(input: &[u8]) -> Verdict {
    let Some(([number, len], rest)) = input.split_first_chunk::<2>() else { return Verdict::Refused };
    let (types, parts) = (types(), rest.split_at_checked(usize::from(*len)));
    let (Some(data_type), Some((form, bytes))) = (types.get(usize::from(*number)), parts) else {
        return Verdict::Refused;
    };
    let Ok(form) = ChunkForm::decode(form) else { return Verdict::Refused };
    // A chunk may grow to its stated length; here only to a little.
    if form.raw_len_bytes.max(form.values_len_bytes) > 1 << 20 || form.rows > 1 << 16 {
        return Verdict::Refused;
    }
    let mut positions = vec![0, form.rows / 2, form.rows.saturating_sub(1)];
    positions.dedup();
    let few = chunk::decode_rows(bytes, data_type, &form, &positions);
    let Ok(values) = chunk::decode(bytes, data_type, &form) else { return Verdict::Refused };
    if form.rows > 0 {
        let few = few.expect("rows of what is whole");
        let is_it = |(at, row): (usize, &u32)| few.slice(at, 1).to_data() == values.slice(*row as usize, 1).to_data();
        assert!(positions.iter().enumerate().all(is_it), "the rows at {positions:?}");
    }
    assert_eq!(
        (values.len(), values.null_count(), values.data_type()),
        (form.rows as usize, form.nulls as usize, data_type)
    );
    assert_eq!(chunk::values_len_bytes(&values), form.values_len_bytes);
    Verdict::Taken
}

fn chunks() -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    for (number, column) in columns(0).iter().enumerate() {
        let layouts = (0..6).filter_map(Layout::from_number);
        for layout in layouts.filter(|layout| chunk::suits(*layout, column.values().data_type())) {
            let (bytes, form) = chunk::encode(column.values(), layout, 1).expect("encoded");
            let form = encoded(|to| form.encode(to));
            made.push([&[number as u8, form.len() as u8], &form[..], &bytes].concat());
        }
    }
    made
}

fn row_exceptions(input: &[u8]) -> Verdict {
    same(decode_exceptions(input, ROWS), |exceptions, to| encode_exceptions(exceptions, to))
}

/// Of every name the first byte is the whole value, where that is a letter.
struct OneLetter;

impl LargeValues for OneLetter {
    type Error = AsideError;

    fn len_bytes(&self, name: &LargeName) -> Option<u64> {
        name.0[0].is_ascii_alphabetic().then_some(1)
    }

    fn append(&mut self, name: &LargeName, to: &mut Vec<u8>) -> Result<(), AsideError> {
        to.push(name.0[0]);
        Ok(())
    }
}

/// Exceptions of a column of texts, some of which name large values: no other row gets a value, none is left out.
fn names_of_large(input: &[u8]) -> Verdict {
    let Ok(exceptions) = decode_exceptions(input, ROWS) else { return Verdict::Refused };
    let nulls = Arc::new(StringArray::new_null(ROWS));
    let Ok(column) = Column::new(nulls, exceptions) else { return Verdict::Refused };
    let Ok(found) = with_large(column.clone(), &mut OneLetter) else { return Verdict::Refused };
    let named = |exception: &&Exception| exception.kind == ASIDE_KIND && exception.bytes[0] == 0;
    let typed = column.exceptions().iter().filter(named).count();
    assert_eq!(
        (ROWS - found.values().null_count(), found.exceptions().len()),
        (typed, column.exceptions().len() - typed)
    );
    assert!(found.exceptions().iter().all(|exception| exception.kind != ASIDE_KIND), "a name is left");
    Verdict::Taken
}

fn large_names() -> Vec<Vec<u8>> {
    let name = |row: u32| {
        let bytes = [&[(row % 3) as u8][..], &[b'a' + row as u8 % 26; 32]].concat();
        Exception { row, kind: ASIDE_KIND, bytes }
    };
    let mut named: Vec<Exception> = [0, 5, 7, 12, 599].into_iter().map(name).collect();
    named.extend(exceptions());
    named.sort_unstable_by_key(|exception| exception.row);
    vec![encoded(|to| encode_exceptions(&named, to)), encoded(|to| encode_exceptions(&exceptions(), to))]
}

fn group_patch(input: &[u8]) -> Verdict {
    patch::decode(input, &types()).map_or(Verdict::Refused, |patch| Verdict::Like(patch::encode(&patch)))
}

fn patches() -> Vec<Vec<u8>> {
    let batch = |salt| RowBatch::new(columns(salt)).expect("even");
    let (old, new) = (batch(0), batch(5));
    let by_position = |old: &RowBatch, new: &RowBatch| patch::by_position(old, new, &[true; 5]).expect("a patch");
    let patches = [
        by_position(&old, &new),
        by_position(&old.slice(0, 500), &new),
        by_position(&old, &new.slice(0, 77)).without_column(2),
        by_position(&old, &old),
    ];
    patches.iter().map(patch::encode).collect()
}

fn column_statistics(input: &[u8]) -> Verdict {
    same(ColumnStats::decode(input), ColumnStats::encode)
}

fn distinct_sketch(input: &[u8]) -> Verdict {
    same(Distinct::decode(input), Distinct::encode)
}

fn sketches() -> Vec<Vec<u8>> {
    let hasher = TableHasher::new(&[1; 32]);
    let mut large = Distinct::default();
    (0..5_000u32).for_each(|value| large.add(hasher.distinct_hash(&value.to_le_bytes())));
    let small = columns(0).iter().map(|column| Distinct::of(column, &hasher)).collect::<Vec<_>>();
    small.iter().chain([&large, &Distinct::default()]).map(|sketch| encoded(|to| sketch.encode(to))).collect()
}

fn column_type(input: &[u8]) -> Verdict {
    let mut reader = Reader::new(input);
    let made = read_type(&mut reader).and_then(|made| reader.finish().map(|()| made));
    same(made, put_type)
}

fn column_types() -> Vec<Vec<u8>> {
    let others = [
        DataType::Boolean,
        DataType::Timestamp(TimeUnit::Microsecond, Some("+08:00".into())),
        DataType::FixedSizeBinary(16),
        DataType::Decimal256(76, 0),
    ];
    types().iter().chain(&others).map(|data_type| encoded(|to| put_type(data_type, to))).collect()
}

fn note(name: &str) -> Note {
    Note { name: name.into(), value: vec![0, 16, 255] }
}

fn database() -> DatabaseDescription {
    let object = |kind: &str, name: &str| SchemaObject {
        kind: kind.into(),
        name: name.into(),
        table: "orders".into(),
        sql: format!("CREATE {kind} {name} ON orders(price)"),
    };
    DatabaseDescription {
        objects: vec![object("INDEX", "by_price"), object("TRIGGER", "价格"), object("", "")],
        settings: vec![note("page-size"), note("")],
        not_carried: vec!["virtual table places".into(), String::new()],
    }
}

fn said_of_database(input: &[u8]) -> Verdict {
    same(DatabaseDescription::decode(input), |made, to| to.extend(made.encode()))
}

fn table(types: &[DataType]) -> TableDescription {
    let column = |(at, data_type): (usize, &DataType)| ColumnInfo {
        name: format!("column {at}"),
        declared: data_type.to_string(),
        data_type: data_type.clone(),
        nullable: at % 2 == 0,
        hidden: at == 0,
    };
    let count = types.len() as u32;
    TableDescription {
        info: TableInfo {
            name: TableName { schema: "main".into(), table: "订单".into() },
            columns: types.iter().enumerate().map(column).collect(),
            key: (0..types.len().min(2)).rev().collect(),
            sql: "CREATE TABLE ...".into(),
            notes: vec![note("strict")],
            rows_estimate: None,
        },
        numbers: (0..count).map(|number| 1_000 * number).collect(),
        next_number: 1_000 * count,
        layouts: (0..6).filter_map(Layout::from_number).cycle().take(types.len()).collect(),
        window: 32_768,
        rows: u64::from(count) << 30,
        groups: 12,
        row_sum: RowSum(u128::MAX / 3),
        content_root: [9; 32],
        compared_with: (count > 1).then_some(datakeep_model::SessionId([count as u8; 12])),
        changes: (count > 0).then_some(Changes { inserted: 3, updated: 500, deleted: 0 }),
    }
}

fn said_of_table(input: &[u8]) -> Verdict {
    same(TableDescription::decode(input), |made, to| to.extend(made.encode()))
}

fn groups() -> Vec<Vec<u8>> {
    let column = |(at, values): (usize, &Column)| {
        let (bytes, form) = chunk::encode(values.values(), Layout::Plain, 1).expect("encoded");
        GroupColumn {
            number: 300 * at as u32,
            hash: ColumnHash([at as u8; 32]),
            chunk: (at != 1).then_some((form, bytes.len() as u64)),
            exceptions_len_bytes: 9 * at as u64,
            contains_patches: at as u32 % 3,
        }
    };
    let patch = |rows_after| PatchDescription { len_bytes: 700, touched_rows: 4, rows_after };
    let whole = GroupDescription {
        rows: ROWS as u32 - 1,
        base_rows: ROWS as u32,
        row_sum: RowSum(u128::MAX - 5),
        columns: columns(0).iter().enumerate().map(column).collect(),
        patches: vec![patch(598), patch(599)],
        large: Vec::new(),
    };
    let large = |name: u8| LargeValue { name: LargeName([name; 32]), len_bytes: 300 * u64::from(name) };
    let aside = GroupDescription { large: vec![large(3), large(200)], ..whole.clone() };
    let none = GroupDescription { rows: 0, base_rows: 0, columns: Vec::new(), patches: Vec::new(), ..whole.clone() };
    vec![whole.encode(), none.encode(), aside.encode()]
}

fn said_of_group(input: &[u8]) -> Verdict {
    same(GroupDescription::decode(input), |made, to| to.extend(made.encode()))
}

fn known_of_columns(input: &[u8]) -> Verdict {
    same(decode_statistics(input), |made, to| to.extend(encode_statistics(made)))
}

fn known() -> Vec<Vec<u8>> {
    let hasher = TableHasher::new(&[1; 32]);
    let known = |with_distinct: bool| {
        let columns = columns(0).into_iter().enumerate();
        let known = columns.map(|(at, column)| ColumnStatistics {
            number: 300 * at as u32,
            stats: ColumnStats::of(&column),
            distinct: with_distinct.then(|| Distinct::of(&column, &hasher)),
        });
        encode_statistics(&known.collect::<Vec<_>>())
    };
    vec![known(false), known(true), encode_statistics(&[])]
}

fn entry_key(input: &[u8]) -> Verdict {
    match parse_key(input) {
        None => Verdict::Refused,
        Some(EntryKey::Database) => Verdict::Same(DATABASE_KEY.to_vec()),
        Some(EntryKey::Table(name)) => Verdict::Same(table_key(&name)),
        Some(EntryKey::Group(name, group)) => Verdict::Same(group_key(&name, &group)),
    }
}

fn keys() -> Vec<Vec<u8>> {
    let name = |schema: &str, table: &str| TableName { schema: schema.into(), table: table.into() };
    let names = [name("main", "orders"), name("", ""), name("a\0b", "\u{1}订单")];
    let group = |name| group_key(name, &[2, 0x80, 0, 0, 0, 0, 0, 0, 1]);
    names.iter().flat_map(|name| [table_key(name), group(name)]).chain([DATABASE_KEY.to_vec()]).collect()
}

#[test]
fn fuzz() {
    let chunks = chunks();
    let forms = chunks.iter().map(|chunk| chunk[2..2 + usize::from(chunk[1])].to_vec()).collect();
    let statistics = columns(0).iter().map(|column| encoded(|to| ColumnStats::of(column).encode(to))).collect();
    let targets = [
        Target::bytes("column-form", forms, column_form),
        // The form says how long pages and values are.
        Target::bytes("column-chunk", chunks, column_chunk).with_memory(64, 16 << 20),
        Target::bytes("exceptions", vec![vec![0], encoded(|to| encode_exceptions(&exceptions(), to))], row_exceptions),
        Target::bytes("aside", large_names(), names_of_large),
        // A null takes a bit, and the width of its column once it is read.
        Target::bytes("patch", patches(), group_patch).with_memory(256, 4 << 20),
        Target::bytes("statistics", statistics, column_statistics),
        Target::bytes("distinct", sketches(), distinct_sketch),
        Target::bytes("type", column_types(), column_type),
        Target::bytes("database", vec![DatabaseDescription::default().encode(), database().encode()], said_of_database),
        Target::bytes("table", vec![table(&[]).encode(), table(&types()).encode()], said_of_table),
        Target::bytes("group", groups(), said_of_group),
        Target::bytes("statistics-of-columns", known(), known_of_columns).with_memory(256, 1 << 20),
        // What orders a group ends where its key does.
        Target::bytes("key", keys(), entry_key).open(),
    ];
    fuzz::check("process-table", &targets);
}
