//! Lines for programs: one flat JSON object each.
//!
//! `timestamp`, `level`, `target` (the module), `message`, what the event has beside its message, and
//! `trace_id` and `span_id` where the line was written inside a traced call. The library's own form nests
//! spans and knows no such ids.

use super::{IdsOf, stamp};
use serde::{Serializer, ser::SerializeMap};
use std::{
    error::Error,
    fmt::{self, Debug},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Writes an event as an object.
pub struct Json {
    ids: IdsOf,
}

impl Json {
    pub fn new(ids: IdsOf) -> Self {
        Self { ids }
    }

    fn write(&self, event: &Event<'_>, line: &mut Vec<u8>) -> serde_json::Result<()> {
        let metadata = event.metadata();
        let mut serializer = serde_json::Serializer::new(line);
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("timestamp", &stamp::now())?;
        object.serialize_entry("level", metadata.level().as_str())?;
        object.serialize_entry("target", metadata.target())?;
        let mut message = Message(None);
        event.record(&mut message);
        // Whoever logs without a word is found by the place.
        object.serialize_entry("message", message.0.as_deref().unwrap_or(metadata.name()))?;
        let mut fields = Fields { object, failure: None };
        event.record(&mut fields);
        let Fields { mut object, failure } = fields;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if let Some(ids) = (self.ids)() {
            object.serialize_entry("trace_id", &format_args!("{:032x}", ids.trace_id))?;
            object.serialize_entry("span_id", &format_args!("{:016x}", ids.span_id))?;
        }
        object.end()
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Vec::with_capacity(256);
        self.write(event, &mut line).map_err(|_| fmt::Error)?;
        line.push(b'\n');
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

/// The words of an event.
struct Message(Option<String>);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == MESSAGE {
            self.0 = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            self.0 = Some(value.to_owned());
        }
    }
}

const MESSAGE: &str = "message";

/// What every line has: a field of that name would be there twice.
const TAKEN: &[&str] = &["timestamp", "level", "target", MESSAGE, "trace_id", "span_id"];

/// Everything else that an event has.
struct Fields<O> {
    object: O,
    failure: Option<serde_json::Error>,
}

impl<O: SerializeMap<Error = serde_json::Error>> Fields<O> {
    fn put(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        if self.failure.is_none() && !TAKEN.contains(&field.name()) {
            self.failure = self.object.serialize_entry(field.name(), value).err();
        }
    }
}

impl<O: SerializeMap<Error = serde_json::Error>> Visit for Fields<O> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, &format_args!("{value}"));
    }
}
