//! No statement writes.

use crate::world::World;
use datakeep_distribute_sql::SqlError;
use datakeep_store_blob::BlobStore;

const STATEMENTS: &[&str] = &[
    "INSERT INTO t VALUES (9)",
    "INSERT INTO t SELECT * FROM t",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "MERGE INTO t USING t AS s ON t.a = s.a WHEN MATCHED THEN DELETE",
    "TRUNCATE TABLE t",
    "DROP TABLE t",
    "DROP VIEW t",
    "DROP SCHEMA main",
    "ALTER TABLE t ADD COLUMN b INT",
    "CREATE TABLE x (a INT)",
    "CREATE TABLE x AS SELECT * FROM t",
    "CREATE VIEW x AS SELECT * FROM t",
    "CREATE SCHEMA x",
    "CREATE DATABASE x",
    "CREATE INDEX x ON t (a)",
    "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE FUNCTION f(INT) RETURNS INT RETURN $1",
    "DROP FUNCTION f",
    "COPY t TO '/tmp/out.csv'",
    "COPY (SELECT * FROM t) TO '/tmp/out.parquet'",
    "SELECT * INTO x FROM t",
    "WITH w AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM w",
    "WITH w AS (DELETE FROM t RETURNING a) SELECT * FROM w",
    "EXPLAIN INSERT INTO t VALUES (1)",
    "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
    "EXPLAIN ANALYZE COPY t TO '/tmp/out.csv'",
    "EXPLAIN CREATE TABLE x AS SELECT 1",
    "SET datafusion.execution.batch_size = 1",
    "SET TIME ZONE 'UTC'",
    "RESET datafusion.execution.batch_size",
    "SHOW ALL",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "GRANT SELECT ON t TO public",
    "REVOKE SELECT ON t FROM public",
    "ATTACH DATABASE 'x.db' AS x",
    "PRAGMA journal_mode = wal",
    "VACUUM",
    "ANALYZE TABLE t COMPUTE STATISTICS",
    "CALL something()",
    "USE shop",
    "LOCK TABLES t WRITE",
    "KILL 5",
    "LOAD DATA INPATH '/etc/passwd' INTO TABLE t",
    "INSTALL httpfs",
    "DECLARE c CURSOR FOR SELECT 1",
    "FETCH NEXT FROM c",
    "CLOSE c",
    "LISTEN x",
    "NOTIFY x",
    "DISCARD ALL",
    "COMMENT ON TABLE t IS 'x'",
];

#[test]
fn no_statement_that_could_write_runs() {
    let world = World::new("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);");
    let before = world.store.list("").unwrap();
    for statement in STATEMENTS {
        let error = world.ask(statement).expect_err(statement);
        assert!(matches!(error, SqlError::ReadOnly { .. } | SqlError::Syntax { .. }), "{statement}: {error:?}");
        let second = world.ask(&format!("SELECT 1; {statement}")).expect_err(statement);
        assert!(matches!(second, SqlError::ReadOnly { .. } | SqlError::Syntax { .. }), "{statement}: {second:?}");
    }
    assert_eq!(world.store.list("").unwrap(), before);
    assert!(!std::path::Path::new("/tmp/out.csv").exists() && !std::path::Path::new("/tmp/out.parquet").exists());
}

/// What is not a table of a snapshot is not there: no file of the machine, no address.
#[test]
fn nothing_outside_is_read() {
    let world = World::new("CREATE TABLE t (a INTEGER);");
    for name in [
        "'/etc/passwd'",
        "'file:///etc/hosts.csv'",
        "'http://127.0.0.1/x.csv'",
        "\"s3://bucket/x.parquet\"",
        "information_schema.tables",
    ] {
        let error = world.ask(&format!("SELECT * FROM {name}")).expect_err(name);
        assert!(matches!(error, SqlError::Distribute(_) | SqlError::File { .. }), "{name}: {error:?}");
    }
}
