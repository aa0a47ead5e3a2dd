//! `broker purge SUBJECT`

use crate::{
    admin::{Admin, AdminError, Counted, Purged},
    answer::{self, Format},
    arguments::AdminArgument,
    exit,
    interrupt::Interrupt,
    output,
    table::size,
    visible,
};
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::{
    io::{self, BufRead, IsTerminal},
    num::NonZeroU64,
    process::ExitCode,
    time::Duration,
};

/// The arguments of `broker purge`.
#[derive(Debug, Args)]
pub struct PurgeCommand {
    /// The subject whose kept messages are removed
    subject: String,
    /// Remove messages up to and including this id instead of all
    #[arg(long, value_name = "ID")]
    up_to: Option<NonZeroU64>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    /// How it is told what was removed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArgument,
}

/// A call of `/v1/count` or `/v1/purge`.
#[derive(Serialize)]
struct Range<'a> {
    subject: &'a str,
    up_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_id: Option<u64>,
}

/// Removes kept messages of a subject, after asking.
pub async fn run(command: PurgeCommand) -> Result<ExitCode> {
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !command.yes && !can_ask {
        output::note("nobody can be asked here: say --yes to remove messages without a question");
        return Ok(ExitCode::from(exit::USAGE));
    }
    let kept = count(&mut command.admin.connect().await?, &command).await?;
    if !command.yes && kept.row.messages > 0 {
        match ask(&kept).await? {
            Answer::Yes => {}
            Answer::No => {
                output::note("nothing was removed");
                return Ok(ExitCode::from(exit::FAILED));
            }
            Answer::Interrupted => return Ok(ExitCode::from(exit::INTERRUPTED)),
        }
    }
    // What came since it was counted stays: nobody said yes to that.
    let range = Range { subject: &command.subject, up_to: Some(kept.up_to), after_id: None };
    // A connection of its own: the broker lets go of one that is silent while somebody thinks.
    let mut admin = command.admin.connect().await?;
    let purged: Result<Purged, _> = admin.call("/v1/purge", &range).await;
    let mut purged = purged.map_err(AdminError::of_change)?;
    purged.messages.get_or_insert(kept.row.messages);
    purged.bytes.get_or_insert(kept.row.bytes);
    answer::tell(&purged, &words(&purged), command.format)?;
    Ok(ExitCode::SUCCESS)
}

/// What is going to be removed, counted to the end.
async fn count(admin: &mut Admin, command: &PurgeCommand) -> Result<Counted, AdminError> {
    let up_to = command.up_to.map(NonZeroU64::get);
    let first = Range { subject: &command.subject, up_to, after_id: None };
    let mut counted: Counted = admin.call("/v1/count", &first).await?;
    while let Some(after_id) = counted.next.take().and_then(|next| next.after_id) {
        let up_to = Some(counted.up_to);
        let next = Range { subject: &command.subject, up_to, after_id: Some(after_id) };
        let part: Counted = admin.call("/v1/count", &next).await?;
        counted.row.add(part.row);
        counted.next = part.next;
    }
    Ok(counted)
}

/// What a person says to the question.
enum Answer {
    Yes,
    /// Whatever is not yes.
    No,
    /// ctrl-c.
    Interrupted,
}

async fn ask(kept: &Counted) -> Result<Answer> {
    let (what, name) =
        (amount(kept.row.messages, kept.row.bytes), visible::text(&kept.row.subject));
    // Listened for here: whoever started this may have had ctrl-c ignored.
    let mut interrupt = Interrupt::listen(Duration::ZERO)?;
    output::ask(&format!("remove {what} of {name}, up to id {}? [y/N] ", kept.up_to))?;
    let reading = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = tokio::select! {
        biased;
        () = interrupt.asked() => return Ok(Answer::Interrupted),
        answer = reading => answer?.context("the answer cannot be read")?,
    };
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    Ok(if is_yes { Answer::Yes } else { Answer::No })
}

fn words(purged: &Purged) -> String {
    let what = amount(purged.messages.unwrap_or(0), purged.bytes.unwrap_or(0));
    let name = visible::text(&purged.subject);
    format!("removed {what} of {name}, up to id {}", purged.up_to)
}

fn amount(messages: u64, bytes: u64) -> String {
    match messages {
        1 => format!("1 message ({})", size(bytes)),
        _ => format!("{messages} messages ({})", size(bytes)),
    }
}
