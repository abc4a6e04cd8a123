//! Lines of a child's output, none longer than a bound.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Longest line that is read: the final document lists losses.
pub(crate) const MAX_LINE_BYTES: usize = 16 << 20;

/// Reads lines. Safe to be dropped between polls: what was read stays.
pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    is_cut: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), is_cut: false }
    }

    /// The next line without its end; `None` at the end, or when nothing more can be read. A line that is too long is left out.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            let available = self.reader.fill_buf().await.ok()?;
            if available.is_empty() {
                let line = std::mem::take(&mut self.line);
                return (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned());
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let taken = end.unwrap_or(available.len());
            if self.line.len() + taken > MAX_LINE_BYTES {
                self.is_cut = true;
                self.line.clear();
            }
            if !self.is_cut {
                self.line.extend_from_slice(&available[..taken]);
            }
            let used = taken + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.is_cut) {
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_left_out() {
        let mut text = b"first\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES + 1));
        text.extend_from_slice(b"\nsecond\nthird");
        let mut lines = Lines::new(&text[..]);
        assert_eq!(lines.next().await.as_deref(), Some("first"));
        assert_eq!(lines.next().await.as_deref(), Some("second"));
        assert_eq!(lines.next().await.as_deref(), Some("third"));
        assert_eq!(lines.next().await, None);
    }
}
