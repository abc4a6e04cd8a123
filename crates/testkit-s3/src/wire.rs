//! HTTP/1.1 as far as a server of objects needs it.

use crate::call::Call;
use crate::delivery::Delivery;
use crate::headers::Headers;
use crate::pace::{Direction, PIECE_LEN_BYTES, Pacer};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const MAX_HEAD_LEN_BYTES: u64 = 64 << 10;
const MAX_HEADERS: usize = 100;
/// S3 itself takes five gigabytes; nothing here needs more than this.
const MAX_BODY_LEN_BYTES: u64 = 512 << 20;

/// One connection.
pub(crate) struct Wire<'a> {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    pacer: &'a Pacer,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<'a> Wire<'a> {
    pub(crate) fn new(stream: TcpStream, pacer: &'a Pacer) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::with_capacity(PIECE_LEN_BYTES, stream.try_clone()?), writer: stream, pacer })
    }

    /// The next head; `None` when the client is done.
    pub(crate) fn read_head(&mut self) -> io::Result<Option<Call>> {
        let mut head = Vec::new();
        let mut limited = (&mut self.reader).take(MAX_HEAD_LEN_BYTES);
        while !head.ends_with(b"\r\n\r\n") {
            if limited.read_until(b'\n', &mut head)? == 0 {
                return if head.is_empty() {
                    Ok(None)
                } else {
                    Err(bad("the head of a request is cut off or too long"))
                };
            }
        }
        parse_head(&head).map(Some)
    }

    /// The first bytes of the body: so many sixteenths of it. A body in chunks has no length and comes whole.
    pub(crate) fn read_body(&mut self, call: &Call, sixteenths: u8) -> io::Result<Vec<u8>> {
        if call.headers.get("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = Vec::new();
        if call.headers.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            self.read_chunks(&mut body)?;
            return Ok(body);
        }
        let declared = call.headers.get("content-length").map_or(Ok(0), str::parse::<u64>);
        let declared = declared.map_err(|_| bad("Content-Length is no number"))?;
        let wanted = u128::from(declared) * u128::from(sixteenths) / 16;
        self.read_exactly(u64::try_from(wanted).unwrap_or(u64::MAX), &mut body)?;
        Ok(body)
    }

    fn read_exactly(&mut self, len_bytes: u64, body: &mut Vec<u8>) -> io::Result<()> {
        if len_bytes.saturating_add(body.len() as u64) > MAX_BODY_LEN_BYTES {
            return Err(bad("the body of a request is too long"));
        }
        let mut left = len_bytes;
        while left > 0 {
            let piece = left.min(PIECE_LEN_BYTES as u64);
            if (&mut self.reader).take(piece).read_to_end(body)? as u64 != piece {
                return Err(bad("the body of a request is cut off"));
            }
            self.pacer.pass(Direction::In, usize::try_from(piece).unwrap_or(PIECE_LEN_BYTES));
            left -= piece;
        }
        Ok(())
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.read_line()?;
            let len_bytes = u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16);
            let len_bytes = len_bytes.map_err(|_| bad("the length of a chunk is no number"))?;
            if len_bytes == 0 {
                break;
            }
            self.read_exactly(len_bytes, body)?;
            self.read_line()?;
        }
        while !self.read_line()?.is_empty() {}
        Ok(())
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.reader).take(MAX_HEAD_LEN_BYTES).read_until(b'\n', &mut line)?;
        let text = String::from_utf8(line).map_err(|_| bad("a line is no text"))?;
        text.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| bad("a line is cut off"))
    }

    /// Sends head and body.
    pub(crate) fn send(&mut self, delivery: &Delivery) -> io::Result<()> {
        let body = delivery.body.as_slice();
        let (first, rest) = body.split_at(body.len().min(PIECE_LEN_BYTES));
        self.pacer.pass(Direction::Out, first.len());
        self.writer.write_all(&[&delivery.head, first].concat())?;
        for piece in rest.chunks(PIECE_LEN_BYTES) {
            self.pacer.pass(Direction::Out, piece.len());
            self.writer.write_all(piece)?;
        }
        self.writer.flush()
    }

    /// Reads until the client gives up, and answers nothing.
    pub(crate) fn stall(&mut self) {
        let _ = io::copy(&mut self.reader, &mut io::sink());
    }

    /// Ends the connection the hard way: the client sees a reset.
    pub(crate) fn reset(self) {
        reset(&self.writer);
    }
}

/// Makes closing a connection reset it.
pub(crate) fn reset(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO));
}

fn parse_head(head: &[u8]) -> io::Result<Call> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut slots);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return Err(bad("the head of a request cannot be read")),
    }
    let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
        return Err(bad("a request without a method or a path"));
    };
    let mut headers = Headers::default();
    for header in parsed.headers.iter() {
        headers.push(header.name, &String::from_utf8_lossy(header.value));
    }
    Ok(Call::new(method, target, headers))
}
