//! Batches: what is bad in them, and when they are too large.

use crate::support::{Host, batch, id_of, ids, kept, message, problem, raw, reason, soon};
use broker_core::{MessageId, Storage as _, Subject};
use broker_proto::{Durability, PublishAck, PublishBatch};
use broker_server::{MAX_BATCH_MESSAGES, MAX_REQUEST};
use prost::Message;
use tokio_stream::StreamExt;
use tonic::Code;

/// Field 1, as a batch has its messages.
fn in_batch(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0x0A];
    prost::encoding::encode_varint(message.len() as u64, &mut out);
    out.extend_from_slice(message);
    out
}

/// The acknowledgements in a response.
fn acks(mut body: bytes::Bytes) -> Vec<PublishAck> {
    let mut acks = Vec::new();
    while !body.is_empty() {
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        assert!(length <= broker_server::MAX_ACK);
        acks.push(PublishAck::decode(body.slice(5..5 + length)).unwrap());
        body = body.slice(5 + length..);
    }
    acks
}

fn too_large() -> (Code, String, bool) {
    (Code::InvalidArgument, "BATCH_TOO_LARGE".to_owned(), false)
}

#[tokio::test]
async fn bad_and_malformed_messages_are_refused_alone() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let good = |body| in_batch(&kept("s", body).encode_to_vec());
    let wire = [
        good("one"),
        in_batch(b"\xff\xff"),
        in_batch(&message("", "x").encode_to_vec()),
        good("two"),
        in_batch(b"\x0a\x01\xff"),
        in_batch(&message("s", "fleeting").encode_to_vec()),
    ];
    let answer = connection.call(raw::STREAM, &[], raw::framed(0, &wire.concat())).await;
    assert_eq!(answer.status().code(), Code::Ok);
    let all = acks(answer.body);
    assert_eq!(all.last().unwrap().durability(), Durability::Memory);
    let results: Vec<_> = all.into_iter().flat_map(|ack| ack.results).collect();
    assert_eq!(ids(&results), [Some(1), None, None, Some(2), None, Some(0)]);
    assert_eq!(reason(&problem(&results[1])).1, "MALFORMED");
    assert_eq!(reason(&problem(&results[2])).1, "INVALID_SUBJECT");
    assert_eq!(reason(&problem(&results[4])).1, "INVALID_SUBJECT");
}

#[tokio::test]
async fn nothing_of_a_batch_beyond_the_limits_is_stored() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let empty_ones = batch(vec![Default::default(); MAX_BATCH_MESSAGES + 1]);
    let full = batch(vec![kept("s", "x"); MAX_BATCH_MESSAGES + 1]);
    let heavy = batch([kept("s", &"x".repeat(4_000_000)), kept("s", &"x".repeat(14_000_000))]);
    assert!(heavy.encoded_len() > MAX_REQUEST);
    for bad in [empty_ones, full, heavy] {
        let sent = tokio_stream::iter([batch([kept("s", "before")]), bad]);
        let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
        let before = soon("an ack", acks.message()).await.unwrap().unwrap();
        assert!(matches!(ids(&before.results)[..], [Some(1..)]));
        let end = soon("the end", acks.message()).await.unwrap_err();
        assert_eq!(reason(&end), too_large());
    }
    let subject = Subject::new("s").unwrap();
    assert_eq!(host.store.last_id(&subject).await.unwrap(), MessageId(3));
}

#[tokio::test]
async fn a_batch_at_its_limits_is_taken() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let many = batch(vec![message("s", ""); MAX_BATCH_MESSAGES]);
    let mut heavy = batch(vec![kept("s", &"x".repeat(4_000_000)); 4]);
    let missing = MAX_REQUEST - heavy.encoded_len() - 30;
    heavy.messages.push(kept("s", &"x".repeat(missing)));
    assert!((MAX_REQUEST - 30..=MAX_REQUEST).contains(&heavy.encoded_len()));
    let sent = tokio_stream::iter([many, heavy]);
    let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
    let mut results = Vec::new();
    while let Some(ack) = soon("an ack", acks.message()).await.unwrap() {
        results.extend(ack.results);
    }
    assert_eq!(results.len(), MAX_BATCH_MESSAGES + 5);
    assert_eq!(id_of(results.last().unwrap()), Some(5));
}

#[tokio::test]
async fn refusals_of_a_whole_batch_come_in_several_acknowledgements() {
    let host = Host::start().await;
    let mut client = host.client().await;
    let bad = batch(vec![message("", ""); 30_000]);
    let mut acks = client.publish_stream(tokio_stream::once(bad)).await.unwrap().into_inner();
    let (mut results, mut count) = (0, 0);
    while let Some(ack) = soon("an ack", acks.message()).await.unwrap() {
        assert!(ack.encoded_len() <= broker_server::MAX_ACK);
        assert_eq!(ack.durability(), Durability::Delivered);
        results += ack.results.len();
        count += 1;
    }
    assert!(results == 30_000 && count > 1, "{results} in {count}");
}

#[tokio::test]
async fn a_stream_without_messages_ends_well() {
    let host = Host::start().await;
    let mut client = host.client().await;
    for sent in [vec![], vec![PublishBatch::default(); 200]] {
        let mut acks = client.publish_stream(tokio_stream::iter(sent)).await.unwrap().into_inner();
        assert_eq!(soon("the end", acks.next()).await.map(|ack| ack.is_ok()), None);
    }
}
