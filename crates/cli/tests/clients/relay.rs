//! A stretch of network with an address of its own, which counts connections and the pings of clients.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    io::{self, AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What opens an HTTP/2 connection, before its first frame.
const PREFACE: usize = 24;
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const ACK: u8 = 1;

/// Passes bytes on between clients and the broker of the moment.
pub struct Relay {
    /// Where clients connect.
    pub address: SocketAddr,
    broker: watch::Sender<SocketAddr>,
    seen: Arc<Seen>,
}

/// What passed by, and what is to be lost.
#[derive(Default)]
struct Seen {
    connections: AtomicU64,
    pings: AtomicU64,
    lose_call: AtomicBool,
}

impl Relay {
    /// A relay before a broker.
    pub async fn before(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (broker, target) = watch::channel(broker);
        let seen = Arc::new(Seen::default());
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                noted.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(client, *target.borrow(), noted.clone()));
            }
        });
        Self { address, broker, seen }
    }

    /// New connections go to another broker.
    pub fn turn_to(&self, broker: SocketAddr) {
        self.broker.send_replace(broker);
    }

    /// The connection that makes the next call is lost with it, before the broker hears of the call.
    pub fn lose_next_call(&self) {
        self.seen.lose_call.store(true, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub fn has_lost_call(&self) -> bool {
        !self.seen.lose_call.load(Ordering::SeqCst)
    }

    /// Connections that clients made.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Pings that clients sent, answers to the broker's own not counted.
    pub fn pings(&self) -> u64 {
        self.seen.pings.load(Ordering::SeqCst)
    }
}

/// Carries one connection. What one side ends ends the other.
async fn carry(client: TcpStream, broker: SocketAddr, seen: Arc<Seen>) -> io::Result<()> {
    let broker = TcpStream::connect(broker).await?;
    let (from_client, mut to_client) = client.into_split();
    let (mut from_broker, to_broker) = broker.into_split();
    tokio::select! {
        up = pass_frames(from_client, to_broker, &seen) => up,
        down = io::copy(&mut from_broker, &mut to_client) => down.map(|_| ()),
    }
}

/// Passes a client's frames on, one by one, and counts its pings.
async fn pass_frames(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    seen: &Seen,
) -> io::Result<()> {
    let mut preface = [0; PREFACE];
    from.read_exact(&mut preface).await?;
    to.write_all(&preface).await?;
    loop {
        let mut head = [0; FRAME_HEAD];
        from.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, ..] = head;
        if kind == PING && flags & ACK == 0 {
            seen.pings.fetch_add(1, Ordering::SeqCst);
        }
        if kind == HEADERS && seen.lose_call.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&head).await?;
        let length = u32::from_be_bytes([0, a, b, c]);
        io::copy(&mut (&mut from).take(length.into()), &mut to).await?;
    }
}
