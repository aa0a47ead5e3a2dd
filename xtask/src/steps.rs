//! The parts of the test run, as data: a new part is a new entry.

use crate::{
    clients, containers, edge, kubernetes,
    machine::Need,
    postgres,
    servers::{self, Variable},
    telemetry, workspace,
};
use std::path::PathBuf;

/// Makes something; variables that say where it is.
pub type Prepare = fn() -> Result<Vec<Variable>, String>;

/// One part of the test run.
pub struct Step {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What it wants installed.
    pub needs: Vec<Need>,
    /// Makes what no package of the system brings; variables that say where it is, for every command. Its
    /// error is the sentence that says what to do.
    pub prepare: Option<Prepare>,
    /// Whether a run of all steps leaves it out.
    pub by_name_only: bool,
    /// What it does.
    pub work: Work,
}

/// What a step does.
pub enum Work {
    /// Cargo commands, one after the other; the first that fails ends the step.
    Cargo(Vec<Cargo>),
    /// Cargo commands that build, then those that test while servers run.
    Served {
        /// Which, as `broker-test-servers` calls them.
        servers: &'static [&'static str],
        /// What is built: that program, too.
        builds: Vec<Cargo>,
        /// What is tested.
        tests: Vec<Cargo>,
    },
    /// The style check, inside this program.
    Tidy,
}

/// One call of cargo.
pub struct Cargo {
    /// Its arguments, split at blanks.
    pub line: &'static str,
    /// Variables set for it.
    pub env: Vec<(&'static str, PathBuf)>,
}

impl Cargo {
    fn new(line: &'static str) -> Self {
        Self { line, env: Vec::new() }
    }
}

/// The tests over databases.
macro_rules! databases {
    () => {
        "--workspace --features broker-storage/databases,broker-cli/databases,broker-test-servers/databases --test databases --no-fail-fast"
    };
}

/// The tests in a cluster, and of the cluster.
macro_rules! kubernetes {
    () => {
        "--workspace --features broker-cli/kubernetes,broker-test-servers/kubernetes --test kubernetes --no-fail-fast"
    };
}

/// For the allocator's C code.
const C_BUILD: &[Need] = &[Need::new("cc", "gcc libc6-dev"), Need::new("make", "make")];

const SYSTEM: &[Need] = &[
    Need::new("strace", "strace"),
    Need::new("mount", "mount"),
    Need::new("unshare", "util-linux"),
    Need::new("systemd-analyze", "systemd"),
];

/// For stubs of Go. Go is looked for by whoever needs it.
const PROTOC: Need = Need::new("protoc", "protobuf-compiler libprotobuf-dev").proven_by(&[
    "-o",
    "/dev/null",
    "google/protobuf/duration.proto",
]);

/// For its pip.
const PYTHON: Need =
    Need::new("python3", "python3 python3-venv").proven_by(&["-m", "ensurepip", "--version"]);

/// Go and a new enough Node are looked for by [`clients::prepare`].
const CLIENTS: &[Need] = &[
    Need::new("strace", "strace"),
    PROTOC,
    PYTHON,
    Need::new("node", "nodejs"),
    Need::new("npm", "npm"),
    Need::new("chromium", "chromium"),
];

/// It is in no PATH on Debian.
const POSTGRES: Need = Need::new("initdb", "postgresql").among_versions("/usr/lib/postgresql");

const DATABASES: &[Need] =
    &[POSTGRES, Need::new("pgbouncer", "pgbouncer"), Need::new("mount", "mount")];

/// Jaeger is built by [`telemetry::prepare`].
const TELEMETRY: &[Need] = &[
    Need::new("strace", "strace"),
    Need::new("prometheus", "prometheus"),
    Need::new("promtool", "prometheus"),
    Need::new("prometheus-node-exporter", "prometheus-node-exporter"),
    Need::new("node", "nodejs"),
    Need::new("npm", "npm"),
    Need::new("chromium", "chromium"),
];

/// Envoy, k6, ghz and the pool of workers are made by [`edge::prepare`]. PostgreSQL is for brokers that take turns.
const EDGE: &[Need] = &[POSTGRES, PROTOC, PYTHON];

/// Compose 2, Envoy, Jaeger and the images are made by [`containers::prepare`]; the last four are what is in them.
const CONTAINERS: &[Need] = &[
    Need::new("dockerd", "docker.io"),
    Need::new("docker-compose", "docker-compose"),
    Need::new("iptables", "iptables"),
    Need::new("ip", "iproute2"),
    Need::new("unshare", "util-linux"),
    PYTHON,
    Need::new("debootstrap", "debootstrap"),
    POSTGRES,
    Need::new("prometheus", "prometheus"),
    Need::new("prometheus-node-exporter", "prometheus-node-exporter"),
];

/// The programs of Kubernetes are made by [`kubernetes::prepare`].
const KUBERNETES: &[Need] = &[
    Need::new("containerd", "containerd"),
    Need::new("runc", "runc"),
    Need::new("nft", "nftables"),
    Need::new("conntrack", "conntrack"),
    Need::new("unshare", "util-linux"),
    Need::new("ip", "iproute2"),
    Need::new("openssl", "openssl"),
    Need::new("curl", "curl"),
    // The plugins are in no PATH.
    Need::new("test", "containernetworking-plugins").proven_by(&["-x", "/usr/lib/cni/bridge"]),
];

/// And a PostgreSQL beside the system's, whose user it runs as.
const OTHER_POSTGRES: &[Need] =
    &[Need::new("mvn", "maven default-jre-headless"), Need::new("xz", "xz-utils")];

/// And a fitting Java, which is looked for by [`servers::prepare`].
const CASSANDRA: &[Need] = &[Need::new("mvn", "maven openjdk-17-jre-headless")];

/// Builds the tests over databases, and the program that starts those.
pub const BUILD_DATABASES: &str = concat!("test --no-run ", databases!());

/// The steps of a run of everything.
pub fn of_every_run() -> Vec<Step> {
    all().into_iter().filter(|step| !step.by_name_only).collect()
}

/// Every step, in the order they run.
pub fn all() -> Vec<Step> {
    vec![
        Step {
            name: "tidy",
            about: "style of the sources and borders between the crates",
            needs: Vec::new(),
            prepare: None,
            by_name_only: false,
            work: Work::Tidy,
        },
        Step {
            name: "unit",
            about: "tests of every crate",
            needs: C_BUILD.to_vec(),
            prepare: None,
            by_name_only: false,
            work: Work::Cargo(vec![Cargo::new("test --workspace --all-targets --no-fail-fast")]),
        },
        Step {
            name: "doc",
            about: "examples in the documentation",
            needs: C_BUILD.to_vec(),
            prepare: None,
            by_name_only: false,
            work: Work::Cargo(vec![Cargo::new("test --workspace --doc --no-fail-fast")]),
        },
        Step {
            name: "interleavings",
            about: "orders in which threads may meet in the core",
            needs: C_BUILD.to_vec(),
            prepare: None,
            // A call of its own: the feature replaces the locks of everything built with it.
            by_name_only: false,
            work: Work::Cargo(vec![Cargo::new(
                "test --package broker-core --features shuttle --lib interleavings",
            )]),
        },
        Step {
            name: "system",
            about: "the released binary as a process, with faults",
            needs: [C_BUILD, SYSTEM].concat(),
            prepare: None,
            by_name_only: false,
            work: Work::Cargo(vec![
                // As the README builds it: its commands are run by a test.
                Cargo::new("build --release"),
                // The whole workspace, so that the dependencies have the features of step `unit`.
                Cargo {
                    line: "test --workspace --features broker-cli/system --test system --test client --no-fail-fast -- --show-output",
                    env: vec![("BROKER_BIN", workspace::release_binary())],
                },
            ]),
        },
        Step {
            name: "clients",
            about: "clients of other languages, and the examples",
            // PostgreSQL for brokers that take turns, which the tests start themselves.
            needs: [C_BUILD, CLIENTS, &[POSTGRES]].concat(),
            prepare: Some(clients::prepare),
            by_name_only: false,
            work: Work::Cargo(vec![
                Cargo::new("build --release"),
                // Most of them wait most of the time, those of keepalive for most of a minute.
                Cargo {
                    line: "test --workspace --features broker-cli/clients --test clients --no-fail-fast -- --test-threads 8",
                    env: vec![
                        ("BROKER_BIN", workspace::release_binary()),
                        ("BROKER_CLIENTS", workspace::clients()),
                    ],
                },
            ]),
        },
        Step {
            name: "databases",
            about: "the stores over real PostgreSQL and Cassandra",
            needs: [C_BUILD, DATABASES, CASSANDRA].concat(),
            prepare: Some(servers::prepare),
            by_name_only: false,
            work: Work::Served {
                servers: &["postgres", "cassandra"],
                builds: vec![Cargo::new("build --release"), Cargo::new(BUILD_DATABASES)],
                // Most of them wait most of the time, for the disk or for the end of a lease; with more
                // at once two cores are not enough for a node of Cassandra beside them.
                tests: vec![Cargo {
                    line: concat!("test ", databases!(), " -- --show-output --test-threads 4"),
                    env: vec![("BROKER_BIN", workspace::release_binary())],
                }],
            },
        },
        Step {
            name: "telemetry",
            about: "what is seen from outside: a real Prometheus and a real Jaeger",
            needs: [C_BUILD, DATABASES, CASSANDRA, TELEMETRY].concat(),
            prepare: Some(telemetry::prepare),
            by_name_only: false,
            work: Work::Served {
                servers: &["postgres", "cassandra"],
                builds: vec![Cargo::new("build --release"), Cargo::new(BUILD_DATABASES)],
                tests: vec![Cargo {
                    line: "test --workspace --features broker-storage/databases,broker-cli/telemetry,broker-test-servers/databases --test telemetry --no-fail-fast -- --show-output --test-threads 4",
                    env: vec![("BROKER_BIN", workspace::release_binary())],
                }],
            },
        },
        Step {
            name: "edge",
            about: "a real Envoy in front, and load by k6, ghz and a pool of workers",
            needs: [C_BUILD, EDGE].concat(),
            prepare: Some(edge::prepare),
            by_name_only: false,
            work: Work::Cargo(vec![
                Cargo::new("build --release"),
                Cargo {
                    line: "test --workspace --features broker-cli/edge --test envoy --test load --no-fail-fast -- --show-output --test-threads 4",
                    env: vec![("BROKER_BIN", workspace::release_binary())],
                },
            ]),
        },
        Step {
            name: "containers",
            about: "the image and Compose, with a real Docker engine",
            needs: [C_BUILD, CONTAINERS].concat(),
            prepare: Some(containers::prepare),
            by_name_only: false,
            work: Work::Cargo(vec![Cargo::new(
                "test --workspace --features broker-cli/containers --test containers --no-fail-fast -- --show-output --test-threads 4",
            )]),
        },
        Step {
            name: "kubernetes",
            about: "the manifests, in a real Kubernetes of one node",
            needs: [C_BUILD, CONTAINERS, KUBERNETES].concat(),
            prepare: Some(kubernetes::prepare),
            by_name_only: false,
            work: Work::Served {
                servers: &["kubernetes"],
                builds: vec![Cargo::new(concat!("test --no-run ", kubernetes!()))],
                tests: vec![Cargo::new(concat!(
                    "test ",
                    kubernetes!(),
                    " -- --show-output --test-threads 4"
                ))],
            },
        },
        another_postgres(
            "postgres-old",
            "the store over the oldest PostgreSQL that it works with",
            postgres::prepare_oldest,
        ),
        another_postgres(
            "postgres-new",
            "the store over the newest PostgreSQL",
            postgres::prepare_newest,
        ),
        Step {
            name: "cassandra-old",
            about: "the store over the oldest Cassandra that it works with",
            needs: [C_BUILD, DATABASES, CASSANDRA].concat(),
            prepare: Some(servers::prepare),
            by_name_only: true,
            work: Work::Served {
                servers: &["cassandra-old"],
                builds: vec![Cargo::new(BUILD_DATABASES)],
                tests: vec![Cargo::new(concat!(
                    "test ",
                    databases!(),
                    " -- cassandra::conformance cassandra::it_is_as_the_model --show-output --test-threads 6"
                ))],
            },
        },
        Step {
            name: "cluster",
            about: "the store over three nodes of Cassandra",
            needs: [C_BUILD, DATABASES, CASSANDRA].concat(),
            prepare: Some(servers::prepare),
            by_name_only: true,
            work: Work::Cargo(vec![Cargo::new(
                "test --workspace --features broker-storage/databases,broker-cli/databases,broker-test-servers/databases --test cluster --no-fail-fast -- --show-output --test-threads 1",
            )]),
        },
    ]
}

/// The store over a PostgreSQL that is not the system's.
fn another_postgres(name: &'static str, about: &'static str, prepare: Prepare) -> Step {
    Step {
        name,
        about,
        needs: [C_BUILD, DATABASES, OTHER_POSTGRES].concat(),
        prepare: Some(prepare),
        by_name_only: true,
        work: Work::Served {
            servers: &["postgres"],
            builds: vec![Cargo::new(BUILD_DATABASES)],
            // The tests of the store, not those of the binary.
            tests: vec![Cargo::new(concat!(
                "test ",
                databases!(),
                " -- postgres::conformance postgres::it_is_as_the_model postgres::a_broker_over_it \
                 postgres::crashes postgres::doors postgres::fetches postgres::given postgres::network \
                 postgres::refusals postgres::space --show-output --test-threads 6"
            ))],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let steps = all();
        let names: HashSet<_> = steps.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), steps.len());
    }
}
