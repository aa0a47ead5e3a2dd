//! Clients generated from the older proto file: three calls, ids as int32.

use crate::support::{Host, raw, reason};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct OldPublish {
    #[prost(string, tag = "1")]
    subject: String,
    #[prost(bytes, tag = "2")]
    body: Vec<u8>,
    #[prost(int32, tag = "3")]
    expiration_seconds: i32,
}

#[derive(Clone, PartialEq, Message)]
struct OldPublished {
    #[prost(int32, tag = "1")]
    id: i32,
}

#[derive(Clone, PartialEq, Message)]
struct OldFetch {
    #[prost(string, tag = "1")]
    subject: String,
    #[prost(int32, tag = "2")]
    id: i32,
}

#[derive(Clone, PartialEq, Message)]
struct OldMessage {
    #[prost(bytes, tag = "1")]
    body: Vec<u8>,
}

async fn call<A: Message + Default>(
    connection: &raw::Connection,
    path: &str,
    request: &impl Message,
) -> Result<A, tonic::Status> {
    let answer = connection.call(path, &[], raw::framed(0, &request.encode_to_vec())).await;
    match answer.status() {
        status if status.code() == tonic::Code::Ok => Ok(A::decode(&answer.body[5..]).unwrap()),
        status => Err(status),
    }
}

#[tokio::test]
async fn publish_and_fetch_work_unchanged() {
    let host = Host::start().await;
    let connection = &raw::Connection::open(host.address).await;
    let publish = |expiration_seconds| OldPublish {
        subject: "s".into(),
        body: b"old".to_vec(),
        expiration_seconds,
    };
    let kept: OldPublished = call(connection, raw::PUBLISH, &publish(60)).await.unwrap();
    let fleeting: OldPublished = call(connection, raw::PUBLISH, &publish(0)).await.unwrap();
    assert_eq!((kept.id, fleeting.id), (1, 0));
    let negative = call::<OldPublished>(connection, raw::PUBLISH, &publish(-1)).await.unwrap_err();
    assert_eq!(negative.code(), tonic::Code::InvalidArgument);
    let fetch = |id| OldFetch { subject: "s".into(), id };
    let message: OldMessage = call(connection, raw::FETCH, &fetch(1)).await.unwrap();
    assert_eq!(message.body, b"old");
    for id in [0, 2, -1, i32::MIN, i32::MAX] {
        let absent = call::<OldMessage>(connection, raw::FETCH, &fetch(id)).await.unwrap_err();
        assert_eq!(reason(&absent).1, "MESSAGE_NOT_FOUND", "{id}");
    }
}
