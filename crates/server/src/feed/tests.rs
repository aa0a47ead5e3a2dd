//! What a subscription costs while its client is slow.

use super::*;
use crate::{observe::NoRpcObserver, trace::Tracing};
use broker_core::{Headers, Lifetime, Limits, NoObserver, Publication, Start, Subject, SystemTime};
use broker_storage::{MemoryConfig, MemoryStorage};
use futures_util::{FutureExt, StreamExt};
use tracing::Span;

const MESSAGES: usize = 4_000;
const BODY: usize = 1_000;

/// A broker that keeps a few megabytes of one subject.
async fn filled(subject: &Subject) -> Broker {
    let storage = Arc::new(MemoryStorage::new(MemoryConfig::default()));
    let limits = Limits::default();
    let broker = Broker::open(storage, Arc::new(SystemTime), Arc::new(NoObserver), limits, 1);
    let broker = broker.await.unwrap();
    let publication = Publication {
        trace: None,
        subject: subject.clone(),
        headers: Headers::default(),
        body: vec![7; BODY].into(),
        lifetime: Lifetime::Forever,
    };
    let answers = broker.submit(vec![publication; MESSAGES]).await.unwrap().await;
    assert!(answers.iter().all(Result::is_ok));
    broker
}

#[tokio::test]
async fn a_transport_that_keeps_its_frames_gets_no_more_than_a_share() {
    let subject = Subject::new("s").unwrap();
    let broker = filled(&subject).await;
    let subscription = broker.subscribe(subject, Start::Retained).await.unwrap();
    let room = Room::new("sending", 1024, Arc::new(NoRpcObserver));
    let untraced = Delivering::new(Tracing::default(), Span::none());
    let mut frames = Box::pin(frames(broker, subscription, room, untraced));

    let mut kept = Vec::new();
    while let Some(frame) = frames.next().now_or_never() {
        kept.push(frame.unwrap().unwrap());
    }
    let mut bytes: usize = kept.iter().map(Bytes::len).sum();
    assert!((GATHERED / 2..=GATHERED).contains(&bytes), "{bytes}");

    drop(kept);
    while bytes < MESSAGES * BODY {
        bytes += frames.next().await.unwrap().unwrap().len();
    }
}
