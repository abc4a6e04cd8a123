//! Roles that statements of a catalogue speak of: a private server has none of them.

use std::collections::BTreeSet;

/// Words that stand where a role may stand and are none.
const NO_ROLES: [&str; 4] = ["public", "current_user", "session_user", "current_role"];

/// The roles that own something or are given rights by these statements.
pub(super) fn roles_of<'s>(statements: impl Iterator<Item = &'s str>) -> BTreeSet<String> {
    let mut roles = BTreeSet::new();
    for line in statements.flat_map(str::lines) {
        let line = line.trim();
        let word = [" OWNER TO ", " TO ", " FROM "].into_iter().find(|word| line.contains(word));
        let speaks = line.starts_with("GRANT ")
            || line.starts_with("REVOKE ")
            || line.starts_with("ALTER ") && (line.contains(" OWNER TO ") || line.contains("DEFAULT PRIVILEGES"));
        let (true, Some(word)) = (speaks, word) else { continue };
        let of_others = line.split_once(" FOR ROLE ").map(|(_, rest)| rest);
        let last = line.rsplit_once(word).map(|(_, rest)| rest);
        for text in of_others.into_iter().chain(last) {
            roles.extend(identifier(text).filter(|role| !role.starts_with("pg_")));
        }
    }
    roles
}

/// The name that a text begins with.
fn identifier(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        let name = text[..end].to_lowercase();
        return (!name.is_empty() && !NO_ROLES.contains(&name.as_str())).then_some(name);
    };
    let mut name = String::new();
    let mut chars = quoted.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('"', Some('"')) => {
                chars.next();
                name.push('"');
            }
            ('"', _) => return (!name.is_empty()).then_some(name),
            _ => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_those_who_are_given_rights_are_found() {
        let statements = [
            "ALTER TABLE \"app\".\"o\" OWNER TO \"Me \"\" too\";",
            "GRANT SELECT ON TABLE app.o TO reader WITH GRANT OPTION;\nREVOKE ALL ON SCHEMA public FROM PUBLIC;",
            "ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA app GRANT SELECT ON TABLES TO \"team\";",
            "GRANT ALL ON SCHEMA public TO pg_database_owner;",
            "CREATE VIEW v AS SELECT 'x' AS a FROM t;",
        ];
        let found: Vec<String> = roles_of(statements.into_iter()).into_iter().collect();
        assert_eq!(found, ["Me \" too", "maker", "reader", "team"]);
    }
}
