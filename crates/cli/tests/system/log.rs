//! What a process says, line by line, kept for the test that fails.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

/// Lines to keep. A broker under test says little; what floods the log is cut at its front.
const MOST_LINES: usize = 2_000;

/// Everything a process wrote so far.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Reads to the end of a pipe, on a thread of its own that ends with it.
    pub fn follow(&self, pipe: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = self.0.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == MOST_LINES {
                    lines.drain(..MOST_LINES / 2);
                }
                lines.push(line);
            }
        })
    }

    /// The first line in which something is found.
    pub fn find<T>(&self, look: impl FnMut(&String) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find_map(look)
    }

    /// The last line.
    pub fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// All lines that are kept.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last lines, as one text.
    pub fn tail(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}
