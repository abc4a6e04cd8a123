//! A connection as plain calls that block: the driver is asynchronous, and its runtime is the connection's own.

use crate::fault::{Side, server_error, system_error};
use crate::location::Location;
use crate::socket::{self, Unreached};
use crate::tls::Tls;
use bytes::Bytes;
use datakeep_connector::ConnectorError;
use futures::{SinkExt, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, CopyInSink, CopyOutStream, SimpleQueryMessage};

/// A row of an answer, every value as the text that the server writes.
pub(crate) type TextRow = Vec<Option<String>>;

/// A session on a server. Its calls block; whoever shares it must not call it from two threads at once within one transaction.
pub(crate) struct Connection {
    // The client goes before the runtime that serves it.
    client: Client,
    runtime: Runtime,
    side: Side,
    place: String,
}

impl Connection {
    /// Connects.
    pub fn open(side: Side, location: &Location) -> Result<Arc<Self>, ConnectorError> {
        let (config, tls, place) = (location.config()?, Tls::new(location)?, location.shown());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            ConnectorError::new(side.kind(), format!("cannot connect to {place}: no runtime: {error}"))
        })?;
        let client = runtime.block_on(socket::connect(&config, &tls)).map_err(|error| {
            let what = "cannot connect to";
            match error {
                Unreached::Server(error) => server_error(side, what, &place, &error),
                Unreached::System(error) => system_error(side, what, &place, &error),
            }
        })?;
        Ok(Arc::new(Self { client, runtime, side, place }))
    }

    /// The database as people may see it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The error of a call that failed while doing `what` (`cannot read the catalogue of`).
    pub fn fault(&self, what: &str, error: &tokio_postgres::Error) -> ConnectorError {
        server_error(self.side, what, &self.place, error)
    }

    /// Runs statements whose answers nobody needs.
    pub fn run(&self, what: &str, sql: &str) -> Result<(), ConnectorError> {
        self.try_run(sql).map_err(|error| self.fault(what, &error))
    }

    /// Runs statements, and leaves it to the caller to word an error.
    pub fn try_run(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    /// The rows of a statement as texts.
    pub fn rows(&self, what: &str, sql: &str) -> Result<Vec<TextRow>, ConnectorError> {
        self.try_rows(sql).map_err(|error| self.fault(what, &error))
    }

    /// The rows of a statement as texts; an error is left to the caller to word.
    pub fn try_rows(&self, sql: &str) -> Result<Vec<TextRow>, tokio_postgres::Error> {
        let messages = self.runtime.block_on(self.client.simple_query(sql))?;
        let mut rows = Vec::new();
        for message in &messages {
            if let SimpleQueryMessage::Row(row) = message {
                let value = |place| row.try_get(place).map(|value| value.map(str::to_owned));
                rows.push((0..row.len()).map(value).collect::<Result<TextRow, _>>()?);
            }
        }
        Ok(rows)
    }

    /// The names of the columns that a statement answers with. Several statements in one are refused by the server.
    pub fn columns(&self, what: &str, sql: &str) -> Result<Vec<String>, ConnectorError> {
        let prepared = self.runtime.block_on(self.client.prepare(sql)).map_err(|error| self.fault(what, &error))?;
        Ok(prepared.columns().iter().map(|column| column.name().to_owned()).collect())
    }

    /// The one value of a statement's one row; empty when there is none or it is null.
    pub fn value(&self, what: &str, sql: &str) -> Result<String, ConnectorError> {
        let first = self.rows(what, sql)?.into_iter().next();
        Ok(first.and_then(|row| row.into_iter().next()).flatten().unwrap_or_default())
    }

    /// Begins a `COPY ... TO STDOUT`.
    pub fn copy_out(&self, what: &str, sql: &str) -> Result<CopyOut<'_>, ConnectorError> {
        let stream = self.runtime.block_on(self.client.copy_out(sql)).map_err(|error| self.fault(what, &error))?;
        Ok(CopyOut { connection: self, stream: Box::pin(stream) })
    }

    /// Begins a `COPY ... FROM STDIN`; an error is left to the caller to word.
    pub fn copy_in(self: &Arc<Self>, sql: &str) -> Result<CopyIn, tokio_postgres::Error> {
        let sink = self.runtime.block_on(self.client.copy_in(sql))?;
        Ok(CopyIn { connection: Arc::clone(self), sink: Box::pin(sink) })
    }

    /// The server's version as a number (`150014`).
    pub fn version(&self) -> Result<u32, ConnectorError> {
        let text = self.value("cannot ask the version of", "SHOW server_version_num")?;
        Ok(text.parse().unwrap_or_default())
    }
}

/// What a `COPY ... TO STDOUT` gives.
pub(crate) struct CopyOut<'c> {
    connection: &'c Connection,
    stream: Pin<Box<CopyOutStream>>,
}

impl CopyOut<'_> {
    /// Hands messages to `take` until it has enough (false) or they end. True when there are more.
    pub fn read(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> Result<bool, tokio_postgres::Error> {
        let stream = &mut self.stream;
        self.connection.runtime.block_on(async {
            while let Some(message) = stream.next().await {
                if !take(&message?) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }
}

/// What a `COPY ... FROM STDIN` takes. Dropped before its end, it takes back all that was written.
pub(crate) struct CopyIn {
    connection: Arc<Connection>,
    sink: Pin<Box<CopyInSink<Bytes>>>,
}

impl CopyIn {
    /// Writes bytes: better many at once than few.
    pub fn write(&mut self, bytes: Bytes) -> Result<(), tokio_postgres::Error> {
        self.connection.runtime.block_on(self.sink.send(bytes))
    }

    /// Ends it; the number of rows that were written.
    pub fn finish(mut self) -> Result<u64, tokio_postgres::Error> {
        self.connection.runtime.block_on(self.sink.as_mut().finish())
    }
}
