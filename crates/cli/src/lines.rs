//! Lines of any length, read in bounded memory.

use bytes::Bytes;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

const BUFFER_BYTES: usize = 64 * 1024;

/// The lines of an input.
pub struct Lines<R> {
    input: BufReader<R>,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Of a line longer than `limit` bytes, only one byte more than that is kept: enough to see
    /// that it is too long.
    pub fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(BUFFER_BYTES, input), limit }
    }

    /// The next line without its line feed; `None` after the last. A last line needs no line feed.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let (mut line, mut begun) = (Vec::new(), false);
        loop {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(begun.then(|| line.into()));
            }
            begun = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = self.limit + 1 - line.len();
            line.extend_from_slice(&part[..part.len().min(room)]);
            let taken = part.len() + usize::from(end.is_some());
            self.input.consume(taken);
            if end.is_some() {
                return Ok(Some(line.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], limit: usize) -> Vec<Bytes> {
        let (mut lines, mut all) = (Lines::new(input, limit), Vec::new());
        while let Some(line) = lines.next().await.unwrap() {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn a_line_feed_ends_a_line_and_the_last_needs_none() {
        assert_eq!(lines(b"a\n\nb\r\n\xff", 10).await, [&b"a"[..], b"", b"b\r", b"\xff"]);
        assert_eq!(lines(b"a\n", 10).await, ["a"]);
        assert_eq!(lines(b"", 10).await, [""; 0]);
    }

    #[tokio::test]
    async fn of_a_line_too_long_one_byte_more_than_the_limit_is_kept() {
        let mut input = vec![b'x'; 3 * BUFFER_BYTES];
        input.extend_from_slice(b"\nnext");
        let lines = lines(&input, 5).await;
        assert_eq!(lines, ["xxxxxx", "next"]);
    }

    #[tokio::test]
    async fn a_line_may_span_buffers() {
        let line = vec![b'x'; 3 * BUFFER_BYTES];
        assert_eq!(lines(&line, line.len()).await, [line]);
    }
}
