//! Sessions that make what takes long beside the one that writes rows: indexes and keys of tables that have theirs, foreign keys,
//! statistics.

use super::losses::Losses;
use super::make::Maker;
use super::session::Beside;
use crate::schema::tokens::tokens;
use crate::schema::{kind, shown_name};
use datakeep_connector::{ConnectorError, SchemaObject};
use datakeep_model::ErrorKind;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Sessions at most, however many processors this machine has: the server's are others.
const SESSIONS_MAX: usize = 4;

/// Something to be made, and the tables it locks.
struct Task {
    object: SchemaObject,
    tables: Vec<String>,
    /// Others of its kind may be made on the same table at the same time.
    is_shared: bool,
}

impl Task {
    fn of(object: SchemaObject) -> Self {
        let mut tables = vec![object.table.clone()];
        if object.kind == "FK CONSTRAINT" {
            tables.extend(referenced(&object.sql));
        }
        let is_shared = object.kind == "INDEX";
        Self { object, tables, is_shared }
    }
}

/// The table that a foreign key refers to.
fn referenced(sql: &str) -> Option<String> {
    let places = tokens(sql);
    let at = places.iter().position(|place| place.is_word(sql, "REFERENCES"))?;
    Some(shown_name(&places.get(at + 1)?.name(sql)?, &places.get(at + 3)?.name(sql)?))
}

/// Who uses a table now.
#[derive(Default)]
struct Use {
    shared: usize,
    is_exclusive: bool,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    in_use: BTreeMap<String, Use>,
    running: usize,
    is_closed: bool,
    fault: Option<ConnectorError>,
    outcomes: Vec<(Losses, Vec<String>)>,
}

impl Queue {
    /// The first task whose tables are free.
    fn take(&mut self) -> Option<Task> {
        let is_free = |task: &Task| {
            task.tables.iter().all(|table| match self.in_use.get(table) {
                Some(used) => task.is_shared && !used.is_exclusive,
                None => true,
            })
        };
        let at = self.waiting.iter().position(is_free)?;
        let task = self.waiting.remove(at)?;
        for table in &task.tables {
            let used = self.in_use.entry(table.clone()).or_default();
            if task.is_shared { used.shared += 1 } else { used.is_exclusive = true }
        }
        self.running += 1;
        Some(task)
    }

    fn give_back(&mut self, task: &Task) {
        self.running -= 1;
        for table in &task.tables {
            if let Some(used) = self.in_use.get_mut(table) {
                used.shared = used.shared.saturating_sub(1);
                if used.shared == 0 {
                    self.in_use.remove(table);
                }
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    change: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, objects: impl IntoIterator<Item = SchemaObject>) {
        self.queue().waiting.extend(objects.into_iter().map(Task::of));
        self.change.notify_all();
    }

    /// The next task; `None` when there will be none.
    fn next(&self) -> Option<Task> {
        let mut queue = self.queue();
        loop {
            if queue.fault.is_some() || queue.is_closed && queue.waiting.is_empty() {
                return None;
            }
            match queue.take() {
                Some(task) => return Some(task),
                None => queue = self.change.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Gives work to a crew.
#[derive(Clone)]
pub(crate) struct Giver(Arc<Shared>);

impl Giver {
    /// Objects to be made when somebody is free, in any order.
    pub fn give(&self, objects: impl IntoIterator<Item = SchemaObject>) {
        self.0.give(objects);
    }
}

/// Sessions at work. Dropped, they stop after what each of them is making.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Opens sessions on the database, as many as there are processors.
    pub fn open(beside: &Beside) -> Result<Self, ConnectorError> {
        let count = std::thread::available_parallelism().map_or(1, |count| count.get().min(SESSIONS_MAX));
        let mut crew = Self { shared: Arc::default(), threads: Vec::new() };
        for number in 0..count {
            let (maker, shared) = (Maker::new(beside.open()?)?, Arc::clone(&crew.shared));
            let thread = std::thread::Builder::new().name(format!("make-{number}"));
            let failed =
                |error| ConnectorError::new(ErrorKind::Internal, format!("no thread to make indexes: {error}"));
            crew.threads.push(thread.spawn(move || work(&shared, maker)).map_err(failed)?);
        }
        Ok(crew)
    }

    /// Objects to be made when somebody is free, in any order.
    pub fn give(&self, objects: impl IntoIterator<Item = SchemaObject>) {
        self.shared.give(objects);
    }

    /// For others who give.
    pub fn giver(&self) -> Giver {
        Giver(Arc::clone(&self.shared))
    }

    /// Waits until all that was given is made.
    pub fn wait(&self) -> Result<(), ConnectorError> {
        let mut queue = self.shared.queue();
        while queue.fault.is_none() && (queue.running > 0 || !queue.waiting.is_empty()) {
            queue = self.shared.change.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.fault.take().map_or(Ok(()), Err)
    }

    /// Sends everybody home; what they lost and what they tell.
    pub fn end(mut self) -> Result<Vec<(Losses, Vec<String>)>, ConnectorError> {
        self.wait()?;
        self.leave();
        Ok(std::mem::take(&mut self.shared.queue().outcomes))
    }

    fn leave(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.is_closed = true;
            queue.waiting.clear();
        }
        self.shared.change.notify_all();
        for thread in self.threads.drain(..) {
            // One that broke down has told so.
            let _ = thread.join();
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.leave();
    }
}

fn work(shared: &Shared, mut maker: Maker) {
    while let Some(task) = shared.next() {
        let made = one(&mut maker, &task.object);
        let mut queue = shared.queue();
        queue.give_back(&task);
        if let Err(error) = made {
            queue.fault.get_or_insert(error);
        }
        drop(queue);
        shared.change.notify_all();
    }
    shared.queue().outcomes.push((maker.losses, maker.told));
}

fn one(maker: &mut Maker, object: &SchemaObject) -> Result<(), ConnectorError> {
    let what = "cannot make what belongs to tables in";
    maker.connection.run(what, "BEGIN")?;
    if object.kind == kind::ANALYZE {
        // It is no loss where statistics cannot be had: the server gathers them by and by.
        let _ = maker.try_in_part(&object.sql)?;
    } else {
        maker.make(object)?;
    }
    maker.connection.run(what, "COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, table: &str, sql: &str) -> SchemaObject {
        SchemaObject { kind: kind.into(), name: sql.into(), table: table.into(), sql: sql.into() }
    }

    #[test]
    fn nothing_waits_for_a_table_that_another_holds() {
        let mut queue = Queue::default();
        let key = "ALTER TABLE ONLY a.t ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES a.\"U\"(id);";
        let objects = [
            object("CONSTRAINT", "a.t", "key"),
            object("INDEX", "a.t", "one"),
            object("FK CONSTRAINT", "a.t", key),
            object("INDEX", "a.\"U\"", "two"),
            object("INDEX", "a.\"U\"", "three"),
        ];
        queue.waiting.extend(objects.into_iter().map(Task::of));
        let first = queue.take().expect("free");
        let (second, third) = (queue.take().expect("free"), queue.take().expect("shared"));
        let names = [&first, &second, &third].map(|task| task.object.sql.as_str());
        assert_eq!(names, ["key", "two", "three"]);
        assert!(queue.take().is_none());
        queue.give_back(&first);
        let index = queue.take().expect("its table is free");
        assert_eq!(index.object.sql, "one");
        queue.give_back(&second);
        queue.give_back(&index);
        assert!(queue.take().is_none(), "one of its tables is in use");
        queue.give_back(&third);
        assert_eq!(queue.take().map(|task| task.object.sql).as_deref(), Some(key));
        assert_eq!((queue.running, queue.waiting.len()), (1, 0));
    }
}
