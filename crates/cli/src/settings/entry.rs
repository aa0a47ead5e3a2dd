//! A setting that is decided.

use super::{
    kind::Kind,
    setting::{Fallback, Setting},
    source::Source,
};
use serde_json::Value;
use std::{ffi::OsString, fmt};

/// A setting, its value and where that came from.
#[derive(Clone)]
pub struct Entry {
    /// The row of the table.
    pub setting: &'static Setting,
    /// Text that a flag could have; `None` if the default is no value.
    pub value: Option<OsString>,
    /// The source.
    pub source: Source,
}

/// Without the values: one may be a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.setting.name, self.source)
    }
}

impl Entry {
    /// The value as it may be shown; `None` if there is none.
    pub fn value(&self) -> Option<String> {
        self.value.as_deref().map(|value| self.setting.shown(value))
    }

    /// The same for programs: a number for a count, an array for several values.
    pub fn json(&self) -> Value {
        let Some(value) = self.value() else { return Value::Null };
        match self.setting.kind {
            _ if self.setting.secret => value.into(),
            Kind::Count(..) => value.parse::<u64>().map_or(Value::Null, Value::from),
            Kind::List(..) => value.split(',').filter(|text| !text.is_empty()).collect(),
            _ => value.into(),
        }
    }

    /// The same for persons, who are told what holds without a value.
    pub fn text(&self) -> String {
        self.value().unwrap_or_else(|| match self.setting.default {
            Fallback::Value(value) => value.to_owned(),
            Fallback::Told { holds, .. } => format!("({holds})"),
        })
    }
}
