//! Subscribing to and fetching from a broker that fails.

use crate::fake::{Fake, PATIENCE};
use broker_client::{ErrorKind, PublishOptions, Start};
use futures_util::{FutureExt, StreamExt};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tonic::Response;

#[tokio::test]
async fn a_dropped_subscription_ends_at_the_broker() {
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let fake = Fake {
        subscribe: Arc::new(move |_| {
            let alive = alive.clone();
            async move {
                let messages = futures_util::stream::pending().inspect(move |_| {
                    let _ = &alive;
                });
                Ok(Response::new(messages.boxed()))
            }
            .boxed()
        }),
        ..Fake::default()
    };
    let client = fake.client().await;
    let first = client.subscribe("s", Start::New).await.unwrap();
    drop(first);
    // One sender stays with the fake; the subscription's own is seen to go by its count.
    let gone = async {
        while ended.sender_strong_count() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    ended.close();
}

#[tokio::test]
async fn a_dropped_call_ends_at_the_broker() {
    let fake = Fake::default();
    let calls = fake.unanswered.clone();
    let client = fake.client().await;
    let reach = |count| {
        let calls = calls.clone();
        let reached = async move {
            while calls.count() != count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
    };
    let mut publishing = Box::pin(client.publish("s", "b", PublishOptions::keep()));
    tokio::select! {
        _ = &mut publishing => panic!("an answer"),
        reached = reach(1) => reached.unwrap(),
    }
    drop(publishing);
    reach(0).await.unwrap();
}

#[tokio::test]
async fn no_call_waits_for_ever() {
    let client = Fake::default().client().await.with_deadline(Duration::from_millis(50));
    let error = client.fetch("s", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlinePassed);
    assert!(error.is_retryable());
    let error = client.publish("s", "b", PublishOptions::keep()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlinePassed);
    assert!(error.is_outcome_unknown());
}
