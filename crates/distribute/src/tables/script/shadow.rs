//! The tables in which virtual tables keep what they hold.

use super::statement::module_of;
use datakeep_connector::SchemaObject;

/// The kind of a virtual table, as its source says it.
pub(super) const VIRTUAL_TABLE: &str = "virtual-table";

/// The ends of the names of such tables, by module.
const ENDS: [(&str, &[&str]); 7] = [
    ("fts5", &["data", "idx", "content", "docsize", "config"]),
    ("fts4", &["content", "segments", "segdir", "docsize", "stat"]),
    ("fts3", &["content", "segments", "segdir", "docsize", "stat"]),
    ("rtree", &["node", "rowid", "parent"]),
    ("rtree_i32", &["node", "rowid", "parent"]),
    ("geopoly", &["node", "rowid", "parent"]),
    ("fts5vocab", &[]),
];

/// True for a table that belongs to this virtual table. Of a module that is not known it is any whose name begins as SQLite
/// asks of those.
pub(super) fn belongs(table: &str, of: &SchemaObject) -> bool {
    let Some(head) = table.get(..of.name.len()).filter(|head| head.eq_ignore_ascii_case(&of.name)) else {
        return false;
    };
    let Some(end) = table[head.len()..].strip_prefix('_') else { return false };
    let module = module_of(&of.sql);
    let known = ENDS.iter().find(|(name, _)| Some(*name) == module.as_deref());
    known.is_none_or(|(_, ends)| ends.iter().any(|known| known.eq_ignore_ascii_case(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_belong_to_their_virtual_table() {
        let of = |name: &str, module: &str| SchemaObject {
            kind: VIRTUAL_TABLE.to_owned(),
            name: name.to_owned(),
            table: String::new(),
            sql: format!("CREATE VIRTUAL TABLE \"{name}\" USING {module}(a)"),
        };
        assert!(belongs("Ft_data", &of("ft", "FTS5")) && belongs("ft_segdir", &of("ft", "fts4")));
        assert!(!belongs("ft_users", &of("ft", "fts5")) && !belongs("ftx_data", &of("ft", "fts5")));
        assert!(belongs("ft_users", &of("ft", "vec0")) && !belongs("f", &of("ft", "vec0")));
    }
}
