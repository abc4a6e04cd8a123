//! What the writers of played histories back up: a tree of files, and now and then the tables of a database.

use crate::held::Held;
use crate::memory::{self, Tree, directory, file, key};
use crate::support::XorShift;
use crate::tables::making::{append, delete, heavy_of, insert, update};
use crate::tables::source::{Database, Table, database};
use datakeep_testkit::text;

/// How often writers back up tables: of so many backups one. 1: always.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TablesOnceIn(pub u64);

/// The files and the tables of one writer.
pub struct Content {
    tree: Tree,
    database: Database,
}

impl Content {
    /// As it is at first. In long histories a table is wide enough for its changes to be stored as patches.
    pub fn new(is_long: bool, random: &mut XorShift) -> Self {
        let mut keyed = Table::new("keyed", &[("id", "INT"), ("t", "TEXT"), ("n", "INT")], &[0]);
        let mut loose = Table::new("loose", &[("a", "INT"), ("b", "BLOB")], &[]);
        insert(&mut keyed, 12 + random.below(20), random);
        insert(&mut loose, 1 + random.below(9), random);
        let heavy = (is_long && random.below(4) == 0).then(|| heavy_of(80, random));
        Self { tree: some_tree(random), database: database([keyed, loose].into_iter().chain(heavy)) }
    }

    /// Changes it, and says what is backed up next.
    pub fn next(&mut self, TablesOnceIn(times): TablesOnceIn, random: &mut XorShift) -> Held {
        if random.below(times) == 0 {
            change_tables(&mut self.database, random);
            Held::Tables(self.database.clone())
        } else {
            change_files(&mut self.tree, random);
            Held::Files(self.tree.clone())
        }
    }
}

fn some_tree(random: &mut XorShift) -> Tree {
    let mut tree = memory::tree([("d", directory(2))]);
    for number in 0..8 {
        tree.insert(key(&format!("f{number}")), some_file(random));
    }
    tree
}

/// A file whose times say what is in it: runs that share a source must be able to tell their files apart.
fn some_file(random: &mut XorShift) -> memory::Thing {
    let (seed, len) = (random.below(30), 300 + random.below(1200));
    file((len * 30 + seed) as i64, text(seed, len as usize))
}

fn change_files(tree: &mut Tree, random: &mut XorShift) {
    for _ in 0..1 + random.below(4) {
        let name = key(&format!("f{}", random.below(10)));
        match random.below(4) {
            0 => drop(tree.remove(&name)),
            _ => {
                tree.insert(name, some_file(random));
            }
        }
    }
}

fn change_tables(database: &mut Database, random: &mut XorShift) {
    for table in database.values_mut() {
        match random.below(6) {
            0 => {}
            1 => append(table, 1 + random.below(8), random),
            2 => delete(table, 1 + random.below(3), random),
            3 => insert(table, 1 + random.below(3), random),
            _ => update(table, 1 + random.below(3), random),
        }
    }
}
