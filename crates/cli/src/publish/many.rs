//! One message a line from standard input.

use super::{PublishCommand, receipt};
use crate::{exit, interrupt::Interrupt, lines::Lines, output};
use anyhow::{Context, Result};
use broker_client::{
    Acknowledgements, Client, Error, MAX_MESSAGE_BYTES, PublishOptions, PublishStream, Retry,
};
use futures_util::{FutureExt, StreamExt};
use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

/// Publishes every line, prints a line for each, and says at the end how many were acknowledged.
pub async fn run(
    client: &Client,
    command: &PublishCommand,
    interrupt: Interrupt,
) -> Result<ExitCode> {
    if io::stdin().is_terminal() {
        output::note("every line is a message; ctrl-d ends");
    }
    let (publisher, mut answers) = client.publish_stream();
    let sending = tokio::spawn(send_all(
        Target { publisher, subject: command.subject.clone(), options: command.options() },
        interrupt.clone(),
    ));
    let tally = print_all(&mut answers, command).await?;
    // If the stream broke, it may wait for a line that never comes.
    sending.abort();
    let input = sending.await.unwrap_or(Ok(()));
    tally.report();
    if let Some(error) = tally.worst {
        return Ok(ExitCode::from(exit::code(&error)));
    }
    if let Some(error) = answers.broken() {
        return Err(error.before_sending().into());
    }
    input.context("cannot read standard input")?;
    let code = if interrupt.is_asked() { exit::INTERRUPTED } else { exit::DONE };
    Ok(ExitCode::from(code))
}

struct Target {
    publisher: PublishStream,
    subject: String,
    options: PublishOptions,
}

/// Sends until the input ends, the stream breaks or ctrl-c; what was sent is still answered then.
async fn send_all(mut target: Target, mut interrupt: Interrupt) -> io::Result<()> {
    let mut lines = Lines::new(tokio::io::stdin(), MAX_MESSAGE_BYTES);
    loop {
        let line = tokio::select! {
            () = interrupt.asked() => return Ok(()),
            line = lines.next() => line?,
        };
        let Some(body) = line else { return Ok(()) };
        if target.publisher.send(&target.subject, body, target.options.clone()).await.is_err() {
            // Who reads the answers knows why.
            return Ok(());
        }
    }
}

/// What became of the lines.
#[derive(Default)]
struct Tally {
    answered: u64,
    acknowledged: u64,
    /// The first line that was not acknowledged.
    first_failed: Option<u64>,
    /// The failure that says most: that an outcome is unknown, or else the first one.
    worst: Option<Error>,
}

async fn print_all(answers: &mut Acknowledgements, command: &PublishCommand) -> Result<Tally> {
    let (mut tally, mut out) = (Tally::default(), output::stdout());
    loop {
        let next = match answers.next().now_or_never() {
            Some(next) => next,
            None => {
                out.flush()?;
                answers.next().await
            }
        };
        let Some(answer) = next else { break };
        receipt::write(&mut out, &answer, command.format)?;
        tally.count(answer.err());
    }
    out.flush()?;
    Ok(tally)
}

impl Tally {
    fn count(&mut self, error: Option<Error>) {
        self.answered += 1;
        let Some(error) = error else {
            self.acknowledged += 1;
            return;
        };
        self.first_failed.get_or_insert(self.answered);
        let is_worse = match &self.worst {
            None => true,
            Some(worst) => error.is_outcome_unknown() && !worst.is_outcome_unknown(),
        };
        // A refusal speaks of its own line; what breaks the stream is the same for all behind it.
        if is_worse || error.retry() == Retry::Useless {
            output::note(&format!("line {}: {error}", self.answered));
        }
        if is_worse {
            self.worst = Some(error);
        }
    }

    fn report(&self) {
        let Self { answered, acknowledged, first_failed, .. } = self;
        match first_failed {
            None => output::note(&format!("{acknowledged} messages acknowledged")),
            Some(line) => output::note(&format!(
                "{acknowledged} of {answered} messages acknowledged; line {line} is the first that was not"
            )),
        }
    }
}
