//! The only file that writes to standard output and standard error.

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use anstyle::{AnsiColor, Style};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

/// Enough for a burst of messages between two flushes.
const BUFFER_BYTES: usize = 64 * 1024;

const NAME: Style = Style::new().bold();
const PROBLEM: Style = AnsiColor::Red.on_default().bold();

/// Standard output, buffered: whoever writes says when it is to be seen.
pub type Output = BufWriter<StdoutLock<'static>>;

pub fn stdout() -> Output {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())
}

/// Whether standard output is to be coloured.
pub fn stdout_has_colours() -> bool {
    has_colours(&io::stdout())
}

/// Whether standard error is to be coloured.
pub fn stderr_has_colours() -> bool {
    has_colours(&io::stderr())
}

/// Whether a person sees standard error, and standard output goes elsewhere: then there is room for
/// showing how far the work is.
pub fn has_room_for_progress() -> bool {
    io::stderr().is_terminal() && !io::stdout().is_terminal()
}

/// Colours are for a terminal, and not for who set NO_COLOR; CLICOLOR_FORCE wants them in a pipe too.
fn has_colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Tells the person at the terminal something that is not data.
pub fn note(text: &str) {
    say(NAME, text);
}

/// Tells the person at the terminal that something failed.
pub fn problem(text: &str) {
    say(PROBLEM, text);
}

/// A line that tells the person at the terminal that something failed.
pub fn problem_line(text: &str) -> String {
    line(PROBLEM, text)
}

fn say(style: Style, text: &str) {
    // In one piece: others may write there too. Nobody is left to tell if standard error is closed.
    let _ = io::stderr().lock().write_all(line(style, text).as_bytes());
}

fn line(style: Style, text: &str) -> String {
    let style = if stderr_has_colours() { style } else { Style::new() };
    format!("{style}broker:{style:#} {text}\n")
}

/// Asks the person at the terminal; the answer comes on the same line.
pub fn ask(question: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()
}
