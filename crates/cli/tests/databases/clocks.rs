//! The database's clock is an hour off the broker's: what is shown follows the broker's.

use crate::{
    audit::time,
    body::Key,
    calls::{self, Client},
    database::{Kind, over_both},
    entry::{Entry, Lifetime},
    process::Broker,
    waiting::{PATIENCE, until},
};
use broker_test_servers::{Cassandra, Postgres};
use prost_types::Timestamp;
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

over_both!(a_database_an_hour_ahead, a_database_an_hour_behind);

const HOUR: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_secs(2);
/// How far the shift may be from what was asked for.
const SLACK: i64 = 60;

async fn a_database_an_hour_ahead(kind: Kind) {
    off(kind, 3_600).await;
}

async fn a_database_an_hour_behind(kind: Kind) {
    off(kind, -3_600).await;
}

async fn off(kind: Kind, seconds: i64) {
    match kind {
        Kind::Postgres => {
            let server = Postgres::setup().clock_ahead(seconds).start().await;
            let now = server.sql("SELECT extract(epoch FROM now())::bigint").await;
            is_about(now[0][0].parse().expect("seconds"), seconds);
            follows_the_broker(kind, server.address()).await;
        }
        Kind::Cassandra => {
            let mut server = Cassandra::setup().clock_ahead(seconds).start().await;
            let log = server.log_tail();
            let of_line = |line: &str| line.split(' ').next()?.parse::<Timestamp>().ok();
            let last = log.lines().rev().find_map(of_line);
            is_about(last.expect("the log tells times").seconds, seconds);
            follows_the_broker(kind, server.address()).await;
        }
    }
}

/// Whether a time of the database, in seconds since 1970, is so far ahead.
fn is_about(there: i64, ahead: i64) {
    let here = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs().cast_signed();
    assert!((there - here - ahead).abs() < SLACK, "{there} there, {here} here");
}

async fn follows_the_broker(kind: Kind, server: SocketAddr) {
    let launch = kind.launch(server);
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    // By the database's clock, half an hour is over at once or lasts an hour longer.
    let lifetimes =
        [Lifetime::For(SHORT), Lifetime::For(HOUR / 2), Lifetime::For(2 * HOUR), Lifetime::Kept];
    for (number, lifetime) in (1..).zip(lifetimes) {
        let entry = Entry::new(Key { publisher: 1, number }, &"off".into(), lifetime);
        let id = calls::publish(&client, entry.request(100)).await.expect("stored");
        assert_eq!(id, number);
        let message = calls::fetch(&client, "off", id).await.expect("it lives");
        let published = time(message.published_at.as_ref().expect("always told"));
        assert!(published >= entry.sent && published <= SystemTime::now(), "{published:?}");
        let expiry = message.expires_at.as_ref().map(time);
        if let Lifetime::For(lifetime) = lifetime {
            assert_eq!(expiry, Some(published + lifetime));
        }
        if number == 1 {
            ends_exactly(&client, expiry.expect("it expires")).await;
        }
    }
    shows_the_others(&client).await;

    broker.kill();
    broker = Broker::start(&launch).await;
    shows_the_others(&calls::connect(broker.address).await).await;
}

/// The first message is there until that time and not a moment longer.
async fn ends_exactly(client: &Client, expiry: SystemTime) {
    until(PATIENCE, "its end", async || {
        let asked = SystemTime::now();
        match calls::fetch(client, "off", 1).await {
            Ok(_) => assert!(asked < expiry, "shown {:?} late", asked.duration_since(expiry)),
            Err(gone) => {
                assert_eq!(calls::reason(&gone), "MESSAGE_EXPIRED");
                assert!(SystemTime::now() >= expiry, "gone too early");
            }
        }
        (asked >= expiry).then_some(())
    })
    .await;
}

async fn shows_the_others(client: &Client) {
    let ids: Vec<u64> = calls::replay(client, "off", 1).await.iter().map(|m| m.id).collect();
    assert_eq!(ids, [2, 3, 4]);
}
