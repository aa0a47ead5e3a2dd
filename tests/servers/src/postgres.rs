//! PostgreSQL.

use crate::{
    Certificate, clock, ports,
    process::Process,
    programs,
    waiting::{PATIENCE, until},
};
use rustix::process::{Signal, geteuid};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// How a PostgreSQL is to be set.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    password: Option<String>,
    certificate: Option<Certificate>,
    settings: Vec<String>,
    clock_ahead: i64,
}

impl Setup {
    /// Its user `postgres` must say this password (SCRAM) over TCP.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// It takes connections over TCP with TLS only, and shows this certificate.
    #[must_use]
    pub fn tls(mut self, certificate: &Certificate) -> Self {
        self.certificate = Some(certificate.clone());
        self
    }

    /// One of its settings, as `name=value`.
    #[must_use]
    pub fn setting(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// Its clock is so many seconds ahead (behind, if negative).
    #[must_use]
    pub fn clock_ahead(mut self, seconds: i64) -> Self {
        self.clock_ahead = seconds;
        self
    }

    /// Makes it and starts it.
    pub async fn start(self) -> Postgres {
        let folder = TempDir::with_prefix("postgres-").expect("a temporary folder");
        let port = ports::free_on_loopback();
        if let Some((user, group)) = owner() {
            chown(folder.path(), Some(user), Some(group)).expect("root gives folders away");
        }
        let programs = programs::lay(folder.path());
        let mut postgres = Postgres { folder, programs, port, setup: self, process: None };
        postgres.make();
        postgres.restart().await;
        postgres
    }
}

/// A PostgreSQL with an empty database `postgres` on a port of 127.0.0.1. What it commits it syncs.
pub struct Postgres {
    // Before the folder: it ends first.
    process: Option<Process>,
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    setup: Setup,
}

impl Postgres {
    /// One that trusts everybody, without TLS.
    pub async fn start() -> Self {
        Self::setup().start().await
    }

    /// One that is set in some way.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The folder of its Unix socket, over which it trusts everybody.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, again if it was ended, on the same port over the same data, and waits until it answers.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "PostgreSQL runs");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data());
        command.arg("-k").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        let chosen = self.setup.settings.iter().map(String::as_str);
        for setting in
            ["listen_addresses=127.0.0.1", "shared_buffers=32MB"].into_iter().chain(chosen)
        {
            command.args(["-c", setting]);
        }
        if self.setup.clock_ahead != 0 {
            clock::shift(&mut command, self.setup.clock_ahead, self.folder.path());
        }
        let process = Process::spawn("PostgreSQL", &mut command, &self.log());
        let process = self.process.insert(process);
        let config = over_socket(self.folder.path(), self.port, "postgres");
        process.until_up(async || connect(&config).await.is_ok()).await;
    }

    /// kill -9 of all its processes; they are gone when this returns.
    pub fn kill(&mut self) {
        self.running().kill();
        self.process = None;
    }

    /// Ends it as for a restart: transactions are rolled back, what is committed is in the files.
    pub async fn stop_fast(&mut self) -> ExitStatus {
        let status = self.running().end_by(Signal::INT).await;
        self.process = None;
        status
    }

    /// SIGSTOP to all its processes: connections stay and nothing is answered.
    pub fn pause(&self) {
        self.process.as_ref().expect("PostgreSQL runs").signal_all(Signal::STOP);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.process.as_ref().expect("PostgreSQL runs").signal_all(Signal::CONT);
    }

    /// What it logged last.
    pub fn log_tail(&self) -> String {
        self.process.as_ref().expect("PostgreSQL runs").tail()
    }

    /// A connection of the superuser over the Unix socket.
    pub async fn client(&self, database: &str) -> Client {
        let client = connect(&over_socket(self.folder.path(), self.port, database)).await;
        client.unwrap_or_else(|error| panic!("PostgreSQL takes a connection: {error}"))
    }

    /// Runs statements as the superuser, in the database `postgres`; the rows as text, with the empty
    /// text for NULL.
    pub async fn sql(&self, text: &str) -> Vec<Vec<String>> {
        rows(&self.client("postgres").await, text).await
    }

    /// A new database of that name.
    pub async fn create_database(&self, name: &str) {
        self.sql(&format!("CREATE DATABASE \"{name}\"")).await;
    }

    /// One of PostgreSQL's programs for clients (`pg_dump`, ...), as its superuser over the Unix socket. Files
    /// that it names must be in its reach: better give it its input and output.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = self.command(name);
        command.arg("--host").arg(self.folder.path()).args(["--port", &self.port.to_string()]);
        command.args(["--username", "postgres"]);
        command
    }

    fn running(&mut self) -> &mut Process {
        self.process.as_mut().expect("PostgreSQL runs")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Makes its files.
    fn make(&self) {
        let mut command = self.command("initdb");
        command.arg("-D").arg(self.data()).args(["-U", "postgres", "-E", "UTF8", "--locale=C"]);
        // The files of an empty database need not survive a crash of the machine.
        command.args(["--no-sync", "-A", "trust"]);
        if let Some(password) = &self.setup.password {
            let file = self.private("password", password.as_bytes());
            command.arg("--pwfile").arg(file);
            // PostgreSQL 13 keeps what SCRAM wants only where it is told so.
            command.arg("--auth-host=scram-sha-256");
        }
        let output = command.output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.admit();
    }

    /// Says who may connect how.
    fn admit(&self) {
        let mut kind = "host";
        let mut settings = String::new();
        if let Some(Certificate { chain, key }) = &self.setup.certificate {
            kind = "hostssl";
            for (name, from) in [("ssl_cert_file", chain), ("ssl_key_file", key)] {
                let bytes = fs::read(from).expect("the certificate can be read");
                let file = self.private(name, &bytes);
                settings += &format!("{name} = '{}'\n", file.display());
            }
            settings += "ssl = on\n";
        }
        let how = if self.setup.password.is_some() { "scram-sha-256" } else { "trust" };
        let admitted = format!("local all all trust\n{kind} all all 127.0.0.1/32 {how}\n");
        fs::write(self.data().join("pg_hba.conf"), admitted).expect("its files can be written");
        let settings_file = self.data().join("postgresql.auto.conf");
        fs::write(settings_file, settings).expect("its files can be written");
    }

    /// A file that the server's user alone can read.
    fn private(&self, name: &str, bytes: &[u8]) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("its folder can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        if let Some((user, group)) = owner() {
            chown(&path, Some(user), Some(group)).expect("root gives files away");
        }
        path
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path());
        if let Some((user, group)) = owner() {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Of a connection of the superuser over the Unix socket.
fn over_socket(folder: &Path, port: u16, database: &str) -> Config {
    let mut config = Config::new();
    config.host_path(folder).port(port).user("postgres").dbname(database);
    config
}

/// A connection.
///
/// # Errors
/// What the server or the system says against it.
pub async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // It ends with the client; what fails, fails the client's calls.
    tokio::spawn(connection);
    Ok(client)
}

/// Runs statements; the rows as text, with the empty text for NULL.
pub async fn rows(client: &Client, text: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(text).await;
    let messages = messages.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
        .collect()
}

/// Waits until a statement has this one word as its answer.
pub async fn until_says(client: &Client, text: &str, word: &str) {
    let is_said = async || (rows(client, text).await == [[word]]).then_some(());
    until(PATIENCE, is_said).await.unwrap_or_else(|| panic!("{text} does not say {word}"));
}

/// PostgreSQL refuses to run as root: then it is the user that its package made. User and group.
pub(crate) fn owner() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the system has users");
    let user = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut words = user.expect("PostgreSQL's package makes a user `postgres`").split(':').skip(1);
    let mut number = || words.next()?.parse().ok();
    number().zip(number())
}
