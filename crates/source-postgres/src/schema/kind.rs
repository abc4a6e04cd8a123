//! When an object is made.

/// The parts of a restore, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Section {
    /// Made before rows are written.
    PreData,
    /// What belongs to rows: where sequences stand.
    Data,
    /// What rows would run into, or be slowed down by: indexes, keys, triggers.
    PostData,
    /// Grants: a right that is taken away might be needed until then.
    Grants,
    /// What reads rows, or fires when objects are made.
    Last,
    /// What is said of the database as a whole.
    Database,
}

/// Kinds that PostgreSQL's own tools make after the rows.
const POST_DATA: [&str; 16] = [
    "CHECK CONSTRAINT",
    "CONSTRAINT",
    "FK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
    "POLICY",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "ROW SECURITY",
    "RULE",
    "STATISTICS",
    "STATISTICS DATA",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
    "TRIGGER",
];

/// The part in which objects of a kind are made; `None` for what is said of others and is made with them.
pub(crate) fn section(kind: &str) -> Option<Section> {
    match kind {
        "COMMENT" | "OWNER" | "SECURITY LABEL" => None,
        "ACL" | "DEFAULT ACL" | "ACL LANGUAGE" => Some(Section::Grants),
        "EVENT TRIGGER" | REFRESH => Some(Section::Last),
        "DATABASE" | "DATABASE PROPERTIES" => Some(Section::Database),
        SEQUENCE_SET => Some(Section::Data),
        kind if POST_DATA.contains(&kind) => Some(Section::PostData),
        _ => Some(Section::PreData),
    }
}

/// Where a sequence stands.
pub(crate) const SEQUENCE_SET: &str = "SEQUENCE SET";
/// That a materialised view holds rows.
pub(crate) const REFRESH: &str = "MATERIALIZED VIEW DATA";
/// That the server is to learn what a table holds.
pub(crate) const ANALYZE: &str = "ANALYZE";
/// Who owns an object.
pub(crate) const OWNER: &str = "OWNER";

/// Settings of a session that every program makes anew.
pub(crate) fn is_of_session(kind: &str) -> bool {
    matches!(kind, "ENCODING" | "STDSTRINGS" | "SEARCHPATH")
}

/// True for what has rows or looks as if it had, and to which others belong.
pub(crate) fn is_relation(kind: &str) -> bool {
    matches!(kind, "TABLE" | "VIEW" | "MATERIALIZED VIEW" | "FOREIGN TABLE")
}

/// True for what is made for a table and goes with it.
pub(crate) fn belongs_to_table(kind: &str) -> bool {
    matches!(
        kind,
        "CHECK CONSTRAINT"
            | "CONSTRAINT"
            | "DEFAULT"
            | "FK CONSTRAINT"
            | "INDEX"
            | "INDEX ATTACH"
            | "POLICY"
            | "PUBLICATION TABLE"
            | "ROW SECURITY"
            | "RULE"
            | "SEQUENCE"
            | "STATISTICS"
            | "STATISTICS DATA"
            | "TABLE ATTACH"
            | "TRIGGER"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_between_tables_and_keys() {
        assert_eq!(section("TABLE"), Some(Section::PreData));
        assert_eq!(section("A KIND OF TOMORROW"), Some(Section::PreData));
        assert_eq!(section("FK CONSTRAINT"), Some(Section::PostData));
        assert_eq!(section("COMMENT"), None);
        assert!(section("ACL") > section("TRIGGER") && section("EVENT TRIGGER") > section("ACL"));
    }
}
