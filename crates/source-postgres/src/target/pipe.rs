//! Bytes of rows on their way to a server: encoded on one thread, sent on another, so that neither waits while the other works.

use crate::connect::CopyIn;
use bytes::Bytes;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Pieces that may wait, a quarter of a MiB each unless a row is longer.
const PIECES_MAX: usize = 64;

enum Message {
    Piece(Vec<u8>),
    End,
}

/// A `COPY ... FROM STDIN` that takes bytes from a thread of its own. Dropped before its end, it takes back all that was written.
pub(crate) struct Pipe {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<u64, Fault>>>,
}

/// Why bytes could not be sent; `None`: the thread broke down.
pub(crate) type Fault = Option<tokio_postgres::Error>;

impl Pipe {
    /// Begins to send.
    pub fn new(copy: CopyIn) -> Result<Self, std::io::Error> {
        let (sender, receiver) = sync_channel(PIECES_MAX);
        let thread = std::thread::Builder::new().name("copy".to_owned()).spawn(move || send(copy, &receiver))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Takes bytes; an error may be that of bytes given earlier.
    pub fn write(&mut self, piece: Vec<u8>) -> Result<(), Fault> {
        self.put(Message::Piece(piece))
    }

    /// Ends it; the number of rows that were written.
    pub fn finish(mut self) -> Result<u64, Fault> {
        self.put(Message::End)?;
        self.join()
    }

    fn put(&mut self, message: Message) -> Result<(), Fault> {
        match self.sender.as_ref().map(|sender| sender.send(message)) {
            Some(Ok(())) => Ok(()),
            _ => self.join().and(Err(None)),
        }
    }

    fn join(&mut self) -> Result<u64, Fault> {
        drop(self.sender.take());
        self.thread.take().map_or(Err(None), |thread| thread.join().unwrap_or(Err(None)))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // The session is free only when the thread has let go of it.
        let _ = self.join();
    }
}

fn send(mut copy: CopyIn, receiver: &Receiver<Message>) -> Result<u64, Fault> {
    loop {
        match receiver.recv() {
            Ok(Message::Piece(piece)) => copy.write(Bytes::from(piece)).map_err(Some)?,
            Ok(Message::End) => return copy.finish().map_err(Some),
            Err(_) => return Err(None),
        }
    }
}
