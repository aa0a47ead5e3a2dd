//! `broker config`: the settings that a broker would run with.

use crate::{
    output,
    settings::{self, Entry, Resolved, ServeArguments},
};
use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// The widest column of values; longer ones stand out.
const WIDEST: usize = 32;

/// The arguments of `broker config`: those of `serve`, and how to print.
#[derive(Debug, Args)]
pub struct ConfigCommand {
    #[command(flatten)]
    serve: ServeArguments,
    /// How the settings are printed
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: ConfigFormat,
    /// Print a commented TOML file of all settings with their defaults instead
    #[arg(long, conflicts_with = "format")]
    example: bool,
}

/// How settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConfigFormat {
    /// A line for each: name, value, source
    Text,
    /// One JSON object a line for each
    Json,
}

/// Prints the settings; what was read, and what is odd, goes to standard error.
pub fn run(command: &ConfigCommand) -> Result<ExitCode> {
    let mut out = output::stdout();
    if command.example {
        out.write_all(settings::example().as_bytes())?;
    } else {
        let Resolved { entries, warnings, remarks, .. } = settings::read(&command.serve)?;
        remarks.iter().chain(&warnings).for_each(|note| output::note(note));
        match command.format {
            ConfigFormat::Text => text(&mut out, &entries)?,
            ConfigFormat::Json => json(&mut out, &entries)?,
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints aligned columns.
pub fn text(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    let width = |text: &str| text.chars().count();
    let names = entries.iter().map(|entry| width(entry.setting.name)).max().unwrap_or(0);
    let values = entries.iter().map(|entry| width(&entry.text())).filter(|width| *width <= WIDEST);
    let values = values.max().unwrap_or(0);
    for entry in entries {
        let (name, value) = (entry.setting.name, entry.text());
        writeln!(out, "{name:names$}  {value:values$}  {}", entry.source)?;
    }
    Ok(())
}

/// A setting for programs. What is not there is null.
#[derive(Serialize)]
struct Object<'a> {
    name: &'a str,
    value: Value,
    secret: bool,
    source: &'a str,
    source_name: Option<&'a str>,
    old_name: bool,
    file: Option<&'a str>,
    line: Option<usize>,
}

/// Prints a line for each setting.
pub fn json(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    for entry in entries {
        let place = entry.source.place();
        let object = Object {
            name: entry.setting.name,
            value: entry.json(),
            secret: entry.setting.secret,
            source: entry.source.kind(),
            source_name: entry.source.name(),
            old_name: entry.source.is_alias(),
            file: place.map(|(file, _)| file),
            line: place.map(|(_, line)| line),
        };
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
