//! What a connection beyond the limit is told.

use crate::limits::FAREWELLS;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

/// How long a refused connection has to read why.
const PATIENCE: Duration = Duration::from_secs(1);

/// The reason, as HTTP/2's GOAWAY carries it.
const REASON: &[u8] = b"the broker's limit on connections is reached; try again later";

/// HTTP/2's error code ENHANCE_YOUR_CALM.
const CALM: u32 = 0xb;

/// Tells connections why they are refused, a bounded number at once.
pub struct Farewells {
    word: Arc<[u8]>,
    room: Arc<Semaphore>,
}

impl Farewells {
    /// For clients of gRPC.
    pub fn in_http2() -> Self {
        Self::new(&frames())
    }

    /// For readers of the admin pages.
    pub fn in_http1() -> Self {
        let body = String::from_utf8_lossy(REASON);
        let head = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length";
        Self::new(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    fn new(word: &[u8]) -> Self {
        Self { word: word.into(), room: Arc::new(Semaphore::new(FAREWELLS)) }
    }

    /// Closes the connection, with a word if there is time for one.
    pub fn say(&self, mut stream: TcpStream) {
        let Ok(permit) = self.room.clone().try_acquire_owned() else { return };
        let word = self.word.clone();
        tokio::spawn(async move {
            // Whether it was heard or not, the connection is over.
            let _ = timeout(PATIENCE, async {
                stream.write_all(&word).await?;
                stream.shutdown().await?;
                // Closing with something unread would take the word back.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                std::io::Result::Ok(())
            })
            .await;
            drop(permit);
        });
    }
}

/// An empty SETTINGS frame, which every server begins with, and a GOAWAY frame.
fn frames() -> Vec<u8> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const GOAWAY_HEAD: [u8; 6] = [7, 0, 0, 0, 0, 0];
    const NO_STREAM: [u8; 4] = [0; 4];
    let length = u32::try_from(8 + REASON.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&SETTINGS[..], &length[1..], &GOAWAY_HEAD, &NO_STREAM, &CALM.to_be_bytes(), REASON].concat()
}
