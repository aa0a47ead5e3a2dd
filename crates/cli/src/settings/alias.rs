//! Names of the broker that this one replaced.

/// An old variable that stands for a setting.
pub struct Alias {
    /// The variable.
    pub variable: &'static str,
    /// Its value as the setting's own; an error says what is allowed.
    pub translate: fn(&str) -> Result<String, String>,
}

/// Old variables that mean something only with stores and exporters that this build has not: they
/// are told of at the start, never ignored in silence.
pub const WITHOUT_EFFECT: &[&str] = &[
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_DBNAME",
    "POSTGRES_USERNAME",
    "POSTGRES_PASSWORD",
    "CASSANDRA_HOSTS",
    "CASSANDRA_PORT",
    "CASSANDRA_KEYSPACE",
    "CASSANDRA_USERNAME",
    "CASSANDRA_PASSWORD",
    "CASSANDRA_BATCH_SIZE",
    "CASSANDRA_TIME",
    "JAEGER_HOST",
    "JAEGER_PORT",
];

/// STORAGE_TYPE, in any case.
pub const STORAGE_TYPE: Alias = Alias {
    variable: "STORAGE_TYPE",
    translate: |value| match value.to_ascii_uppercase().as_str() {
        "NOT_PERSISTED" => Ok("memory".into()),
        "POSTGRES" | "CASSANDRA" | "SCYLLA" => {
            Err("this build has no such store yet: write NOT_PERSISTED, or set BROKER_STORAGE \
                 to memory or local"
                .into())
        }
        _ => Err("write NOT_PERSISTED, or set BROKER_STORAGE to memory or local".into()),
    },
};

/// APPLICATION_PORT: a port of loopback.
pub const APPLICATION_PORT: Alias = Alias { variable: "APPLICATION_PORT", translate: on_loopback };

/// APPLICATION_PROM_PORT: a port of loopback.
pub const APPLICATION_PROM_PORT: Alias =
    Alias { variable: "APPLICATION_PROM_PORT", translate: on_loopback };

/// RUST_LOG, known to users of other programs in Rust.
pub const RUST_LOG: Alias = Alias { variable: "RUST_LOG", translate: |value| Ok(value.to_owned()) };

/// The host of the default addresses stays: a port alone never opens the broker to a network.
fn on_loopback(port: &str) -> Result<String, String> {
    match port.parse::<u16>() {
        Ok(port) => Ok(format!("127.0.0.1:{port}")),
        Err(_) => Err("write a port from 0 to 65535".into()),
    }
}
