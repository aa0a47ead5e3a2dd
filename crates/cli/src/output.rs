//! The only file that writes to standard output and standard error.

use std::io::{self, BufWriter, StdoutLock, Write};

/// Enough for a burst of messages between two flushes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Standard output, buffered: whoever writes says when it is to be seen.
pub type Output = BufWriter<StdoutLock<'static>>;

pub fn stdout() -> Output {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())
}

/// Tells the person at the terminal something that is not data.
pub fn note(text: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr().lock(), "broker: {text}");
}

/// Asks the person at the terminal; the answer comes on the same line.
pub fn ask(question: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()
}
