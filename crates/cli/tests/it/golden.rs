//! Repositories that earlier programs wrote, restored by this one.

use crate::world::World;
use rusqlite::Connection;

/// A group of 50 MiB ends where the writer of that time ended it. Today's end earlier, so the proof of the restore meets groups that
/// end elsewhere: the rows are what counts. Written from a table of 8,300 short rows followed by 50 of one MiB.
#[test]
fn a_table_whose_groups_ended_elsewhere_is_restored_and_proven() {
    let world = World::new();
    let golden = datakeep_testkit::crates_folder().join("store/tests/golden/v2-wide-groups/repository");
    let (golden, target) = (golden.to_str().unwrap().to_owned(), world.path("back.db"));
    let to = format!("sqlite:{}", target.display());
    let said = world
        .run_with(&[("DATAKEEP_PASSWORD", "golden"), ("DATAKEEP_REPO", &golden)], &["restore", "wide", "--to", &to]);
    said.expect(0).out_has("8350 rows written").out_has("proven");
    let database = Connection::open(target).unwrap();
    let sql = "SELECT count(*), sum(id), sum(length(body)) FROM t";
    let found = database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let wide: i64 = (8300..8350).map(|id| format!("wide {} ", id - 8300).len() as i64 + (1 << 20)).sum();
    let short: i64 = (0..8300).map(|id| format!("short {id}").len() as i64).sum();
    assert_eq!(found.unwrap(), (8350_i64, (0..8350).sum::<i64>(), wide + short));
}
