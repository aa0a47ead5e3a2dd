//! A broker that stands by.

use crate::{
    admin, calls,
    database::{Kind, over_both},
    pair::Pair,
    waiting::{PATIENCE, within},
};
use broker_proto::PublishBatch;
use rustix::process::Signal;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

over_both!(a_standby_is_healthy_and_says_what_it_is, a_connection_to_a_standby_lasts);

async fn a_standby_is_healthy_and_says_what_it_is(kind: Kind) {
    let pair = Pair::start(kind).await;
    for (page, expected) in [("/livez", 200), ("/healthz", 200), ("/readyz", 503)] {
        let (code, text) = admin::page(pair.standby.admin, page).await;
        assert_eq!(code, expected, "{page}: {text}");
    }
    assert!(pair.stands_by().await);
    let client = calls::connect(pair.standby.address).await;
    says_standby(&calls::publish(&client, calls::kept("a", "x")).await.expect_err("not here"));
    says_standby(&calls::fetch(&client, "a", 1).await.expect_err("not here"));
    let told = match calls::subscribe(&client, "a", 0).await {
        Ok(mut stream) => calls::next(&mut stream).await.expect_err("not here"),
        Err(told) => told,
    };
    says_standby(&told);
    says_standby(&publish_over_a_stream(client.clone()).await);
    for page in ["/livez", "/healthz", "/readyz"] {
        assert_eq!(admin::page(pair.owner.admin, page).await.0, 200, "{page}");
    }
}

/// Why a stream ended, or what was said of its only message.
async fn publish_over_a_stream(mut client: calls::Client) -> Status {
    let batch = PublishBatch { messages: vec![calls::kept("a", "x")] };
    within(PATIENCE, "a publish stream's answer", async {
        match client.publish_stream(tokio_stream::iter([batch])).await {
            Ok(answer) => {
                let first = answer.into_inner().next().await.expect("an answer");
                first.expect_err("not here")
            }
            Err(told) => told,
        }
    })
    .await
}

fn says_standby(told: &Status) {
    assert_eq!((told.code(), &*calls::reason(told)), (Code::Unavailable, "STANDBY"), "{told:?}");
    assert!(calls::retry_after(told).is_some(), "{told:?}");
}

/// A connection that was made while it stood by is good when it serves.
async fn a_connection_to_a_standby_lasts(kind: Kind) {
    let pair = Pair::start(kind).await;
    let client = calls::connect(pair.standby.address).await;
    says_standby(&calls::publish(&client, calls::kept("a", "x")).await.expect_err("not here"));
    pair.owner.signal(Signal::TERM);
    pair.taken_over().await;
    assert_eq!(calls::publish(&client, calls::kept("a", "x")).await.expect("stored"), 1);
    assert_eq!(admin::page(pair.standby.admin, "/readyz").await.0, 200);
}
