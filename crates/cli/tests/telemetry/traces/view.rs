//! A trace as Jaeger's query API shows it, in the form of OTLP.

use serde_json::Value;
use std::collections::BTreeMap;

/// The spans of a trace, by their ids.
#[derive(Debug, Default)]
pub struct Trace {
    pub id: String,
    pub spans: BTreeMap<String, Span>,
}

/// A span.
#[derive(Debug)]
pub struct Span {
    pub name: String,
    pub parent: Option<String>,
    /// Traces and spans that it is linked to.
    pub links: Vec<(String, String)>,
    pub kind: Option<u64>,
    pub service: String,
    /// Its attributes, as texts.
    pub tags: BTreeMap<String, String>,
    /// What was noted at it, in order.
    pub notes: Vec<String>,
    pub is_error: bool,
    /// From its start to its end, in nanoseconds since 1970.
    pub time: [u64; 2],
}

/// Numbers of kinds of spans.
pub const SERVER: Option<u64> = Some(2);
pub const CLIENT: Option<u64> = Some(3);
pub const PRODUCER: Option<u64> = Some(4);

impl Trace {
    /// Reads an answer on one trace; one that is not there has no spans.
    pub fn read(id: &str, content: &str) -> Self {
        let answer: Value = serde_json::from_str(content).expect("Jaeger answers in JSON");
        let mut trace = Self { id: id.to_owned(), spans: BTreeMap::new() };
        for resource in list(&answer["result"]["resourceSpans"]) {
            let service = attributes(&resource["resource"]).remove("service.name");
            let service = service.unwrap_or_default();
            for scope in list(&resource["scopeSpans"]) {
                let spans = list(&scope["spans"]).iter();
                trace.spans.extend(spans.map(|span| (text(&span["spanId"]), read(span, &service))));
            }
        }
        trace
    }

    /// The only span of that name, and its id.
    pub fn only(&self, name: &str) -> (&str, &Span) {
        let found = self.named(name);
        let [one] = found[..] else { panic!("{} of {name} in {self:#?}", found.len()) };
        one
    }

    /// The spans of that name, with their ids.
    pub fn named(&self, name: &str) -> Vec<(&str, &Span)> {
        let spans = self.spans.iter().filter(|(_, span)| span.name == name);
        spans.map(|(id, span)| (id.as_str(), span)).collect()
    }

    /// Names of all spans, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.spans.values().map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Names from a span up to the first whose parent is not in the trace.
    pub fn way_up(&self, id: &str) -> Vec<&str> {
        let mut names = Vec::new();
        let mut next = self.spans.get(id);
        while let Some(span) = next {
            names.push(span.name.as_str());
            next = span.parent.as_ref().and_then(|parent| self.spans.get(parent));
        }
        names
    }
}

fn read(span: &Value, service: &str) -> Span {
    let links = list(&span["links"]).iter();
    Span {
        name: text(&span["name"]),
        parent: span["parentSpanId"].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
        links: links.map(|link| (text(&link["traceId"]), text(&link["spanId"]))).collect(),
        kind: span["kind"].as_u64(),
        service: service.to_owned(),
        tags: attributes(span),
        notes: notes(span),
        is_error: span["status"]["code"] == 2,
        time: ["startTimeUnixNano", "endTimeUnixNano"]
            .map(|name| text(&span[name]).parse().expect("a time")),
    }
}

/// By their times: Jaeger sorts them otherwise.
fn notes(span: &Value) -> Vec<String> {
    let mut events: Vec<_> = list(&span["events"]).iter().collect();
    events.sort_by_key(|event| text(&event["timeUnixNano"]));
    events.into_iter().map(|event| text(&event["name"])).collect()
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let value = |value: &Value| match value.as_object().and_then(|kinds| kinds.values().next()) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    };
    list(&of["attributes"]).iter().map(|it| (text(&it["key"]), value(&it["value"]))).collect()
}

/// The ids of the traces in a list of the older form, which is the one that a browser gets.
pub fn ids(content: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(content).expect("Jaeger answers in JSON");
    list(&answer["data"]).iter().map(|trace| text(&trace["traceID"])).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
