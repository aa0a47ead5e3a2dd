//! Subscribing to and fetching from a broker that fails.

use crate::fake::{Fake, refusal};
use broker_client::{ErrorKind, PublishOptions, Start};
use broker_proto::MessageResponse;
use futures_util::{FutureExt, StreamExt};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tonic::{Code, Response};

fn message(id: u64) -> MessageResponse {
    MessageResponse { id, subject: "s".into(), ..MessageResponse::default() }
}

#[tokio::test]
async fn no_subscription_ends_in_silence() {
    let client = Fake::subscription(vec![Ok(message(7)), Ok(message(0))]).client().await;
    let mut subscription = client.subscribe("s", Start::Retained).await.unwrap();
    assert_eq!(subscription.next().await.unwrap().unwrap().id, 7);
    assert_eq!(subscription.next().await.unwrap().unwrap().id, 0);
    let error = subscription.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(error.is_retryable());
    assert_eq!(subscription.position(), 7);
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn an_end_says_why() {
    let standby = refusal(Code::Unavailable, "STANDBY");
    let client = Fake::subscription(vec![Err(standby)]).client().await;
    let mut subscription = client.subscribe("s", Start::After(3)).await.unwrap();
    let error = subscription.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), subscription.position()), (ErrorKind::Standby, 3));
}

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
async fn no_call_waits_for_ever() {
    let client = Fake::default().client().await.with_deadline(Duration::from_millis(50));
    let error = client.fetch("s", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlinePassed);
    assert!(error.is_retryable());
    let error = client.publish("s", "b", PublishOptions::keep()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlinePassed);
    assert!(error.is_outcome_unknown());
}
