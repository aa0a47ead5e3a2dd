//! Opening connections.

use super::{
    PostgresConfig,
    failure::{Failure, Kind},
    session::Session,
    tls,
};
use crate::{Activity, DatabaseTimes, database::with_causes};
use parking_lot::Mutex;
use std::{error::Error, io, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_postgres::{NoTls, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The first pause after a connection that failed; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between connections that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Opens connections to one database.
pub struct Connector {
    config: tokio_postgres::Config,
    /// Where the server is, for people.
    place: String,
    tls: Option<MakeRustlsConnect>,
    settings: String,
    times: DatabaseTimes,
    activity: Arc<Activity>,
    back_off: Mutex<BackOff>,
}

/// When the next connection may be tried, after some that failed.
struct BackOff {
    failures: u32,
    not_before: Instant,
}

impl Connector {
    /// For that database.
    ///
    /// # Errors
    /// One sentence on what cannot work.
    pub fn new(config: &PostgresConfig, activity: Arc<Activity>) -> Result<Self, String> {
        let tls = tls::connect(&config.tls)?;
        let times = config.times;
        let mut postgres = tokio_postgres::Config::new();
        postgres
            .host(&config.host)
            .port(config.port)
            .dbname(&config.database)
            .user(&config.user)
            .application_name("broker")
            .ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable })
            .connect_timeout(times.connect)
            .tcp_user_timeout(times.statement)
            .keepalives_idle(times.statement.max(Duration::from_secs(1)))
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(3);
        if let Some(password) = &config.password {
            postgres.password(password.reveal());
        }
        let back_off = Mutex::new(BackOff { failures: 0, not_before: Instant::now() });
        let settings = settings(&times);
        let place = format!("{} on port {}", config.host, config.port);
        Ok(Self { config: postgres, place, tls, settings, times, activity, back_off })
    }

    /// The times of waiting.
    pub fn times(&self) -> DatabaseTimes {
        self.times
    }

    /// Where statements are counted.
    pub fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
    }

    /// Opens a connection, after a pause if the last ones failed.
    pub async fn connect(&self) -> Result<Session, Failure> {
        let not_before = self.back_off.lock().not_before;
        sleep_until(not_before).await;
        let opened = match timeout(self.times.connect, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::away("PostgreSQL did not answer in time")),
        };
        opened.map_err(|failure| {
            self.failed();
            Failure { text: format!("{} (at {})", failure.text, self.place), ..failure }
        })
    }

    /// The next connection is opened after a pause: what the last ones were for did not work.
    pub fn failed(&self) {
        self.back_off.lock().failed();
    }

    /// What connections are for works.
    pub fn works(&self) {
        self.back_off.lock().failures = 0;
    }

    async fn open(&self) -> Result<Session, Failure> {
        let mut session = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(refusal)?;
                Session::new(self, client, run(connection))
            }
            Some(tls) => {
                let connecting = self.config.connect(tls.clone()).await;
                let (client, connection) = connecting.map_err(refusal)?;
                Session::new(self, client, run(connection))
            }
        };
        session.batch(&self.settings).await.map_err(|failure| match failure.kind {
            Kind::Unknown => Failure::away(failure.text),
            _ => failure,
        })?;
        Ok(session)
    }
}

impl BackOff {
    /// The pause differs from one time to the next, so that connections do not come all at once.
    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_PAUSE * (1 << self.failures.min(10).saturating_sub(1));
        let part = self.failures.wrapping_mul(2_654_435_769) % 256;
        let pause = doubled.min(LONGEST_PAUSE) * (256 + part) / 512;
        self.not_before = Instant::now() + pause;
    }
}

fn run<S, T>(connection: tokio_postgres::Connection<S, T>) -> tokio::task::AbortHandle
where
    tokio_postgres::Connection<S, T>: Future<Output = Result<(), tokio_postgres::Error>>,
    S: Send + 'static,
    T: Send + 'static,
{
    tokio::spawn(async move {
        // Whoever waits for an answer hears of it.
        let _ = connection.await;
    })
    .abort_handle()
}

/// Set on every session after it stands, because poolers refuse them while connecting. Nothing that
/// an owner leaves behind may hold its row for as long as a lease; a plan is by index however large
/// or small a table is, without surprises; what is acknowledged is on the disk.
fn settings(times: &DatabaseTimes) -> String {
    let limit = times.statement.as_millis();
    let idle = times.lease.min(times.statement * 2).as_millis();
    format!(
        "SET statement_timeout = {limit}; SET lock_timeout = {limit}; \
         SET idle_in_transaction_session_timeout = {idle}; \
         SET client_min_messages = error; SET default_transaction_isolation = 'read committed'; \
         SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; \
         SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan; \
         SET max_parallel_workers_per_gather = 0; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )
}

/// Why no connection stands. What trying again does not mend is [`Kind::Setup`].
fn refusal(error: tokio_postgres::Error) -> Failure {
    if let Some(database) = error.as_db_error() {
        let is_passing = [
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::QUERY_CANCELED,
        ];
        let class = &database.code().code()[..2];
        let is_setup = !is_passing.contains(database.code()) && matches!(class, "28" | "3D" | "42");
        let kind = if is_setup { Kind::Setup } else { Kind::Unavailable };
        let text = format!("PostgreSQL refuses the connection: {}", database.message());
        return Failure { kind, text };
    }
    let broken = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let passes = match broken {
        // What TLS finds wrong comes as bad data.
        Some(error) => {
            !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
        }
        None => error.is_closed() || error.to_string().contains("timeout"),
    };
    let kind = if passes { Kind::Unavailable } else { Kind::Setup };
    Failure { kind, text: format!("no connection to PostgreSQL: {}", with_causes(&error)) }
}
