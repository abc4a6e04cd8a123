//! The cells of tables are canaries, too: they are shown to whoever asks for rows, and are seen nowhere else.

use super::scanner::Scanner;
use super::ways::{Place, THERE, Way};
use super::{CHEAP, VOICES, made};
use crate::world::{Said, damage, files};
use datakeep_source_sqlite::run_script;
use std::fs;

/// A key, cells of a row as they were and as they are, bytes, and a value so long that it is stored by itself.
const KEY: &str = "canary-key-7a91d3";
const WAS: &str = "canary-was-52cb08";
const IS: &str = "canary-is-e4490b";
const BYTES: &[u8] = b"canary\x00bytes\xff\xfe-31d7";
const LONG: &str = "canary-long-8e0d21,";
/// The name of a table: told to whoever lists tables, and sealed in what is stored.
const TABLE: &str = "canary_table_c60f15";

/// Where databases stand, and where they are restored to.
const DATABASES: &str = "databases";

struct Tables {
    place: Place,
    cells: Scanner,
    location: String,
}

impl Tables {
    /// A repository, and a database whose cells are canaries, captured, changed, and captured again.
    fn new() -> Self {
        let (place, _) = made();
        let mut cells = Scanner::default();
        let values = [("key", KEY.as_bytes()), ("old cell", WAS.as_bytes()), ("new cell", IS.as_bytes())];
        for (name, value) in values.into_iter().chain([("bytes", BYTES), ("long value", LONG.as_bytes())]) {
            cells.add(name, value);
        }
        fs::create_dir(place.world.path(DATABASES)).unwrap();
        let location = format!("sqlite:{}", place.world.text(&format!("{DATABASES}/shop.db")));
        let mut tables = Self { place, cells, location };
        let hex: String = BYTES.iter().map(|byte| format!("{byte:02x}")).collect();
        tables.sql(
            "shop.db",
            &format!(
                "CREATE TABLE {TABLE} (name TEXT PRIMARY KEY, a TEXT, b BLOB, c TEXT) WITHOUT ROWID;
                 CREATE TABLE loose (a, b); CREATE INDEX by_a ON {TABLE} (a);
                 INSERT INTO {TABLE} VALUES ('{KEY}', '{WAS}', x'{hex}', '{}'), ('{KEY}-2', NULL, NULL, NULL);
                 INSERT INTO loose VALUES ('{WAS}', '{KEY}'), ('{WAS}', 1);",
                LONG.repeat(4000)
            ),
        );
        let location = tables.location.clone();
        tables.silent(&["backup", &location, "--dry-run", "-v"]).expect(0);
        tables.silent(&["backup", &location, "-v"]).expect(0);
        tables.sql("shop.db", &format!("UPDATE {TABLE} SET a = '{IS}'; INSERT INTO loose VALUES ('{IS}', 2);"));
        tables.silent(&["backup", &location, "--json", "--progress"]).expect(0);
        tables
    }

    fn sql(&self, database: &str, statements: &str) {
        run_script(&self.place.world.path(&format!("{DATABASES}/{database}")), statements).unwrap();
    }

    fn at(&self, database: &str) -> String {
        format!("sqlite:{}", self.place.world.text(&format!("{DATABASES}/{database}")))
    }

    #[track_caller]
    fn run(&mut self, arguments: &[&str]) -> Said {
        let mut command = self.place.command(Way::Environment, true, arguments);
        command.env("TMPDIR", self.place.world.path("home")).env("DATAKEEP_TO_PASSWORD", THERE);
        let said = self.place.run(command);
        let found = self.cells.found(said.err.as_bytes());
        assert!(found.is_empty(), "{arguments:?} complains with {found:?}: {}", said.err);
        said
    }

    /// Runs what nobody asks for rows with.
    #[track_caller]
    fn silent(&mut self, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        let found = self.cells.found(&said.raw);
        assert!(found.is_empty(), "{arguments:?} says {found:?}: {}", said.out);
        said
    }

    /// Runs what is asked for rows, and shows some.
    #[track_caller]
    fn asked(&mut self, arguments: &[&str]) -> Said {
        let said = self.run(arguments).expect(0);
        assert!(!self.cells.found(&said.raw).is_empty(), "{arguments:?} shows nothing: {}", said.out);
        said
    }

    /// The snapshots of the database, oldest first.
    fn ids(&mut self) -> Vec<String> {
        let said = self.silent(&["snapshots", "shop", "--json"]).expect(0).json();
        said["snapshots"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// No cell, and no name of a table in what is stored, is in any file but the databases themselves.
    #[track_caller]
    fn assert_clean_files(&mut self) {
        let world = &self.place.world;
        assert!(
            !self.cells.found_below(&world.path(DATABASES), &[]).is_empty(),
            "the scanner sees them where they are"
        );
        let found = self.cells.found_below(world.folder.path(), &[world.path(DATABASES)]);
        assert!(found.is_empty(), "{found:#?}");
        let mut names = Scanner::default();
        names.add("name of a table", TABLE.as_bytes());
        for stored in ["repo", "second", "cache", "home"] {
            let found = names.found_below(&world.path(stored), &[]);
            assert!(found.is_empty(), "{found:#?}");
        }
    }
}

#[test]
fn cells_are_shown_to_whoever_asks_and_stored_nowhere_in_the_clear() {
    let mut tables = Tables::new();
    let ids = tables.ids();
    let (place, to) = (format!("shop:{TABLE}"), tables.at("merged.db"));
    let statement = format!("CREATE TABLE {TABLE} (name TEXT PRIMARY KEY, a TEXT, b BLOB, c TEXT) WITHOUT ROWID");
    tables.sql("merged.db", &statement);
    for voice in VOICES {
        let silent: [&[&str]; 7] = [
            &["snapshots", "-v"],
            &["diff", &ids[0], &ids[1], "--stat"],
            &["find", "*"],
            &["stats"],
            &["check", "--read-data", "-v"],
            &["scrub", "-v"],
            &["gc", "--dry-run"],
        ];
        for arguments in silent {
            tables.silent(&[arguments, voice].concat()).expect(0);
        }
        let asked: [&[&str]; 6] = [
            &["ls", &place],
            &["rows", &place],
            &["rows", &place, "--key", KEY],
            &["rows", &place, "--key", KEY, "--history"],
            &["diff", &ids[0], &ids[1]],
            &["restore", &place, "--key", KEY, "--to", &to, "--merge"],
        ];
        for arguments in asked {
            tables.asked(&[arguments, voice].concat());
        }
    }
    // Of a column the least and the greatest value are told to whoever asks for all that is known.
    for verb in ["show", "ls"] {
        tables.silent(&[verb, "shop"]).expect(0);
        tables.asked(&[verb, "shop", "--json"]);
    }
    tables.asked(&["diff", &ids[0], &ids[1], "--sql"]);
    tables.asked(&["diff", &ids[0], &ids[1], "--undo"]);
    tables.assert_clean_files();
}

#[test]
fn no_restore_and_no_copy_leaves_cells_about() {
    let mut tables = Tables::new();
    let arguments = [&["init", "--no-recovery-code", "--repo", "second"], &CHEAP[..]].concat();
    let mut init = tables.place.command(Way::Environment, true, &arguments);
    init.env("DATAKEEP_PASSWORD", THERE);
    tables.place.run(init).expect(0);
    let place = format!("shop:{TABLE}");
    for (number, voice) in VOICES.into_iter().enumerate() {
        let whole = tables.at(&format!("whole-{number}.db"));
        tables.silent(&[&["restore", "shop", "--to", &whole, "--dry-run"], voice].concat()).expect(0);
        tables.silent(&[&["restore", "shop", "--to", &whole, "-v"], voice].concat()).expect(0);
        // It stands there now.
        assert_ne!(tables.silent(&[&["restore", "shop", "--to", &whole], voice].concat()).code, 0);
        let into = ["restore", &place, "--to", &whole, "--into-table", "other"];
        tables.silent(&[&into, voice].concat()).expect(0);
        tables.silent(&[&["restore", &place, "--to", &whole, "--merge"], voice].concat()).expect(0);
        tables.silent(&[&["copy", "--to", "second", "--all", "--verify", "-v"], voice].concat()).expect(0);
    }
    tables.silent(&["backup", &tables.location.clone(), "-v"]).expect(0);
    tables.assert_clean_files();
}

/// What contradicts what stands in a target, what SQLite refuses, and what is damaged: told without a cell.
#[test]
fn no_error_shows_a_cell() {
    let mut tables = Tables::new();
    let place = format!("shop:{TABLE}");
    let columns = "(name TEXT PRIMARY KEY, a TEXT, b BLOB, c TEXT) WITHOUT ROWID";
    let standing = [
        // Another row has the cell already.
        format!(
            "CREATE TABLE {TABLE} {columns}; CREATE UNIQUE INDEX one ON {TABLE} (a); INSERT INTO {TABLE} (name, a) VALUES ('x', '{IS}');"
        ),
        format!("CREATE TABLE {TABLE} {columns}; CREATE UNIQUE INDEX one ON {TABLE} (json_extract('{{}}', a));"),
        format!("CREATE TABLE {TABLE} (name TEXT PRIMARY KEY, a INT, b BLOB, c TEXT) STRICT, WITHOUT ROWID;"),
        format!(
            "CREATE TABLE {TABLE} {columns}; CREATE TRIGGER no BEFORE INSERT ON {TABLE} BEGIN SELECT RAISE(ABORT, 'no'); END;"
        ),
        format!(
            "CREATE TABLE {TABLE} {columns}; CREATE TRIGGER no BEFORE INSERT ON {TABLE} BEGIN SELECT json_extract('{{}}', new.a); END;"
        ),
        format!("CREATE TABLE {TABLE} (name TEXT, a TEXT, b BLOB, c TEXT);"),
    ];
    let mut failed = 0;
    for (number, statements) in standing.iter().enumerate() {
        let database = format!("standing-{number}.db");
        tables.sql(&database, statements);
        let to = tables.at(&database);
        for voice in VOICES {
            let merge = [&["restore", &place, "--to", &to, "--merge", "-v"], voice].concat();
            failed += usize::from(tables.silent(&merge).code != 0);
        }
    }
    assert!(failed >= 12, "{failed} of 24 failed");
    for line in [
        &["rows", &place, "--key", "nobody"][..],
        &["rows", "shop:loose", "--key", "one"],
        &["rows", &place, "--key", "a", "--key", "b"],
        &["cat", &place],
        &["restore", &place, "--key", "nobody", "--to", &tables.at("standing-0.db"), "--merge"],
    ] {
        for voice in VOICES {
            assert_ne!(tables.silent(&[line, voice].concat()).code, 0);
        }
    }
    tables.assert_clean_files();
}

#[test]
fn no_error_of_a_source_shows_a_cell() {
    let mut tables = Tables::new();
    // Columns and indexes that cannot be computed from what stands there.
    let broken = [
        format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT); INSERT INTO t (p) VALUES ('{KEY}');
             ALTER TABLE t ADD COLUMN g AS (json_extract('{{}}', p));"
        ),
        format!("CREATE VIEW v AS SELECT json_extract('{{}}', '{KEY}'); CREATE TABLE t (a);"),
    ];
    for (number, statements) in broken.iter().enumerate() {
        let database = format!("broken-{number}.db");
        tables.sql(&database, statements);
        let (at, to) = (tables.at(&database), tables.at(&format!("back-{number}.db")));
        for voice in VOICES {
            tables.silent(&[&["backup", &at, "-v"], voice].concat());
        }
        tables.silent(&["restore", &format!("broken-{number}"), "--to", &to, "-v"]);
    }
    // Pages that are no pages.
    let file = tables.place.world.path(&format!("{DATABASES}/shop.db"));
    let mut bytes = fs::read(&file).unwrap();
    let len = bytes.len();
    bytes[4096..(4096 + 2048).min(len)].fill(0x5a);
    bytes[len - 3000..len - 1000].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let location = tables.location.clone();
    for voice in VOICES {
        assert_ne!(tables.silent(&[&["backup", &location, "-v"], voice].concat()).code, 0);
    }
    tables.assert_clean_files();
}

#[test]
fn no_damage_shows_a_cell() {
    let mut tables = Tables::new();
    let ids = tables.ids();
    let place = format!("shop:{TABLE}");
    files(&tables.place.world.path("repo/data")).iter().for_each(|pack| damage(pack));
    let (to, merged) = (tables.at("back.db"), tables.at("merged.db"));
    for voice in VOICES {
        for arguments in [
            &["restore", "shop", "--to", &to][..],
            &["restore", &place, "--to", &merged],
            &["rows", &place, "--key", KEY],
            &["diff", &ids[0], &ids[1], "--stat"],
            &["check", "--read-data", "-v"],
        ] {
            // What is whole is shown all the same to whoever asks.
            tables.run(&[arguments, voice].concat());
        }
        tables.silent(&[&["check", "--read-data", "-v"], voice].concat());
    }
    assert_ne!(tables.silent(&["check", "--read-data"]).code, 0);
    tables.silent(&["repair", "--yes", "--no-wait"]);
    tables.assert_clean_files();
}
