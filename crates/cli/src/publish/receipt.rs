//! How an acknowledgement is printed.

use broker_client::{Durability, Error, Published};
use clap::ValueEnum;
use serde::Serialize;
use std::io::{self, Write};

/// How acknowledgements are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReceiptFormat {
    /// The message's id, `delivered`, or `failed`
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Object<'a> {
    Published { id: u64, durability: &'static str },
    Failed { error: &'a str, retryable: bool, outcome_unknown: bool },
}

/// Prints one line, whatever became of the message.
pub fn write(
    out: &mut impl Write,
    receipt: &Result<Published, Error>,
    format: ReceiptFormat,
) -> io::Result<()> {
    match format {
        ReceiptFormat::Text => match receipt {
            Ok(Published { id: 0, .. }) => writeln!(out, "delivered"),
            Ok(Published { id, .. }) => writeln!(out, "{id}"),
            Err(_) => writeln!(out, "failed"),
        },
        ReceiptFormat::Json => {
            let text = receipt.as_ref().err().map(Error::to_string).unwrap_or_default();
            let object = match receipt {
                Ok(Published { id, durability }) => {
                    Object::Published { id: *id, durability: name(*durability) }
                }
                Err(error) => Object::Failed {
                    error: &text,
                    retryable: error.is_retryable(),
                    outcome_unknown: error.is_outcome_unknown(),
                },
            };
            serde_json::to_writer(&mut *out, &object)?;
            out.write_all(b"\n")
        }
    }
}

fn name(durability: Durability) -> &'static str {
    match durability {
        Durability::Memory => "memory",
        Durability::Disk => "disk",
        Durability::Database => "database",
        // A newer one promises at least this.
        Durability::Delivered | _ => "delivered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(id: u64, durability: Durability, format: ReceiptFormat) -> String {
        let mut out = Vec::new();
        write(&mut out, &Ok(Published { id, durability }), format).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_the_id_or_that_it_was_delivered() {
        assert_eq!(printed(7, Durability::Disk, ReceiptFormat::Text), "7\n");
        assert_eq!(printed(0, Durability::Delivered, ReceiptFormat::Text), "delivered\n");
    }

    #[test]
    fn json_says_what_the_acknowledgement_means() {
        let json = printed(7, Durability::Disk, ReceiptFormat::Json);
        assert_eq!(json, "{\"id\":7,\"durability\":\"disk\"}\n");
    }
}
