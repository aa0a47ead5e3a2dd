//! A run of the binary as a person at a terminal sees it.

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which of its streams are on the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Wiring {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

/// All of them: typed by hand.
pub const TYPED: Wiring = Wiring { stdin: true, stdout: true, stderr: true };

/// A command on a pseudo-terminal of 80 columns. Dropping it kills the command.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: Vec<u8>,
}

impl Terminal {
    /// Streams that are not on the terminal are pipes.
    pub fn start(mut command: Command, wiring: Wiring) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        // It must not become the terminal of whoever runs the tests.
        let flags = OpenptFlags::NOCTTY.bits().cast_signed();
        let mut options = OpenOptions::new();
        let slave = options.read(true).write(true).custom_flags(flags).open(path).unwrap();
        let end = |on_terminal: bool| match on_terminal {
            true => Stdio::from(slave.try_clone().unwrap()),
            false => Stdio::piped(),
        };
        // What the terminal can is not that of whoever runs the tests.
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "CI"] {
            if !command.get_envs().any(|(set, _)| set == name) {
                command.env_remove(name);
            }
        }
        command.env("TERM", "xterm-256color");
        command.stdin(end(wiring.stdin)).stdout(end(wiring.stdout)).stderr(end(wiring.stderr));
        let child = command.spawn().unwrap();
        // The command holds it too: with the last copy the terminal ends.
        drop((command, slave));
        let keyboard = File::from(master);
        let screen = keyboard.try_clone().unwrap();
        Self { child, keyboard, screen: pieces(screen), shown: Vec::new() }
    }

    /// Types that text.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Asks it to end.
    pub fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// The pipe to its standard input, which is not on the terminal.
    pub fn stdin(&mut self) -> std::process::ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// The pipe from its standard output, which is not on the terminal.
    pub fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Waits until the screen has shown that.
    pub fn sees(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text().contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(piece) = self.screen.recv_timeout(left) else {
                panic!("`{text}` was never shown, but {:?}", self.text());
            };
            self.shown.extend(piece);
        }
    }

    /// Waits for its end: the exit code, and all that was shown.
    pub fn finish(mut self) -> (Option<i32>, String) {
        // The terminal ends with the command: waiting for it is waiting for both, with a limit.
        let until = Instant::now() + PATIENCE;
        while let Ok(piece) =
            self.screen.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.shown.extend(piece);
        }
        assert!(Instant::now() < until, "it does not end: {:?}", self.text());
        let code = self.child.wait().unwrap().code();
        (code, self.text())
    }

    /// With line ends as they were written, and escapes made visible.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).replace("\r\n", "\n").replace('\x1b', "^[")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pieces(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, pieces) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // The end of a pseudo-terminal is an error, not an end of file.
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    pieces
}
