//! A child process of the same binary, and what it says.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    collections::VecDeque,
    ffi::OsStr,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

const START_TIME: Duration = Duration::from_secs(30);
/// Longer than a broker's grace time.
const END_TIME: Duration = Duration::from_secs(40);
/// Lines of its standard error that are remembered.
const REMEMBERED: usize = 100;

/// Dropping it kills it.
#[derive(Debug)]
pub struct Offspring {
    child: Child,
    lines: Arc<Mutex<VecDeque<String>>>,
    listening: JoinHandle<()>,
}

impl Offspring {
    /// Starts `broker ARGUMENTS` and waits until a line of its standard error says what is looked for.
    ///
    /// # Errors
    /// What it said last, if it ended before.
    pub async fn start<T: Send + 'static>(
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        find: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> Result<(Self, T)> {
        let program = std::env::current_exe().context("cannot find this program's file")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // ctrl-c is for the bench, which then ends it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a child process")?;
        let stderr = child.stderr.take().context("the child has no standard error")?;
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (found, ready) = oneshot::channel();
        let listening = tokio::spawn(listen(stderr, lines.clone(), find, found));
        let this = Self { child, lines, listening };
        match timeout(START_TIME, ready).await {
            Ok(Ok(found)) => Ok((this, found)),
            Ok(Err(_)) => bail!("the broker did not start: {}", this.last_words()),
            Err(_) => bail!("the broker did not start within {START_TIME:?}"),
        }
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    fn last_words(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        sentence(lines.back().map(String::as_str).unwrap_or_default())
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill a child process")
    }

    /// Asks it to leave, waits for that, and answers what it said, the last at the end.
    pub async fn end(mut self) -> Result<Vec<String>> {
        if let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
        let ended = timeout(END_TIME, self.child.wait()).await;
        let status = ended.with_context(|| format!("it did not end within {END_TIME:?}"))??;
        // The pipe ends with the process.
        let _ = timeout(END_TIME, &mut self.listening).await;
        if !status.success() {
            bail!("the broker ended with {status}: {}", self.last_words());
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *lines).into())
    }
}

/// What a line says: the log's are objects, and what is wrong with settings comes before it.
fn sentence(line: &str) -> String {
    let object: Option<Value> = serde_json::from_str(line).ok();
    let message = object.as_ref().and_then(|object| object["message"].as_str());
    message.or_else(|| line.strip_prefix("broker: ")).unwrap_or(line).to_owned()
}

async fn listen<T>(
    stderr: ChildStderr,
    lines: Arc<Mutex<VecDeque<String>>>,
    find: impl Fn(&str) -> Option<T>,
    found: oneshot::Sender<T>,
) {
    let mut input = BufReader::new(stderr).lines();
    let mut found = Some(found);
    while let Ok(Some(line)) = input.next_line().await {
        let ready = if found.is_some() { find(&line) } else { None };
        {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() >= REMEMBERED {
                lines.pop_front();
            }
            lines.push_back(line);
        }
        if let Some((ready, found)) = ready.and_then(|ready| Some((ready, found.take()?))) {
            let _ = found.send(ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_a_sentence_in_every_form() {
        for line in [
            r#"{"level":"ERROR","message":"cannot listen"}"#,
            "broker: cannot listen",
            "cannot listen",
        ] {
            assert_eq!(sentence(line), "cannot listen");
        }
    }
}
