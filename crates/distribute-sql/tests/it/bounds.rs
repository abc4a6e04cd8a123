//! Memory, time, stopping, and what cannot be.

use crate::world::{World, ask};
use datakeep_connector::Cancel;
use datakeep_distribute::DistributeError;
use datakeep_distribute_sql::{SqlError, SqlOptions};
use std::time::Duration;

fn numbers() -> World {
    World::new(
        "CREATE TABLE numbers (n INTEGER PRIMARY KEY, t TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
           INSERT INTO numbers SELECT i, hex(randomblob(200)) FROM n;",
    )
}

#[test]
fn a_query_ends_at_its_memory() {
    let world = numbers();
    let mut engine = world.engine_with(SqlOptions { memory_bytes: 2 << 20, ..SqlOptions::default() });
    let error =
        ask(&mut engine, "SELECT a.t, b.t FROM numbers a JOIN numbers b ON a.t = b.t ORDER BY a.t").unwrap_err();
    assert!(matches!(error, SqlError::Memory { limit_bytes, .. } if limit_bytes == 2 << 20), "{error:?}");
    assert_eq!(ask(&mut engine, "SELECT count(*) FROM numbers WHERE n > 5").unwrap(), ["19995"], "the next one runs");
}

#[test]
fn a_query_ends_at_its_time() {
    let world = numbers();
    let mut engine =
        world.engine_with(SqlOptions { deadline: Some(Duration::from_millis(1)), ..SqlOptions::default() });
    let endless = "SELECT count(*) FROM numbers a CROSS JOIN numbers b CROSS JOIN numbers c WHERE a.n + b.n + c.n = 7";
    let error = ask(&mut engine, endless).unwrap_err();
    assert!(matches!(error, SqlError::Deadline { .. }), "{error:?}");
}

#[test]
fn a_query_can_be_stopped() {
    let world = numbers();
    let mut engine = world.engine();
    let cancel = Cancel::new();
    let sql = "SELECT a.n FROM numbers a CROSS JOIN numbers b";
    let statement = engine.parse(sql).unwrap().pop().unwrap();
    let mut answer = engine.run(statement, &cancel).unwrap().unwrap();
    assert!(answer.next_batch().unwrap().is_some());
    cancel.cancel();
    assert!(matches!(answer.next_batch(), Err(SqlError::Cancelled)));
}

#[test]
fn what_cannot_be_is_told_by_name() {
    let world = numbers();
    let ask = |sql: &str| world.ask(sql).unwrap_err();
    assert!(matches!(ask(""), SqlError::Empty));
    assert!(matches!(ask("SELEC 1"), SqlError::Syntax { at: Some((1, _)), .. }));
    assert!(matches!(ask("SELECT 1 +\n  FROM numbers WHERE"), SqlError::Syntax { .. }));
    let near = |error: SqlError| match error {
        SqlError::Distribute(DistributeError::NotFound { near, .. }) => near,
        SqlError::UnknownColumn { near, .. } => near,
        other => panic!("{other:?}"),
    };
    assert_eq!(near(ask("SELECT * FROM nubmers")).as_deref(), Some("numbers"));
    assert_eq!(near(ask("SELECT nn FROM numbers")).as_deref(), Some("n"));
    assert_eq!(near(ask("SELECT * FROM datakeep.snapshot")).as_deref(), Some("datakeep.snapshots"));
    assert_eq!(near(ask("SELECT * FROM shp.numbers")).as_deref(), Some("shop@latest").or(None).map(|_| "shop"));
    assert!(matches!(ask("SELECT unheard_of(n) FROM numbers"), SqlError::Plan(_)));
    assert!(matches!(ask("SELECT n / 0 FROM numbers"), SqlError::Value(_)));
    assert!(matches!(ask("SELECT * FROM 'nothing.csv'"), SqlError::Distribute(_)));
    let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(ask(&deep), SqlError::Syntax { .. } | SqlError::Plan(_)));
}

#[test]
fn a_part_that_gives_up_is_no_end_of_the_answer() {
    let world = World::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);");
    let query = "SELECT id AS s FROM t UNION ALL \
        SELECT approx_percentile_cont(0.5, 4611686018427387904) WITHIN GROUP (ORDER BY id) FROM t";
    let error = world.ask(query).unwrap_err();
    assert!(matches!(&error, SqlError::Engine(words) if words.contains("no answer is complete")), "{error}");
}

#[test]
fn long_expressions_are_run_or_refused() {
    let world = World::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);");
    let ors = |count: usize| {
        let all: Vec<String> = (0..count).map(|n| format!("id = {}", n % 7 + 2)).collect();
        format!("SELECT count(*) FROM t WHERE {}", all.join(" OR "))
    };
    assert_eq!(world.ask(&ors(2000)).unwrap(), ["2"]);
    let error = world.ask(&ors(20_000)).unwrap_err();
    assert!(matches!(&error, SqlError::Plan(words) if words.contains("4000 operators")), "{error}");
    let error = world.ask("SELECT count(*) FROM t TABLESAMPLE BERNOULLI (1)").unwrap_err();
    assert!(error.to_string().contains("TABLESAMPLE"), "{error}");
    assert_eq!(world.ask("SELECT now() IS NOT NULL").unwrap(), ["true"]);
}
