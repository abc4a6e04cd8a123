//! The difference of two snapshots of tables is the naive one.

use crate::support::{Ear, NOW, init_with, options, small};
use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use arrow_schema::DataType;
use datakeep_connector::rows::{Column, Exception, RowBatch};
use datakeep_connector::{
    Cancel, Catalog, ColumnInfo, ConnectorError, FixedClock, RowStream, TableInfo, TableName, TableSource,
};
use datakeep_distribute::DistributeError;
use datakeep_distribute::tables::row::find_row;
use datakeep_distribute::tables::{Cell, RowChange, TableDiff, compare_schemas, row_of};
use datakeep_engine::{BackupOptions, RunContext, TablesReader, capture};
use datakeep_model::{Mark, SourceInfo, Timestamp};
use datakeep_store::{Manifest, Repository};
use datakeep_store_blob::MemoryStore;
use datakeep_testkit::random_bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows by key: a number and a text, either of which may be what the column does not hold.
type Rows = BTreeMap<i64, [Cell; 2]>;

/// A table `t` in memory.
struct MemoryTable {
    rows: Rows,
    has_key: bool,
    /// A column that makes groups so long that each column is stored by itself.
    has_body: bool,
    extra: Option<&'static str>,
}

/// What stands in that column.
fn body(id: i64) -> Vec<u8> {
    random_bytes(id.cast_unsigned(), 90)
}

fn column(name: &str, data_type: DataType) -> ColumnInfo {
    ColumnInfo { name: name.into(), declared: format!("{data_type}"), data_type, nullable: true, hidden: false }
}

impl MemoryTable {
    fn info(&self) -> TableInfo {
        let mut columns =
            vec![column("id", DataType::Int64), column("a", DataType::Int64), column("b", DataType::Utf8)];
        columns.extend(self.has_body.then(|| column("body", DataType::Binary)));
        columns.extend(self.extra.map(|name| column(name, DataType::Int64)));
        TableInfo {
            name: TableName { schema: "main".into(), table: "t".into() },
            columns,
            key: if self.has_key { vec![0] } else { Vec::new() },
            sql: String::new(),
            notes: Vec::new(),
            rows_estimate: None,
        }
    }

    fn batch(&self, rows: &[(&i64, &[Cell; 2])]) -> RowBatch {
        let ids: ArrayRef = Arc::new(rows.iter().map(|(id, _)| Some(**id)).collect::<Int64Array>());
        let number = |cell: &Cell| if let Cell::Integer(number) = cell { Some(*number) } else { None };
        let text = |cell: &Cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None };
        let a: ArrayRef = Arc::new(rows.iter().map(|(_, row)| number(&row[0])).collect::<Int64Array>());
        let b: ArrayRef = Arc::new(rows.iter().map(|(_, row)| text(&row[1])).collect::<StringArray>());
        let made = |values, at: usize| {
            let odd = rows.iter().enumerate().filter_map(|(row, (_, cells))| match &cells[at] {
                Cell::Blob(bytes) => Some(Exception { row: row as u32, kind: 5, bytes: bytes.clone() }),
                _ => None,
            });
            Column::new(values, odd.collect()).unwrap()
        };
        let mut columns = vec![Column::new(ids.clone(), Vec::new()).unwrap(), made(a, 0), made(b, 1)];
        if self.has_body {
            let bodies = rows.iter().map(|(id, _)| Some(body(**id))).collect::<BinaryArray>();
            columns.push(Column::new(Arc::new(bodies), Vec::new()).unwrap());
        }
        if self.extra.is_some() {
            let even = rows.iter().map(|(id, _)| (**id % 2 == 0).then_some(**id)).collect::<Int64Array>();
            columns.push(Column::new(Arc::new(even), Vec::new()).unwrap());
        }
        RowBatch::new(columns).unwrap()
    }

    /// The whole row, as a snapshot has it.
    fn row(&self, id: i64, cells: &[Cell; 2]) -> Vec<Cell> {
        let mut row = vec![Cell::Integer(id), cells[0].clone(), cells[1].clone()];
        row.extend(self.has_body.then(|| Cell::Blob(body(id))));
        row.extend(self.extra.map(|_| if id % 2 == 0 { Cell::Integer(id) } else { Cell::Null }));
        row
    }

    fn all(&self) -> BTreeMap<i64, Vec<Cell>> {
        self.rows.iter().map(|(id, cells)| (*id, self.row(*id, cells))).collect()
    }
}

impl TableSource for MemoryTable {
    fn info(&self) -> SourceInfo {
        SourceInfo { kind: "memory".into(), name: "memory".into(), location: "memory:".into(), host: "here".into() }
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        Ok(Mark::Position(NOW, "now".into()))
    }

    fn catalog(&mut self) -> Result<Catalog, ConnectorError> {
        Ok(Catalog { tables: vec![MemoryTable::info(self)], ..Catalog::default() })
    }

    fn rows<'s>(&'s mut self, _: &TableInfo) -> Result<Box<dyn RowStream + 's>, ConnectorError> {
        // The first row comes alone: how wide it is decides how long groups are.
        let rows: Vec<_> = self.rows.iter().collect();
        let (first, rest) = rows.split_at(rows.len().min(1));
        let batches = std::iter::once(first).chain(rest.chunks(100)).filter(|rows| !rows.is_empty());
        let batches: Vec<RowBatch> = batches.map(|rows| self.batch(rows)).collect();
        Ok(Box::new(Batches(batches.into_iter())))
    }
}

struct Batches(std::vec::IntoIter<RowBatch>);

impl RowStream for Batches {
    fn next_batch(&mut self) -> Result<Option<RowBatch>, ConnectorError> {
        Ok(self.0.next())
    }
}

fn snapshot(repository: &Arc<Repository>, table: &mut MemoryTable, number: i64) -> Manifest {
    let (ear, cancel) = (Ear::default(), Cancel::new());
    let clock = FixedClock(Timestamp { seconds: NOW.seconds + number, ..NOW });
    let mark = table.begin().unwrap();
    let context = RunContext { observer: &ear, cancel: &cancel, clock: &clock };
    // Bodies stand aside, and some of the texts.
    let options = BackupOptions { most_inline_len_bytes: 12, ..options() };
    capture(repository, table, &mark, &options, &context).unwrap().manifest.unwrap()
}

/// The naive difference, in key order.
fn naive(old: &MemoryTable, new: &MemoryTable) -> Vec<RowChange> {
    let (was, is) = (old.all(), new.all());
    let ids: std::collections::BTreeSet<i64> = was.keys().chain(is.keys()).copied().collect();
    let change = |id: i64| match (was.get(&id), is.get(&id)) {
        (Some(was), None) => Some(RowChange::Deleted(was.clone())),
        (None, Some(is)) => Some(RowChange::Inserted(is.clone())),
        (Some(was), Some(is)) => {
            let before = |at: usize| was.get(at).cloned().unwrap_or_default();
            let differs = (0..is.len()).filter(|&at| is[at] != before(at));
            let cells = differs.map(|at| datakeep_distribute::tables::CellChange {
                column: at,
                before: before(at),
                after: is[at].clone(),
            });
            let cells: Vec<_> = cells.collect();
            (!cells.is_empty()).then(|| RowChange::Updated { key: vec![Cell::Integer(id)], cells })
        }
        (None, None) => None,
    };
    ids.into_iter().filter_map(change).collect()
}

/// The same where rows have no key, sorted.
fn naive_without_key(old: &MemoryTable, new: &MemoryTable) -> Vec<String> {
    let (was, is) = (old.all(), new.all());
    let gone = was.iter().filter(|(id, row)| is.get(id) != Some(row));
    let come = is.iter().filter(|(id, row)| was.get(id) != Some(row));
    let gone = gone.map(|(_, row)| format!("{:?}", RowChange::Deleted(row.clone())));
    let mut all: Vec<String> =
        gone.chain(come.map(|(_, row)| format!("{:?}", RowChange::Inserted(row.clone())))).collect();
    all.sort();
    all
}

fn changes(old: &TablesReader, new: &TablesReader) -> Vec<RowChange> {
    let pair = compare_schemas(old, new).unwrap();
    let mut found = Vec::new();
    let diff = TableDiff::new(old, new, &pair.tables[0]);
    let counts = diff
        .rows::<DistributeError>(&mut |change| {
            found.push(change);
            Ok(())
        })
        .unwrap();
    assert_eq!(counts.total(), found.len() as u64);
    found
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        2 => Just(Cell::Null),
        4 => any::<i64>().prop_map(Cell::Integer),
        4 => "[a-c\u{0}中]{0,5}".prop_map(Cell::Text),
        1 => proptest::collection::vec(any::<u8>(), 0..4).prop_map(Cell::Blob),
    ]
}

/// A cell in a column that holds numbers, or texts: the other of both is bytes there.
fn fitted(cells: [Cell; 2]) -> [Cell; 2] {
    let odd = |cell: Cell| Cell::Blob(format!("{cell:?}").into_bytes());
    let [a, b] = cells;
    [if matches!(a, Cell::Text(_)) { odd(a) } else { a }, if matches!(b, Cell::Integer(_)) { odd(b) } else { b }]
}

fn row() -> impl Strategy<Value = [Cell; 2]> {
    [cell(), cell()].prop_map(fitted)
}

/// Rows that are put (or taken away), here and there or all in one place.
fn edits() -> impl Strategy<Value = Vec<(i64, Option<[Cell; 2]>)>> {
    let spread = proptest::collection::vec((0..6000i64, proptest::option::of(row())), 0..30);
    let close = (0..6000i64, proptest::collection::vec((0..40i64, proptest::option::of(row())), 0..40));
    let close = close.prop_map(|(at, edits)| edits.into_iter().map(|(by, row)| (at + by, row)).collect());
    let run = (0..6500i64, 0..500i64, proptest::option::of(row()));
    let run = run.prop_map(|(at, rows, row)| (0..rows).map(|by| (at + by, row.clone())).collect());
    prop_oneof![2 => spread, 2 => close, 1 => run]
}

fn check((has_key, has_body): (bool, bool), first: Rows, steps: Vec<Vec<(i64, Option<[Cell; 2]>)>>) {
    let repository = init_with(MemoryStore::new(), &small());
    // Enough rows for several groups, a few of them drawn.
    let plain = |id: i64| (id, [Cell::Integer(id * 7), Cell::Text(format!("row {id}"))]);
    let mut rows: Rows = (0..6000).map(plain).collect();
    rows.extend(first);
    // It is so wide that groups are as short as can be.
    rows.insert(-1, [Cell::Null, Cell::Text("w".repeat(300_000))]);
    let extra = |number: usize| if number >= 2 { Some("extra") } else { None };
    let mut states = vec![MemoryTable { rows: rows.clone(), has_key, has_body, extra: None }];
    for (number, edits) in steps.into_iter().enumerate() {
        for (id, row) in edits {
            match row {
                Some(row) => rows.insert(id, row),
                None => rows.remove(&id),
            };
        }
        states.push(MemoryTable { rows: rows.clone(), has_key, has_body, extra: extra(number) });
    }
    let readers: Vec<TablesReader> = states
        .iter_mut()
        .enumerate()
        .map(|(number, state)| {
            TablesReader::new(repository.clone(), snapshot(&repository, state, number as i64)).unwrap()
        })
        .collect();
    for (old, was) in states.iter().zip(&readers) {
        for (new, is) in states.iter().zip(&readers) {
            if has_key {
                // What a column that is gone held updates no row.
                assert_eq!(changes(was, is), naive(old, new));
            } else if old.extra == new.extra {
                let mut found: Vec<String> = changes(was, is).iter().map(|change| format!("{change:?}")).collect();
                found.sort();
                assert_eq!(found, naive_without_key(old, new));
            }
        }
    }
    if has_key {
        rows_are_found(&states[0], &readers[0]);
    }
}

fn rows_are_found(state: &MemoryTable, reader: &TablesReader) {
    let table = reader.tables().unwrap().remove(0);
    for id in (-2..6000).step_by(371) {
        let found = find_row(reader, &table, &[Cell::Integer(id)]).unwrap().map(|rows| row_of(&rows, 0));
        assert_eq!(found, state.rows.get(&id).map(|cells| state.row(id, cells)));
    }
}

/// Ends between two groups, with what was found until then told.
#[test]
fn a_comparison_that_is_cancelled_ends_soon() {
    let repository = init_with(MemoryStore::new(), &small());
    let plain = |id: i64| (id, [Cell::Integer(id * 7), Cell::Text(format!("row {id}"))]);
    let mut rows: Rows = (0..30_000).map(plain).collect();
    rows.insert(-1, [Cell::Null, Cell::Text("w".repeat(300_000))]);
    for has_key in [true, false] {
        let mut old = MemoryTable { rows: rows.clone(), has_key, has_body: false, extra: None };
        let mut new = MemoryTable { rows: rows.clone(), has_key, has_body: false, extra: None };
        new.rows.values_mut().for_each(|row| row[0] = Cell::Integer(-5));
        let was = TablesReader::new(repository.clone(), snapshot(&repository, &mut old, 0)).unwrap();
        let is = TablesReader::new(repository.clone(), snapshot(&repository, &mut new, 1)).unwrap();
        let pair = compare_schemas(&was, &is).unwrap();
        let (cancel, mut told) = (Cancel::new(), 0);
        let diff = TableDiff::new(&was, &is, &pair.tables[0]).until(Some(&cancel));
        let ended = diff.rows::<DistributeError>(&mut |_| {
            told += 1;
            cancel.cancel();
            Ok(())
        });
        assert!(matches!(ended, Err(DistributeError::Cancelled)), "{ended:?}");
        assert!((1..20_000).contains(&told), "{told} of 30,000 told");
        let again = diff.rows::<DistributeError>(&mut |_| Ok(()));
        assert!(matches!(again, Err(DistributeError::Cancelled)), "{again:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn differences_are_the_naive_ones(
        kind in prop_oneof![2 => Just((true, false)), 4 => Just((true, true)), 1 => Just((false, true))],
        first in proptest::collection::btree_map(0..6000i64, row(), 0..200),
        steps in proptest::collection::vec(edits(), 4),
    ) {
        check(kind, first, steps);
    }
}
