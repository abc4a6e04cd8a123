//! As much of HTTP/1.1 (RFC 9112) as the bench needs: one connection that is kept, JSON in and out.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer takes no longer than this, or is an error.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of a list is longer.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// One connection to a server.
pub struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
}

/// What a server answered.
pub struct Answer {
    /// 200 and so on.
    pub status: u16,
    /// Of headers with these names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of a success as JSON; an error that says what was answered otherwise.
    pub fn json(self) -> io::Result<Value> {
        if !(200..300).contains(&self.status) {
            return Err(bad(format!("status {}: {}", self.status, String::from_utf8_lossy(&self.body))));
        }
        if self.body.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&self.body).map_err(io::Error::other)
        }
    }

    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

fn bad(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Connection {
    /// Connects to an address such as `127.0.0.1:8080`.
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { address: address.to_owned(), stream: BufReader::new(stream), headers: Vec::new() })
    }

    /// Another one with the same headers.
    pub fn another(&self) -> io::Result<Self> {
        Ok(Self { headers: self.headers.clone(), ..Self::open(&self.address)? })
    }

    /// Asks and waits for the answer.
    pub fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = format!("{method} /api/v1{path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += &body;
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.answer()
    }

    /// The document of a page.
    pub fn get(&mut self, path: &str) -> io::Result<Value> {
        self.call("GET", path, None)?.json()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.by_ref().take(64 << 10).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| bad(format!("no status: {first}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks(&mut answer.body)?;
        } else if let Some(len) = answer.header("content-length") {
            let len = len.parse().ok().filter(|len| *len <= MAX_ANSWER_BYTES);
            answer.body = vec![0; len.ok_or_else(|| bad("an odd length".to_owned()))?];
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let len = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16);
            let len = len.map_err(|_| bad(format!("no length of a chunk: {line}")))?;
            if body.len() + len > MAX_ANSWER_BYTES {
                return Err(bad("an answer without end".to_owned()));
            }
            let start = body.len();
            body.resize(start + len, 0);
            self.stream.read_exact(&mut body[start..])?;
            self.line()?;
            if len == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn answers_of_both_kinds_are_read() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("works");
        let address = listener.local_addr().expect("works").to_string();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("works");
            let mut request = [0; 4096];
            let len = stream.read(&mut request).expect("works");
            assert!(request[..len].starts_with(b"GET /api/v1/a HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").expect("works");
            let _ = stream.read(&mut request).expect("works");
            stream
                .write_all(
                    b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                )
                .expect("works");
        });
        let mut connection = Connection::open(&address).expect("works");
        assert_eq!(connection.get("/a").expect("works")["a"], 1);
        let other = connection.call("POST", "/b", Some(&serde_json::json!({"x": 2}))).expect("works");
        assert_eq!((other.status, other.body.as_slice()), (404, &b"abcde"[..]));
        assert!(other.json().expect_err("refused").to_string().contains("404"));
        answers.join().expect("works");
    }
}
