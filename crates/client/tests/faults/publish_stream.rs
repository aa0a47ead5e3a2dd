//! One publishing stream to a broker that fails.

use crate::fake::{Fake, PATIENCE, ack, client, refusal};
use broker_client::{
    Acknowledgements, ErrorKind, MAX_BYTES_IN_FLIGHT, PublishOptions, PublishStream, Published,
    Retry,
};
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tonic::{Code, Response, Status};

async fn send(publisher: &mut PublishStream, messages: usize) {
    for _ in 0..messages {
        publisher.send("s", "body", PublishOptions::keep()).await.unwrap();
    }
}

async fn all(answers: &mut Acknowledgements) -> Vec<Result<Published, broker_client::Error>> {
    tokio::time::timeout(PATIENCE, answers.collect()).await.unwrap()
}

#[tokio::test]
async fn a_broker_that_closes_has_not_stored_what_it_did_not_answer() {
    let closing = refusal(Code::Unavailable, "BROKER_CLOSING");
    let client = Fake::publishing(vec![Ok(ack([1, 2])), Err(closing)]).client().await;
    let (mut publisher, mut answers) = client.publish_stream();
    send(&mut publisher, 4).await;
    let answers = {
        let all = all(&mut answers).await;
        assert_eq!(answers.broken().unwrap().kind(), ErrorKind::Closing);
        all
    };
    assert_eq!([answers[0].clone().unwrap().id, answers[1].clone().unwrap().id], [1, 2]);
    for answer in &answers[2..] {
        let error = answer.clone().unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::Closing, Retry::Safe { after: None })
        );
    }
    assert_eq!(answers.len(), 4);
}

#[tokio::test]
async fn a_broken_stream_fails_the_next_send_too() {
    let client = Fake::publishing(vec![Ok(ack([1]))]).client().await;
    let (mut publisher, mut answers) = client.publish_stream();
    send(&mut publisher, 1).await;
    assert_eq!(all(&mut answers).await.len(), 1);
    let error = publisher.send("s", "body", PublishOptions::keep()).await.unwrap_err();
    assert!(error.is_retryable(), "it was not sent: {error:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Cuts every connection when something arrives on it, and so does the one made anew.
    let cutting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.readable().await.unwrap();
        }
    });
    let client = client(address).await;
    let (mut publisher, mut answers) = client.publish_stream();
    send(&mut publisher, 3).await;
    let answers = all(&mut answers).await;
    assert_eq!(answers.len(), 3);
    for answer in answers {
        // Whether the transport took it already is chance; that it is not lost in silence is not.
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Interrupted);
    }
    cutting.abort();
}

#[tokio::test]
async fn an_answer_too_many_breaks_the_stream() {
    let client = Fake::publishing(vec![Ok(ack([1, 2, 3]))]).client().await;
    let (mut publisher, mut answers) = client.publish_stream();
    send(&mut publisher, 1).await;
    assert_eq!(all(&mut answers).await, [Ok(published(1))]);
    assert_eq!(answers.broken().unwrap().kind(), ErrorKind::Interrupted);
}

fn published(id: u64) -> Published {
    Published { id, durability: broker_client::Durability::Disk }
}

#[tokio::test]
async fn a_finished_stream_ends_without_an_error() {
    let client = Fake::publishing(vec![Ok(ack([1]))]).client().await;
    let (mut publisher, mut answers) = client.publish_stream();
    send(&mut publisher, 1).await;
    drop(publisher);
    assert_eq!(all(&mut answers).await, [Ok(published(1))]);
    assert_eq!(answers.broken(), None);
}

#[tokio::test]
async fn what_is_refused_here_is_answered_in_its_turn() {
    let client = Fake::publishing(vec![Ok(ack([1, 2]))]).client().await;
    let (mut publisher, mut answers) = client.publish_stream();
    send(&mut publisher, 1).await;
    let large = vec![0; broker_client::MAX_MESSAGE_BYTES + 1];
    publisher.send("s", large, PublishOptions::keep()).await.unwrap();
    send(&mut publisher, 1).await;
    drop(publisher);
    let answers = all(&mut answers).await;
    assert_eq!(answers[1].clone().unwrap_err().kind(), ErrorKind::MessageTooLarge);
    assert_eq!([answers[0].clone(), answers[2].clone()], [Ok(published(1)), Ok(published(2))]);
}

#[tokio::test]
async fn a_broker_that_never_answers_stops_the_publisher() {
    let fake = Fake {
        publish: Arc::new(|batches| {
            async move {
                // Reads everything and answers nothing.
                let reading = batches.filter_map(|_| async { None });
                let answers: BoxStream<'static, Result<_, Status>> = reading.boxed();
                Ok(Response::new(answers.chain(stream::pending()).boxed()))
            }
            .boxed()
        }),
        ..Fake::default()
    };
    let client = fake.client().await;
    let (mut publisher, mut answers) = client.publish_stream();
    let mut sent = 0;
    let sending = async {
        loop {
            send(&mut publisher, 1).await;
            sent += 1;
        }
    };
    tokio::select! {
        () = sending => {}
        // The sender is asked first each time, so it has stopped when a pause passes.
        () = quiet() => {}
        _ = answers.next() => panic!("an answer"),
    }
    assert!(sent <= MAX_BYTES_IN_FLIGHT / 256, "{sent} messages under way");
    assert!(sent > 1000, "only {sent} messages under way");
}

/// Long enough for a publisher that has room to use it.
async fn quiet() {
    tokio::time::timeout(Duration::from_secs(2), std::future::pending::<()>()).await.unwrap_or(());
}
