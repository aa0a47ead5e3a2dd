//! Findings as lines.

use super::finding::{Finding, Level};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

const OK: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// A line for each.
pub fn text(out: &mut impl Write, findings: &[Finding], has_colours: bool) -> io::Result<()> {
    for Finding { level, name, finding, advice } in findings {
        let (word, style) = match level {
            Level::Ok => ("ok  ", OK),
            Level::Warn => ("warn", WARN),
            Level::Bad => ("bad ", BAD),
        };
        let style = if has_colours { style } else { Style::new() };
        write!(out, "{style}{word}{style:#}  {name}: {finding}")?;
        match advice {
            Some(advice) => writeln!(out, "; {advice}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// A JSON object for each.
pub fn json(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        serde_json::to_writer(&mut *out, finding)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_how_it_is_what_it_is_and_what_to_do() {
        let findings = [
            Finding::ok("a", "is"),
            Finding::warn("b", "is not", "do"),
            Finding::bad("c", "x", "y"),
        ];
        let mut lines = Vec::new();
        text(&mut lines, &findings, false).unwrap();
        let expected = "ok    a: is\nwarn  b: is not; do\nbad   c: x; y\n";
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
        let mut lines = Vec::new();
        json(&mut lines, &findings[1..2]).unwrap();
        let expected =
            "{\"level\":\"warn\",\"name\":\"b\",\"finding\":\"is not\",\"advice\":\"do\"}\n";
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
    }
}
