//! Names of the broker that this one replaced.

use super::traces;

/// An old variable that stands for a setting.
pub struct Alias {
    /// The variable.
    pub variable: &'static str,
    /// Its value as the setting's own; an error says what is allowed.
    pub translate: fn(&str) -> Result<String, String>,
}

impl Alias {
    /// One whose value is the setting's own.
    pub const fn same(variable: &'static str) -> Self {
        Self { variable, translate: |value| Ok(value.to_owned()) }
    }
}

/// An old variable that sets nothing any more, and why: it is told of at the start, never ignored in
/// silence.
pub struct Retired {
    /// The variable.
    pub variable: &'static str,
    /// To go on behind "has no effect:".
    pub why: &'static str,
}

/// All of them.
pub const WITHOUT_EFFECT: &[Retired] = &[
    Retired { variable: "CASSANDRA_BATCH_SIZE", why: NO_BATCHES },
    Retired { variable: "CASSANDRA_TIME", why: NO_BATCHES },
];

const NO_BATCHES: &str = "what waits is written at once, so there is no batch to set";

/// JAEGER_HOST: a host that takes OTLP.
pub const JAEGER_HOST: Alias = Alias { variable: "JAEGER_HOST", translate: traces::at_host };

/// Goes with JAEGER_HOST: the port there.
pub const JAEGER_PORT: &str = "JAEGER_PORT";

/// STORAGE_TYPE, in any case.
pub const STORAGE_TYPE: Alias = Alias {
    variable: "STORAGE_TYPE",
    translate: |value| match value.to_ascii_uppercase().as_str() {
        "NOT_PERSISTED" => Ok("memory".into()),
        "POSTGRES" => Ok("postgres".into()),
        "CASSANDRA" | "SCYLLA" => Ok("cassandra".into()),
        _ => {
            Err("write NOT_PERSISTED, POSTGRES, CASSANDRA or SCYLLA, or use BROKER_STORAGE".into())
        }
    },
};

/// APPLICATION_PORT: a port of loopback.
pub const APPLICATION_PORT: Alias = Alias { variable: "APPLICATION_PORT", translate: on_loopback };

/// APPLICATION_PROM_PORT: a port of loopback.
pub const APPLICATION_PROM_PORT: Alias =
    Alias { variable: "APPLICATION_PROM_PORT", translate: on_loopback };

/// RUST_LOG, known to users of other programs in Rust.
pub const RUST_LOG: Alias = Alias::same("RUST_LOG");

/// The host of the default addresses stays: a port alone never opens the broker to a network.
fn on_loopback(port: &str) -> Result<String, String> {
    match port.parse::<u16>() {
        Ok(port) => Ok(format!("127.0.0.1:{port}")),
        Err(_) => Err("write a port from 0 to 65535".into()),
    }
}
