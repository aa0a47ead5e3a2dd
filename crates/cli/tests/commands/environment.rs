//! The environment of a command that a test runs.

use std::{env, process::Command};

/// Variables that are read beside those named `BROKER_...`.
const OLD_NAMES: &[&str] =
    &["RUST_LOG", "STORAGE_TYPE", "APPLICATION_PORT", "APPLICATION_PROM_PORT"];

/// What all others of them begin with.
const PREFIXES: &[&str] = &["BROKER_", "POSTGRES_", "CASSANDRA_", "JAEGER_", "OTEL_"];

/// Takes out the settings of whoever runs the tests and of the machine.
pub fn clear_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_prefixed = PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        if is_prefixed || OLD_NAMES.contains(&text.as_ref()) {
            command.env_remove(name);
        }
    }
    command.env("BROKER_CONFIG", "/dev/null");
}
