//! A client of the admin port: one connection, JSON both ways.

mod address;
mod answers;
mod error;

pub use answers::{Counted, Levels, Next, Page, Purged, Row};
pub use error::AdminError;

use address::Address;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

const CONNECT_TIME: Duration = Duration::from_secs(5);

const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Far more than a page of the most subjects with the longest names takes.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// A connection to an admin port.
pub struct Admin {
    address: Address,
    requests: http1::SendRequest<Full<Bytes>>,
}

impl Admin {
    /// Connects to `http://HOST:PORT`, within 5 seconds.
    pub async fn connect(url: &str) -> Result<Self, AdminError> {
        let address = Address::parse(url)?;
        let unreachable =
            |why: String| AdminError::Unreachable { address: address.to_string(), why };
        let connecting = async {
            let stream = TcpStream::connect(address.authority()).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = match timeout(CONNECT_TIME, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("no connection within 5 s".into())),
        };
        let (requests, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        // Its end is the end of the call that waits for it.
        tokio::spawn(connection);
        Ok(Self { address, requests })
    }

    /// Makes a call and waits up to 30 seconds for its answer.
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let json = self.download(path, body, ANSWER_TIME).await?;
        serde_json::from_slice(&json).map_err(|_| self.foreign(StatusCode::OK))
    }

    /// Makes a call that is answered with bytes, and waits for them.
    pub async fn download(
        &mut self,
        path: &str,
        body: &impl Serialize,
        limit: Duration,
    ) -> Result<Bytes, AdminError> {
        let request = self.request(path, body)?;
        let (status, bytes) = self.send(request, limit).await?;
        if status == StatusCode::OK { Ok(bytes) } else { Err(self.refusal(status, &bytes)) }
    }

    fn refusal(&self, status: StatusCode, json: &[u8]) -> AdminError {
        match serde_json::from_slice(json) {
            Ok(Refused { error }) => AdminError::refused(&error.reason, &error.message),
            Err(_) => self.foreign(status),
        }
    }

    fn foreign(&self, status: StatusCode) -> AdminError {
        AdminError::Foreign { address: self.address.to_string(), status: status.as_u16() }
    }

    /// Asks for a page: its HTTP status and its text.
    pub async fn page(&mut self, path: &str) -> Result<(u16, String), AdminError> {
        let unsendable = |error: http::Error| AdminError::Lost {
            address: self.address.to_string(),
            why: error.to_string(),
        };
        let request = Request::get(path).header(header::HOST, self.address.authority());
        let request = request.body(Full::default()).map_err(unsendable)?;
        let (status, text) = self.send(request, ANSWER_TIME).await?;
        Ok((status.as_u16(), String::from_utf8_lossy(&text).into_owned()))
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), AdminError> {
        let answering = async {
            // The call before may have left it busy for a moment.
            self.requests.ready().await?;
            let response = self.requests.send_request(request).await?;
            read(response).await
        };
        let lost = |why: String| AdminError::Lost { address: self.address.to_string(), why };
        match timeout(limit, answering).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(lost(error.to_string())),
            Err(_) => Err(lost(format!("no answer within {} s", limit.as_secs()))),
        }
    }

    fn request(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Request<Full<Bytes>>, AdminError> {
        let unsendable = |why: String| AdminError::Lost { address: self.address.to_string(), why };
        let body = serde_json::to_vec(body).map_err(|error| unsendable(error.to_string()))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, self.address.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()));
        request.map_err(|error| unsendable(error.to_string()))
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn read(response: Response<Incoming>) -> Result<(StatusCode, Bytes), BoxError> {
    let (head, body) = response.into_parts();
    let whole = Limited::new(body, LONGEST_ANSWER).collect().await?;
    Ok((head.status, whole.to_bytes()))
}

#[derive(Deserialize)]
struct Refused {
    error: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    reason: String,
    message: String,
}
