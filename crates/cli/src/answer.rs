//! An answer on standard output, in the form asked for.

use crate::output;
use clap::ValueEnum;
use serde::Serialize;
use std::io::{self, Write};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A sentence
    Text,
    /// A JSON object
    Json,
}

/// Prints it, or what it is in words.
pub fn tell(answer: &impl Serialize, words: &str, format: Format) -> io::Result<()> {
    let mut out = output::stdout();
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, answer)?;
            out.write_all(b"\n")?;
        }
        Format::Text => writeln!(out, "{words}")?,
    }
    out.flush()
}
