//! One node: its files and its process.

use super::{Setup, frame, java};
use crate::{Certificate, clock, ports, process::Process};
use std::{
    fs::{self, Metadata},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use tokio::net::TcpStream;

const CONFIGURATION: &str = include_str!("cassandra.yaml");
const LOGGING: &str = include_str!("logback.xml");

/// In MiB: enough for the broker's largest message.
const HEAP: u32 = 256;

/// When a node answers a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommitLog {
    /// When it is synced.
    #[default]
    Batch,
    /// When it is synced, with what others wrote within 10 ms.
    Group,
    /// Before it is synced: Cassandra's default.
    Periodic,
}

impl CommitLog {
    fn settings(self) -> &'static str {
        match self {
            Self::Batch => "commitlog_sync: batch\n",
            Self::Group => "commitlog_sync: group\ncommitlog_sync_group_window: 10ms\n",
            Self::Periodic => "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n",
        }
    }
}

/// A node that runs or does not.
pub(super) struct Node {
    setup: Setup,
    folder: TempDir,
    address: SocketAddr,
    /// For the node's own tools.
    jmx: u16,
    /// Its place in the ring, for its first start.
    token: Option<i64>,
    /// How long it waits for others, in ms.
    ring_delay: u32,
}

impl Node {
    /// Makes the files of a node. Storage ports are the same on all nodes of a cluster.
    pub(super) fn new(
        setup: Setup,
        address: Ipv4Addr,
        storage: u16,
        cql: u16,
        seeds: &[Ipv4Addr],
        token: Option<i64>,
    ) -> Self {
        let folder = TempDir::with_prefix("cassandra-").expect("a temporary folder");
        let seeds: Vec<String> = seeds.iter().map(|seed| format!("{seed}:{storage}")).collect();
        let words = [
            ("@SEEDS@", seeds.join(",")),
            ("@ADDRESS@", address.to_string()),
            ("@STORAGE@", storage.to_string()),
            ("@CQL@", cql.to_string()),
            ("@FOLDER@", folder.path().display().to_string()),
        ];
        let mut text = CONFIGURATION.to_owned() + setup.commit_log.settings() + &setup.settings;
        if setup.asks_password {
            text += "authenticator: PasswordAuthenticator\nauthorizer: CassandraAuthorizer\n";
        }
        if let Some(certificate) = &setup.certificate {
            text += &encryption(folder.path(), certificate);
        }
        for (word, value) in words {
            text = text.replace(word, &value);
        }
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write("cassandra.yaml", &text).expect("its folder can be written");
        write("logback.xml", LOGGING).expect("its folder can be written");
        let ring_delay = if token.is_some() { 1_000 } else { 0 };
        let (address, jmx) = ((address, cql).into(), ports::free_on_loopback());
        Self { setup, folder, address, jmx, token, ring_delay }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// For its next start.
    pub(super) fn set_clock(&mut self, ahead: i64) {
        self.setup.clock_ahead = ahead;
    }

    /// Bytes of a table's files; those that go while they are counted do not count.
    pub(super) fn table_bytes(&self, keyspace: &str, table: &str) -> u64 {
        let files = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
        let is_it = |name: &str| name.rsplit_once('-').is_some_and(|(name, _)| name == table);
        let tables = files(self.folder.path().join("data").join(keyspace));
        let tables = tables.filter(|it| it.file_name().to_str().is_some_and(is_it));
        let files = tables.flat_map(|table| files(table.path()));
        files
            .filter_map(|file| file.metadata().ok())
            .filter(Metadata::is_file)
            .map(|it| it.len())
            .sum()
    }

    /// Starts its process.
    pub(super) fn spawn(&self) -> Process {
        let folder = self.folder.path();
        let mut command = Command::new(java::program());
        command.current_dir(folder).args(java::OPTIONS).args(java::PROPERTIES);
        command.args(java::EXPORTS.iter().flat_map(|name| to_everybody("--add-exports", name)));
        command.args(java::OPENS.iter().flat_map(|name| to_everybody("--add-opens", name)));
        if self.setup.is_forgetful {
            command.arg(java::FORGETFUL);
        }
        if self.setup.clock_ahead != 0 {
            clock::shift(&mut command, self.setup.clock_ahead, folder);
        }
        let heap = self.setup.heap.unwrap_or(HEAP);
        command.args([format!("-Xms{heap}m"), format!("-Xmx{heap}m")]);
        let path = |name: &str| folder.join(name).display().to_string();
        for property in [
            format!("-Dcassandra.config=file://{}", path("cassandra.yaml")),
            format!("-Dlogback.configurationFile=file:{}", path("logback.xml")),
            format!("-Dcassandra.storagedir={}", folder.display()),
            format!("-Dcassandra.logdir={}", path("log")),
            format!("-Dcassandra.jmx.local.port={}", self.jmx),
            format!("-Dcassandra.ring_delay_ms={}", self.ring_delay),
        ] {
            command.arg(property);
        }
        if let Some(token) = self.token.filter(|_| !folder.join("data").exists()) {
            command.arg(format!("-Dcassandra.initial_token={token}"));
            command.arg("-Dcassandra.consistent.rangemovement=false");
        }
        let classes = if self.setup.is_old { java::old_classes() } else { java::classes() };
        command.args(java::agent(&classes));
        let classes = classes.join("lib").join("*");
        command.arg("-cp").arg(classes).arg("org.apache.cassandra.service.CassandraDaemon");
        Process::spawn("Cassandra", &mut command, &folder.join("log.txt"))
    }

    /// Whether it answers.
    pub(super) async fn answers(&self) -> bool {
        // It opens the port when it is ready for statements.
        if self.setup.certificate.is_some() {
            return TcpStream::connect(self.address).await.is_ok();
        }
        if self.setup.asks_password {
            // The user is made a moment later.
            return frame::run(self.address, "SELECT key FROM system.local").await.is_ok();
        }
        frame::supports(self.address).await
    }
}

fn to_everybody<'a>(option: &'a str, name: &'a str) -> [String; 2] {
    [option.to_owned(), format!("{name}=ALL-UNNAMED")]
}

/// TLS for clients: the key and its chain in one file.
fn encryption(folder: &Path, certificate: &Certificate) -> String {
    let read = |path: &Path| fs::read_to_string(path).expect("the certificate can be read");
    let store: PathBuf = folder.join("keystore.pem");
    fs::write(&store, read(&certificate.key) + &read(&certificate.chain))
        .expect("its folder can be written");
    format!(
        "client_encryption_options:
  enabled: true
  optional: false
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
  keystore: {}
",
        store.display()
    )
}
