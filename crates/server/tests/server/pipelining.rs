//! Publish streams: order, back-pressure, and frames that stand unread.

use crate::support::{Client, Host, batch, id_of, kept, message, raw, soon, until};
use broker_core::{Storage as _, Subject};
use broker_proto::{Durability, PublishAck, PublishBatch};
use broker_server::{MAX_BATCH_MESSAGES, MAX_WAITING_RESULTS};
use broker_storage::{
    Operation,
    faulty::{Hold, WritePlan},
};
use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

async fn begin(client: &mut Client) -> (mpsc::Sender<PublishBatch>, Streaming<PublishAck>) {
    let (sender, receiver) = mpsc::channel(16);
    let acks = client.publish_stream(ReceiverStream::new(receiver)).await.unwrap();
    (sender, acks.into_inner())
}

async fn next(acks: &mut Streaming<PublishAck>) -> Option<PublishAck> {
    soon("an acknowledgement", acks.message()).await.unwrap()
}

#[tokio::test]
async fn results_come_in_the_order_sent_and_the_end_after_them() {
    let host = Host::start().await;
    let (sender, mut acks) = begin(&mut host.client().await).await;
    for n in 0..500 {
        let subject = if n % 3 == 0 { "a" } else { "b" };
        sender.send(batch([kept(subject, "x"), message(subject, "y")])).await.unwrap();
    }
    drop(sender);
    let (mut results, mut last) = (Vec::new(), [0, 0]);
    while let Some(ack) = next(&mut acks).await {
        assert_eq!(ack.durability(), Durability::Memory);
        results.extend(ack.results);
    }
    assert_eq!(results.len(), 1_000);
    for (n, pair) in results.chunks(2).enumerate() {
        let subject = usize::from(n % 3 != 0);
        last[subject] += 1;
        assert_eq!((id_of(&pair[0]), id_of(&pair[1])), (Some(last[subject]), Some(0)));
    }
}

#[tokio::test]
async fn an_idle_stream_answers_each_batch_when_it_is_stored() {
    let host = Host::start().await;
    let (sender, mut acks) = begin(&mut host.client().await).await;
    for id in 1..=20 {
        sender.send(batch([kept("s", "x")])).await.unwrap();
        assert_eq!(id_of(&next(&mut acks).await.unwrap().results[0]), Some(id));
    }
    sender.send(batch([message("s", "x")])).await.unwrap();
    assert_eq!(next(&mut acks).await.unwrap().durability(), Durability::Delivered);
}

#[tokio::test]
async fn who_does_not_read_results_is_no_longer_read() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let (response, sending) = connection.begin(raw::STREAM, &[]).await;
    let body = response.await.unwrap().into_body();
    let one = raw::framed(0, &batch(vec![kept("s", "x"); 4_096]).encode_to_vec());
    let all = Bytes::from(one.repeat(100));
    let sent = tokio::spawn(raw::send(sending, all));
    let subject = Subject::new("s").unwrap();
    let stored = || async { host.store.last_id(&subject).await.unwrap().0 };
    soon("as many results as may wait", async {
        while stored().await < MAX_WAITING_RESULTS as u64 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Who began later and sends as much is read to its end; this one is not. (The transport takes some
    // results, too, so how many are stored is not told to the one.)
    let other = raw::framed(0, &batch(vec![message("other", "x"); 4_096]).encode_to_vec());
    let other = Bytes::from(other.repeat(100));
    let reader = raw::Connection::open(host.address).await;
    let (response, sending) = reader.begin(raw::STREAM, &[]).await;
    let other = tokio::spawn(raw::send(sending, other));
    let answer = raw::answer(soon("an answer", response).await.unwrap()).await;
    assert_eq!(answer.status().code(), tonic::Code::Ok);
    other.await.unwrap().unwrap();
    assert!(stored().await < 100 * 4_096, "everything was read");
    assert!(!sent.is_finished());
    // It goes on when it reads again.
    let mut body = body;
    let mut results = 0;
    while let Some(data) = soon("acknowledgements", body.data()).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        results += data.len();
    }
    assert!(results > 0);
    sent.await.unwrap().unwrap();
    assert_eq!(stored().await, 100 * 4_096);
}

#[tokio::test]
async fn results_may_wait_in_great_number_however_they_were_sent() {
    let host = Host::start().await;
    let connection = raw::Connection::open(host.address).await;
    let (response, sending) = connection.begin(raw::STREAM, &[]).await;
    let response = response.await.unwrap();
    let one = raw::framed(0, &batch([message("s", "x")]).encode_to_vec());
    let all = Bytes::from(one.repeat(MAX_WAITING_RESULTS - 1));
    soon("all was read", raw::send(sending, all)).await.unwrap();
    let answer = raw::answer(response).await;
    assert_eq!(answer.status().code(), tonic::Code::Ok);
    let (mut rest, mut results) = (answer.body, 0);
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        results += PublishAck::decode(rest.slice(5..5 + length)).unwrap().results.len();
        rest = rest.slice(5 + length..);
    }
    assert_eq!(results, MAX_WAITING_RESULTS - 1);
}

#[tokio::test]
async fn small_frames_that_stand_unread_do_not_end_the_connection() {
    const MESSAGES: usize = 20_000;
    let host = Host::start().await;
    host.script
        .every_write(Operation::Append, WritePlan { hold: Hold::Answer, ..WritePlan::default() });
    let connection = raw::Connection::open(host.address).await;
    let frame = raw::framed(0, &batch([kept("s", &"x".repeat(50))]).encode_to_vec());
    assert!((60..70).contains(&frame.len()));
    let mut streams = Vec::new();
    for _ in 0..4 {
        let (response, mut sending) = connection.begin(raw::STREAM, &[]).await;
        let frame = frame.clone();
        // One message in each DATA frame, as fast as the window lets them.
        let sent = tokio::spawn(async move {
            for _ in 0..MESSAGES {
                sending.reserve_capacity(frame.len());
                while sending.capacity() < frame.len() {
                    std::future::poll_fn(|context| sending.poll_capacity(context))
                        .await
                        .unwrap()
                        .unwrap();
                }
                sending.send_data(frame.clone(), false).unwrap();
            }
            sending.send_data(Bytes::new(), true).unwrap();
        });
        streams.push((response, sent));
    }
    host.store.wait_held(1).await;
    until("a queue behind the held store", || host.store.held() > 0).await;
    assert!(!connection.running.is_finished());
    host.script.clear();
    let releasing = tokio::spawn({
        let store = host.store.clone();
        async move {
            loop {
                store.wait_held(1).await;
                store.release_all();
            }
        }
    });
    for (response, sent) in streams {
        let answer = raw::answer(soon("an answer", response).await.unwrap()).await;
        assert_eq!(answer.status().code(), tonic::Code::Ok);
        sent.await.unwrap();
    }
    releasing.abort();
    assert!(!connection.running.is_finished());
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_stream() {
    let host = Host::with(|plan| plan.config.limits.publish_streams = 1).await;
    let mut client = host.client().await;
    for _ in 0..20 {
        let (sender, mut acks) = begin(&mut client).await;
        sender.send(batch([kept("s", "x")])).await.unwrap();
        match soon("an answer", acks.message()).await {
            Ok(ack) => assert!(ack.is_some()),
            // The stream before it is not gone yet.
            Err(status) => assert_eq!(crate::support::reason(&status).1, "OVERLOADED"),
        }
    }
}

#[tokio::test]
async fn many_streams_of_large_batches_take_turns() {
    let host = Host::start().await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut client = host.client().await;
        streams.push(tokio::spawn(async move {
            let large = batch(vec![message("s", &"x".repeat(200)); MAX_BATCH_MESSAGES]);
            let sent = tokio_stream::iter([large.clone(), large]);
            let mut acks = client.publish_stream(sent).await.unwrap().into_inner();
            let mut results = 0;
            while let Some(ack) = acks.message().await.unwrap() {
                results += ack.results.len();
            }
            results
        }));
    }
    for stream in streams {
        assert_eq!(soon("the end", stream).await.unwrap(), 2 * MAX_BATCH_MESSAGES);
    }
}
