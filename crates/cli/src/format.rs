//! A message as text for persons, JSON for programs, or raw.

use crate::visible;
use anstyle::{AnsiColor, Style};
use base64::{Engine, prelude::BASE64_STANDARD};
use broker_client::Delivery;
use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::SystemTime,
};

/// How messages are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for persons: id, time, headers if any, body; unsafe characters are escaped
    Text,
    /// One JSON object a line
    Json,
    /// The body's bytes and a line feed
    Raw,
}

/// Prints messages in one format.
pub struct Printer {
    format: Format,
    palette: Palette,
}

/// How the parts of a line look to a person.
#[derive(Default)]
struct Palette {
    id: Style,
    time: Style,
    header: Style,
}

const COLOURS: Palette = Palette {
    id: AnsiColor::Cyan.on_default(),
    time: Style::new().dimmed(),
    header: AnsiColor::Yellow.on_default(),
};

impl Printer {
    /// Coloured where that is wanted.
    pub fn new(format: Format, colours: bool) -> Self {
        Self { format, palette: if colours { COLOURS } else { Palette::default() } }
    }

    /// Prints one message.
    pub fn print(&self, out: &mut impl Write, message: &Delivery) -> io::Result<()> {
        match self.format {
            Format::Text => self.text(out, message),
            Format::Json => json(out, message),
            Format::Raw => {
                out.write_all(&message.body)?;
                out.write_all(b"\n")
            }
        }
    }

    fn text(&self, out: &mut impl Write, message: &Delivery) -> io::Result<()> {
        let Palette { id, time, header } = &self.palette;
        match message.id {
            0 => write!(out, "{id}-{id:#}")?,
            number => write!(out, "{id}{number}{id:#}")?,
        }
        match message.published_at.and_then(timestamp) {
            Some(published) => write!(out, "  {time}{published:.3}{time:#}  ")?,
            None => write!(out, "  {time}-{time:#}  ")?,
        }
        for (key, value) in &message.headers {
            write!(out, "{header}")?;
            visible::write(out, key.as_bytes())?;
            out.write_all(b"=")?;
            visible::write(out, value.as_bytes())?;
            write!(out, "{header:#}  ")?;
        }
        visible::write(out, &message.body)?;
        out.write_all(b"\n")
    }
}

#[derive(Serialize)]
struct Object<'a> {
    id: u64,
    subject: &'a str,
    published_at: Option<String>,
    expires_at: Option<String>,
    headers: &'a BTreeMap<String, String>,
    missed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

fn json(out: &mut impl Write, message: &Delivery) -> io::Result<()> {
    let body = std::str::from_utf8(&message.body).ok();
    let object = Object {
        id: message.id,
        subject: &message.subject,
        published_at: rfc3339(message.published_at),
        expires_at: rfc3339(message.expires_at),
        headers: &message.headers,
        missed: message.missed,
        body,
        body_base64: body.is_none().then(|| BASE64_STANDARD.encode(&message.body)),
    };
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

/// With as many digits of the second as it has, up to nine.
fn rfc3339(time: Option<SystemTime>) -> Option<String> {
    time.and_then(timestamp).map(|time| time.to_string())
}

/// None beyond the year 9999.
fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn message(id: u64, body: &'static [u8]) -> Delivery {
        let published_at = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_500_000_001);
        Delivery {
            id,
            subject: "s".into(),
            body: body.into(),
            published_at: Some(published_at),
            expires_at: None,
            headers: [("k".to_owned(), "v\n".to_owned())].into(),
            missed: 2,
        }
    }

    fn printed(message: &Delivery, format: Format) -> Vec<u8> {
        let mut out = Vec::new();
        Printer::new(format, false).print(&mut out, message).unwrap();
        out
    }

    #[test]
    fn colours_are_around_the_text_and_never_in_other_formats() {
        let coloured = |format| {
            let mut out = Vec::new();
            Printer::new(format, true).print(&mut out, &message(7, b"tea")).unwrap();
            String::from_utf8(out).unwrap()
        };
        let expected = concat!(
            "\u{1b}[36m7\u{1b}[0m  \u{1b}[2m1970-01-01T00:00:01.500Z\u{1b}[0m  ",
            "\u{1b}[33mk=v\\n\u{1b}[0m  tea\n"
        );
        assert_eq!(coloured(Format::Text), expected);
        assert!(!coloured(Format::Json).contains('\u{1b}'));
        assert_eq!(coloured(Format::Raw), "tea\n");
    }

    #[test]
    fn text_is_one_safe_line() {
        let text = printed(&message(7, b"tea\x1b\n"), Format::Text);
        let expected = "7  1970-01-01T00:00:01.500Z  k=v\\n  tea\\u{1b}\\n\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn what_was_delivered_only_has_no_id_in_text() {
        assert!(printed(&message(0, b"tea"), Format::Text).starts_with(b"-  1970"));
    }

    #[test]
    fn json_has_every_field() {
        let text = printed(&message(7, b"\"tea\"\n"), Format::Json);
        let expected = concat!(
            r#"{"id":7,"subject":"s","published_at":"1970-01-01T00:00:01.500000001Z","#,
            r#""expires_at":null,"headers":{"k":"v\n"},"missed":2,"body":"\"tea\"\n"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn json_of_a_body_that_is_no_text_is_base64() {
        let text = String::from_utf8(printed(&message(7, b"\xff\x00"), Format::Json)).unwrap();
        assert!(text.ends_with("\"missed\":2,\"body_base64\":\"/wA=\"}\n"), "{text}");
    }

    #[test]
    fn raw_is_the_bytes_and_a_line_feed() {
        assert_eq!(printed(&message(7, b"\xff\x1b"), Format::Raw), b"\xff\x1b\n");
    }
}
