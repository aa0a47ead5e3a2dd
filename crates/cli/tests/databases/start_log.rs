//! What a start says, in the order in which users of the old broker know it.

use crate::{
    calls,
    database::{Kind, over_both},
    process::Broker,
    waiting::PATIENCE,
};
use rustix::process::Signal;

over_both!(a_start_says_what_it_reached);

async fn a_start_says_what_it_reached(kind: Kind) {
    let server = kind.shared();
    let launch = kind.launch(server);
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let steps: &[&[&str]] = match kind {
        Kind::Postgres => &[
            &["storage type chosen: postgres"],
            &["connected to PostgreSQL", &host, &port],
            &["schema ready"],
            &["last ids"],
            &["expired messages"],
            &["gRPC server listening on port"],
        ],
        Kind::Cassandra => &[
            &["storage type chosen: cassandra"],
            &["connected to", "Cassandra", &host, &port],
            &["keyspace and tables"],
            &["last ids"],
            &["expired messages"],
            &["store open"],
            &["gRPC server listening on port"],
        ],
    };
    // The second time over what the first left.
    for start in 1..=2 {
        let mut broker = Broker::start(&launch).await;
        let client = calls::connect(broker.address).await;
        calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
        let lines = broker.log.lines();
        let places = steps.iter().map(|words| {
            let is_it = |line: &String| words.iter().all(|word| line.contains(word));
            let place = lines.iter().position(is_it);
            place.unwrap_or_else(|| panic!("start {start}: no line with {words:?}"))
        });
        let places: Vec<usize> = places.collect();
        assert!(places.is_sorted(), "start {start}: {places:?}");
        // What the server's settings weaken is said once; a driver that complains does so again and again.
        let warnings = lines.iter().filter(|line| line.contains("\"level\":\"WARN\""));
        let warnings: Vec<_> = warnings.collect();
        assert!(warnings.len() <= 1, "start {start}: {warnings:?}");
        // The lease is given back: the next start waits for nobody.
        broker.signal(Signal::TERM);
        assert_eq!(broker.ended(PATIENCE).await.code(), Some(0));
    }
}
