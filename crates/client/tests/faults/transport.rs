//! What a connection that ends at a given point of a call means, frame by frame.

use crate::fake::{PATIENCE, client};
use broker_client::{Client, ClientOptions, ErrorKind, PublishOptions, Retry};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const CALM: u32 = 0xb;

const SAFE: Retry = Retry::Safe { after: None };

/// An HTTP/2 server that does one thing when a request has come.
#[derive(Clone)]
struct Peer {
    /// Written once the request's last byte is there; with a stream, once its first message is.
    answer: Vec<u8>,
    cuts: bool,
}

fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, 0], &stream.to_be_bytes()].concat();
    [&head[..], payload].concat()
}

fn reset(reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 1, &reason.to_be_bytes())
}

fn go_away(last: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
}

impl Peer {
    fn answering(answer: Vec<u8>) -> Self {
        Self { answer, cuts: false }
    }

    async fn client(self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.clone().serve(stream));
            }
        });
        client(address).await
    }

    async fn serve(self, mut stream: TcpStream) {
        stream.write_all(&frame(SETTINGS, 0, &[])).await.unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        loop {
            let mut head = [0; 9];
            if stream.read_exact(&mut head).await.is_err() {
                return;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            stream.read_exact(&mut payload).await.unwrap();
            if head[3] == DATA {
                stream.write_all(&self.answer).await.unwrap();
                if self.cuts {
                    return;
                }
            }
        }
    }
}

/// What a publish and a message of a stream hear from this peer.
async fn heard(peer: Peer) -> [(ErrorKind, Retry); 2] {
    let client = peer.clone().client().await;
    let call = client.publish("s", "b", PublishOptions::keep());
    let error = tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap_err();
    let alone = (error.kind(), error.retry());
    // Stream ids begin anew with a new connection.
    let client = peer.client().await;
    let (mut stream, mut answers) = client.publish_stream();
    stream.send("s", "b", PublishOptions::keep()).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, answers.next()).await.unwrap();
    let error = answer.expect("an answer").unwrap_err();
    [alone, (error.kind(), error.retry())]
}

#[tokio::test]
async fn a_call_that_the_peer_says_it_did_not_process_may_be_made_again() {
    for answer in [reset(REFUSED_STREAM), go_away(0, NO_ERROR), go_away(0, INTERNAL_ERROR)] {
        let safe = (ErrorKind::Interrupted, SAFE);
        assert_eq!(heard(Peer::answering(answer.clone())).await, [safe; 2], "{answer:x?}");
    }
    let full = heard(Peer::answering(go_away(0, CALM))).await;
    assert_eq!(full, [(ErrorKind::Overloaded, SAFE); 2]);
}

#[tokio::test]
async fn a_call_that_left_and_was_cut_may_have_been_processed() {
    let cut = Peer { cuts: true, ..Peer::answering(Vec::new()) };
    let named = Peer { cuts: true, ..Peer::answering(go_away(1, NO_ERROR)) };
    let named_for_a_fault = Peer { cuts: true, ..Peer::answering(go_away(1, INTERNAL_ERROR)) };
    let reset = [reset(INTERNAL_ERROR), reset(CANCEL), reset(NO_ERROR)].map(Peer::answering);
    for peer in [cut, named, named_for_a_fault].into_iter().chain(reset) {
        let answer = peer.answer.clone();
        let unknown = (ErrorKind::Interrupted, Retry::OutcomeUnknown);
        assert_eq!(heard(peer).await, [unknown; 2], "{answer:x?}");
    }
}

#[tokio::test]
async fn a_deadline_that_passes_before_there_is_a_connection_is_harmless() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: soon one more connection is neither made nor refused.
    let deadline = Duration::from_millis(300);
    let mut made = Vec::new();
    while let Ok(stream) = tokio::time::timeout(deadline, TcpStream::connect(address)).await {
        made.push(stream.unwrap());
    }
    let client =
        ClientOptions::new().deadline(deadline).connect_lazy(&address.to_string()).unwrap();
    let late = (ErrorKind::DeadlinePassed, SAFE);
    let error = client.publish("s", "b", PublishOptions::keep()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), late);
    let error = client.publisher().publish("s", "b", PublishOptions::keep()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), late);
}
