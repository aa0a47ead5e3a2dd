//! Lines on their way to standard error.
//!
//! Standard error may be a pipe that is read slowly, or not at all, and then a write waits. So a thread of
//! its own writes, and whoever logs puts a line into a queue of bounded size. What finds no room is dropped
//! and counted, and the log says how many lines that were as soon as it goes on. The bound is in bytes, and
//! warnings and errors have room left when others have none, so that a flood does not drown them: both are
//! why this is no ready-made writer of a library, which counts lines and knows no levels.

use super::LogCounts;
use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tracing::{Level, Metadata, warn};
use tracing_subscriber::fmt::MakeWriter;

/// Most bytes of lines that wait; as many again may be on their way.
const ROOM: usize = 1024 * 1024;

/// What warnings and errors have beyond that.
const RESERVE: usize = 64 * 1024;

/// How long a pipe is left alone that takes nothing and does not let its writer wait.
const PAUSE: Duration = Duration::from_millis(10);

/// Lines that wait, and the thread that writes them.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    counts: Arc<LogCounts>,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines for which there was no room, and the log has not said so yet.
    untold: u64,
    is_writing: bool,
}

impl Queue {
    /// Starts a thread that writes to there, and lives as long as the process.
    ///
    /// # Errors
    /// The system's word.
    pub fn start(
        output: impl Write + Send + 'static,
        counts: Arc<LogCounts>,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), counts });
        let writing = queue.clone();
        thread::Builder::new().name("log".into()).spawn(move || writing.write_to(output))?;
        Ok(queue)
    }

    pub fn counts(&self) -> Arc<LogCounts> {
        self.counts.clone()
    }

    /// Takes a line that must not be lost for want of room.
    pub fn push_urgent(&self, line: &[u8]) {
        self.push(line, ROOM + RESERVE);
    }

    /// Waits until every line is written; answers whether that was in time.
    pub fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while state.is_writing || !state.waiting.is_empty() || state.untold > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn push(&self, line: &[u8], room: usize) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > room {
            state.untold += 1;
            self.counts.drop_lines(1);
            return;
        }
        state.waiting.extend_from_slice(line);
        self.changed.notify_all();
    }

    fn write_to(&self, mut output: impl Write) {
        let mut lines = Vec::new();
        loop {
            let untold = self.take(&mut lines);
            if write_all(&mut output, &lines).is_err() {
                // Nobody reads any more, or nobody can.
                let lost = lines.iter().filter(|byte| **byte == b'\n').count();
                self.counts.drop_lines(lost as u64);
            }
            lines.clear();
            if untold > 0 {
                warn!(
                    dropped = untold,
                    "lines of the log were dropped: whoever reads standard error is too slow"
                );
            }
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    /// Waits for something to write, and says how many lines were dropped behind it.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        while state.waiting.is_empty() && state.untold == 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        std::mem::swap(&mut state.waiting, lines);
        std::mem::take(&mut state.untold)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the standard library does it, but patient where the other end set the pipe not to wait.
fn write_all(output: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where the log's layer puts its lines.
pub struct Entrance(pub Arc<Queue>);

impl<'a> MakeWriter<'a> for Entrance {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { queue: &self.0, room: ROOM }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        let level = *metadata.level();
        self.0.counts.count(level);
        let room = if level <= Level::WARN { ROOM + RESERVE } else { ROOM };
        Line { queue: &self.0, room }
    }
}

/// A line that is handed over whole.
pub struct Line<'a> {
    queue: &'a Queue,
    room: usize,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line, self.room);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
