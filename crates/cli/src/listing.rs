//! Subjects on standard output, in the form asked for.

use crate::{
    admin::Row,
    output::{self, Output},
    table::{self, Layout},
};
use clap::ValueEnum;
use std::io::{self, IsTerminal, Write};

/// How subjects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table on a terminal, columns with a tabulator between them elsewhere
    Text,
    /// One JSON object a line
    Json,
}

/// Standard output, in the form asked for.
pub struct Lines {
    out: Output,
    /// None for JSON.
    layout: Option<Layout>,
    /// The subject printed last.
    last: Option<String>,
}

impl Lines {
    /// Begins with the head, where there is one.
    pub fn new(format: Format) -> io::Result<Self> {
        let layout = match format {
            Format::Json => None,
            Format::Text if io::stdout().is_terminal() => Some(Layout::Table),
            Format::Text => Some(Layout::Columns),
        };
        let mut out = output::stdout();
        if layout == Some(Layout::Table) {
            table::write_head(&mut out)?;
        }
        Ok(Self { out, layout, last: None })
    }

    /// Writes one subject.
    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        self.last = Some(row.subject.clone());
        match self.layout {
            Some(layout) => table::write(&mut self.out, row, layout),
            None => {
                serde_json::to_writer(&mut self.out, row)?;
                self.out.write_all(b"\n")
            }
        }
    }

    /// What is said where it ends too early.
    pub fn end(&self) -> String {
        match &self.last {
            None => "no subject was listed".to_owned(),
            Some(last) => format!("the listing ended; go on with --after {last:?}"),
        }
    }

    /// What is written is to be seen.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
