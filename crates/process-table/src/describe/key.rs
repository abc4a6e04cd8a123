//! Keys of the tree of a database.
//!
//! | key | entry |
//! |---|---|
//! | `D` | the database |
//! | `G` ‖ name ‖ group | a row group of a table: `group` is the normalised key of its last row, or, without a key, its number as 64 bits, big-endian |
//! | `T` ‖ name | a table, behind all groups |
//!
//! `name` is the schema's and the table's own, each with 0 written as 0 255 and ended by 0 0, so that no name is the beginning of
//! another and the groups of a table stand side by side.

use datakeep_connector::TableName;

/// The key of what is said of the database as a whole.
pub const DATABASE_KEY: &[u8] = b"D";
const GROUP: u8 = b'G';
const TABLE: u8 = b'T';

/// What an entry is, by its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryKey {
    /// The database.
    Database,
    /// A row group, with what orders it among those of its table.
    Group(TableName, Vec<u8>),
    /// A table.
    Table(TableName),
}

/// The key of a table.
pub fn table_key(name: &TableName) -> Vec<u8> {
    named(TABLE, name)
}

/// The key of a row group; `group` orders it among those of its table.
pub fn group_key(name: &TableName, group: &[u8]) -> Vec<u8> {
    let mut key = named(GROUP, name);
    key.extend_from_slice(group);
    key
}

/// First key and key after the last of the groups of a table.
pub fn group_range(name: &TableName) -> (Vec<u8>, Vec<u8>) {
    let start = named(GROUP, name);
    let mut end = start.clone();
    // A name ends in 0 0: nothing else begins with 0 1.
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    (start, end)
}

/// What a key says; `None` when it is none of these.
pub fn parse_key(key: &[u8]) -> Option<EntryKey> {
    match key.split_first()? {
        (_, _) if key == DATABASE_KEY => Some(EntryKey::Database),
        (&TABLE, rest) => take_name(rest).filter(|(_, rest)| rest.is_empty()).map(|(name, _)| EntryKey::Table(name)),
        (&GROUP, rest) => take_name(rest).map(|(name, rest)| EntryKey::Group(name, rest.to_vec())),
        _ => None,
    }
}

fn named(kind: u8, name: &TableName) -> Vec<u8> {
    let mut key = vec![kind];
    for part in [&name.schema, &name.table] {
        crate::key::put_escaped(part.as_bytes(), &mut key);
    }
    key
}

fn take_name(key: &[u8]) -> Option<(TableName, &[u8])> {
    let (schema, rest) = take_part(key)?;
    let (table, rest) = take_part(rest)?;
    Some((TableName { schema, table }, rest))
}

fn take_part(key: &[u8]) -> Option<(String, &[u8])> {
    let mut part = Vec::new();
    let mut rest = key;
    loop {
        match rest {
            [0, 0, after @ ..] => return Some((String::from_utf8(part).ok()?, after)),
            [0, 255, after @ ..] => {
                part.push(0);
                rest = after;
            }
            [0, ..] | [] => return None,
            [byte, after @ ..] => {
                part.push(*byte);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = TableName> {
        ("[a-b\u{0}\u{1}中]{0,4}", "[a-b\u{0}\u{1}中]{0,4}").prop_map(|(schema, table)| TableName { schema, table })
    }

    proptest! {
        #[test]
        fn keys_come_back_and_keep_tables_apart(
            a in name(), b in name(), group in proptest::collection::vec(any::<u8>(), 0..5), other in proptest::collection::vec(any::<u8>(), 0..5)
        ) {
            prop_assert_eq!(parse_key(&table_key(&a)), Some(EntryKey::Table(a.clone())));
            prop_assert_eq!(parse_key(&group_key(&a, &group)), Some(EntryKey::Group(a.clone(), group.clone())));
            let (start, end) = group_range(&a);
            let is_within = |key: &Vec<u8>| start <= *key && *key < end;
            prop_assert!(is_within(&group_key(&a, &group)));
            prop_assert_eq!(is_within(&group_key(&b, &other)), a == b);
            prop_assert_eq!(group_key(&a, &group).cmp(&group_key(&a, &other)), group.cmp(&other));
            prop_assert!(DATABASE_KEY < start.as_slice() && end < table_key(&b));
        }

        #[test]
        fn no_other_key_is_one(key in proptest::collection::vec(prop_oneof![Just(0u8), Just(255), Just(b'G'), Just(b'T'), any::<u8>()], 0..12)) {
            let again = parse_key(&key).map(|parsed| match parsed {
                EntryKey::Database => DATABASE_KEY.to_vec(),
                EntryKey::Table(name) => table_key(&name),
                EntryKey::Group(name, group) => group_key(&name, &group),
            });
            prop_assert!(again.is_none_or(|again| again == key));
        }
    }
}
