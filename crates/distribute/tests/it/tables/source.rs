//! A database in memory: tables of values, and a source that gives them in batches cut anywhere.

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, TimeUnit};
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{
    Cancel, Catalog, ColumnInfo, ConnectorError, RowStream, SchemaObject, TableInfo, TableName, TableSource,
};
use datakeep_model::{ErrorKind, Mark, SourceInfo};
use datakeep_process_table::encode_keys;
use datakeep_testkit::XorShift;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One value of one row. Floats are bits: two that look alike are not the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Null,
    Int(i64),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    Bool(bool),
    Time(i64),
    Decimal(i128),
}

/// A type, by the word with which columns are declared.
pub fn type_of(declared: &str) -> DataType {
    match declared {
        "INT" | "BIGINT" => DataType::Int64,
        "REAL" => DataType::Float64,
        "BLOB" => DataType::Binary,
        "BOOL" => DataType::Boolean,
        "TIME" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "DECIMAL" => DataType::Decimal128(20, 3),
        _ => DataType::Utf8,
    }
}

pub const DECLARED: [&str; 7] = ["INT", "REAL", "TEXT", "BLOB", "BOOL", "TIME", "DECIMAL"];

/// The word of ours with which a column was declared.
pub fn declared_as(word: &str) -> &'static str {
    DECLARED.into_iter().chain(["BIGINT"]).find(|declared| *declared == word).expect("a word of this model")
}

impl Value {
    /// What it is where the column's type cannot hold it.
    fn as_exception(&self, row: u32) -> Option<Exception> {
        let (kind, bytes) = match self {
            Self::Null => return None,
            Self::Int(value) => (1, value.to_le_bytes().to_vec()),
            Self::Float(bits) => (2, bits.to_le_bytes().to_vec()),
            Self::Text(text) => (3, text.clone().into_bytes()),
            Self::Bytes(bytes) => (4, bytes.clone()),
            Self::Bool(value) => (5, vec![u8::from(*value)]),
            Self::Time(value) => (6, value.to_le_bytes().to_vec()),
            Self::Decimal(value) => (7, value.to_le_bytes().to_vec()),
        };
        Some(Exception { row, kind, bytes })
    }
}

/// The value of a cell: what [`column`] makes a column of.
pub fn cell(column: &Column, row: usize) -> Value {
    let values = column.values();
    if values.is_null(row) {
        let odd = column.exceptions().iter().find(|exception| exception.row as usize == row);
        return odd.map_or(Value::Null, |odd| from_exception(odd.kind, &odd.bytes));
    }
    match values.data_type() {
        DataType::Int64 => Value::Int(values.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float(values.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Boolean => Value::Bool(values.as_boolean().value(row)),
        DataType::Timestamp(..) => Value::Time(values.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::Decimal128(..) => Value::Decimal(values.as_primitive::<Decimal128Type>().value(row)),
        DataType::Binary => Value::Bytes(values.as_binary::<i32>().value(row).to_vec()),
        _ => Value::Text(values.as_string::<i32>().value(row).to_string()),
    }
}

fn from_exception(kind: u8, bytes: &[u8]) -> Value {
    match kind {
        1 => Value::Int(i64::from_le_bytes(bytes.try_into().unwrap())),
        2 => Value::Float(u64::from_le_bytes(bytes.try_into().unwrap())),
        3 => Value::Text(String::from_utf8(bytes.to_vec()).unwrap()),
        4 => Value::Bytes(bytes.to_vec()),
        5 => Value::Bool(bytes == [1]),
        6 => Value::Time(i64::from_le_bytes(bytes.try_into().unwrap())),
        7 => Value::Decimal(i128::from_le_bytes(bytes.try_into().unwrap())),
        _ => panic!("no value is of kind {kind}"),
    }
}

macro_rules! picked {
    ($values:expr, $kind:ident, $map:expr) => {
        $values.iter().map(|value| if let Value::$kind(value) = value { Some($map(value)) } else { None })
    };
}

/// A column of a type from values; those of another kind are exceptions.
pub fn column(data_type: &DataType, values: &[&Value]) -> Column {
    let typed: ArrayRef = match data_type {
        DataType::Int64 => Arc::new(picked!(values, Int, |value: &i64| *value).collect::<Int64Array>()),
        DataType::Float64 => {
            Arc::new(picked!(values, Float, |bits: &u64| f64::from_bits(*bits)).collect::<Float64Array>())
        }
        DataType::Boolean => Arc::new(picked!(values, Bool, |value: &bool| *value).collect::<BooleanArray>()),
        DataType::Timestamp(..) => {
            Arc::new(picked!(values, Time, |value: &i64| *value).collect::<TimestampMicrosecondArray>())
        }
        DataType::Decimal128(precision, scale) => {
            let made = picked!(values, Decimal, |value: &i128| *value).collect::<Decimal128Array>();
            Arc::new(made.with_precision_and_scale(*precision, *scale).unwrap())
        }
        DataType::Binary => {
            let mut made = BinaryBuilder::new();
            picked!(values, Bytes, |bytes: &Vec<u8>| bytes.clone()).for_each(|value| made.append_option(value));
            Arc::new(made.finish())
        }
        _ => {
            let mut made = StringBuilder::new();
            picked!(values, Text, |text: &String| text.clone()).for_each(|value| made.append_option(value));
            Arc::new(made.finish())
        }
    };
    let odd = |(row, value): (usize, &&Value)| match typed.is_valid(row) {
        true => None,
        false => value.as_exception(row as u32),
    };
    let exceptions = values.iter().enumerate().filter_map(odd).collect();
    Column::new(typed, exceptions).unwrap()
}

/// Rows as a batch; `types` has one for each column.
pub fn batch<'r>(types: &[DataType], rows: impl Iterator<Item = &'r Vec<Value>>) -> RowBatch {
    let rows: Vec<&Vec<Value>> = rows.collect();
    let made = |(at, data_type): (usize, &DataType)| {
        column(data_type, &rows.iter().map(|row| &row[at]).collect::<Vec<&Value>>())
    };
    RowBatch::new(types.iter().enumerate().map(made).collect()).unwrap()
}

/// A table: rows by their normalised keys, or by their number where there is no key.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    pub name: String,
    /// Name and declared type.
    pub columns: Vec<(String, &'static str)>,
    pub key: Vec<usize>,
    pub rows: BTreeMap<Vec<u8>, Vec<Value>>,
    /// What the source says of its statement.
    pub sql: String,
    next: u64,
}

impl Table {
    pub fn new(name: &str, columns: &[(&str, &'static str)], key: &[usize]) -> Self {
        Self {
            name: name.into(),
            columns: columns.iter().map(|(name, declared)| ((*name).into(), *declared)).collect(),
            key: key.to_vec(),
            rows: BTreeMap::new(),
            sql: format!("CREATE TABLE {name}"),
            next: 0,
        }
    }

    pub fn types(&self) -> Vec<DataType> {
        self.columns.iter().map(|(_, declared)| type_of(declared)).collect()
    }

    fn key_of(&mut self, row: &Vec<Value>) -> Vec<u8> {
        if self.key.is_empty() {
            self.next += 1;
            return self.next.to_be_bytes().to_vec();
        }
        let made = batch(&self.types(), std::iter::once(row));
        let columns: Vec<&Column> = self.key.iter().map(|&at| &made.columns()[at]).collect();
        encode_keys(&columns).get(0).to_vec()
    }

    /// Puts a row in place of the one with its key, if there is one.
    pub fn put(&mut self, row: Vec<Value>) {
        let key = self.key_of(&row);
        self.rows.insert(key, row);
    }

    /// Another key, or none: rows that are then alike become one.
    pub fn rekey(&mut self, key: &[usize]) {
        self.key = key.to_vec();
        for row in std::mem::take(&mut self.rows).into_values() {
            self.put(row);
        }
    }

    pub fn info(&self) -> TableInfo {
        let column = |(name, declared): &(String, &'static str)| ColumnInfo {
            name: name.clone(),
            declared: (*declared).into(),
            data_type: type_of(declared),
            nullable: true,
            hidden: false,
        };
        TableInfo {
            name: TableName { schema: "main".into(), table: self.name.clone() },
            columns: self.columns.iter().map(column).collect(),
            key: self.key.clone(),
            sql: self.sql.clone(),
            notes: Vec::new(),
            rows_estimate: Some(self.rows.len() as u64),
        }
    }
}

pub type Database = BTreeMap<String, Table>;

/// Tables by their names.
pub fn database(tables: impl IntoIterator<Item = Table>) -> Database {
    tables.into_iter().map(|table| (table.name.clone(), table)).collect()
}

/// What a source does that it should not.
#[derive(Clone, Debug)]
pub enum Lie {
    /// Batches of this table come in another way: the second batch, changed.
    Batch(&'static str, fn(RowBatch) -> RowBatch),
    /// Reading this table fails after so many rows.
    FailAfter(&'static str, usize),
    /// The last word is no.
    Incomplete,
    /// The catalogue is changed.
    Catalog(fn(&mut Catalog)),
    /// This table cannot be read.
    Unreadable(&'static str),
}

/// A source of a database in memory.
pub struct ModelSource {
    pub name: String,
    pub database: Database,
    /// Decides where batches are cut; 0: batches of 64 rows.
    pub cuts: u64,
    pub lie: Option<Lie>,
    /// Cancels once so many rows were given.
    pub cancel_after: Option<(usize, Cancel)>,
    pub given: usize,
    pub confirmed: bool,
}

impl ModelSource {
    pub fn new(name: &str, database: &Database) -> Self {
        let (name, database) = (name.into(), database.clone());
        Self { name, database, cuts: 0, lie: None, cancel_after: None, given: 0, confirmed: false }
    }

    pub fn lying(name: &str, database: &Database, lie: Lie) -> Self {
        Self { lie: Some(lie), ..Self::new(name, database) }
    }
}

pub fn failed(text: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Source, text.to_string())
}

struct Stream<'s> {
    rows: Vec<&'s Vec<Value>>,
    types: Vec<DataType>,
    chance: Option<XorShift>,
    at: usize,
    batches: usize,
    change: Option<fn(RowBatch) -> RowBatch>,
    fail_after: Option<usize>,
    given: &'s mut usize,
    cancel_after: Option<(usize, Cancel)>,
}

impl RowStream for Stream<'_> {
    fn next_batch(&mut self) -> Result<Option<RowBatch>, ConnectorError> {
        if self.fail_after.is_some_and(|rows| self.at >= rows) {
            return Err(failed("the connection is gone"));
        }
        if self.at == self.rows.len() {
            return Ok(None);
        }
        let rows = match &mut self.chance {
            None => 64,
            Some(chance) => 1 + chance.below(90) as usize,
        };
        let to = (self.at + rows).min(self.rows.len());
        let made = batch(&self.types, self.rows[self.at..to].iter().copied());
        *self.given += to - self.at;
        self.at = to;
        self.batches += 1;
        if let Some((rows, cancel)) = &self.cancel_after
            && *self.given >= *rows
        {
            cancel.cancel();
        }
        Ok(Some(match self.change {
            Some(change) if self.batches == 2 => change(made),
            _ => made,
        }))
    }
}

impl TableSource for ModelSource {
    fn info(&self) -> SourceInfo {
        SourceInfo { kind: "model".into(), name: self.name.clone(), location: "memory".into(), host: "here".into() }
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        Ok(Mark::Position(crate::support::NOW, "change 1".into()))
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        let view = SchemaObject { kind: "view".into(), name: "v".into(), table: String::new(), sql: "SELECT".into() };
        let tables = self.database.values().map(Table::info).collect();
        let mut catalog = Catalog { tables, objects: vec![view], ..Catalog::default() };
        if let Some(Lie::Catalog(change)) = &self.lie {
            change(&mut catalog);
        }
        Ok(catalog)
    }

    fn rows<'s>(&'s mut self, info: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        let name = info.name.table.as_str();
        let table = self.database.get(name).ok_or_else(|| failed("there is no such table"))?;
        let (mut change, mut fail_after) = (None, None);
        match &self.lie {
            Some(Lie::Unreadable(table)) if *table == name => return Err(failed("permission denied")),
            Some(Lie::Batch(table, how)) if *table == name => change = Some(*how),
            Some(Lie::FailAfter(table, rows)) if *table == name => fail_after = Some(*rows),
            _ => {}
        }
        Ok(Box::new(Stream {
            rows: table.rows.values().collect(),
            types: info.columns.iter().map(|column| column.data_type.clone()).collect(),
            chance: (self.cuts > 0).then(|| XorShift::new(self.cuts)),
            at: 0,
            batches: 0,
            change,
            fail_after,
            given: &mut self.given,
            cancel_after: self.cancel_after.clone(),
        }))
    }

    fn beside(&mut self, most: usize) -> Result<Vec<Box<dyn TableSource>>, ConnectorError> {
        let another =
            || ModelSource { cuts: self.cuts, lie: self.lie.clone(), ..Self::new(&self.name, &self.database) };
        Ok((0..most).map(|_| Box::new(another()) as Box<dyn TableSource>).collect())
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        match self.lie {
            Some(Lie::Incomplete) => Err(failed("the state was not one")),
            _ => Ok(()),
        }
    }

    fn confirm(&mut self, _: &Mark) -> Result<(), ConnectorError> {
        self.confirmed = true;
        Ok(())
    }
}
