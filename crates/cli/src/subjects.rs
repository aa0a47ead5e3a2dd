//! `broker subjects`

use crate::{
    admin::{Next, Page, Row},
    arguments::AdminArgument,
    listing::{Format, Lines},
};
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::{num::NonZeroU64, process::ExitCode};

/// Subjects asked for at once; the broker gives no more.
const PAGE: u64 = 1_000;

/// The arguments of `broker subjects`.
#[derive(Debug, Args)]
pub struct SubjectsCommand {
    /// Only subjects that begin with this
    #[arg(long)]
    prefix: Option<String>,
    /// Only subjects behind this one, in the order of their bytes
    #[arg(long, value_name = "SUBJECT")]
    after: Option<String>,
    /// At most that many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// How subjects are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArgument,
}

/// A call of `/v1/subjects`.
#[derive(Serialize)]
struct Query<'a> {
    prefix: Option<&'a str>,
    after: Option<String>,
    after_id: Option<u64>,
    limit: u64,
}

/// Prints the subjects that ever had a stored message, page by page.
pub async fn run(command: SubjectsCommand) -> Result<ExitCode> {
    let mut admin = command.admin.connect().await?;
    let mut out = Lines::new(command.format)?;
    let mut left = command.limit.map_or(u64::MAX, NonZeroU64::get);
    let mut next = Next { after: command.after, after_id: None };
    // A subject that is counted in parts waits for the last one.
    let mut part: Option<Row> = None;
    loop {
        let Next { after, after_id } = next;
        let query =
            Query { prefix: command.prefix.as_deref(), after, after_id, limit: left.min(PAGE) };
        let page: Result<Page, _> = admin.call("/v1/subjects", &query).await;
        let page = page.with_context(|| out.end())?;
        let is_part = page.next.as_ref().is_some_and(|next| next.after_id.is_some());
        let mut rows = joined(part.take(), page.subjects);
        if is_part {
            part = rows.pop();
        }
        for row in &rows {
            out.write(row)?;
        }
        left = left.saturating_sub(rows.len() as u64);
        out.flush()?;
        next = match page.next {
            Some(next) if left > 0 => next,
            _ => return Ok(ExitCode::SUCCESS),
        };
    }
}

/// The rows of a page, the first one added to the part that the page before ended with.
fn joined(part: Option<Row>, page: Vec<Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = part.into_iter().collect();
    for row in page {
        match rows.last_mut() {
            Some(last) if last.subject == row.subject => last.add(row),
            _ => rows.push(row),
        }
    }
    rows
}
