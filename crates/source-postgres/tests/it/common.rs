//! Databases, captures, and the comparison of captures.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, RowBatch};
use datakeep_connector::{
    Catalog, Connector, ConnectorError, FixedClock, Options, TableInfo, TableName, TableSource, TableTarget,
};
use datakeep_model::Timestamp;
use datakeep_source_postgres::PostgresConnector;
use datakeep_testkit_postgres::{Cluster, Install};
use std::path::Path;
use std::sync::Arc;

/// The version that tests use unless they say another.
pub const MAJOR: u32 = 15;
/// All versions.
pub const MAJORS: [u32; 6] = [13, 14, 15, 16, 17, 18];
/// The newest of them, whose `pg_dump` reads all others.
pub const NEWEST: u32 = 18;

/// A database of a shared cluster.
pub struct Database {
    pub cluster: &'static Cluster,
    pub name: String,
}

impl Database {
    /// A new one, made by these statements.
    pub fn new(sql: &str) -> Self {
        Self::of(MAJOR, sql)
    }

    /// A new one of a server of this version.
    pub fn of(major: u32, sql: &str) -> Self {
        let cluster = Cluster::shared(major);
        let database = Self { cluster, name: cluster.database("db") };
        database.run(sql);
        database
    }

    pub fn run(&self, sql: &str) {
        self.cluster.run(&self.name, sql);
    }

    pub fn ask(&self, sql: &str) -> String {
        self.cluster.ask(&self.name, sql)
    }

    pub fn location(&self) -> String {
        self.cluster.location(&self.name)
    }

    pub fn capture(&self) -> Captured {
        let captured = try_capture(&self.location()).expect("captured");
        for (table, batches) in captured.catalog.tables.iter().zip(&captured.rows) {
            check_keys(table, batches);
        }
        captured
    }
}

pub fn connector() -> PostgresConnector {
    PostgresConnector::new().with_clock(Arc::new(FixedClock(Timestamp::new(1_700_000_000, 0))))
}

pub fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect()
}

/// Options for a database: no long waits for locks, and the newest `pg_dump` where the machine's own may be too old.
pub fn options_for(location: &str) -> Options {
    let mut pairs = options(&[("lock-timeout", "20s")]);
    if major_at(location).is_some_and(|major| major > MAJOR) {
        let newest = Install::find(NEWEST).expect("the newest version").program("pg_dump");
        pairs.insert("pg-dump".to_owned(), vec![newest.display().to_string()]);
    }
    pairs
}

/// The version of the private cluster that a location is of: its data lies beside its socket.
fn major_at(location: &str) -> Option<u32> {
    let socket = location.split_once("host=")?.1.split([' ', '&']).next()?;
    std::fs::read_to_string(Path::new(socket).parent()?.join("data/PG_VERSION")).ok()?.trim().parse().ok()
}

pub fn source(location: &str) -> Result<Box<dyn TableSource>, ConnectorError> {
    connector().open_tables(location, &options_for(location))
}

pub fn target(location: &str) -> Box<dyn TableTarget> {
    connector().open_table_target(location, &options_for(location), false).expect("a target")
}

/// All that was read of a database.
pub struct Captured {
    pub catalog: Catalog,
    /// The batches of each table of the catalogue.
    pub rows: Vec<Vec<RowBatch>>,
}

pub fn read_rows(source: &mut dyn TableSource, table: &TableInfo) -> Result<Vec<RowBatch>, ConnectorError> {
    let mut stream = source.rows(table)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next_batch()? {
        assert!(batch.rows() > 0, "a batch has rows");
        for (column, info) in batch.columns().iter().zip(&table.columns) {
            assert_eq!(column.values().data_type(), &info.data_type, "{}", info.name);
        }
        batches.push(batch);
    }
    assert!(stream.next_batch()?.is_none(), "the end stays the end");
    Ok(batches)
}

pub fn read_all(source: &mut dyn TableSource) -> Result<Captured, ConnectorError> {
    let catalog = source.catalog()?;
    let rows = catalog.tables.iter().map(|table| read_rows(source, table)).collect::<Result<_, _>>()?;
    Ok(Captured { catalog, rows })
}

pub fn try_capture(location: &str) -> Result<Captured, ConnectorError> {
    let mut source = source(location)?;
    source.begin()?;
    let captured = read_all(source.as_mut())?;
    source.complete()?;
    Ok(captured)
}

impl Captured {
    /// The place of `schema.table`, or of a table of the schema `public`.
    pub fn place_of(&self, table: &str) -> usize {
        let (schema, table) = table.split_once('.').unwrap_or(("public", table));
        let name = TableName { schema: schema.to_owned(), table: table.to_owned() };
        let found = self.catalog.tables.iter().position(|info| info.name == name);
        found.unwrap_or_else(|| panic!("{name} was not captured"))
    }

    pub fn table(&self, table: &str) -> &TableInfo {
        &self.catalog.tables[self.place_of(table)]
    }

    /// Names of the columns of a table's key.
    pub fn key(&self, table: &str) -> Vec<&str> {
        let table = self.table(table);
        table.key.iter().map(|place| table.columns[*place].name.as_str()).collect()
    }

    /// Names of the columns of a table.
    pub fn columns(&self, table: &str) -> Vec<&str> {
        self.table(table).columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The rows of a table, value by value.
    pub fn cells(&self, table: &str) -> Vec<Vec<String>> {
        cells(&self.rows[self.place_of(table)])
    }

    /// The values of the first column of a table.
    pub fn first(&self, table: &str) -> Vec<String> {
        self.cells(table).into_iter().map(|row| row.into_iter().next().unwrap_or_default()).collect()
    }

    /// Names of all tables.
    pub fn names(&self) -> Vec<String> {
        self.catalog.tables.iter().map(|table| table.name.to_string()).collect()
    }
}

/// A value in words: `null`, `!` and the bytes of an exception, or what it is: numbers, texts and truths as such, bytes as
/// hexadecimal, days and microseconds since 1970, bits of floats.
pub fn cell(column: &Column, row: usize) -> String {
    if let Some(exception) = column.exceptions().iter().find(|exception| exception.row as usize == row) {
        assert_eq!(exception.kind, 4, "text");
        return format!("!{}", exception.bytes.escape_ascii());
    }
    let values = column.values();
    if values.is_null(row) { "null".to_owned() } else { typed(values, row) }
}

fn typed(values: &ArrayRef, row: usize) -> String {
    match values.data_type() {
        DataType::Boolean => values.as_boolean().value(row).to_string(),
        DataType::Int16 => values.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => values.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt32 => values.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::Float32 => format!("{:08x}", values.as_primitive::<Float32Type>().value(row).to_bits()),
        DataType::Float64 => format!("{:016x}", values.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Date32 => values.as_primitive::<Date32Type>().value(row).to_string(),
        DataType::Time64(_) => values.as_primitive::<Time64MicrosecondType>().value(row).to_string(),
        DataType::Timestamp(..) => values.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::Decimal128(..) => values.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => values.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Utf8 => values.as_string::<i32>().value(row).to_owned(),
        DataType::Binary => hex(values.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => hex(values.as_fixed_size_binary().value(row)),
        other => panic!("no column of PostgreSQL is {other}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn cells(batches: &[RowBatch]) -> Vec<Vec<String>> {
    let of_batch = |batch: &RowBatch| -> Vec<Vec<String>> {
        (0..batch.rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()).collect()
    };
    batches.iter().flat_map(of_batch).collect()
}

/// A part of a normalised key as `process_table::key` writes it, by rules of its own: bytes that order as rows must.
fn key_part(column: &Column, row: usize) -> Vec<u8> {
    if let Some(exception) = column.exceptions().iter().find(|exception| exception.row as usize == row) {
        return [&[3, exception.kind], escaped(&exception.bytes).as_slice()].concat();
    }
    let values = column.values();
    if values.is_null(row) {
        return vec![1];
    }
    let signed = |number: i128| (number ^ i128::MIN).to_be_bytes().to_vec();
    let float = |bits: u64| if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }.to_be_bytes().to_vec();
    let bytes = match values.data_type() {
        DataType::Boolean => vec![u8::from(values.as_boolean().value(row))],
        DataType::Utf8 => escaped(values.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => escaped(values.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => values.as_fixed_size_binary().value(row).to_vec(),
        DataType::Float32 => float(u64::from(values.as_primitive::<Float32Type>().value(row).to_bits()) << 32),
        DataType::Float64 => float(values.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Decimal128(..) => signed(values.as_primitive::<Decimal128Type>().value(row)),
        DataType::Decimal256(..) => {
            let mut bytes = values.as_primitive::<Decimal256Type>().value(row).to_be_bytes().to_vec();
            bytes[0] ^= 0x80;
            bytes
        }
        _ => signed(typed(values, row).parse().expect("a number")),
    };
    [&[2], bytes.as_slice()].concat()
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| if *byte == 0 { vec![0, 255] } else { vec![*byte] };
    bytes.iter().flat_map(escape).chain([0, 0]).collect()
}

/// Keys rise strictly.
pub fn check_keys(table: &TableInfo, batches: &[RowBatch]) {
    let mut last: Option<(Vec<u8>, Vec<String>)> = None;
    if table.key.is_empty() {
        return;
    }
    for batch in batches {
        for row in 0..batch.rows() {
            let columns = table.key.iter().map(|place| &batch.columns()[*place]);
            let key: Vec<u8> = columns.clone().flat_map(|column| key_part(column, row)).collect();
            let shown: Vec<String> = columns.map(|column| cell(column, row)).collect();
            if let Some((before, words)) = &last {
                assert!(*before < key, "{}: {words:?} before {shown:?}", table.name);
            }
            last = Some((key, shown));
        }
    }
}

/// Both are the same database: tables, columns, keys and every value.
pub fn assert_same(first: &Captured, second: &Captured) {
    assert_eq!(first.names(), second.names());
    for (place, table) in first.catalog.tables.iter().enumerate() {
        let other = &second.catalog.tables[place];
        assert_eq!((&table.columns, &table.key), (&other.columns, &other.key), "{}", table.name);
        assert_eq!(cells(&first.rows[place]), cells(&second.rows[place]), "rows of {}", table.name);
    }
}

/// The error says these words, has advice, and tells no secret.
pub fn check_error(error: &ConnectorError, kind: datakeep_model::ErrorKind, words: &[&str]) {
    let told = format!("{} ({})", error.message, error.hint.as_deref().unwrap_or_default());
    assert_eq!(error.kind, kind, "{told}");
    for word in words {
        assert!(told.contains(word), "`{word}` is not in: {told}");
    }
    assert!(error.hint.is_some(), "{told}");
    assert!(!told.contains("secret"), "{told}");
}
