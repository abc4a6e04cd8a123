//! Reads the rows of a table, and hands them to workers group by group.

use super::{Coordinator, Pending, TableEnd};
use crate::error::EngineError;
use crate::tables::before::{WasGroups, WasTable};
use crate::tables::columns::{Inherited, inherit};
use crate::tables::grouper::{Group, Grouper, window_for};
use crate::tables::measure::len_bytes;
use crate::tables::stored::{self};
use crate::tables::worker::{GroupJob, TableWork, level_of};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{TableInfo, TableSource};
use datakeep_model::{ErrorKind, Event};
use datakeep_process_table::aside::Aside;
use datakeep_process_table::describe::group_key;
use datakeep_process_table::{Layout, MAX_WINDOW, TableDescription, chunk, join};
use datakeep_store::StoreError;
use std::collections::VecDeque;
use std::sync::Arc;

/// Groups that wait for a worker, at most, while another is made: each may be some 25 MiB long.
const MAX_WAITING_GROUPS: usize = 1;

impl<'r> Coordinator<'r, '_> {
    pub(super) fn table(&mut self, source: &mut dyn TableSource, info: &TableInfo) -> Result<(), EngineError> {
        let was = match self.parent.as_mut().map(|parent| parent.table(info)) {
            Some(was) => self.as_hint(was)?.flatten(),
            None => None,
        };
        let (was, was_statistics, was_entry) = match was {
            Some(WasTable { table, statistics, entry }) => (Some(table), statistics, Some(entry)),
            None => (None, Vec::new(), None),
        };
        let keeps_types = self.run.original.is_none();
        let Inherited { info, numbers, next_number, layouts } = inherit(info.clone(), was.as_ref(), keeps_types);
        let mut was_groups = self.groups_before(&info, was.as_ref())?;
        let mut rows = source.rows(&info)?;
        let mut first = rows.next_batch()?;
        let window = match (&was, self.run.options.group_window, &first) {
            // Of a table without rows nobody knew how wide they would be.
            (Some(was), ..) if was.rows > 0 => was.window as usize,
            (_, Some(window), _) => window.clamp(1, MAX_WINDOW),
            (_, None, Some(batch)) => window_for(len_bytes(batch) / batch.rows().max(1)),
            (_, None, None) => window_for(1),
        };
        let mut grouper = Grouper::new(self.hasher, &info, &numbers, window);
        let mut work: Option<Arc<TableWork>> = None;
        let work_of = |layouts: Vec<Layout>| {
            let types = info.columns.iter().map(|column| column.data_type.clone());
            let types: Vec<_> = numbers.iter().copied().zip(types).collect();
            let is_patchable = was.as_ref().is_some_and(|was| stored::types(was) == types);
            Arc::new(TableWork { info: info.clone(), numbers: numbers.clone(), layouts, types, is_patchable })
        };
        let (hasher, most_inline) = (self.hasher, self.run.options.most_inline_len_bytes);
        let make = |group: &mut Group| -> Result<Arc<TableWork>, EngineError> {
            let rows = join(std::mem::take(&mut group.batches)).map_err(|error| not_encodable(&error))?;
            let aside = Aside::of(&rows, &info.key, most_inline, hasher).map_err(|error| not_encodable(&error))?;
            let work = work_of(choose_layouts(&layouts, aside.rows())?);
            group.batches.push(rows);
            Ok(work)
        };
        while let Some(batch) = first.take().map_or_else(|| rows.next_batch(), |batch| Ok(Some(batch)))? {
            let read = batch.rows() as u64;
            for mut group in grouper.push(batch)? {
                let work = match &work {
                    Some(work) => work,
                    None => work.insert(make(&mut group)?),
                };
                self.group(work.clone(), (group, false), was_groups.as_mut())?;
            }
            self.run.context.observer.observe(&Event::Progress { items: read, bytes: 0 });
            self.take_answers(false)?;
            self.settle()?;
            self.check_cancelled()?;
        }
        drop(rows);
        if let Some(mut group) = grouper.finish() {
            let work = match &work {
                Some(work) => work,
                None => work.insert(make(&mut group)?),
            };
            self.group(work.clone(), (group, true), was_groups.as_mut())?;
        }
        let knows_all = match was_groups {
            Some(groups) => self.as_hint(groups.finish())?.unwrap_or(false),
            None => was.is_none(),
        };
        let work =
            work.unwrap_or_else(|| work_of(layouts.iter().map(|layout| layout.unwrap_or(Layout::Plain)).collect()));
        self.pending.push_back(Pending::Table(Box::new(TableEnd {
            work,
            next_number,
            window,
            was,
            was_entry,
            was_statistics,
            knows_all,
        })));
        Ok(())
    }

    fn groups_before(
        &mut self,
        info: &TableInfo,
        was: Option<&TableDescription>,
    ) -> Result<Option<WasGroups<'r>>, EngineError> {
        let (Some(parent), Some(was)) = (&mut self.parent, was) else { return Ok(None) };
        let groups = parent.groups(info, was);
        Ok(self.as_hint(groups)?.flatten())
    }

    fn group(
        &mut self,
        table: Arc<TableWork>,
        (group, is_last): (Group, bool),
        was: Option<&mut WasGroups<'r>>,
    ) -> Result<(), EngineError> {
        while self.queue.waiting() > MAX_WAITING_GROUPS {
            self.wait()?;
            self.settle()?;
            self.check_cancelled()?;
        }
        let (entries, is_aligned) = match was {
            Some(groups) => match self.as_hint(groups.of(&group, is_last))? {
                Some(found) => found,
                None => groups.give_up(),
            },
            None => (Vec::new(), true),
        };
        let (wanted, mut was) = (entries.len(), VecDeque::new());
        for entry in entries {
            let Some(stored) = self.parent.as_mut().map(|parent| parent.group(entry)) else { break };
            let Some(stored) = self.as_hint(stored)? else { break };
            was.push_back(stored);
        }
        let is_aligned = is_aligned && was.len() == wanted;
        let key = group_key(&table.info.name, &group.order);
        let number = self.first + self.pending.len() as u64;
        self.pending.push_back(Pending::Group { key, result: None });
        self.queue.push(GroupJob { number, table, group, was, is_aligned });
        self.outstanding += 1;
        self.flush_asked = false;
        Ok(())
    }

    /// The snapshot before is a hint: where it cannot be understood, rows are stored as if they were new.
    pub(super) fn as_hint<T>(&self, read: Result<T, StoreError>) -> Result<Option<T>, EngineError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Incompatible) => {
                let text = format!("the previous snapshot is damaged: {error}; what it says of these rows is not used");
                self.run.context.observer.observe(&Event::Warning(&text));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn not_encodable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Usage { detail: format!("rows cannot be encoded: {error}") }
}

/// How columns are written: as before, or as suits the rows of the first group.
fn choose_layouts(known: &[Option<Layout>], rows: &RowBatch) -> Result<Vec<Layout>, EngineError> {
    let choose = |(column, known): (&datakeep_connector::rows::Column, &Option<Layout>)| match known {
        Some(layout) => Ok(*layout),
        None => chunk::choose(column.values(), level_of(column.values().data_type()))
            .map_err(|error| not_encodable(&error).into()),
    };
    rows.columns().iter().zip(known).map(choose).collect()
}
