//! The file `.env`: variables that rank below those of the environment.
//!
//! What it may hold, as Docker Compose reads it: `NAME=VALUE` or `NAME: VALUE`, with blanks around
//! either, `export` before it, and `#` comments on lines of their own or behind a blank. A value in single quotes is
//! taken as it is (`\'` is a quote); in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are escapes.
//! Quoted values may go over several lines. Line ends are LF or CRLF, a byte order mark is skipped,
//! and of several lines with one name the last one holds.
//!
//! `$` in a value is not replaced. As Compose would replace it (but for single quotes), a variable
//! of ours that has one is refused rather than read in another way.

use super::wrong::Wrong;
use std::{collections::BTreeMap, path::Path};

/// The file's name, in the working directory.
pub const FILE: &str = ".env";

/// A variable of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The value, without quotes.
    pub value: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// Whether it has a `$` that Compose would replace.
    pub has_reference: bool,
}

impl Assignment {
    /// What is wrong with a variable of ours that Compose would read in another way.
    pub fn reference(&self, name: &str) -> Option<String> {
        self.has_reference.then(|| {
            format!(
                "{name} in {FILE}:{} has a `$`, which is not replaced here; write the value itself, \
                 in single quotes if the `$` is part of it",
                self.line
            )
        })
    }
}

/// The variables of the file.
pub type Dotenv = BTreeMap<String, Assignment>;

/// Reads the file of the working directory; without one there are no variables. A folder of that
/// name is somebody else's.
pub fn read(wrong: &mut Wrong) -> Option<Dotenv> {
    if !Path::new(FILE).is_file() {
        return None;
    }
    match super::inputs::read_text(Path::new(FILE)) {
        Ok(text) => Some(parse(&text, wrong)),
        Err(error) => {
            wrong.say(format!("{FILE} cannot be read: {error}"));
            None
        }
    }
}

/// Reads a text. Lines that cannot be read are told of, by their numbers only: they may hold secrets.
pub fn parse(text: &str, wrong: &mut Wrong) -> Dotenv {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let mut variables = Dotenv::new();
    while !reader.rest.is_empty() {
        let line = reader.line;
        match reader.assignment() {
            Ok(Some((name, assignment))) => {
                variables.insert(name, assignment);
            }
            Ok(None) => {}
            Err(why) => wrong.say(format!("{FILE}:{line} cannot be read: {why}")),
        }
        reader.skip_line();
    }
    variables
}

/// What is not read yet, which begins in this line.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// The assignment that begins here; `None` in a line without one. What follows it in its last
    /// line is a comment.
    fn assignment(&mut self) -> Result<Option<(String, Assignment)>, String> {
        let line = self.line;
        self.rest = self.rest.trim_start_matches(is_blank);
        if self.at_end_of_line() || self.rest.starts_with('#') {
            return Ok(None);
        }
        let exported = self.rest.strip_prefix("export").filter(|rest| rest.starts_with(is_blank));
        self.rest = exported.unwrap_or(self.rest).trim_start_matches(is_blank);
        let name = self.name()?;
        let begin = self.rest.trim_start_matches(is_blank);
        let (value, has_reference) = match begin.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                self.rest = begin;
                self.quoted(quote)?
            }
            _ => {
                let value = self.plain();
                (value.to_owned(), value.contains('$'))
            }
        };
        self.rest = self.rest.trim_start_matches(is_blank);
        if !self.at_end_of_line() && !self.rest.starts_with('#') {
            return Err(format!("there is more behind the closing quote of {name}"));
        }
        Ok(Some((name, Assignment { value, line, has_reference })))
    }

    /// The name, and past the sign behind it.
    fn name(&mut self) -> Result<String, String> {
        let end = self.rest.find(|c: char| !is_of_name(c)).unwrap_or(self.rest.len());
        let (name, behind) = self.rest.split_at(end);
        let behind = behind.trim_start_matches(is_blank);
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        match behind.strip_prefix(['=', ':']) {
            Some(rest) if begins_well => {
                self.rest = rest;
                Ok(name.to_owned())
            }
            _ => Err("write NAME=VALUE, or # before a comment".into()),
        }
    }

    /// A value without quotes: up to the end of the line, or a comment behind a blank.
    fn plain(&mut self) -> &'a str {
        let line = self.line_text();
        let comment =
            line.char_indices().find(|(at, c)| *c == '#' && line[..*at].ends_with(is_blank));
        let end = comment.map_or(line.len(), |(at, _)| at);
        self.rest = &self.rest[end..];
        line[..end].trim_matches(is_blank)
    }

    /// A value in quotes, and whether Compose would replace something in it.
    fn quoted(&mut self, quote: char) -> Result<(String, bool), String> {
        let (mut value, mut has_reference) = (String::new(), false);
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.advance(at + 1);
                    return Ok((value, has_reference));
                }
                '\\' => {
                    let escaped = characters.next().map_or('\\', |(_, escaped)| escaped);
                    match unescape(quote, escaped) {
                        Some(character) => value.push(character),
                        None => value.extend(['\\', escaped]),
                    }
                }
                _ => {
                    has_reference |= character == '$' && quote == '"';
                    value.push(character);
                }
            }
        }
        Err(format!("the quote {quote} is not closed"))
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn skip_line(&mut self) {
        self.advance(self.rest.find('\n').map_or(self.rest.len(), |at| at + 1));
    }

    fn line_text(&self) -> &'a str {
        let line = self.rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn at_end_of_line(&self) -> bool {
        self.line_text().is_empty()
    }
}

fn unescape(quote: char, escaped: char) -> Option<char> {
    match (quote, escaped) {
        ('\'', '\'') => Some('\''),
        ('"', 'n') => Some('\n'),
        ('"', 'r') => Some('\r'),
        ('"', 't') => Some('\t'),
        ('"', '"' | '\\' | '$') => Some(escaped),
        _ => None,
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let mut wrong = Wrong::default();
        let variables = parse(text, &mut wrong);
        assert_eq!(wrong, Wrong::default(), "{text:?}");
        variables.into_iter().map(|(name, assignment)| (name, assignment.value)).collect()
    }

    fn value(text: &str) -> String {
        let values = values(text);
        assert_eq!(values.len(), 1, "{text:?}");
        values[0].1.clone()
    }

    #[test]
    fn plain_values_end_at_a_comment_or_the_line() {
        for (text, expected) in [
            ("A=b", "b"),
            ("A=b\n", "b"),
            ("A=b\r\n", "b"),
            ("\u{feff}A=b", "b"),
            ("A=", ""),
            ("A= # nothing", ""),
            ("A=#", "#"),
            ("A=#b # c", "#b"),
            ("  A = b c \t# comment", "b c"),
            ("A=b#c", "b#c"),
            ("A: b", "b"),
            ("A=b:c=d", "b:c=d"),
            ("export A=b", "b"),
            ("export\tA=b", "b"),
            ("export=b", "b"),
            ("A=it's", "it's"),
            ("A=http://x/#y", "http://x/#y"),
            ("a.b-c_1=süß", "süß"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quoted_values_are_what_compose_makes_of_them() {
        for (text, expected) in [
            (r#"A="b # c" # comment"#, "b # c"),
            (r#"A=''"#, ""),
            (r#"A="""#, ""),
            (r"A=' b\n '", r" b\n "),
            (r"A='it\'s'", "it's"),
            (r#"A="a\nb\t\"c\"\\ \$x \z""#, "a\nb\t\"c\"\\ $x \\z"),
            ("A=\"one\r\ntwo\"\r\n", "one\r\ntwo"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted_over_values_of_several() {
        let text = "# comment\n\nA=\"one\ntwo\"\n\r\nB=3\nB=4\nC='x\n\ny'#\nD=5";
        let variables = parse(text, &mut Wrong::default());
        let lines: Vec<_> =
            variables.iter().map(|(name, found)| (name.as_str(), found.line)).collect();
        assert_eq!(lines, [("A", 3), ("B", 7), ("C", 8), ("D", 11)]);
        assert_eq!(variables["B"].value, "4");
    }

    #[test]
    fn references_that_compose_would_replace_are_found() {
        for (text, has_reference) in [
            ("A=$B", true),
            ("A=\"x${B}\"", true),
            ("A='$B'", false),
            (r#"A="\$B""#, false),
            ("A=b", false),
        ] {
            let variables = parse(text, &mut Wrong::default());
            assert_eq!(variables["A"].has_reference, has_reference, "{text}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_by_its_number_and_without_its_content() {
        for text in [
            "secret",
            "=secret",
            "1A=secret",
            "A B=secret",
            "A='secret",
            "A=\"secret\\",
            "A='secret' more",
            "- A=secret",
        ] {
            let mut wrong = Wrong::default();
            let text = format!("OK=1\n{text}");
            let variables = parse(&text, &mut wrong);
            assert_eq!(variables.len(), 1, "{text:?}");
            let [sentence] = wrong.sentences() else { panic!("{text:?}: {wrong}") };
            assert!(sentence.starts_with(".env:2 cannot be read: "), "{sentence}");
            assert!(!sentence.contains("secret"), "{sentence}");
        }
    }

    #[test]
    fn every_wrong_line_is_told_and_the_others_are_read() {
        let mut wrong = Wrong::default();
        let variables = parse("A\nB=1\n\nC\n", &mut wrong);
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["B"]);
        assert_eq!(wrong.sentences().len(), 2);
        assert!(wrong.sentences()[1].starts_with(".env:4 "), "{wrong}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in r#"[A-C=:'"\\#$ \n\r\u{feff}é]{0,40}"#) {
            parse(&text, &mut Wrong::default());
        }

        #[test]
        fn any_value_has_a_form_in_single_and_in_double_quotes(value in r"[^\\']{0,20}") {
            let single = values(&format!("A='{value}'\nB=x"));
            prop_assert_eq!(&single[0].1, &value);
            let escaped = value.replace('"', "\\\"").replace('$', "\\$");
            let double = values(&format!("A=\"{escaped}\"\nB=x"));
            prop_assert_eq!(&double[0].1, &value);
        }
    }
}
