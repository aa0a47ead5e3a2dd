//! HTTP by hand: what no proper client would send.

use super::soon;
use bytes::{Bytes, BytesMut};
use h2::{
    RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{HeaderMap, Request, Response};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tonic::Status;

pub const PUBLISH: &str = "/broker.Broker/Publish";
pub const SUBSCRIBE: &str = "/broker.Broker/Subscribe";
pub const FETCH: &str = "/broker.Broker/Fetch";
pub const STREAM: &str = "/broker.Broker/PublishStream";

/// A message as gRPC frames it.
pub fn framed(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag][..], &length, message].concat().into()
}

/// A connection whose frames a test writes itself.
pub struct Connection {
    requests: SendRequest<Bytes>,
    pub running: JoinHandle<Result<(), h2::Error>>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (requests, connection) = h2::client::Builder::new()
            .initial_connection_window_size(64 << 20)
            .handshake(stream)
            .await
            .unwrap();
        Self { requests, running: tokio::spawn(connection) }
    }

    /// Begins a call.
    pub async fn begin(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request =
            Request::post(format!("http://broker{path}")).version(http::Version::HTTP_2);
        if headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut ready = self.requests.clone().ready().await.unwrap();
        ready.send_request(request.body(()).unwrap(), false).unwrap()
    }

    /// A call with this body, to its end.
    pub async fn call(&self, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        let (response, sending) = self.begin(path, headers).await;
        // It may be refused before it is read.
        let _ = send(sending, body).await;
        answer(soon("an answer", response).await.unwrap()).await
    }
}

/// Sends a body as far as the windows let it, and ends the request.
pub async fn send(mut sending: SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        let wanted = body.len().min(16_384);
        sending.reserve_capacity(wanted);
        let room = std::future::poll_fn(|context| sending.poll_capacity(context)).await;
        let room = match room {
            Some(room) => room?,
            None => return Ok(()),
        };
        sending.send_data(body.split_to(room.min(body.len())), false)?;
    }
    sending.send_data(Bytes::new(), true)
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub http: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    /// The call's status, wherever it stands.
    pub fn status(&self) -> Status {
        let trailers = self.trailers.as_ref().and_then(Status::from_header_map);
        let status = trailers.or_else(|| Status::from_header_map(&self.headers));
        status.unwrap_or_else(|| panic!("no status: {self:?}"))
    }
}

pub async fn answer(response: Response<RecvStream>) -> Answer {
    let (head, mut body) = response.into_parts();
    let mut all = BytesMut::new();
    while let Some(data) = soon("data", body.data()).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    let trailers = soon("trailers", body.trailers()).await.unwrap();
    Answer { http: head.status.as_u16(), headers: head.headers, body: all.freeze(), trailers }
}

/// Speaks HTTP/1 by hand, and reads until the other side closes.
pub async fn http1(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    soon("an answer", stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
