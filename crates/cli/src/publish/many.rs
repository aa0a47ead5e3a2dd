//! Every line of an input as a message.

use super::{
    PublishCommand,
    input::{self, Input},
    progress::Progress,
    receipt,
    tally::{Fault, Tally},
};
use crate::{
    exit,
    interrupt::Interrupt,
    output::{self, Output},
};
use anyhow::{Context, Result};
use broker_client::{Acknowledgements, Client, Error, PublishOptions, PublishStream, Published};
use futures_util::{FutureExt, StreamExt};
use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;

/// Answers between two looks at the progress.
const LOOK_EVERY: u64 = 256;

/// Publishes every line, prints a line for each, and says at the end how many were acknowledged and,
/// if not all were, which line to go on from.
pub async fn run(
    client: &Client,
    command: &PublishCommand,
    interrupt: Interrupt,
) -> Result<ExitCode> {
    let input = Input::open(command.lines.as_deref())?;
    if input::is_typed(command.lines.as_deref()) {
        output::note("every line is a message; ctrl-d ends");
    }
    let progress = Progress::new(input.bytes);
    let (stream, answers) = client.publish_stream();
    let shared = Arc::new(Shared::default());
    let sending = tokio::spawn(send_all(
        Target { stream, subject: command.subject.clone(), options: command.options() },
        input,
        command.from_line,
        shared.clone(),
        interrupt.clone(),
    ));
    let mut printing = Printing {
        answers,
        tally: Tally::from(command.from_line),
        progress,
        shared,
        worst: None,
        out: Some(output::stdout()),
    };
    printing.print_all(command).await?;
    // If the stream broke, it may wait for a line that never comes.
    sending.abort();
    let sent = sending.await.unwrap_or(Ok(End::Stopped));
    printing.conclude(command, sent, &interrupt)
}

struct Target {
    stream: PublishStream,
    subject: String,
    options: PublishOptions,
}

/// What the two halves tell each other.
#[derive(Default)]
struct Shared {
    /// Bytes of lines that were sent, for the progress.
    sent: AtomicU64,
    /// Told when no more lines are to be read.
    stop: Notify,
}

/// Why no more lines were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There are no more.
    Input,
    /// ctrl-c, or lines fail.
    Stopped,
    /// A line was read but could not be sent any more.
    Refused,
}

/// Sends until the input ends, lines fail or ctrl-c; what was sent is still answered then.
async fn send_all(
    mut target: Target,
    mut input: Input,
    from: u64,
    shared: Arc<Shared>,
    mut interrupt: Interrupt,
) -> io::Result<End> {
    loop {
        let line = tokio::select! {
            biased;
            () = interrupt.asked() => return Ok(End::Stopped),
            () = shared.stop.notified() => return Ok(End::Stopped),
            line = input.next() => line?,
        };
        let Some((number, body)) = line else { return Ok(End::Input) };
        shared.sent.fetch_add(body.len() as u64 + 1, Ordering::Relaxed);
        if number < from {
            continue;
        }
        if target.stream.send(&target.subject, body, target.options.clone()).await.is_err() {
            // Who reads the answers knows why.
            return Ok(End::Refused);
        }
    }
}

/// The half that takes the answers.
struct Printing {
    answers: Acknowledgements,
    tally: Tally,
    progress: Progress,
    shared: Arc<Shared>,
    /// The failure that says most.
    worst: Option<Error>,
    /// None when nobody reads it any more.
    out: Option<Output>,
}

impl Printing {
    async fn print_all(&mut self, command: &PublishCommand) -> Result<()> {
        for count in 1_u64.. {
            let next = match self.answers.next().now_or_never() {
                Some(next) => next,
                None => {
                    self.print(|out| out.flush())?;
                    self.look();
                    self.answers.next().await
                }
            };
            let Some(answer) = next else { break };
            self.print(|out| receipt::write(out, &answer, command.format))?;
            self.count(answer);
            if count % LOOK_EVERY == 0 {
                self.look();
            }
        }
        self.print(|out| out.flush())
    }

    /// Who closes the output has read enough, but the messages are still to be published.
    fn print(&mut self, write: impl FnOnce(&mut Output) -> io::Result<()>) -> Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        match write(out) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // What its buffer still holds is nobody's.
                if let Some(out) = self.out.take() {
                    let _ = out.into_parts();
                }
                Ok(())
            }
            Err(error) => Err(error).context("cannot write to standard output"),
        }
    }

    fn look(&self) {
        self.progress.update(self.tally.acknowledged, self.shared.sent.load(Ordering::Relaxed));
    }

    fn count(&mut self, answer: Result<Published, Error>) {
        let Err(error) = answer else { return self.tally.acknowledge() };
        let fault = Fault::of(&error);
        let failed = self.tally.fail(fault);
        if failed.told {
            self.progress.problem(&format!("line {}: {error}", failed.line));
        }
        if failed.worst {
            self.worst = Some(error);
        }
        if fault != Fault::ItsOwn {
            self.shared.stop.notify_one();
        }
    }

    /// Says what there is to say at the end.
    fn conclude(
        mut self,
        command: &PublishCommand,
        sent: io::Result<End>,
        interrupt: &Interrupt,
    ) -> Result<ExitCode> {
        if matches!(sent, Ok(End::Refused)) {
            self.tally.leave();
        }
        let broken = self.answers.broken().map(Error::before_sending);
        let ended = matches!(sent, Ok(End::Input));
        let mut said = self.tally.report(command.from_line, ended).into_iter();
        let speed = self.progress.finish(self.tally.acknowledged);
        let first = said.next().unwrap_or_default();
        output::note(&match speed {
            Some(speed) => format!("{first} in {speed}"),
            None => first,
        });
        said.for_each(|line| output::note(&line));
        if let Some(error) = self.worst {
            return Ok(ExitCode::from(exit::code(&error)));
        }
        if let Some(error) = broken {
            return Err(error.into());
        }
        sent.context("cannot read the lines")?;
        let code = if interrupt.is_asked() { exit::INTERRUPTED } else { exit::DONE };
        Ok(ExitCode::from(code))
    }
}
