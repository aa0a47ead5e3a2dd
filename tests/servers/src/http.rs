//! Requests to a server of this machine.

use crate::waiting::PATIENCE;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use std::{error::Error, fmt::Write, net::SocketAddr};
use tokio::{net::TcpStream, time::timeout};

/// The status and the body of an answer, or why there is none.
pub(crate) type Answer = Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>>;

/// Sends a form, or asks without one if it is empty.
///
/// # Errors
/// Nobody answers in time, or not by HTTP.
pub(crate) async fn ask(address: SocketAddr, path: &str, form: &[(&str, &str)]) -> Answer {
    let method = if form.is_empty() { Method::GET } else { Method::POST };
    send(address, method, path, encode(form)).await
}

/// Sends an empty POST.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn post(address: SocketAddr, path: &str) -> Answer {
    send(address, Method::POST, path, String::new()).await
}

async fn send(address: SocketAddr, method: Method, path: &str, form: String) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))?;
    timeout(PATIENCE, async {
        let socket = TokioIo::new(TcpStream::connect(address).await?);
        let (mut sender, connection) = http1::handshake(socket).await?;
        // It ends with the sender; what fails, fails the request.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    })
    .await?
}

/// The form as browsers send it.
fn encode(form: &[(&str, &str)]) -> String {
    let mut encoded = String::new();
    for (name, value) in form {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        for (text, end) in [(name, "="), (value, "")] {
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                    encoded.push(char::from(byte));
                } else {
                    write!(encoded, "%{byte:02X}").expect("a string can be written");
                }
            }
            encoded.push_str(end);
        }
    }
    encoded
}

#[test]
fn a_form_keeps_what_it_says() {
    assert_eq!(
        encode(&[("query", "a+b{c=\"é\"}"), ("time", "1.5")]),
        "query=a%2Bb%7Bc%3D%22%C3%A9%22%7D&time=1.5"
    );
}
