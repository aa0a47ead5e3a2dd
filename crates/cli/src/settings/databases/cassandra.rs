//! The settings of the store in Apache Cassandra or ScyllaDB.

use super::{
    access::{self, Access},
    forms::{self, IDENTIFIER, PASSWORD, WORD},
};
use crate::settings::{
    alias::Alias,
    choices::Choice,
    kind::{
        Form,
        Kind::{self, List, Path, Text},
    },
    setting::{
        Fallback::{Told, Value},
        Setting, row,
    },
};
use broker_storage::{CassandraConfig, Consistency, DatabaseTimes, Replication};

/// As it is typed; how it is reached stands aside until all of it is known.
#[derive(Debug, Clone, Default)]
pub struct Cassandra {
    pub config: CassandraConfig,
    pub access: Access,
}

impl Cassandra {
    /// What the store is told.
    pub fn store(&self, queued_bytes: usize, times: DatabaseTimes) -> CassandraConfig {
        CassandraConfig {
            password: self.access.password.clone(),
            tls: self.access.tls(),
            queue_bytes: self.config.queue_bytes.max(queued_bytes),
            times,
            ..self.config.clone()
        }
    }
}

const TLS: &[Choice] = &access::protections(
    |to| to.cassandra.access.is_encrypted = false,
    |to| to.cassandra.access.is_encrypted = true,
);

const CONSISTENCY: &[Choice] = &[
    Choice {
        name: "local-quorum",
        help: "Most replicas of the broker's data center",
        set: |to| to.cassandra.config.consistency = Consistency::LocalQuorum,
    },
    Choice {
        name: "quorum",
        help: "Most of all replicas",
        set: |to| to.cassandra.config.consistency = Consistency::Quorum,
    },
    Choice {
        name: "all",
        help: "All replicas",
        set: |to| to.cassandra.config.consistency = Consistency::All,
    },
];

/// Its rows.
pub const ROWS: &[Setting] = &[
    Setting {
        aliases: &[Alias::same("CASSANDRA_HOSTS")],
        ..row(
            "cassandra-hosts",
            "BROKER_CASSANDRA_HOSTS",
            List(NODE, |to, texts| nodes(texts).map(|nodes| to.cassandra.config.hosts = nodes)),
            Value("127.0.0.1"),
        )
        .meaning(
            "Nodes of Cassandra or ScyllaDB to begin with; the flag may be given again, the variable \
             holds several separated by commas, the key an array",
        )
    },
    Setting {
        aliases: &[Alias::same("CASSANDRA_PORT")],
        ..row(
            "cassandra-port",
            "BROKER_CASSANDRA_PORT",
            Kind::Count(super::PORTS, |to, port| to.cassandra.config.port = super::small(port)),
            Value("9042"),
        )
        .meaning("The port of nodes that name none")
    },
    Setting {
        aliases: &[Alias::same("CASSANDRA_KEYSPACE")],
        ..row(
            "cassandra-keyspace",
            "BROKER_CASSANDRA_KEYSPACE",
            Text(IDENTIFIER, |to, text| {
                forms::identifier(text).map(|keyspace| to.cassandra.config.keyspace = keyspace)
            }),
            Value("broker"),
        )
        .meaning("The keyspace of the broker's tables, made if it is not there; one broker at a time")
    },
    Setting {
        aliases: &[Alias::same("CASSANDRA_USERNAME")],
        ..row(
            "cassandra-user",
            "BROKER_CASSANDRA_USER",
            Text(WORD, |to, text| {
                to.cassandra.config.user = Some(forms::word(text)?);
                Some(())
            }),
            Told { holds: "nobody in particular", example: "broker" },
        )
        .meaning("The user that connects to Cassandra or ScyllaDB")
    },
    Setting {
        aliases: &[Alias::same("CASSANDRA_PASSWORD")],
        secret: true,
        ..row(
            "cassandra-password",
            "BROKER_CASSANDRA_PASSWORD",
            Text(PASSWORD, |to, text| to.cassandra.access.keep_password(text)),
            Told { holds: "none", example: "secret" },
        )
        .meaning("The password of that user; a flag is seen by all users of the machine, a file is not")
    },
    row(
        "cassandra-password-file",
        "BROKER_CASSANDRA_PASSWORD_FILE",
        Path(|to, path| to.cassandra.access.password_file = Some(path)),
        Told { holds: "none", example: "/run/secrets/cassandra-password" },
    )
    .meaning("A file that holds the password alone, instead of cassandra-password"),
    row(
        "cassandra-datacenter",
        "BROKER_CASSANDRA_DATACENTER",
        Text(WORD, |to, text| {
            to.cassandra.config.datacenter = Some(forms::word(text)?);
            Some(())
        }),
        Told { holds: "that of the first node reached", example: "dc1" },
    )
    .meaning("The data center of this broker"),
    row(
        "cassandra-replication",
        "BROKER_CASSANDRA_REPLICATION",
        Text(REPLICATION, |to, text| {
            replication(text).map(|replicas| to.cassandra.config.replication = replicas)
        }),
        Value("1"),
    )
    .meaning("How many replicas a keyspace has that is made here; one that is there stays as it is"),
    row(
        "cassandra-consistency",
        "BROKER_CASSANDRA_CONSISTENCY",
        Kind::Choice(CONSISTENCY),
        Value("local-quorum"),
    )
    .meaning("Which replicas must have a message before it is acknowledged, and are asked for one"),
    row("cassandra-tls", "BROKER_CASSANDRA_TLS", Kind::Choice(TLS), Value("off"))
        .meaning("How connections to Cassandra or ScyllaDB are protected"),
    row(
        "cassandra-ca",
        "BROKER_CASSANDRA_CA",
        Path(|to, path| to.cassandra.access.ca = Some(path)),
        Told { holds: "those that the machine trusts", example: "/etc/broker/ca.pem" },
    )
    .meaning("A file (PEM) with the authorities that may sign the servers' certificates"),
];

/// Where several servers are.
const NODE: &Form = &Form {
    allowed: "names or addresses, each with a port behind a colon if it has one of its own",
    placeholder: "HOST",
};

/// How many replicas there are.
const REPLICATION: &Form = &Form {
    allowed: "a number of replicas such as 3, or one for each data center such as dc1:3,dc2:3",
    placeholder: "REPLICAS",
};

/// At least one node.
fn nodes(texts: &[&str]) -> Option<Vec<String>> {
    let are_nodes = !texts.is_empty() && texts.iter().all(|text| is_node(text));
    are_nodes.then(|| texts.iter().map(|text| (*text).to_owned()).collect())
}

/// A number of replicas, or one for each data center.
fn replication(text: &str) -> Option<Replication> {
    if let Some(replicas) = replicas(text) {
        return Some(Replication::Simple(replicas));
    }
    let center = |part: &str| {
        let (name, number) = part.trim().rsplit_once(':')?;
        Some((forms::word(name)?, replicas(number)?))
    };
    let centers: Vec<_> = text.split(',').map(center).collect::<Option<_>>()?;
    let is_named_twice = |at: usize| centers[..at].iter().any(|(name, _)| *name == centers[at].0);
    (!(0..centers.len()).any(is_named_twice)).then_some(Replication::Topology(centers))
}

fn replicas(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=100).contains(number))
}

/// With a port if there is a single colon: more of them are in an address.
fn is_node(text: &str) -> bool {
    let has_port = text.starts_with('[') || text.matches(':').count() == 1;
    match text.rsplit_once(':').filter(|_| has_port && !text.ends_with(']')) {
        Some((host, port)) => {
            forms::is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => forms::is_host(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_may_have_ports_of_their_own() {
        let texts = ["a", "b:9043", "10.0.0.1:1", "::1", "[::1]", "[::1]:9042"];
        assert_eq!(nodes(&texts).unwrap(), texts);
        for text in ["", "a:", "a:0", "a:65536", "a:b", ":1", "[::1]:x", "a b", "http://a"] {
            assert_eq!(nodes(&["a", text]), None, "{text:?}");
        }
        assert_eq!(nodes(&[]), None);
    }

    #[test]
    fn replicas_are_a_number_or_one_for_each_data_center() {
        assert_eq!(replication("3"), Some(Replication::Simple(3)));
        let centers = vec![("dc1".to_owned(), 3), ("eu:west".to_owned(), 2)];
        assert_eq!(replication("dc1:3, eu:west:2"), Some(Replication::Topology(centers)));
        for text in ["", "0", "101", "-1", "dc1", "dc1:", "dc1:0", ":3", "a:1,a:2", "a:1,", "3,3"] {
            assert_eq!(replication(text), None, "{text}");
        }
    }
}
