//! The part of the demo that is about a database.

use super::{Demo, text};
use crate::errors::Failure;
use crate::sizes;
use crate::words::tr;
use datakeep_model::Snapshot;
use datakeep_source_sqlite::run_script;
use std::path::Path;

/// Orders of the example.
const ORDERS: u64 = 40_000;

/// A shop with customers and orders, an index and a view.
fn build(path: &Path) -> Result<(), Failure> {
    let statements = format!(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, since TEXT);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id),
                              state TEXT NOT NULL, price NUMERIC, placed TEXT, note TEXT);
         CREATE INDEX orders_by_customer ON orders (customer);
         CREATE VIEW open_orders AS SELECT * FROM orders WHERE state = 'open';
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
           INSERT INTO customers SELECT i, 'Customer ' || i, CASE i % 5 WHEN 0 THEN 'Shanghai' WHEN 1 THEN 'Berlin'
             WHEN 2 THEN 'Lyon' WHEN 3 THEN NULL ELSE '北京' END, date('2020-01-01', '+' || i || ' days') FROM n;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ORDERS})
           INSERT INTO orders SELECT i, 1 + i * 7919 % 2000, CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'paid' ELSE 'sent' END,
             i * 31 % 9973 / 100.0, date('2026-01-01', '+' || (i / 200) || ' days'), NULL FROM n;"
    );
    Ok(run_script(path, &statements)?)
}

/// A day's work, and a mistake in it.
fn change(path: &Path) -> Result<(), Failure> {
    let statements = "
        INSERT INTO orders (customer, state, price, placed, note) VALUES (17, 'open', 42.5, '2026-08-01', 'call first');
        UPDATE orders SET state = 'sent' WHERE state = 'paid' AND id % 100 = 1;
        DELETE FROM orders WHERE id IN (5, 500, 5000);
        ALTER TABLE customers ADD COLUMN vip INTEGER;
        UPDATE orders SET price = 0 WHERE customer = 80;";
    Ok(run_script(path, statements)?)
}

impl Demo<'_> {
    /// A database is captured twice as typed rows, looked into, and one table put back and proven.
    pub(super) fn database(&mut self) -> Result<(), Failure> {
        self.title(tr!("6. A database: captured as tables, not as a file", "6. 数据库：按表备份，而不只是文件"))?;
        let path = self.folder.join("shop.db");
        let (shown, orders) = (path.display(), sizes::count(ORDERS));
        build(&path)?;
        self.app.out.say(tr!("{shown}: customers, and {orders} orders", "{shown}：客户，以及 {orders} 个订单"))?;
        let location = format!("sqlite:{}", text(&path));
        self.step(&["backup", &location])?;
        self.app.out.say(tr!(
            "changed: an order added, some sent, three deleted, a column added - and by mistake all prices of one customer set to 0",
            "改动：新增一个订单，若干发货，删除三个，新增一列——并误将某客户的所有价格改为 0"
        ))?;
        change(&path)?;
        self.step(&["backup", &location])?;
        self.step(&["show", "shop"])?;
        self.step(&["ls", "shop:orders"])?;
        let before = self.first_of("shop")?;
        self.step(&["diff", &before, "shop", "--stat"])?;
        self.step(&["rows", "shop:orders", "--key", "641", "--history"])?;
        self.questions(&before)?;
        let to = format!("sqlite:{}", text(&self.folder.join("recovered.db")));
        // The command itself captures what it wrote again and compares: a difference is a failure.
        self.step(&["restore", &format!("{before}:orders"), "--to", &to])
    }

    /// Questions to both snapshots, answered with no restore.
    #[cfg(feature = "sql")]
    fn questions(&mut self, before: &str) -> Result<(), Failure> {
        self.step(&[
            "sql",
            "SELECT state, count(*) AS orders, round(sum(price), 2) AS sum FROM orders GROUP BY state ORDER BY state",
        ])?;
        let lost = format!(
            "SELECT c.name, count(*) AS orders, round(sum(was.price), 2) AS lost \
             FROM \"{before}\".orders was JOIN orders now USING (id) JOIN customers c ON c.id = was.customer \
             WHERE now.price = 0 AND was.price <> 0 GROUP BY c.name"
        );
        self.step(&["sql", &lost])
    }

    #[cfg(not(feature = "sql"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the engine")]
    fn questions(&mut self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn first_of(&self, source: &str) -> Result<String, Failure> {
        let snapshots = self.snapshots()?;
        let first = snapshots.iter().find(|snapshot: &&Snapshot| snapshot.source.name == source);
        Ok(first.map(|snapshot| snapshot.id.short()).unwrap_or_default())
    }
}
