//! As much of CQL's native protocol (version 4) as it takes to ask a node whether it is there and to run
//! a statement.

use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;
const QUERY: u8 = 0x07;
const RESULT: u8 = 0x08;
const AUTH_RESPONSE: u8 = 0x0F;
const AUTH_SUCCESS: u8 = 0x10;

const CONSISTENCY_ONE: [u8; 2] = [0, 1];
const NO_FLAGS: u8 = 0;
const LIMIT: Duration = Duration::from_secs(60);

/// Whether a node answers.
pub(super) async fn supports(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        call(&mut stream, OPTIONS, &[]).await
    };
    matches!(timeout(Duration::from_secs(5), ask).await, Ok(Ok((SUPPORTED, _))))
}

/// Runs a statement, as the user `cassandra` if it must be somebody.
///
/// # Errors
/// What the server or the system says against it.
pub async fn run(address: SocketAddr, statement: &str) -> Result<(), String> {
    result(address, statement).await.map(drop)
}

/// How many rows a table has.
pub(super) async fn count(address: SocketAddr, table: &str) -> Result<i64, String> {
    let body = result(address, &format!("SELECT count(*) FROM {table}")).await?;
    // The only value of the only row is the last of the answer.
    let value = body.last_chunk().ok_or("an answer without a count")?;
    Ok(i64::from_be_bytes(*value))
}

/// The body of the answer to a statement.
async fn result(address: SocketAddr, statement: &str) -> Result<Vec<u8>, String> {
    let run = async {
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let version = [&[0, 1][..], &string("CQL_VERSION"), &string("3.0.0")].concat();
        let (kind, _) = expect(&mut stream, STARTUP, &version, &[READY, AUTHENTICATE]).await?;
        if kind == AUTHENTICATE {
            let words = long_string("\0cassandra\0cassandra");
            expect(&mut stream, AUTH_RESPONSE, &words, &[AUTH_SUCCESS]).await?;
        }
        let query = [&long_string(statement)[..], &CONSISTENCY_ONE, &[NO_FLAGS]].concat();
        expect(&mut stream, QUERY, &query, &[RESULT]).await.map(|(_, body)| body)
    };
    timeout(LIMIT, run).await.map_err(|_| format!("{statement}: no answer"))?
}

/// Sends a request; kind and body of the answer, which must be of one of these kinds.
async fn expect(
    stream: &mut TcpStream,
    request: u8,
    body: &[u8],
    wanted: &[u8],
) -> Result<(u8, Vec<u8>), String> {
    let (kind, body) = call(stream, request, body).await.map_err(|error| error.to_string())?;
    match kind {
        kind if wanted.contains(&kind) => Ok((kind, body)),
        // A code and a text with its length.
        ERROR => Err(String::from_utf8_lossy(body.get(6..).unwrap_or_default()).into_owned()),
        other => Err(format!("an answer of kind {other}")),
    }
}

/// Sends a request; kind and body of the answer.
async fn call(stream: &mut TcpStream, request: u8, body: &[u8]) -> io::Result<(u8, Vec<u8>)> {
    const VERSION: u8 = 4;
    let length = u32::try_from(body.len()).expect("it is short").to_be_bytes();
    // Version, flags, number of the stream (two bytes), kind, length.
    let head = [&[VERSION, 0, 0, 0, request][..], &length].concat();
    stream.write_all(&[&head, body].concat()).await?;
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok((head[4], body))
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("it is short").to_be_bytes();
    [&length, text.as_bytes()].concat()
}

fn long_string(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("it is short").to_be_bytes();
    [&length, text.as_bytes()].concat()
}
