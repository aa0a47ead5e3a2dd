//! `broker publish SUBJECT [BODY]`

mod input;
mod many;
mod progress;
mod ranges;
mod receipt;
mod tally;

use crate::{arguments::ServerArgument, interrupt::Interrupt, output, time};
use anyhow::{Context, Result};
use broker_client::{Client, Lifetime, MAX_MESSAGE_BYTES, PublishOptions};
use bytes::Bytes;
use clap::Args;
use receipt::ReceiptFormat;
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// How long the last answers may take after ctrl-c: longer than the broker's own word that an outcome
/// is unknown.
const ANSWER_TIME: Duration = Duration::from_secs(15);

const EXAMPLES: &str = "\
Examples:
  broker publish orders 'one tea' --keep
  broker publish orders 'one coffee' --ttl 1h --header table=4
  seq 100000 | broker publish numbers --ttl 1h
  broker publish orders --lines orders.txt --keep --from-line 501";

/// The arguments of `broker publish`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PublishCommand {
    /// The subject, 1 to 255 bytes
    subject: String,
    /// The message; without it, --file and --lines, every line of standard input is one
    #[arg(allow_negative_numbers = true)]
    body: Option<OsString>,
    /// Publish the content of a file as one message
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    file: Option<PathBuf>,
    /// Publish every line of a file as a message of its own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["body", "file"])]
    lines: Option<PathBuf>,
    /// Begin with this line of --lines or standard input, counted from 1
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        hide_default_value = true,
        value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with_all = ["body", "file"]
    )]
    from_line: u64,
    /// Keep the message that long: 30s, 1h 30m, 250ms; at most 100 years
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    ttl: Option<Duration>,
    /// Keep the message for good; without this and --ttl it is delivered only
    #[arg(long, conflicts_with = "ttl")]
    keep: bool,
    /// Send this header along; may be given again
    #[arg(long = "header", value_name = "KEY=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// How acknowledgements are printed
    #[arg(long, value_enum, default_value = "text")]
    format: ReceiptFormat,
    #[command(flatten)]
    server: ServerArgument,
}

impl PublishCommand {
    fn options(&self) -> PublishOptions {
        let lifetime = match self.ttl {
            Some(ttl) => Lifetime::For(ttl),
            None if self.keep => Lifetime::Forever,
            None => Lifetime::DeliverOnly,
        };
        PublishOptions { lifetime, headers: self.headers.iter().cloned().collect() }
    }

    /// The one message, if there is only one.
    fn single(&mut self) -> Result<Option<Bytes>> {
        if let Some(file) = &self.file {
            let body = read(file);
            let body = body.with_context(|| format!("cannot read {}", file.display()))?;
            return Ok(Some(body.into()));
        }
        Ok(self.body.take().map(|body| body.into_vec().into()))
    }
}

/// Publishes and prints what the broker acknowledged.
pub async fn run(mut command: PublishCommand) -> Result<ExitCode> {
    let single = command.single()?;
    let client = command.server.connect().await?;
    match single {
        Some(body) => one(&client, &command, body).await,
        None => {
            let interrupt = Interrupt::listen(ANSWER_TIME)?;
            many::run(&client, &command, interrupt).await
        }
    }
}

async fn one(client: &Client, command: &PublishCommand, body: Bytes) -> Result<ExitCode> {
    let published = client.publish(&command.subject, body, command.options()).await?;
    let mut out = output::stdout();
    receipt::write(&mut out, &Ok(published), command.format)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A file, or of a larger one than can be published just enough to be refused.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    File::open(path)?.take(MAX_MESSAGE_BYTES as u64 + 1).read_to_end(&mut body)?;
    Ok(body)
}

fn header(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_cut_at_its_first_equals_sign() {
        assert_eq!(header("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(header("a="), Ok(("a".into(), String::new())));
        assert!(header("a").is_err());
    }
}
