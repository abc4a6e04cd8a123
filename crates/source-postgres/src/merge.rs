//! Messages of rows of a useful size.
//!
//! A server sends one message per row of a COPY, and the driver hands on one piece of memory per message, which costs more than
//! decoding the row. The protocol lets a receiver divide rows as it likes (PostgreSQL manual, "COPY Operations": boundaries of
//! messages mean nothing), so messages that lie whole in the buffer are joined before the driver sees them. A row of a gigabyte
//! would be one piece of memory as well: long messages are divided.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// A message is a byte that says what it is, and its length in four bytes, these included.
const HEAD_BYTES: usize = 5;
const ROWS: u8 = b'd';
/// Content of a message of rows, at most, as the driver sees it.
pub(crate) const MAX_ROWS_BYTES: usize = 1 << 20;

/// What the server says before it speaks in messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opening {
    /// Nothing.
    None,
    /// One byte on whether it speaks TLS: if so, nothing that follows is a message.
    Tls,
}

/// A connection whose messages of rows are joined.
pub(crate) struct Merging<S> {
    inner: S,
    joiner: Joiner,
}

impl<S> Merging<S> {
    pub fn new(inner: S, opening: Opening) -> Self {
        Self { inner, joiner: Joiner::new(opening) }
    }

    /// The connection itself.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

/// What was read and not handed on yet.
struct Joiner {
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// Bytes of a message whose head is handed on already.
    rest: usize,
    /// Bytes of a message of rows that is being divided, behind those in `rest`.
    divided: usize,
    /// What of a head that was made here is still to be handed on: its last so many bytes.
    head: [u8; HEAD_BYTES],
    head_left: usize,
    is_open: bool,
    is_foreign: bool,
    is_at_end: bool,
}

impl Joiner {
    fn new(opening: Opening) -> Self {
        let is_open = opening == Opening::None;
        Self {
            buffer: Vec::new(),
            from: 0,
            to: 0,
            rest: 0,
            divided: 0,
            head: [ROWS; HEAD_BYTES],
            head_left: 0,
            is_open,
            is_foreign: false,
            is_at_end: false,
        }
    }

    fn held(&self) -> &[u8] {
        &self.buffer[self.from..self.to]
    }

    /// Makes room behind what is held.
    fn room(&mut self) -> &mut [u8] {
        self.buffer.resize(BUFFER_BYTES, 0);
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        &mut self.buffer[self.to..]
    }

    /// Hands on what can be; false when more must be read first.
    fn give(&mut self, to: &mut ReadBuf<'_>) -> bool {
        let before = to.filled().len();
        while to.remaining() > 0 && self.from < self.to {
            if self.head_left > 0 {
                self.give_head(to);
            } else if self.is_foreign || self.is_at_end {
                self.pass(usize::MAX, to);
            } else if self.rest > 0 {
                self.rest -= self.pass(self.rest, to);
            } else if self.divided > 0 {
                self.next_part();
            } else if !self.is_open {
                self.is_foreign = self.held()[0] == b'S';
                self.is_open = true;
                self.pass(1, to);
            } else if !self.give_message(to) {
                break;
            }
        }
        to.filled().len() > before
    }

    /// Hands on so many bytes at most; how many it were.
    fn pass(&mut self, most: usize, to: &mut ReadBuf<'_>) -> usize {
        let len = most.min(to.remaining()).min(self.to - self.from);
        to.put_slice(&self.buffer[self.from..self.from + len]);
        self.from += len;
        len
    }

    fn give_head(&mut self, to: &mut ReadBuf<'_>) {
        let len = self.head_left.min(to.remaining());
        let from = HEAD_BYTES - self.head_left;
        to.put_slice(&self.head[from..from + len]);
        self.head_left -= len;
    }

    /// Begins the next part of a message that is being divided.
    fn next_part(&mut self) {
        self.rest = self.divided.min(MAX_ROWS_BYTES);
        self.divided -= self.rest;
        self.head[1..].copy_from_slice(&((self.rest + 4) as u32).to_be_bytes());
        self.head_left = HEAD_BYTES;
    }

    /// Begins to hand on a message, or hands on some of them as one; false while its head is not whole.
    fn give_message(&mut self, to: &mut ReadBuf<'_>) -> bool {
        let Some((kind, len)) = head(self.held()) else { return false };
        let joined = if kind == ROWS { self.joinable(to.remaining()) } else { None };
        match joined {
            Some((messages, len)) => self.give_joined(messages, len, to),
            None if kind == ROWS && len > MAX_ROWS_BYTES => {
                self.from += HEAD_BYTES;
                self.divided = len;
            }
            None => self.rest = HEAD_BYTES + len,
        }
        true
    }

    /// How many messages of rows lie whole in the buffer and fit as one into so many bytes, and how long they are without their
    /// heads; `None` where it is not worth while.
    fn joinable(&self, most: usize) -> Option<(usize, usize)> {
        let (mut messages, mut total) = (0, 0);
        let mut held = self.held();
        while let Some((ROWS, len)) = head(held)
            && held.len() >= HEAD_BYTES + len
            && HEAD_BYTES + total + len <= most
        {
            (messages, total) = (messages + 1, total + len);
            held = &held[HEAD_BYTES + len..];
        }
        (messages > 1).then_some((messages, total))
    }

    fn give_joined(&mut self, messages: usize, len: usize, to: &mut ReadBuf<'_>) {
        to.put_slice(&[ROWS]);
        to.put_slice(&((len + 4) as u32).to_be_bytes());
        for _ in 0..messages {
            let len = head(self.held()).map_or(0, |(_, len)| len);
            self.from += HEAD_BYTES;
            self.pass(len, to);
        }
    }
}

/// The kind of a message, and its length without its head; `None` while the head is not whole.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    let head = bytes.first_chunk::<HEAD_BYTES>()?;
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    // A length that cannot be is the driver's to refuse.
    Some((head[0], (len as usize).saturating_sub(4)))
}

impl<S: AsyncRead + Unpin> AsyncRead for Merging<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if to.remaining() == 0 || this.joiner.give(to) {
                return Poll::Ready(Ok(()));
            }
            if this.joiner.is_at_end {
                return Poll::Ready(Ok(()));
            }
            if this.joiner.is_foreign {
                return Pin::new(&mut this.inner).poll_read(cx, to);
            }
            let mut room = ReadBuf::new(this.joiner.room());
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut room))?;
            let read = room.filled().len();
            this.joiner.to += read;
            this.joiner.is_at_end = read == 0;
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Merging<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[kind], &(content.len() as u32 + 4).to_be_bytes()[..], content].concat()
    }

    /// All that is handed on of bytes that come in pieces, read into buffers of these sizes.
    fn joined(bytes: &[u8], opening: Opening, pieces: &[usize], sizes: &[usize]) -> Vec<u8> {
        let mut joiner = Joiner::new(opening);
        let (mut all, mut rest) = (Vec::new(), bytes);
        let (mut pieces, mut sizes) = (pieces.iter().cycle(), sizes.iter().cycle());
        loop {
            let mut memory = vec![0; *sizes.next().expect("a size")];
            let mut to = ReadBuf::new(&mut memory);
            let has_given = joiner.give(&mut to);
            all.extend_from_slice(to.filled());
            if !has_given && joiner.is_at_end {
                return all;
            }
            if !has_given {
                let room = joiner.room();
                let len = rest.len().min(room.len()).min(*pieces.next().expect("a piece"));
                room[..len].copy_from_slice(&rest[..len]);
                joiner.to += len;
                joiner.is_at_end = len == 0;
                rest = &rest[len..];
            }
        }
    }

    /// Messages of rows side by side as one, whatever their boundaries.
    fn meaning(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
        while let Some((kind, len)) = head(bytes) {
            let content = &bytes[HEAD_BYTES..HEAD_BYTES + len];
            match messages.last_mut() {
                Some((ROWS, rows)) if kind == ROWS => rows.extend_from_slice(content),
                _ => messages.push((kind, content.to_vec())),
            }
            bytes = &bytes[HEAD_BYTES + len..];
        }
        messages
    }

    #[test]
    fn messages_of_rows_become_one() {
        let bytes = [message(b'H', b"x"), message(ROWS, b"one"), message(ROWS, b"two"), message(b'c', b"")].concat();
        let expect = [message(b'H', b"x"), message(ROWS, b"onetwo"), message(b'c', b"")].concat();
        assert_eq!(joined(&bytes, Opening::None, &[1000], &[1000]), expect);
        let bytes = [b"N".to_vec(), bytes].concat();
        assert_eq!(joined(&bytes, Opening::Tls, &[1000], &[1000]), [b"N".to_vec(), expect].concat());
        let foreign = [b"S".to_vec(), message(ROWS, b"a"), message(ROWS, b"b")].concat();
        assert_eq!(joined(&foreign, Opening::Tls, &[1000], &[1000]), foreign);
    }

    proptest! {
        #[test]
        fn nothing_but_boundaries_changes(
            messages in proptest::collection::vec((prop_oneof![4 => Just(ROWS), 1 => any::<u8>()], proptest::collection::vec(any::<u8>(), 0..60)), 0..40),
            pieces in proptest::collection::vec(1usize..200, 1..8),
            sizes in proptest::collection::vec(1usize..100, 1..8),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|(kind, content)| message(*kind, content)).collect();
            let found = joined(&bytes, Opening::None, &pieces, &sizes);
            prop_assert_eq!(meaning(&found), meaning(&bytes));
        }

        #[test]
        fn long_messages_are_divided(
            lens in proptest::collection::vec(prop_oneof![0usize..100, MAX_ROWS_BYTES - 3..MAX_ROWS_BYTES + 3, 2 * MAX_ROWS_BYTES..3 * MAX_ROWS_BYTES], 1..4),
            size in prop_oneof![Just(1usize << 16), 4000usize..9000],
        ) {
            let content = |len: &usize| (0..*len).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
            let mut bytes: Vec<u8> = lens.iter().flat_map(|len| message(ROWS, &content(len))).collect();
            bytes.extend(message(b'c', b""));
            let found = joined(&bytes, Opening::None, &[BUFFER_BYTES], &[size]);
            prop_assert_eq!(meaning(&found), meaning(&bytes));
            let mut rest = &found[..];
            while let Some((_, len)) = head(rest) {
                prop_assert!(len <= MAX_ROWS_BYTES.max(BUFFER_BYTES), "{}", len);
                rest = &rest[HEAD_BYTES + len..];
            }
        }

        #[test]
        fn what_is_cut_is_handed_on_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1usize..50) {
            let found = joined(&bytes, Opening::None, &[7], &[size]);
            prop_assert!(found.len() <= bytes.len());
        }
    }
}
