//! Databases made by chance, and what happens to them.

use super::source::{DECLARED, Database, Table, Value};
use datakeep_testkit::{XorShift, random_bytes};

/// A value that fits the declared type; now and then none, or one of another kind.
pub fn value(declared: &str, chance: &mut XorShift) -> Value {
    let declared = match chance.below(40) {
        0 | 1 => return Value::Null,
        2 => DECLARED[chance.below(DECLARED.len() as u64) as usize],
        _ => declared,
    };
    let number = chance.next_u64();
    match declared {
        "INT" | "BIGINT" => Value::Int([number as i64, (number % 50) as i64, i64::MIN][chance.below(3) as usize]),
        "REAL" => Value::Float([number, 0x8000_0000_0000_0000, 0x7ff8_0000_0000_0001][chance.below(3) as usize]),
        "BLOB" => Value::Bytes(random_bytes(number, chance.below(120) as usize)),
        "BOOL" => Value::Bool(number.is_multiple_of(2)),
        "TIME" => Value::Time((number >> 12) as i64),
        "DECIMAL" => Value::Decimal(i128::from(number as i64)),
        _ => Value::Text(
            ["", "\0\u{ff}\0", "long and the same ", "价"][chance.below(4) as usize].repeat(chance.below(5) as usize)
                + &format!("{:x}", number % 1000),
        ),
    }
}

fn key_value(declared: &str, chance: &mut XorShift) -> Value {
    match declared {
        "INT" | "BIGINT" => Value::Int(chance.below(4000) as i64 - 2000),
        "TEXT" => Value::Text(format!("k{:04}", chance.below(4000))),
        other => value(other, chance),
    }
}

fn row(table: &Table, chance: &mut XorShift) -> Vec<Value> {
    let made = |(at, (_, declared)): (usize, &(String, &'static str))| match table.key.contains(&at) {
        true => key_value(declared, chance),
        false => value(declared, chance),
    };
    table.columns.iter().enumerate().map(made).collect()
}

pub fn insert(table: &mut Table, rows: u64, chance: &mut XorShift) {
    for _ in 0..rows {
        let row = row(table, chance);
        table.put(row);
    }
}

fn some_keys(table: &Table, count: u64, chance: &mut XorShift) -> Vec<Vec<u8>> {
    let keys: Vec<&Vec<u8>> = table.rows.keys().collect();
    let count = if keys.is_empty() { 0 } else { count };
    (0..count).map(|_| keys[chance.below(keys.len() as u64) as usize].clone()).collect()
}

/// Changes cells of one column that is no part of the key.
pub fn update(table: &mut Table, rows: u64, chance: &mut XorShift) {
    let others: Vec<usize> = (0..table.columns.len()).filter(|at| !table.key.contains(at)).collect();
    if others.is_empty() {
        return;
    }
    let at = others[chance.below(others.len() as u64) as usize];
    for key in some_keys(table, rows, chance) {
        let fresh = value(table.columns[at].1, chance);
        if let Some(row) = table.rows.get_mut(&key) {
            row[at] = fresh;
        }
    }
}

pub fn delete(table: &mut Table, rows: u64, chance: &mut XorShift) {
    for key in some_keys(table, rows, chance) {
        table.rows.remove(&key);
    }
}

fn delete_run(table: &mut Table, chance: &mut XorShift) {
    let len = table.rows.len() as u64;
    let (from, count) = (chance.below(len.max(1)) as usize, chance.below(len / 4 + 1) as usize);
    let keys: Vec<Vec<u8>> = table.rows.keys().skip(from).take(count).cloned().collect();
    keys.iter().for_each(|key| drop(table.rows.remove(key)));
}

/// Rows whose keys stand behind all others.
pub fn append(table: &mut Table, rows: u64, chance: &mut XorShift) {
    for _ in 0..rows {
        let mut row = row(table, chance);
        if let [key] = table.key[..]
            && let Some(Value::Int(last)) = table.rows.values().next_back().map(|row| row[key].clone())
        {
            row[key] = Value::Int(last + 1);
        }
        table.put(row);
    }
}

/// What happens to the rows of a table between two snapshots.
pub fn change_rows(table: &mut Table, chance: &mut XorShift) {
    match chance.below(9) {
        0 => insert(table, 1 + chance.below(3), chance),
        1 | 2 => update(table, 1 + chance.below(2), chance),
        3 => delete(table, 1 + chance.below(3), chance),
        4 => append(table, 1 + chance.below(90), chance),
        5 => {
            let rows = table.rows.len() as u64 / 3;
            update(table, rows, chance);
        }
        6 => delete_run(table, chance),
        7 => {
            insert(table, 2, chance);
            update(table, 3, chance);
            delete(table, 2, chance);
        }
        _ => {}
    }
}

/// What happens to the columns of a table between two snapshots.
pub fn change_columns(table: &mut Table, tick: usize, chance: &mut XorShift) {
    let others: Vec<usize> = (0..table.columns.len()).filter(|at| !table.key.contains(at)).collect();
    let other = others.get(chance.below(others.len().max(1) as u64) as usize).copied();
    let declared = DECLARED[chance.below(DECLARED.len() as u64) as usize];
    match (chance.below(6), other) {
        (0, _) => {
            table.columns.push((format!("c{tick}"), declared));
            let is_filled = chance.below(2) == 0;
            for row in table.rows.values_mut() {
                row.push(if is_filled { value(declared, chance) } else { Value::Null });
            }
        }
        (1, Some(at)) if others.len() > 1 => {
            table.columns.remove(at);
            table.rows.values_mut().for_each(|row| drop(row.remove(at)));
            table.key.iter_mut().filter(|key| **key > at).for_each(|key| *key -= 1);
        }
        (2, Some(at)) => table.columns[at].0 = format!("r{tick}"),
        (3, Some(at)) => table.columns[at].1 = declared,
        (4, _) => {
            let key: &[usize] = [&[0][..], &[1, 0], &[], &[1]][chance.below(4) as usize];
            if table.columns.len() > 1 {
                table.rekey(key);
            }
        }
        _ => table.rows.clear(),
    }
}

/// Rows so wide that groups of a hundred are stored column by column: those are patched.
pub fn heavy(chance: &mut XorShift) -> Table {
    heavy_of(230, chance)
}

/// As [`heavy`], of so many rows.
pub fn heavy_of(rows: i64, chance: &mut XorShift) -> Table {
    let columns = [("id", "INT"), ("body", "BLOB"), ("n", "INT"), ("t", "TEXT"), ("f", "REAL")];
    let mut table = Table::new("heavy", &columns, &[0]);
    for number in 0..rows {
        let body = Value::Bytes(random_bytes(chance.next_u64(), 900));
        let others = ["INT", "TEXT", "REAL"].map(|declared| value(declared, chance));
        table.put([&[Value::Int(number * 10), body][..], &others].concat());
    }
    table
}

/// Some tables: a long one, a wide one, one of texts, one without a key, an empty one.
pub fn some_tables(chance: &mut XorShift) -> Database {
    let wide: Vec<(String, &'static str)> =
        (0..14).map(|at| (format!("w{at}"), DECLARED[at % DECLARED.len()])).collect();
    let wide: Vec<(&str, &'static str)> = wide.iter().map(|(name, declared)| (name.as_str(), *declared)).collect();
    let mut tables = vec![
        Table::new("long", &[("id", "INT"), ("v", "INT"), ("blob", "BLOB"), ("t", "TEXT")], &[0]),
        Table::new("wide", &wide, &[0]),
        Table::new("texts", &[("a", "TEXT"), ("b", "INT"), ("c", "REAL"), ("d", "DECIMAL")], &[0, 1]),
        Table::new("keyless", &[("a", "INT"), ("b", "BOOL"), ("c", "TIME"), ("blob", "BLOB")], &[]),
        Table::new("small", &[("a", "BLOB"), ("b", "BOOL")], &[0]),
    ];
    let rows = [400, 150, 200, 150, 9];
    tables.iter_mut().zip(rows).for_each(|(table, rows)| insert(table, rows, chance));
    tables.push(heavy(chance));
    tables.push(Table::new("void", &[("a", "INT"), ("b", "TEXT")], &[0]));
    super::source::database(tables)
}
