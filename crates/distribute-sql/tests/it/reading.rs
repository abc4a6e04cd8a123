//! How little is read.

use crate::world::{World, ask, engine_over, open};
use datakeep_distribute_sql::SqlOptions;
use datakeep_store_blob::RecordStore;

fn number_after(plan: &[String], name: &str) -> u64 {
    let text = plan.join("\n");
    let (_, rest) = text.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn many(window: usize) -> World {
    World::with_window(
        window,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
           INSERT INTO t SELECT i, i * 7919 % 20011, hex(randomblob(80)) FROM n;",
    )
}

#[test]
fn a_key_is_looked_up_in_one_group() {
    let world = many(8);
    let mut engine = world.engine();
    let plan = ask(&mut engine, "EXPLAIN ANALYZE SELECT * FROM t WHERE id = 12345").unwrap();
    assert_eq!(number_after(&plan, "groups_read"), 1, "{plan:?}");
    let range = ask(&mut engine, "EXPLAIN ANALYZE SELECT sum(a) FROM t WHERE id BETWEEN 5000 AND 5010").unwrap();
    assert!(number_after(&range, "groups_read") <= 2, "{range:?}");
    let either = ask(&mut engine, "EXPLAIN ANALYZE SELECT sum(a) FROM t WHERE id = 17 OR id = 19000").unwrap();
    assert!(number_after(&either, "groups_read") <= 2, "{either:?}");
}

/// Bytes of packs of content that are read by a query.
fn content_bytes(world: &World, sql: &str) -> u64 {
    let store = RecordStore::new(world.store.clone(), 0, 1);
    let log = store.log();
    let mut engine = engine_over(open(store), SqlOptions::default());
    log.take();
    ask(&mut engine, sql).unwrap();
    log.take().iter().filter(|call| call.name.starts_with("data/")).map(|call| call.len_bytes).sum()
}

#[test]
fn a_count_reads_no_values_and_a_lookup_few() {
    // Groups of a size that stand by themselves, column by column.
    let world = many(1024);
    let all = content_bytes(&world, "SELECT sum(a), max(b), sum(id) FROM t WHERE a >= 0 AND b <> ''");
    assert_eq!(content_bytes(&world, "SELECT count(*) FROM t"), 0);
    assert_eq!(content_bytes(&world, "SELECT min(id), max(id) FROM t"), 0);
    let one = content_bytes(&world, "SELECT * FROM t WHERE id = 12345");
    assert!(one > 0 && one * 4 < all, "{one} of {all}");
}
