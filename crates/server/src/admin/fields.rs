//! The fields of a request, each taken once; what is left was not expected.

use super::refusal::Refusal;
use broker_core::{MessageId, Subject};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The fields that are not taken yet.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a JSON object; an empty body is one without fields.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(other) => {
                let what = kind(&other);
                Err(Refusal::malformed(format!("the body is {what}, and must be a JSON object")))
            }
            Err(error) => Err(Refusal::malformed(format!("the body is no JSON: {error}"))),
        }
    }

    /// A subject; `None` where the field is absent or null.
    pub fn subject(&mut self, field: &'static str) -> Result<Option<Subject>, Refusal> {
        let Some(text) = self.text(field, "INVALID_SUBJECT")? else { return Ok(None) };
        let subject = Subject::new(&text);
        subject.map(Some).map_err(|error| {
            Refusal::field("INVALID_SUBJECT", field, format!("{field} is no subject: {error}"))
        })
    }

    /// A text; `None` where the field is absent or null.
    pub fn text(
        &mut self,
        field: &'static str,
        reason: &'static str,
    ) -> Result<Option<String>, Refusal> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                let why = format!("{field} is {}, and must be a text", kind(&other));
                Err(Refusal::field(reason, field, why))
            }
        }
    }

    /// A subject that must be there.
    pub fn needed_subject(&mut self, field: &'static str) -> Result<Subject, Refusal> {
        self.subject(field)?
            .ok_or_else(|| Refusal::field("INVALID_SUBJECT", field, format!("{field} is missing")))
    }

    /// An id, from 1; `None` where the field is absent or null.
    pub fn id(&mut self, field: &'static str) -> Result<Option<MessageId>, Refusal> {
        Ok(self.number(field, 1..=u64::MAX)?.map(MessageId))
    }

    /// A whole number within these; `None` where the field is absent or null.
    pub fn number(
        &mut self,
        field: &'static str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.take(field) else { return Ok(None) };
        match value.as_u64().filter(|number| allowed.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let found = if value.is_number() { value.to_string() } else { kind(&value).into() };
                let (least, most) = (allowed.start(), allowed.end());
                let why = format!(
                    "{field} is {found}, and must be a whole number from {least} to {most}"
                );
                Err(Refusal::field("INVALID_NUMBER", field, why))
            }
        }
    }

    /// Nothing may be left.
    pub fn finish(self, known: &[&str]) -> Result<(), Refusal> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(field) => {
                // Foreign text, cut so that the answer stays small.
                let field: String = field.chars().take(64).collect();
                let known = known.join(", ");
                let why = format!("there is no field {field:?} in this call; there are {known}");
                Err(Refusal::field("UNKNOWN_FIELD", &field, why))
            }
        }
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field).filter(|value| !value.is_null())
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
