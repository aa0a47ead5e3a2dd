//! Subjects as lines: a table for persons, columns for programs.

use crate::{admin::Row, visible};
use jiff::Timestamp;
use std::io::{self, Write};

/// How lines of text are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Aligned, with sizes as persons read them.
    Table,
    /// A tabulator between two columns, numbers as they are.
    Columns,
}

/// Widths of the numbers and the time; a longer one pushes its line only.
const WIDTHS: [usize; 4] = [10, 10, 10, 20];

/// The head of a table.
pub fn write_head(out: &mut impl Write) -> io::Result<()> {
    aligned(out, ["last id", "messages", "size", "next expiry"])?;
    out.write_all(b"subject\n")
}

/// One subject. Its name comes last, since it may be of any length and may have blanks.
pub fn write(out: &mut impl Write, row: &Row, layout: Layout) -> io::Result<()> {
    let (last_id, messages) = (row.last_id.to_string(), row.messages.to_string());
    let expiry = row.next_expiry.as_deref();
    match layout {
        Layout::Table => {
            let expiry = expiry.map_or_else(|| "-".to_owned(), seconds);
            aligned(out, [&last_id, &messages, &size(row.bytes), &expiry])?;
        }
        Layout::Columns => {
            write!(out, "{last_id}\t{messages}\t{}\t", row.bytes)?;
            visible::write(out, expiry.unwrap_or("-").as_bytes())?;
            out.write_all(b"\t")?;
        }
    }
    visible::write(out, row.subject.as_bytes())?;
    out.write_all(b"\n")
}

fn aligned(out: &mut impl Write, columns: [&str; 4]) -> io::Result<()> {
    for (column, width) in columns.iter().zip(WIDTHS) {
        write!(out, "{column:>width$}  ")?;
    }
    Ok(())
}

/// A time without the parts of its second.
fn seconds(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => format!("{time:.0}"),
        Err(_) => visible::text(time),
    }
}

/// Bytes in the largest unit of which there is one.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Counted in tenths, rounded down: no size is shown as more than it is.
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for larger in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str, next_expiry: Option<&str>) -> Row {
        let next_expiry = next_expiry.map(str::to_owned);
        Row { subject: subject.into(), last_id: 12, messages: 3, bytes: 5_000, next_expiry }
    }

    fn line(row: &Row, layout: Layout) -> String {
        let mut out = Vec::new();
        write(&mut out, row, layout).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_is_aligned_below_its_head() {
        let mut head = Vec::new();
        write_head(&mut head).unwrap();
        let head = String::from_utf8(head).unwrap();
        let line = line(&row("orders", Some("2026-11-25T02:07:12.728592709Z")), Layout::Table);
        assert_eq!(
            format!("{head}{line}"),
            "   last id    messages        size           next expiry  subject\n\
             \x20       12           3     4.8 KiB  2026-11-25T02:07:12Z  orders\n"
        );
    }

    #[test]
    fn columns_are_as_they_are_and_a_name_does_not_act_on_the_terminal() {
        let row = row("a b\u{202e}\u{1b}[2J", None);
        assert_eq!(line(&row, Layout::Columns), "12\t3\t5000\t-\ta b\\u{202e}\\u{1b}[2J\n");
        assert!(line(&row, Layout::Table).ends_with("-  a b\\u{202e}\\u{1b}[2J\n"));
    }

    #[test]
    fn sizes_are_read_by_persons() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_575, "1023.9 KiB"),
            (1_048_576, "1.0 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
