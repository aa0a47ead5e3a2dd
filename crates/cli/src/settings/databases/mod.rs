//! The settings of the stores over databases.

pub mod access;
#[cfg(feature = "cassandra")]
pub mod cassandra;
pub mod forms;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod relations;

use super::{
    kind::{Kind::Time, Range},
    setting::{Fallback::Value, Setting, row},
};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// A network that is asked for less would be away all the time.
const LEAST: Duration = Duration::from_millis(100);

/// What holds for every database.
pub const ROWS: &[Setting] = &[
    row(
        "lease",
        "BROKER_LEASE",
        Time(Range(Duration::from_secs(1), HOUR), |to, time| to.times.lease = time),
        Value("10s"),
    )
    .meaning(
        "How long a broker that is not heard of stays the owner of a store in a database; after that \
         another one that stands by takes over",
    ),
    row(
        "database-start-timeout",
        "BROKER_DATABASE_START_TIMEOUT",
        Time(Range(Duration::ZERO, DAY), |to, time| to.times.start = time),
        Value("60s"),
    )
    .meaning("How long a start waits for a database that cannot be reached before it gives up"),
    row(
        "database-connect-timeout",
        "BROKER_DATABASE_CONNECT_TIMEOUT",
        Time(Range(LEAST, HOUR), |to, time| to.times.connect = time),
        Value("5s"),
    )
    .meaning("How long opening a connection to a database may take; shorter than lease"),
    row(
        "database-statement-timeout",
        "BROKER_DATABASE_STATEMENT_TIMEOUT",
        Time(Range(LEAST, HOUR), |to, time| to.times.statement = time),
        Value("5s"),
    )
    .meaning("How long one statement of a database may take; shorter than lease"),
    row(
        "database-unavailable-after",
        "BROKER_DATABASE_UNAVAILABLE_AFTER",
        Time(Range(LEAST, HOUR), |to, time| to.times.unavailable = time),
        Value("2s"),
    )
    .meaning(
        "How long a message waits for a database that is away before its publisher hears that the \
         store is unavailable",
    ),
];

/// Ports of TCP.
const PORTS: Range<u64> = Range(1, 65_535);

/// The ranges keep it so small.
fn small<T: TryFrom<u64> + Default>(number: u64) -> T {
    T::try_from(number).unwrap_or_default()
}
