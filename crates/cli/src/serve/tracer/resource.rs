//! Who sends spans, by the names of OpenTelemetry's semantic conventions.

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, ResourceDetector, TelemetryResourceDetector},
};
use std::{
    env,
    hash::{BuildHasher, RandomState},
    process,
};

const NAME: &str = "service.name";

/// What is said of this process; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win.
pub fn of(storage: &'static str) -> Resource {
    let said = EnvResourceDetector::new().detect();
    let name = env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let name = name.or_else(|| said.get(&Key::new(NAME)).map(|name| name.to_string()));
    let instance = RandomState::new().hash_one(process::id());
    let defaults = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", format!("{instance:016x}")),
        KeyValue::new("broker.storage", storage),
    ];
    let said = said.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(defaults)
        .with_attributes(said)
        .with_attribute(KeyValue::new(NAME, name.unwrap_or_else(|| "broker".into())))
        .build()
}
