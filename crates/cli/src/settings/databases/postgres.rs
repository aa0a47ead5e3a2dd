//! The settings of the store in PostgreSQL.

use super::{
    access::{self, Access},
    forms::{self, IDENTIFIER, PASSWORD, WORD},
};
use crate::settings::{
    alias::Alias,
    choices::Choice,
    kind::{
        Form,
        Kind::{self, Count, Path, Text},
        Range,
    },
    setting::{
        Fallback::{Told, Value},
        Setting, row,
    },
};
use broker_storage::{DatabaseTimes, PostgresConfig};

/// As it is typed; how it is reached stands aside until all of it is known.
#[derive(Debug, Clone, Default)]
pub struct Postgres {
    pub config: PostgresConfig,
    pub access: Access,
}

impl Postgres {
    /// What the store is told.
    pub fn store(&self, queued_bytes: usize, times: DatabaseTimes) -> PostgresConfig {
        PostgresConfig {
            password: self.access.password.clone(),
            tls: self.access.tls(),
            queue_bytes: self.config.queue_bytes.max(queued_bytes),
            times,
            ..self.config.clone()
        }
    }
}

const TLS: &[Choice] = &access::protections(
    |to| to.postgres.access.is_encrypted = false,
    |to| to.postgres.access.is_encrypted = true,
);

/// Its rows.
pub const ROWS: &[Setting] = &[
    Setting {
        aliases: &[Alias::same("POSTGRES_HOST")],
        ..row(
            "postgres-host",
            "BROKER_POSTGRES_HOST",
            Text(HOST, |to, text| host(text).map(|host| to.postgres.config.host = host)),
            Value("127.0.0.1"),
        )
        .meaning("Where PostgreSQL is: a name, an address, or the directory of its Unix socket")
    },
    Setting {
        aliases: &[Alias::same("POSTGRES_PORT")],
        ..row(
            "postgres-port",
            "BROKER_POSTGRES_PORT",
            Count(super::PORTS, |to, port| to.postgres.config.port = super::small(port)),
            Value("5432"),
        )
        .meaning("The port of PostgreSQL")
    },
    Setting {
        aliases: &[Alias::same("POSTGRES_DBNAME")],
        ..row(
            "postgres-database",
            "BROKER_POSTGRES_DATABASE",
            Text(WORD, |to, text| forms::word(text).map(|word| to.postgres.config.database = word)),
            Value("broker"),
        )
        .meaning("The database in PostgreSQL, which must be there")
    },
    Setting {
        aliases: &[Alias::same("POSTGRES_USERNAME")],
        ..row(
            "postgres-user",
            "BROKER_POSTGRES_USER",
            Text(WORD, |to, text| forms::word(text).map(|word| to.postgres.config.user = word)),
            Value("broker"),
        )
        .meaning("The user that connects to PostgreSQL")
    },
    Setting {
        aliases: &[Alias::same("POSTGRES_PASSWORD")],
        secret: true,
        ..row(
            "postgres-password",
            "BROKER_POSTGRES_PASSWORD",
            Text(PASSWORD, |to, text| to.postgres.access.keep_password(text)),
            Told { holds: "none", example: "secret" },
        )
        .meaning(
            "The password of that user; a flag is seen by all users of the machine, a file is not",
        )
    },
    row(
        "postgres-password-file",
        "BROKER_POSTGRES_PASSWORD_FILE",
        Path(|to, path| to.postgres.access.password_file = Some(path)),
        Told { holds: "none", example: "/run/secrets/postgres-password" },
    )
    .meaning("A file that holds the password alone, instead of postgres-password"),
    row(
        "postgres-schema",
        "BROKER_POSTGRES_SCHEMA",
        Text(IDENTIFIER, |to, text| {
            forms::identifier(text).map(|schema| to.postgres.config.schema = schema)
        }),
        Value("broker"),
    )
    .meaning("The schema of the broker's tables, made if it is not there; one broker at a time"),
    row("postgres-tls", "BROKER_POSTGRES_TLS", Kind::Choice(TLS), Value("off"))
        .meaning("How connections to PostgreSQL are protected"),
    row(
        "postgres-ca",
        "BROKER_POSTGRES_CA",
        Path(|to, path| to.postgres.access.ca = Some(path)),
        Told { holds: "those that the machine trusts", example: "/etc/broker/ca.pem" },
    )
    .meaning("A file (PEM) with the authorities that may sign the server's certificate"),
    row(
        "postgres-writers",
        "BROKER_POSTGRES_WRITERS",
        Count(Range(1, 64), |to, count| to.postgres.config.writers = super::small(count)),
        Value("4"),
    )
    .meaning("Connections to PostgreSQL that write, each one transaction at a time"),
    row(
        "postgres-readers",
        "BROKER_POSTGRES_READERS",
        Count(Range(1, 64), |to, count| to.postgres.config.readers = super::small(count)),
        Value("4"),
    )
    .meaning("Connections to PostgreSQL that read"),
];

/// Where a server is.
const HOST: &Form = &Form {
    allowed: "a name, an address, or the directory of a Unix socket with its slash",
    placeholder: "HOST",
};

/// A host, of which nothing more is known before it is asked for.
fn host(text: &str) -> Option<String> {
    // A single colon would stand before a port, which has a setting of its own.
    let is_host = |text: &str| forms::is_host(text) && text.matches(':').count() != 1;
    forms::word(text).filter(|text| text.starts_with('/') || is_host(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_addresses_and_directories() {
        for text in ["db", "db.example", "10.0.0.1", "::1", "/var/run/postgresql"] {
            assert_eq!(host(text).as_deref(), Some(text));
        }
        for text in ["", "a b", "postgres://db", "a,b", "me@db", "db:5432", "a\n", "/tmp\u{7}"] {
            assert_eq!(host(text), None, "{text:?}");
        }
    }
}
