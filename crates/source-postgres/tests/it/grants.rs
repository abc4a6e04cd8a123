//! Roles that are made by the printed script, and what others lack.

use crate::common::{Database, assert_same, check_error, connector, options_for, try_capture};
use datakeep_connector::{Connector, Options, Role, Statement};
use datakeep_model::ErrorKind;

const SHOP: &str = "
    CREATE SCHEMA app; CREATE SCHEMA \"Odd \"\"one\";
    CREATE TABLE app.t (id serial PRIMARY KEY, b text); INSERT INTO app.t (b) VALUES ('x');
    CREATE TABLE \"Odd \"\"one\".\"a\nb\" (a int); INSERT INTO \"Odd \"\"one\".\"a\nb\" VALUES (1);
    CREATE TABLE app.guarded (a int); INSERT INTO app.guarded VALUES (1), (2);
    ALTER TABLE app.guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.guarded USING (a = 1);
    CREATE TABLE plain (a int); CREATE SEQUENCE alone; SELECT lo_from_bytea(0, 'large');
    REVOKE ALL ON SCHEMA public FROM PUBLIC;";

fn with(location: &str, given: &[(&str, &str)]) -> Options {
    let mut options = options_for(location);
    for (name, value) in given {
        options.entry((*name).to_owned()).or_default().push((*value).to_owned());
    }
    options
}

fn script(database: &Database, role: &str, is_narrow: bool, given: &[(&str, &str)]) -> Vec<Statement> {
    let role = Role { name: role, is_narrow };
    let location = database.location();
    connector().grants(&location, &with(&location, given), &role).expect("a script")
}

fn text(statements: &[Statement]) -> String {
    statements.iter().map(|one| format!("-- {}\n{};\n", one.comment, one.sql)).collect()
}

fn lacks(location: &str, given: &[(&str, &str)]) -> Vec<String> {
    let (_, missing) = connector().missing_rights(location, &with(location, given)).expect("looked at");
    missing.into_iter().filter(|right| right.is_needed).map(|right| right.what).collect()
}

#[test]
fn a_role_of_the_script_reads_everything() {
    for major in [13, 15, 18] {
        for is_narrow in [false, true] {
            let database = Database::of(major, SHOP);
            let role = format!("role of {} {is_narrow}", database.name);
            let script = script(&database, &role, is_narrow, &[]);
            let has_all = script.iter().any(|one| one.sql.contains("pg_read_all_data"));
            assert_eq!(has_all, major >= 14 && !is_narrow, "{script:?}");
            database.run(&text(&script));
            let location = database.cluster.location_as(&format!("'{role}'"), &database.name);
            let (all, own) = (database.capture(), try_capture(&location).expect("captured by the role"));
            assert_same(&all, &own);
            assert_eq!(lacks(&location, &[]), [""; 0]);
            // What comes later is readable as well.
            database.run("CREATE TABLE app.later (id serial, a int); INSERT INTO app.later (a) VALUES (5)");
            assert_eq!(try_capture(&location).expect("captured").first("app.later"), ["1"]);
            for harm in
                ["INSERT INTO plain VALUES (1)", "CREATE TABLE app.mine (a int)", "SELECT nextval('app.t_id_seq')"]
            {
                let refused = database.cluster.try_run(&database.name, &format!("SET ROLE \"{role}\"; {harm}"));
                assert!(refused.is_err_and(|said| said.contains("permission denied")), "{major}: {harm}");
            }
            let again = text(&self::script(&database, &role, is_narrow, &[]));
            assert!(again.contains("already") && !again.contains("CREATE ROLE"), "{again}");
            database.run(&again);
        }
    }
}

#[test]
fn a_role_for_some_tables_reads_these_alone() {
    let database = Database::new(SHOP);
    let role = format!("some_{}", database.name);
    let given = [("include-table", "app.t")];
    database.run(&text(&script(&database, &role, false, &given)));
    let location = database.cluster.location_as(&role, &database.name);
    assert_eq!(lacks(&location, &given), [""; 0]);
    let mut source = connector().open_tables(&location, &with(&location, &given)).expect("opened");
    source.begin().expect("begun");
    let catalog = source.catalog().expect("a catalogue");
    assert_eq!(catalog.tables.len(), 1);
    assert!(catalog.objects.iter().any(|object| object.kind == "SEQUENCE SET"), "where its sequence stands");
    assert!(lacks(&location, &[]).iter().any(|what| what.contains("public.plain")));
}

#[test]
fn what_a_role_lacks_is_listed_by_name() {
    let database = Database::new(SHOP);
    let role = format!("poor_{}", database.name);
    database.run(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA app TO {role}; GRANT SELECT ON app.guarded TO {role}"
    ));
    let location = database.cluster.location_as(&role, &database.name);
    let (who, missing) = connector().missing_rights(&location, &with(&location, &[])).expect("looked at");
    assert_eq!(who, role);
    let all: Vec<_> = missing.iter().map(|right| right.what.as_str()).collect();
    for what in [
        "USAGE on schema public",
        "USAGE on schema \"Odd \"\"one\"",
        "SELECT on table app.t",
        "SELECT on table public.plain",
        "SELECT on sequence public.alone",
        "BYPASSRLS: row-level security hides rows of table app.guarded",
        "SELECT on table pg_catalog.pg_largeobject, which holds large objects",
        "SELECT on table pg_catalog.pg_authid, which holds passwords of roles",
    ] {
        assert!(all.contains(&what), "{what} is not in {all:?}");
    }
    assert!(!all.iter().any(|what| what.contains('\n')), "{all:?}");
    // The remedies help; a superuser lacks nothing.
    let remedies: String =
        missing.iter().filter(|right| !right.remedy.contains('\\')).map(|right| format!("{};", right.remedy)).collect();
    database.run(&remedies);
    assert_eq!(lacks(&location, &[("exclude-schema", "\"Odd \"\"one\"")]), [""; 0]);
    assert_eq!(lacks(&database.location(), &[]), [""; 0]);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let database = Database::new("");
    for name in ["", &"x".repeat(64)] {
        let role = Role { name, is_narrow: false };
        let error =
            connector().grants(&database.location(), &options_for(&database.location()), &role).expect_err("refused");
        check_error(&error, ErrorKind::Usage, &["name of a role"]);
    }
}
