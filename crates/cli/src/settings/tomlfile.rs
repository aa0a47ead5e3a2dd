//! The TOML file: one key a setting.

use super::{
    choices,
    kind::Kind,
    names::{advice, shown},
    setting::Setting,
    wrong::Wrong,
};
use std::{collections::BTreeMap, ffi::OsString};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Values by the names of their settings, with their lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TomlFile {
    /// The file as it was named.
    pub path: String,
    /// The values as text, as flags would have them.
    pub values: BTreeMap<&'static str, (OsString, usize)>,
}

/// Reads a text. Nothing of a text that is no TOML is used.
pub fn parse(path: &str, text: &str, table: &'static [Setting], wrong: &mut Wrong) -> TomlFile {
    let mut file = TomlFile { path: path.to_owned(), values: BTreeMap::new() };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let keys = match DeTable::parse(text) {
        Ok(keys) => keys,
        Err(error) => {
            wrong.say(syntax(path, text, &error));
            return file;
        }
    };
    // The table has them by their names; what is wrong is told in the order of the lines.
    let mut keys: Vec<_> = keys.into_inner().into_iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in keys {
        let line = line_of(text, key.span().start);
        let key = key.into_inner();
        let place = format!("{path}:{line}");
        match table.iter().find(|setting| setting.name == key) {
            None => wrong.say(unknown(&key, &place, table)),
            Some(setting) => match text_of(setting.kind, &value) {
                Some(value) => {
                    file.values.insert(setting.name, (value.into(), line));
                }
                None => wrong.say(wrong_type(setting, &value, &place)),
            },
        }
    }
    file
}

/// The parser's own display would show the line, which may hold a secret.
fn syntax(path: &str, text: &str, error: &toml::de::Error) -> String {
    let span = error.span().unwrap_or_default();
    let place = format!("{path}:{}", line_of(text, span.start));
    match error.message() {
        "duplicate key" => {
            let key = shown(text.get(span).unwrap_or_default().as_bytes());
            format!("duplicate key `{key}` in {place}; a key is set once")
        }
        message => format!("{place} is no TOML: {message}"),
    }
}

fn unknown(key: &str, place: &str, table: &[Setting]) -> String {
    let known = table.iter().map(|setting| setting.name);
    let advice = choices::absent(key)
        .unwrap_or_else(|| advice(key, known, "`broker config --example` shows every key"));
    format!("unknown key `{}` in {place}; {advice}", shown(key.as_bytes()))
}

/// The value as a flag would have it, if it has a type that the setting takes.
fn text_of(kind: Kind, value: &Spanned<DeValue<'_>>) -> Option<String> {
    match (kind, value.get_ref()) {
        (Kind::Count(..), DeValue::Integer(_)) | (Kind::Size(..), DeValue::Integer(_)) => {
            number(value.get_ref())
        }
        (Kind::Count(..), _) => None,
        (Kind::List(..), DeValue::Array(texts)) => {
            let texts: Option<Vec<_>> = texts.iter().map(|text| text.get_ref().as_str()).collect();
            // An empty text would vanish when they are joined.
            texts.filter(|texts| !texts.contains(&"")).map(|texts| texts.join(","))
        }
        (_, DeValue::String(text)) => Some(text.clone().into_owned()),
        _ => None,
    }
}

/// In decimal. One beyond 64 bits stays as it is and is out of every range.
fn number(value: &DeValue<'_>) -> Option<String> {
    let integer = value.as_integer()?;
    let decimal = i128::from_str_radix(integer.as_str(), integer.radix());
    Some(decimal.map_or_else(|_| integer.as_str().to_owned(), |number| number.to_string()))
}

fn wrong_type(setting: &Setting, value: &Spanned<DeValue<'_>>, place: &str) -> String {
    let form = match setting.kind {
        Kind::Count(..) => "as a number without quotes",
        Kind::Size(..) => "as text in quotes or a number of bytes",
        Kind::List(..) => "as an array of texts in quotes",
        _ => "as text in quotes",
    };
    let what = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(true) => "the boolean `true`",
        DeValue::Boolean(false) => "the boolean `false`",
        DeValue::Datetime(_) => "a date or time of day",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    let value = match (value.get_ref(), setting.secret) {
        (DeValue::String(text), false) => format!(" `{}`", shown(text.as_bytes())),
        (DeValue::Integer(integer), false) => format!(" `{integer}`"),
        (DeValue::Float(float), false) => format!(" `{float}`"),
        _ => String::new(),
    };
    let allowed = setting.kind.allowed();
    format!("{} in {place} is {what}{value}; write {allowed}, {form}", setting.name)
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}
