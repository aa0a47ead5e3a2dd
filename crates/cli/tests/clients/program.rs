//! A program of another language, run against a broker.

use crate::{log::Log, waiting::until};
use std::{
    io::Write,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long a program may take for one step, its pauses apart.
const LIMIT: Duration = Duration::from_secs(120);

/// A running program. Dropping it kills it, and shows what it said if the test fails.
pub struct Program {
    child: Child,
    stdin: ChildStdin,
    /// What it said, on both outputs.
    pub log: Log,
    readers: [JoinHandle<()>; 2],
}

impl Program {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Log::default();
        let readers = [
            log.follow(child.stdout.take().expect("piped")),
            log.follow(child.stderr.take().expect("piped")),
        ];
        let stdin = child.stdin.take().expect("piped");
        Self { child, stdin, log, readers }
    }

    /// Waits for a line of its output that begins like this; gives the rest of it.
    pub async fn says(&mut self, words: &str) -> String {
        until(LIMIT, &format!("the program says `{words}`"), async || {
            let ended = self.ended();
            let said = self.log.find(|line| line.strip_prefix(words).map(str::to_owned));
            assert!(said.is_some() || ended.is_none(), "it ended before it said `{words}`");
            said
        })
        .await
    }

    /// Lets it go on from a pause.
    pub fn tell(&mut self, words: &str) {
        writeln!(self.stdin, "{words}").expect("the program reads");
    }

    /// Waits for its end, which must be a success.
    pub async fn succeeds(mut self) -> Log {
        let status = self.end().await;
        assert!(status.success(), "the program failed: {status}");
        self.log.clone()
    }

    /// Waits for its end, which must be a failure.
    pub async fn fails(mut self) -> Log {
        let status = self.end().await;
        assert!(!status.success(), "the program succeeded");
        self.log.clone()
    }

    async fn end(&mut self) -> ExitStatus {
        until(LIMIT, "the program ends", async || self.ended()).await
    }

    /// How it ended, once all that it said is in the log.
    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("a child can be asked")?;
        self.readers.iter().all(JoinHandle::is_finished).then_some(status)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the program's output ends with\n{}\n---", self.log.tail());
        }
    }
}
