//! Rows of a table as batches.

use super::catalog::{RawColumn, RawTable};
use super::decode::{Building, Decoder, Form, Malformed};
use super::key::{self, KeyColumn};
use crate::connect::{Connection, CopyOut};
use crate::extension;
use crate::fault::out_of_order;
use crate::schema::shown_name;
use crate::sql::{qualified, quoted};
use datakeep_connector::rows::RowBatch;
use datakeep_connector::{ColumnInfo, ConnectorError, RowStream, TableInfo, TableName};
use datakeep_model::{ErrorKind, escape_for_terminal};

/// Reads a table from first to last.
pub(crate) struct TableStream<'c> {
    connection: &'c Connection,
    copy: CopyOut<'c>,
    decoder: Decoder,
    name: TableName,
    /// Rows read so far.
    rows: u64,
    /// All messages were read.
    is_read: bool,
    is_done: bool,
}

/// A column as it is asked for: what is selected, and the form in which that travels.
struct Asked {
    expression: String,
    form: Form,
    is_typed: bool,
}

impl Asked {
    fn of(raw: &RawColumn, info: &ColumnInfo) -> Self {
        match Form::of(raw.lane, &info.data_type) {
            Some(form) => Self { expression: format!("t.{}", quoted(&raw.name)), form, is_typed: true },
            None => Self { expression: raw.written(), form: Form::of_written(&info.data_type), is_typed: false },
        }
    }
}

impl<'c> TableStream<'c> {
    /// Asks for the rows. Of some types of keys the server is asked first whether they hold values out of order.
    pub fn start(
        connection: &'c Connection,
        table: &TableInfo,
        raw: &RawTable,
        encoding: &str,
    ) -> Result<Self, ConnectorError> {
        let asked = asked(table, raw)?;
        let building = |(asked, info): (&Asked, &ColumnInfo)| Building::new(asked.form, &info.data_type);
        let columns = asked.iter().zip(&table.columns).map(building).collect::<Option<Vec<_>>>();
        let columns = columns.ok_or_else(|| out_of_order("a column was given a type that no value of it has"))?;
        let order = order(connection, table, raw, &asked, encoding)?;
        let sql = select(table, &asked, &order);
        let what = format!("cannot read table {} of", shown(&table.name));
        let copy = connection.copy_out(&what, &format!("COPY ({sql}) TO STDOUT (FORMAT binary)"))?;
        let decoder = Decoder::new(columns);
        Ok(Self { connection, copy, decoder, name: table.name.clone(), rows: 0, is_read: false, is_done: false })
    }

    fn fill(&mut self) -> Result<(), ConnectorError> {
        let mut malformed = None;
        let decoder = &mut self.decoder;
        let mut take = |taken: Result<bool, Malformed>| match taken {
            Ok(has_room) => has_room,
            Err(error) => {
                malformed = Some(error);
                false
            }
        };
        let read = match take(decoder.resume()) {
            true if self.is_read => Ok(false),
            true => self.copy.read(|message| take(decoder.take(message))),
            false => Ok(true),
        };
        let what = || format!("cannot read table {} after {} rows of", shown(&self.name), self.rows);
        if let Some(Malformed(reason)) = malformed {
            let message =
                format!("{} {}: what the server sent is not understood: {reason}", what(), self.connection.place());
            return Err(ConnectorError::new(ErrorKind::Source, message)
                .with_hint("run it again; where it stays, the table and the server's version are worth a report"));
        }
        let has_more = read.map_err(|error| self.connection.fault(&what(), &error))?;
        self.is_read |= !has_more;
        if self.is_read && !self.decoder.has_left() {
            self.is_done = true;
            if !self.decoder.is_at_end() {
                let message = format!("{} {}: the rows ended too soon", what(), self.connection.place());
                return Err(ConnectorError::new(ErrorKind::Source, message).with_hint("run it again"));
            }
        }
        Ok(())
    }
}

impl RowStream for TableStream<'_> {
    fn next_batch(&mut self) -> Result<Option<RowBatch>, ConnectorError> {
        if self.is_done {
            return Ok(None);
        }
        if let Err(error) = self.fill() {
            self.is_done = true;
            return Err(error);
        }
        let batch = self.decoder.finish_batch().map_err(|error| out_of_order(&error.to_string()))?;
        self.rows += batch.as_ref().map_or(0, |batch| batch.rows() as u64);
        Ok(batch)
    }
}

fn shown(name: &TableName) -> String {
    escape_for_terminal(shown_name(&name.schema, &name.table).as_bytes())
}

/// What is asked for each column. A table without columns is asked for a truth per row.
fn asked(table: &TableInfo, raw: &RawTable) -> Result<Vec<Asked>, ConnectorError> {
    if raw.columns.is_empty() && table.columns.len() == 1 {
        return Ok(vec![Asked { expression: "true".to_owned(), form: Form::Bool, is_typed: true }]);
    }
    let one = |info: &ColumnInfo| {
        let raw = raw.columns.iter().find(|raw| raw.name == info.name)?;
        Some(Asked::of(raw, info))
    };
    let asked: Option<Vec<_>> = table.columns.iter().map(one).collect();
    asked.ok_or_else(|| out_of_order("rows were asked for columns that are not there"))
}

fn order(
    connection: &Connection,
    table: &TableInfo,
    raw: &RawTable,
    asked: &[Asked],
    encoding: &str,
) -> Result<Vec<String>, ConnectorError> {
    let column = |place: &usize| {
        let (info, asked) = (table.columns.get(*place)?, asked.get(*place)?);
        let raw = raw.columns.iter().find(|raw| raw.name == info.name)?;
        Some(KeyColumn { raw, expression: &asked.expression, is_typed: asked.is_typed })
    };
    let columns: Vec<_> = table.key.iter().filter_map(column).collect();
    key::order(connection, &table.name, &columns, encoding)
}

fn select(table: &TableInfo, asked: &[Asked], order: &[String]) -> String {
    let columns: Vec<_> = asked.iter().map(|asked| asked.expression.as_str()).collect();
    let condition = extension::added(table).map(|condition| format!(" {condition}")).unwrap_or_default();
    let table = qualified(&table.name.schema, &table.name.table);
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    format!("SELECT {} FROM ONLY {table} t{condition}{order}", columns.join(", "))
}
