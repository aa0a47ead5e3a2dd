//! A run of the binary.

#[path = "../system/log_line.rs"]
mod log_line;

use crate::environment::clear_settings;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary with those arguments, without the settings of whoever runs the tests and of the
/// machine.
pub fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    clear_settings(&mut command);
    command.args(arguments);
    command
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Finished {
    /// What it printed, after it ended well.
    pub fn text(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Its one sentence, after it failed with that code.
    pub fn sentence(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        let sentence =
            self.stderr.strip_prefix("broker: ").and_then(|text| text.strip_suffix('\n'));
        let sentence = sentence.unwrap_or_else(|| panic!("{self:?}"));
        assert!(!sentence.contains('\n'), "{self:?}");
        sentence
    }

    /// The sentence with which a broker ended that failed: the last line of its log.
    pub fn last_word(&self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let line = self.stderr.lines().last().unwrap_or_default();
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"));
        assert_eq!(line["level"], "ERROR", "{self:?}");
        line["message"].as_str().unwrap().to_owned()
    }
}

/// A running command. Dropping it kills it.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    said: String,
    /// Whether it is a broker, whose standard error is a log.
    has_log: bool,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = (lines(stdout.unwrap()), lines(stderr.unwrap()));
        Self { child, stdin, stdout, stderr, said: String::new(), has_log: false }
    }

    /// As [`Running::start`], of a broker: when this is dropped, every line of its log is looked at.
    pub fn start_broker(command: Command) -> Self {
        let mut running = Self::start(command);
        running.has_log = true;
        running
    }

    /// The next line of its output, without the line feed.
    pub fn line(&mut self) -> String {
        let line = self.stdout.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("no line: {:?}", self.stderr.try_iter().last()));
        String::from_utf8(line).unwrap().trim_end_matches('\n').to_owned()
    }

    /// The next line of its output if it is there.
    pub fn try_line(&self) -> Option<String> {
        let line = self.stdout.try_recv().ok()?;
        Some(String::from_utf8(line).unwrap().trim_end_matches('\n').to_owned())
    }

    /// The next line of its standard error in which something is found.
    pub fn hear<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("never said; it said\n{}", self.said));
            let line = String::from_utf8(line).unwrap();
            self.said.push_str(&line);
            if let Some(found) = find(&line) {
                return found;
            }
        }
    }

    pub fn input(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// As [`Running::input`], to a command that may have ended.
    pub fn try_input(&mut self, bytes: &[u8]) {
        let _ = self.stdin.as_mut().unwrap().write_all(bytes);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends its input and waits for its end.
    pub fn finish(mut self) -> Finished {
        drop(self.stdin.take());
        // The pipes end with the process: waiting for them is waiting for it, with a limit.
        let stdout = rest(&self.stdout);
        self.said += &String::from_utf8(rest(&self.stderr)).unwrap();
        let stderr = self.said.clone();
        let code = self.child.wait().unwrap().code();
        Finished { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.has_log && !thread::panicking() {
            self.said += &String::from_utf8(rest(&self.stderr)).unwrap();
            let wrong = self.said.lines().find_map(|line| log_line::wrong(line, &[]));
            assert_eq!(wrong, None);
        }
    }
}

/// Runs a command to its end, with that input.
pub fn run(command: Command, input: &[u8]) -> Finished {
    let mut running = Running::start(command);
    let mut stdin = running.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that fails early does not read it all.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let finished = running.finish();
    writing.join().unwrap();
    finished
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, lines) = channel();
    thread::spawn(move || send_lines(BufReader::new(pipe), &sender));
    lines
}

fn send_lines(mut pipe: impl BufRead, sender: &Sender<Vec<u8>>) {
    loop {
        let mut line = Vec::new();
        match pipe.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if sender.send(line).is_err() => return,
            Ok(_) => {}
        }
    }
}

fn rest(lines: &Receiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => all.extend_from_slice(&line),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return all,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it does not end"),
        }
    }
}
