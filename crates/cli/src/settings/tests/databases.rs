//! What the settings of a database must keep between them.

use super::Given;
use std::fs;

fn postgres() -> Given {
    Given::default().flag("storage", "postgres")
}

fn cassandra() -> Given {
    Given::default().flag("storage", "cassandra")
}

#[test]
fn the_lease_is_longer_than_what_is_waited_for() {
    assert_eq!(
        postgres().flag("lease", "5s").flag("database-connect-timeout", "1s").sentence(),
        "database-statement-timeout (5s by default) must be shorter than --lease (5s), or the lease \
         could pass while the database is asked"
    );
    let connect = cassandra().toml("database-connect-timeout = '10s'").sentence();
    assert!(
        connect.starts_with("database-connect-timeout in broker.toml:1 (10s) must"),
        "{connect}"
    );
    assert!(postgres().toml("database-connect-timeout = '9999ms'").resolve().is_ok());
}

#[test]
fn an_authority_is_for_connections_that_are_encrypted() {
    assert_eq!(
        postgres().variable("BROKER_POSTGRES_CA", "/ca.pem").sentence(),
        "BROKER_POSTGRES_CA (/ca.pem) has no use while postgres-tls (off by default); write \
         verify-full there"
    );
    let encrypted = cassandra().flag("cassandra-tls", "verify-full");
    assert!(encrypted.flag("cassandra-ca", "/ca.pem").resolve().is_ok());
}

#[test]
fn a_password_is_of_somebody() {
    assert_eq!(
        cassandra().dotenv("CASSANDRA_PASSWORD=s3cret").sentence(),
        "there is a password and no user; set cassandra-user too"
    );
    assert!(cassandra().dotenv("CASSANDRA_PASSWORD=x\nCASSANDRA_USERNAME=me").resolve().is_ok());
    assert!(postgres().dotenv("POSTGRES_PASSWORD=x").resolve().is_ok());
}

#[test]
fn a_password_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, "s3cret\n").unwrap();
    let path = path.to_str().unwrap();
    let resolved = postgres().variable("BROKER_POSTGRES_PASSWORD_FILE", path).resolve().unwrap();
    let broker_storage::StorageConfig::Postgres(store) = resolved.settings.store() else {
        panic!("not in PostgreSQL")
    };
    assert_eq!(store.password.unwrap().reveal(), "s3cret");

    let both = postgres().flag("postgres-password-file", path).dotenv("POSTGRES_PASSWORD=s3cret");
    assert_eq!(
        both.sentence(),
        format!(
            "POSTGRES_PASSWORD in .env:1 and --postgres-password-file ({path}) are both set; leave one \
             of them out"
        )
    );
    let absent = postgres().flag("postgres-password-file", "/nonexistent/p").sentence();
    assert!(
        absent.starts_with(
            "--postgres-password-file (/nonexistent/p) names a file which cannot be read: No such file"
        ),
        "{absent}"
    );
}

/// They may stand in a file that several brokers share.
#[test]
fn settings_of_another_store_stop_nothing() {
    let given = Given::default()
        .flag("storage", "local")
        .flag("lease", "1s")
        .flag("postgres-ca", "/ca.pem")
        .flag("cassandra-password", "x")
        .flag("postgres-password-file", "/nonexistent/p");
    assert!(given.resolve().is_ok());
    let given = postgres().flag("cassandra-password", "x").flag("cassandra-ca", "/ca.pem");
    assert!(given.resolve().is_ok());
}
