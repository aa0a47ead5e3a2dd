//! What the crates must not know of each other and of the world.

use super::{manifest, tree::Tree};

/// What a crate must not depend on. A name ending in `*` stands for all that begin so.
struct Border {
    crate_name: &'static str,
    forbidden: &'static [&'static [&'static str]],
}

const GRPC: &[&str] =
    &["tonic*", "prost*", "h2", "hyper*", "http", "http-body*", "tower*", "axum*", "broker-proto"];
const SQL: &[&str] = &[
    "tokio-postgres",
    "postgres*",
    "sqlx*",
    "diesel*",
    "rusqlite",
    "deadpool*",
    "scylla*",
    "cdrs*",
    "cassandra*",
];
const EXPORTERS: &[&str] = &["opentelemetry*", "metrics*", "prometheus*", "tracing-subscriber"];
const ARGUMENTS: &[&str] = &["clap*", "anyhow"];
const ABOVE_CORE: &[&str] = &["broker-storage", "broker-server", "broker-client"];
const CLI: &[&str] = &["broker-cli"];

const BORDERS: &[Border] = &[
    Border { crate_name: "proto", forbidden: &[&["broker-core"], ABOVE_CORE, SQL, ARGUMENTS, CLI] },
    Border {
        crate_name: "core",
        forbidden: &[GRPC, SQL, EXPORTERS, ARGUMENTS, ABOVE_CORE, CLI, &["socket2", "tempfile"]],
    },
    Border {
        crate_name: "storage",
        forbidden: &[GRPC, EXPORTERS, ARGUMENTS, &["broker-server", "broker-client"], CLI],
    },
    Border {
        crate_name: "server",
        forbidden: &[SQL, ARGUMENTS, &["broker-storage", "broker-client"], CLI],
    },
    Border {
        crate_name: "client",
        forbidden: &[SQL, ARGUMENTS, &["broker-core", "broker-server", "broker-storage"], CLI],
    },
];

/// Every crate depends only on what it may know.
pub fn dependencies(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for border in BORDERS {
        let path = format!("crates/{}/Cargo.toml", border.crate_name);
        for file in tree.files().filter(|file| file.path == path) {
            let forbidden = border.forbidden.concat();
            let names = manifest::dependencies(&file.text);
            let crossing =
                names.iter().filter(|name| forbidden.iter().any(|rule| matches(rule, name)));
            findings.extend(crossing.map(|name| format!("{path}: must not depend on `{name}`")));
        }
    }
    findings
}

fn matches(rule: &str, name: &str) -> bool {
    rule.strip_suffix('*').map_or(rule == name, |start| name.starts_with(start))
}

/// In the door, only convert.rs sees the types of the wire.
pub fn one_place_for_the_wire(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.sources().filter(|file| file.path.starts_with("crates/server/src/")) {
        let converts = file.path.ends_with("/convert.rs") || file.path.contains("/convert/");
        for (number, line) in file.code_lines().filter(|_| !converts) {
            if names_a_wire_type(line) {
                findings
                    .push(file.finding(number, "a type of the wire: only convert.rs may see it"));
            }
        }
    }
    findings
}

/// Names of the service and the like are constants: everyone may know them.
fn names_a_wire_type(line: &str) -> bool {
    line.match_indices("broker_proto").any(|(at, found)| {
        let rest = line[at + found.len()..].strip_prefix("::").unwrap_or_default();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        name.is_empty() || name.chars().any(char::is_lowercase)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(crate_name: &str, dependency: &str) -> usize {
        let path = format!("crates/{crate_name}/Cargo.toml");
        dependencies(&Tree::of(&[(
            &path,
            &format!("[dependencies]\n{dependency}.workspace = true\n"),
        )]))
        .len()
    }

    #[test]
    fn finds_crossed_borders() {
        for (crate_name, dependency) in [
            ("core", "tonic"),
            ("core", "tonic-prost"),
            ("core", "tokio-postgres"),
            ("core", "broker-storage"),
            ("storage", "broker-proto"),
            ("server", "broker-storage"),
            ("server", "scylla"),
            ("client", "broker-core"),
            ("proto", "broker-core"),
        ] {
            assert_eq!(crossing(crate_name, dependency), 1, "{crate_name} -> {dependency}");
        }
    }

    #[test]
    fn leaves_allowed_ways_alone() {
        for (crate_name, dependency) in [
            ("core", "tokio"),
            ("storage", "broker-core"),
            ("server", "tonic"),
            ("cli", "broker-server"),
        ] {
            assert_eq!(crossing(crate_name, dependency), 0, "{crate_name} -> {dependency}");
        }
    }

    #[test]
    fn finds_the_wire_outside_its_place() {
        for (path, text, findings) in [
            ("crates/server/src/service.rs", "use broker_proto::PublishRequest;\n", 1),
            ("crates/server/src/service.rs", "use broker_proto::{SERVICE, PublishAck};\n", 1),
            ("crates/server/src/service.rs", "use broker_proto::SERVICE;\n", 0),
            ("crates/server/src/convert.rs", "use broker_proto::PublishRequest;\n", 0),
            ("crates/server/src/service/tests.rs", "use broker_proto::PublishRequest;\n", 0),
            ("crates/client/src/client.rs", "use broker_proto::PublishRequest;\n", 0),
        ] {
            let found = one_place_for_the_wire(&Tree::of(&[(path, text)]));
            assert_eq!(found.len(), findings, "{path}: {text}");
        }
    }
}
