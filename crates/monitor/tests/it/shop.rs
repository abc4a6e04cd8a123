//! A source that is well, to be made worse by each test.

use datakeep_monitor::{Backup, EndedRun, Look, Named, Outcome, Protection, RepositoryFacts, TableFacts};

pub const NOW_S: i64 = 1_796_000_000;
pub const DAY_S: i64 = 86_400;

pub fn named(id: &str, name: &str) -> Named {
    Named { id: id.into(), name: name.into() }
}

pub fn tables(rows: u64) -> Option<Vec<TableFacts>> {
    Some(vec![
        TableFacts { name: "app.orders".into(), rows, columns: 7 },
        TableFacts { name: "app.users".into(), rows: 500, columns: 3 },
    ])
}

pub fn backup(day: i64, rows: u64) -> Backup {
    Backup {
        run: format!("run{day}"),
        finished_s: NOW_S - day * DAY_S - 1000,
        duration_ms: 1234,
        len_bytes: 9 << 30,
        read_bytes: 8 << 30,
        new_bytes: 3 << 20,
        stored_bytes: 1 << 20,
        items_lost: 0,
        tables: tables(rows),
    }
}

pub fn ended(outcome: Outcome, code: &str) -> EndedRun {
    EndedRun {
        id: "run0".into(),
        kind: "backup".into(),
        outcome,
        code: code.into(),
        message: "the server refused the connection".into(),
        finished_s: NOW_S - 1000,
    }
}

pub fn well() -> Look {
    let protection = Protection {
        policy: named("p1", "gold"),
        source: named("s1", "shop"),
        repository: named("r1", "main"),
        since_s: NOW_S - 60 * DAY_S,
        rpo_s: Some(90_000),
        newest_s: Some(NOW_S - 2000),
        overdue_since_s: None,
        expected_interval_s: Some(DAY_S),
        last: Some(ended(Outcome::Complete, "ok")),
        failures: 0,
        history: (0..10).map(|day| backup(day, 1000 + day as u64 % 3)).collect(),
        drilled_s: Some(NOW_S - 5 * DAY_S),
    };
    let repository = RepositoryFacts {
        repository: named("r1", "main"),
        since_s: NOW_S - 60 * DAY_S,
        proven_s: Some(NOW_S - 20 * DAY_S),
        stored: Some((50 << 30, NOW_S - DAY_S)),
        work: vec![],
    };
    Look { now_s: NOW_S, protections: vec![protection], repositories: vec![repository] }
}
