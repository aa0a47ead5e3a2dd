//! Every row of the error table.

use crate::support::{Host, batch, kept, message, problem, reason, soon};
use broker_core::{AppendError, MessageId, ReadError, Subject};
use broker_proto::{FetchRequest, SubscribeRequest};
use broker_server::ServeError;
use broker_storage::{
    Operation,
    faulty::{ReadPlan, WriteFault, WritePlan},
};
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

fn fetch(subject: &str, id: u64) -> FetchRequest {
    FetchRequest { subject: subject.into(), id }
}

fn row(code: Code, name: &str, retry: bool) -> (Code, String, bool) {
    (code, name.to_owned(), retry)
}

fn failing(error: AppendError) -> WritePlan {
    WritePlan { fault: WriteFault::Before(error), ..WritePlan::default() }
}

async fn publish_failing(plan: WritePlan) -> Status {
    let host = Host::with(|plan| plan.core.outcome_timeout = Duration::from_millis(50)).await;
    host.script.every_write(Operation::Append, plan);
    let mut client = host.client().await;
    soon("an answer", client.publish(kept("s", "x"))).await.unwrap_err()
}

#[tokio::test]
async fn a_store_that_cannot_be_reached() {
    let status = publish_failing(failing(AppendError::Unavailable("secret".into()))).await;
    assert_eq!(reason(&status), row(Code::Unavailable, "STORAGE_UNAVAILABLE", true));
    assert!(!format!("{status:?}").contains("secret"));
}

#[tokio::test]
async fn a_store_that_is_full() {
    let status = publish_failing(failing(AppendError::Full("disk reserve"))).await;
    assert_eq!(reason(&status), row(Code::ResourceExhausted, "OVERLOADED", true));
}

#[tokio::test]
async fn a_store_that_does_not_say_in_time() {
    let unknown = AppendError::Unknown("timeout".into());
    let status =
        publish_failing(WritePlan { fault: WriteFault::After(unknown), ..WritePlan::default() });
    assert_eq!(reason(&status.await), row(Code::DeadlineExceeded, "OUTCOME_UNKNOWN", false));
}

#[tokio::test]
async fn another_owner() {
    let host = Host::start().await;
    host.script.every_write(Operation::Append, failing(AppendError::Fenced));
    let mut client = host.client().await;
    let standby = row(Code::Unavailable, "STANDBY", true);
    let published = client.publish(kept("s", "x")).await.unwrap_err();
    assert_eq!(reason(&published), standby);
    // All four calls say so from then on.
    assert_eq!(reason(&client.fetch(fetch("s", 1)).await.unwrap_err()), standby);
    let subscribe = SubscribeRequest { subject: "s".into(), ..SubscribeRequest::default() };
    assert_eq!(reason(&client.subscribe(subscribe).await.unwrap_err()), standby);
    let sent = tokio_stream::once(batch([kept("s", "x")]));
    // By its core or, a moment later, at the door.
    let refused = match client.publish_stream(sent).await {
        Ok(acks) => acks.into_inner().message().await.unwrap_err(),
        Err(refused) => refused,
    };
    assert_eq!(reason(&refused), standby);
    assert!(matches!(host.left().await, Err(ServeError::Fenced(_))));
}

#[tokio::test]
async fn what_the_store_refuses_is_internal_and_its_words_stay_here() {
    let plan = WritePlan { fault: WriteFault::Refuse(vec![0]), ..WritePlan::default() };
    let status = publish_failing(plan).await;
    assert_eq!(reason(&status), row(Code::Internal, "INTERNAL", false));
    assert!(!status.message().contains("fault"));
}

#[tokio::test]
async fn fetches_that_find_nothing() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let fleeting =
        broker_proto::PublishRequest { expiration_seconds: 1, ..message("s", "fleeting") };
    assert_eq!(client.publish(fleeting).await.unwrap().into_inner().id, 1);
    assert_eq!(client.fetch(fetch("s", 1)).await.unwrap().into_inner().id, 1);
    host.time.advance(Duration::from_secs(1));
    let expired = client.fetch(fetch("s", 1)).await.unwrap_err();
    assert_eq!(reason(&expired), row(Code::InvalidArgument, "MESSAGE_EXPIRED", false));
    for (subject, id) in [("s", 2), ("s", 0), ("s", u64::MAX), ("other", 1)] {
        let absent = client.fetch(fetch(subject, id)).await.unwrap_err();
        assert_eq!(reason(&absent), row(Code::InvalidArgument, "MESSAGE_NOT_FOUND", false));
    }
    client.publish(kept("s", "purged")).await.unwrap();
    host.broker.purge(Subject::new("s").unwrap(), None).await.unwrap();
    let purged = client.fetch(fetch("s", 2)).await.unwrap_err();
    assert_eq!(reason(&purged).1, "MESSAGE_EXPIRED");
}

#[tokio::test]
async fn damage_is_named_and_can_be_passed() {
    let host = Host::start().await;
    let mut client = host.client().await;
    for body in ["one", "two", "three"] {
        client.publish(kept("s", body)).await.unwrap();
    }
    host.script.damage(&Subject::new("s").unwrap(), MessageId(2));
    let damaged = |status: &Status| {
        assert_eq!(reason(status), row(Code::DataLoss, "MESSAGE_DAMAGED", false));
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().metadata["id"], "2");
    };
    damaged(&client.fetch(fetch("s", 2)).await.unwrap_err());
    let subscribe = |after_id| SubscribeRequest { subject: "s".into(), start: 0, after_id };
    let mut messages = client.subscribe(subscribe(0)).await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap().id, 1);
    damaged(&messages.message().await.unwrap_err());
    let mut messages = client.subscribe(subscribe(2)).await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap().id, 3);
}

#[tokio::test]
async fn reads_that_fail() {
    let host = Host::start().await;
    let mut client = host.client().await;
    client.publish(kept("s", "x")).await.unwrap();
    let failing = |error| ReadPlan { error: Some(error), ..ReadPlan::default() };
    host.script.every_read(Operation::Fetch, failing(ReadError::Unavailable("secret".into())));
    let away = client.fetch(fetch("s", 1)).await.unwrap_err();
    assert_eq!(reason(&away), row(Code::Unavailable, "STORAGE_UNAVAILABLE", true));
    host.script.every_read(Operation::Fetch, failing(ReadError::Failed("secret".into())));
    let failed = client.fetch(fetch("s", 1)).await.unwrap_err();
    assert_eq!(reason(&failed), row(Code::Internal, "INTERNAL", false));
    assert!(!failed.message().contains("secret"));
}

#[tokio::test]
async fn resuming_ahead_of_the_subject() {
    let host = Host::start().await;
    let mut client = host.client().await;
    client.publish(kept("s", "x")).await.unwrap();
    for after_id in [2, u64::MAX] {
        let subscribe = SubscribeRequest { subject: "s".into(), start: 0, after_id };
        let ahead = client.subscribe(subscribe).await.unwrap_err();
        assert_eq!(reason(&ahead), row(Code::OutOfRange, "RESUME_AHEAD", false));
    }
}

#[tokio::test]
async fn a_method_that_is_not_there() {
    let host = Host::start().await;
    let connection = crate::support::raw::Connection::open(host.address).await;
    for path in ["/broker.Broker/Nothing", "/pb.Broker/Publish", "/", "/grpc.health.v1.Health/List"]
    {
        let answer = connection.call(path, &[], bytes::Bytes::new()).await;
        assert_eq!(answer.status().code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn one_bad_message_of_a_stream_has_the_same_status_as_alone() {
    let host = Host::start().await;
    let mut client = host.client().await;
    host.script.then_write(Operation::Append, failing(AppendError::Unavailable("away".into())));
    let sent = tokio_stream::iter([batch([kept("s", "x"), message("", "bad")])]);
    let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
    let ack = acks.message().await.unwrap().unwrap();
    assert_eq!(
        reason(&problem(&ack.results[0])),
        row(Code::Unavailable, "STORAGE_UNAVAILABLE", true)
    );
    assert_eq!(
        reason(&problem(&ack.results[1])),
        row(Code::InvalidArgument, "INVALID_SUBJECT", false)
    );
}
