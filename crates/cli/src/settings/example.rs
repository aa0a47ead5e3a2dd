//! A TOML file of all settings.

use super::{
    kind::Kind,
    setting::{Fallback, Setting},
    table::SETTINGS,
};

const HEAD: &str = "\
# The settings of `broker serve`, with their defaults: a copy of this file changes nothing.
# It is read from ./broker.toml, or else from /etc/broker/broker.toml, or from where --config or
# BROKER_CONFIG says. A flag, a variable of the environment and one in ./.env are stronger.
";

/// The file, commented. What has no value by default is commented out, with an example.
pub fn example() -> String {
    let mut file = HEAD.to_owned();
    for setting in SETTINGS {
        file.push_str(&block(setting));
    }
    file
}

fn block(setting: &Setting) -> String {
    let mut comment = setting.help.to_owned();
    if let Fallback::Told { holds, .. } = setting.default {
        comment.push_str(&format!("; without it: {holds}"));
    }
    let mut block = String::from("\n");
    for line in wrap(&comment, 98) {
        block.push_str(&format!("# {line}\n"));
    }
    for line in values(setting.kind).iter().flat_map(|values| wrap(values, 98)) {
        block.push_str(&format!("# {line}\n"));
    }
    let sign = if setting.default.value().is_some() { "" } else { "# " };
    let value = toml_value(setting.kind, setting.default.example());
    block.push_str(&format!("{sign}{} = {value}\n", setting.name));
    block
}

/// What may be written, where the default alone does not tell.
fn values(kind: Kind) -> Option<String> {
    match kind {
        Kind::Choice(choices) => {
            let choice = choices.iter().map(|choice| format!("{}: {}", choice.name, choice.help));
            Some(choice.collect::<Vec<_>>().join("; "))
        }
        _ => kind.range(),
    }
}

/// A value that a flag could have, as one of a key.
pub fn toml_value(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Count(..) => value.to_owned(),
        Kind::List(..) => {
            let texts: Vec<_> = value.split(',').map(quoted).collect();
            format!("[{}]", texts.join(", "))
        }
        _ => quoted(value),
    }
}

/// A basic string of TOML is written like a string of JSON, but for DEL, which no default has.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Words in lines of at most so many characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
