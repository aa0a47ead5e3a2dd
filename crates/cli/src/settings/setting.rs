//! A row of the table.

use super::{alias::Alias, kind::Kind, names::shown, source::Variable};
use std::{ffi::OsStr, iter};

/// A setting: a flag, an environment variable and a key of the TOML file.
#[derive(Clone, Copy)]
pub struct Setting {
    /// The key of the TOML file, and the flag behind its two dashes.
    pub name: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// Old names of the variable. A name further to the front is stronger.
    pub aliases: &'static [Alias],
    /// What values it has.
    pub kind: Kind,
    /// What holds if nothing says anything.
    pub default: Fallback,
    /// What it means; for `--help`, the documentation and the example file.
    pub help: &'static str,
    /// Whether its value is shown to nobody.
    pub secret: bool,
}

/// A row without old names and secrets; its meaning is still to be told.
pub const fn row(
    name: &'static str,
    variable: &'static str,
    kind: Kind,
    default: Fallback,
) -> Setting {
    Setting { name, variable, aliases: &[], kind, default, help: "", secret: false }
}

impl Setting {
    /// With what it means.
    pub const fn meaning(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// Its variable and the old names of it, the strongest first.
    pub fn variables(&self) -> impl Iterator<Item = Variable> {
        let own = Variable { name: self.variable, is_alias: false };
        let old = self.aliases.iter().map(|alias| alias.variable);
        iter::once(own).chain(old.map(|name| Variable { name, is_alias: true }))
    }

    /// A value as it may be shown.
    pub fn shown(&self, value: &OsStr) -> String {
        if self.secret { HIDDEN.into() } else { shown(value.as_encoded_bytes()) }
    }
}

/// What is shown of a secret.
pub const HIDDEN: &str = "(hidden)";

/// What holds if no source has a setting.
#[derive(Clone, Copy)]
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// What is told of here, and a value that one could set.
    Told {
        /// What holds.
        holds: &'static str,
        /// A value for examples.
        example: &'static str,
    },
}

impl Fallback {
    /// The default, or else the value for examples.
    pub fn example(&self) -> &'static str {
        match self {
            Self::Value(value) => value,
            Self::Told { example, .. } => example,
        }
    }

    /// The default as a value, if it is one.
    pub fn value(&self) -> Option<&'static str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Told { .. } => None,
        }
    }
}
