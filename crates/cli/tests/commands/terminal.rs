//! A command on a terminal, as a person sees it.

use crate::command::PATIENCE;
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
};

/// A command whose standard input, output and error are one terminal. Dropping it kills it.
pub struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// All that was shown, with line feeds alone at the ends of lines.
    seen: String,
    /// How much of it was waited for.
    passed: usize,
}

impl Terminal {
    pub fn start(mut command: Command) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap().into_string().unwrap();
        let screen = || {
            // It must not become the terminal of whoever runs the tests.
            use std::os::unix::fs::OpenOptionsExt;
            let flags = OpenptFlags::NOCTTY.bits().try_into().unwrap();
            let mut options = OpenOptions::new();
            Stdio::from(options.read(true).write(true).custom_flags(flags).open(&name).unwrap())
        };
        command.stdin(screen()).stdout(screen()).stderr(screen());
        let child = command.spawn().unwrap();
        // The command holds the other ends from here on: with it they are gone.
        drop(command);
        let keys = File::from(keys);
        let shown = chunks(keys.try_clone().unwrap());
        Self { child, keys, shown, seen: String::new(), passed: 0 }
    }

    /// Waits until a text is shown, behind what was waited for before.
    pub fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.seen[self.passed..].find(text) {
                self.passed += at + text.len();
                return;
            }
            match self.shown.recv_timeout(PATIENCE) {
                Ok(chunk) => self.show(&chunk),
                Err(_) => panic!("{text:?} is not shown, but {:?}", self.seen),
            }
        }
    }

    /// Types a text.
    pub fn enter(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the command's end; its exit code and all that was shown.
    pub fn finish(mut self) -> (Option<i32>, String) {
        loop {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(chunk) => self.show(&chunk),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:?}", self.seen),
            }
        }
        let status: ExitStatus = self.child.wait().unwrap();
        (status.code(), std::mem::take(&mut self.seen))
    }

    fn show(&mut self, chunk: &[u8]) {
        self.seen.push_str(&String::from_utf8_lossy(chunk).replace('\r', ""));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is shown, until nobody has the terminal any more.
fn chunks(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, chunks) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // The end of a terminal is an error.
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    chunks
}
