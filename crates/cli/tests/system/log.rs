//! What a process says, line by line, kept for the test that fails. A broker's log is looked at line by
//! line, in every test that starts one.

#[path = "log_line.rs"]
mod log_line;

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

/// Lines to keep. A broker under test says little; what floods the log is cut at its front.
const MOST_LINES: usize = 2_000;

/// Everything a process wrote so far.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    /// What is wrong with lines of a broker's log.
    wrong: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// Reads to the end of a pipe, on a thread of its own that ends with it.
    pub fn follow(&self, pipe: impl Read + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || {
            let lines = BufReader::new(pipe).lines();
            lines.map_while(Result::ok).for_each(|line| log.keep(line));
        })
    }

    /// As [`Log::follow`], of a broker's standard error: each line must be one of a log, and hold none of
    /// these secrets.
    pub fn follow_broker(
        &self,
        pipe: impl Read + Send + 'static,
        secrets: Vec<String>,
    ) -> JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if let Some(wrong) = log_line::wrong(&line, &secrets) {
                    lock(&log.wrong).push(wrong);
                }
                log.keep(line);
            }
        })
    }

    /// Panics if a line so far was not as it must be.
    pub fn check(&self) {
        let wrong = lock(&self.wrong);
        assert!(wrong.is_empty(), "wrong lines of the log:\n{}", wrong.join("\n"));
    }

    /// The sentence with which a broker ended, once it is there.
    pub fn failure(&self) -> Option<String> {
        let line: Value = serde_json::from_str(&self.last()?).ok()?;
        let message = line["message"].as_str().filter(|_| line["level"] == "ERROR");
        message.map(str::to_owned)
    }

    fn keep(&self, line: String) {
        let mut lines = lock(&self.lines);
        if lines.len() == MOST_LINES {
            lines.drain(..MOST_LINES / 2);
        }
        lines.push(line);
    }

    /// The first line in which something is found.
    pub fn find<T>(&self, look: impl FnMut(&String) -> Option<T>) -> Option<T> {
        lock(&self.lines).iter().find_map(look)
    }

    /// The last line.
    pub fn last(&self) -> Option<String> {
        lock(&self.lines).last().cloned()
    }

    /// All lines that are kept.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }

    /// The last lines, as one text.
    pub fn tail(&self) -> String {
        let lines = lock(&self.lines);
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

fn lock(lines: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
