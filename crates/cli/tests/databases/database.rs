//! The databases under a broker: those that all tests share, and those of one test.

use crate::launch::Launch;
use broker_test_servers::{Cassandra, Postgres, shared};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// How long an owner that is not heard of stays the owner, so how long a start after kill -9 waits.
pub const LEASE: Duration = Duration::from_secs(8);

/// After how long a publisher hears that a database is away.
pub const UNAVAILABLE_AFTER: Duration = Duration::from_secs(2);

/// How long one statement may take, on a busy machine, too.
const STATEMENT: Duration = Duration::from_secs(4);

/// What a busy machine adds to a time that a broker promises.
pub const SLACK: Duration = Duration::from_secs(5);

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// Apache Cassandra.
    Cassandra,
}

impl Kind {
    /// The word for `--storage`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Cassandra => "cassandra",
        }
    }

    /// The server that no test may harm.
    pub fn shared(self) -> SocketAddr {
        match self {
            Self::Postgres => shared::postgres(),
            Self::Cassandra => shared::cassandra(),
        }
    }

    /// A broker over a server, in a schema or keyspace of its own, that waits for shorter than by default.
    pub fn launch(self, server: SocketAddr) -> Launch {
        let name = self.name();
        let (host, port) = (server.ip().to_string(), server.port().to_string());
        let launch = Launch::over(name).with(&format!("--{name}-port"), port);
        let launch = match self {
            Self::Postgres => launch
                .with("--postgres-host", host)
                .with("--postgres-database", "postgres")
                .with("--postgres-user", "postgres")
                .with("--postgres-schema", fresh_name()),
            Self::Cassandra => {
                launch.with("--cassandra-hosts", host).with("--cassandra-keyspace", fresh_name())
            }
        };
        launch
            .with("--lease", text(LEASE))
            .with("--database-connect-timeout", text(STATEMENT))
            .with("--database-statement-timeout", text(STATEMENT))
            .with("--database-unavailable-after", text(UNAVAILABLE_AFTER))
    }
}

/// A database of one test.
pub enum Server {
    /// PostgreSQL.
    Postgres(Postgres),
    /// Apache Cassandra.
    Cassandra(Cassandra),
}

impl Server {
    /// Starts one.
    pub async fn start(kind: Kind) -> Self {
        match kind {
            Kind::Postgres => Self::Postgres(Postgres::start().await),
            Kind::Cassandra => Self::Cassandra(Cassandra::start().await),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Postgres(server) => server.address(),
            Self::Cassandra(server) => server.address(),
        }
    }

    /// kill -9; it is gone when this returns.
    pub fn kill(&mut self) {
        match self {
            Self::Postgres(server) => server.kill(),
            Self::Cassandra(server) => server.kill(),
        }
    }

    /// Starts it again, over the same data.
    pub async fn restart(&mut self) {
        match self {
            Self::Postgres(server) => server.restart().await,
            Self::Cassandra(server) => server.restart().await,
        }
    }
}

/// A schema or keyspace that nobody has used: no two processes have the same number at the same time,
/// and a server that is shared lives no longer than one run.
pub fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("audit_{}_{count}", std::process::id())
}

/// A time as a setting.
pub fn text(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// The same test over either database.
macro_rules! over_both {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::database::Kind::Postgres).await;
                }
            )+
        }

        mod cassandra {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::database::Kind::Cassandra).await;
                }
            )+
        }
    };
}
pub(crate) use over_both;
