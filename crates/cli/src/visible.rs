//! Foreign bytes made safe to show on a terminal.

use std::io::{self, Write};

/// Writes bytes as text: what is not UTF-8 as `\xff`, and characters that a terminal acts upon or
/// that hide or reorder others as `\n` or `\u{1b}`.
pub fn write(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for chunk in bytes.utf8_chunks() {
        write_text(out, chunk.valid())?;
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// As [`write()`], of a text that goes into a sentence.
pub fn text(foreign: &str) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and what is written of a text is one.
    let _ = write_text(&mut out, foreign);
    String::from_utf8(out).unwrap_or_default()
}

fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(is_unsafe) {
        let (before, found) = rest.split_at(at);
        out.write_all(before.as_bytes())?;
        let mut characters = found.chars();
        if let Some(character) = characters.next() {
            write!(out, "{}", character.escape_default())?;
        }
        rest = characters.as_str();
    }
    out.write_all(rest.as_bytes())
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Marks, embeddings, overrides and isolates of writing direction; line and paragraph
            // separators; characters without width.
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    fn shown(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        super::write(&mut out, bytes).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_stays_as_it_is() {
        let text = r#"süß {"a": "b\"c"} 漢字 👍"#;
        assert_eq!(shown(text.as_bytes()), text);
        assert_eq!(shown(b""), "");
    }

    #[test]
    fn a_terminal_is_never_given_a_control_character() {
        assert_eq!(shown(b"a\x1b[2Jb\r\n\t\x07"), r"a\u{1b}[2Jb\r\n\t\u{7}");
        assert_eq!(shown("\u{9b}31m".as_bytes()), r"\u{9b}31m");
        assert_eq!(shown("a\u{202e}b".as_bytes()), r"a\u{202e}b");
        for byte in 0..=255 {
            assert!(!shown(&[byte]).chars().any(char::is_control), "{byte}");
        }
    }

    #[test]
    fn what_is_not_utf8_shows_its_bytes() {
        assert_eq!(shown(b"ok\xff\xfeok\xe6\xbc"), r"ok\xff\xfeok\xe6\xbc");
    }
}
