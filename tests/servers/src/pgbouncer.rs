//! PgBouncer, which lends few connections of a PostgreSQL to many clients.

use crate::{
    Postgres, ports,
    postgres::{self, connect},
    process::Process,
};
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::chown,
    path::PathBuf,
    process::Command,
};
use tempfile::TempDir;
use tokio_postgres::Config;

/// For how long a client has a connection of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as it is connected.
    Session,
    /// For a transaction: what it sets on a session is lost or another's.
    Transaction,
}

/// Who may connect.
const USERS: &str = "\"postgres\" \"\"\n\"broker\" \"\"\n";

/// A pooler before a PostgreSQL that trusts it, for the users `postgres` and `broker`, without a password.
pub struct PgBouncer {
    // Before the folder: it ends first.
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl PgBouncer {
    /// Starts one and waits until it leads to the database.
    pub async fn before(server: &Postgres, mode: PoolMode) -> Self {
        let folder = TempDir::with_prefix("pgbouncer-").expect("a temporary folder");
        let port = ports::free_on_loopback();
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        let users = folder.path().join("users");
        fs::write(&users, USERS).expect("its folder can be written");
        let settings = format!(
            "[databases]
* = host=127.0.0.1 port={}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {}
pool_mode = {mode}
max_client_conn = 200
default_pool_size = 40
ignore_startup_parameters = extra_float_digits
",
            server.address().port(),
            users.display()
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("its folder can be written");
        let mut command = Command::new(program());
        command.arg(&file).current_dir(folder.path());
        // Like PostgreSQL it refuses to run as root.
        if let Some((user, group)) = postgres::owner() {
            chown(folder.path(), Some(user), Some(group)).expect("root gives folders away");
            command.arg("--user=postgres");
        }
        let mut process = Process::spawn("PgBouncer", &mut command, &folder.path().join("log"));
        let mut config = Config::new();
        config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
        process.until_up(async || connect(&config).await.is_ok()).await;
        Self { _process: process, _folder: folder, port }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// Debian has it where not every user's PATH leads.
fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.find(|folder| folder.join("pgbouncer").exists());
    found.expect("the package `pgbouncer` is installed").join("pgbouncer")
}
