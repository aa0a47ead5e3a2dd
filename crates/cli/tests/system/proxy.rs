//! A stretch of network that can swallow everything without closing anything.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
};

/// Passes bytes on between a client and a broker until told to swallow them.
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    swallow: Arc<AtomicBool>,
    closed: watch::Receiver<u64>,
}

impl Proxy {
    /// A proxy before a broker.
    pub async fn before(broker: SocketAddr) -> Self {
        Self::cutting(broker, u64::MAX).await
    }

    /// A proxy that passes only this many bytes from each client on to the broker.
    pub async fn cutting(broker: SocketAddr, upward: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let swallow = Arc::new(AtomicBool::new(false));
        let (closing, closed) = watch::channel(0);
        let switch = swallow.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(broker).await.expect("the broker listens");
                tokio::spawn(carry(client, server, upward, switch.clone(), closing.clone()));
            }
        });
        Self { address, swallow, closed }
    }

    /// From now on no byte arrives, in either direction, and no connection ends.
    pub fn swallow(&self) {
        self.swallow.store(true, Ordering::SeqCst);
    }

    /// Waits until the broker has ended this many connections.
    pub async fn closed_by_broker(&mut self, count: u64) {
        self.closed.wait_for(|closed| *closed >= count).await.expect("the proxy runs");
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    most: u64,
    swallow: Arc<AtomicBool>,
    closing: watch::Sender<u64>,
) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let upward = tokio::spawn(pass(from_client, to_server, most, swallow.clone()));
    // Both halves towards the client are held while bytes are swallowed: it must notice nothing.
    let held = pass(from_server, to_client, u64::MAX, swallow).await;
    closing.send_modify(|closed| *closed += 1);
    let _ = upward.await;
    drop(held);
}

/// Passes bytes on (the first `most` of them) to the end of what is read; answers the other side's half, still open.
async fn pass(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mut most: u64,
    swallow: Arc<AtomicBool>,
) -> tcp::OwnedWriteHalf {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        let pass = if swallow.load(Ordering::SeqCst) { 0 } else { most.min(count as u64) };
        most -= pass;
        if to.write_all(&buffer[..pass as usize]).await.is_err() {
            break;
        }
    }
    to
}
