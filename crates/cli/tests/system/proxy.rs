//! A stretch of network that fails as a test wants: swallows, cuts at any byte, delays, leads elsewhere.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    time::timeout,
};

/// Passes bytes on between clients and a broker, and fails when told to.
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    rules: Arc<Mutex<Rules>>,
    opened: watch::Receiver<u64>,
    closed: watch::Receiver<u64>,
}

/// A way that bytes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the broker.
    Up,
    /// From the broker to the client.
    Down,
}

#[derive(Debug)]
struct Rules {
    broker: SocketAddr,
    /// Connections before this one are swallowed.
    swallowed: u64,
    /// Bytes from each client that arrive; what follows is swallowed.
    upward: u64,
    /// How new connections are cut.
    cut: Option<Cut>,
    /// Bytes that pass at once at most, and the pause after them.
    trickle: Option<(usize, Duration)>,
}

/// Connections are cut after more and more bytes in one direction, and from the front again.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Where bytes are counted.
    pub direction: Direction,
    /// The next connection passes so many bytes more.
    pub step: u64,
    /// Fewer than so many. With a step that does not divide it, every number has its turn.
    pub span: u64,
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
        let rules = Rules { broker, swallowed: 0, upward, cut: None, trickle: None };
        let rules = Arc::new(Mutex::new(rules));
        let (opening, opened) = watch::channel(0);
        let (closing, closed) = watch::channel(0);
        tokio::spawn({
            let rules = rules.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let number = *opening.borrow();
                    tokio::spawn(carry(client, number, rules.clone(), closing.clone()));
                    opening.send_modify(|opened| *opened += 1);
                }
            }
        });
        Self { address, rules, opened, closed }
    }

    /// From now on no byte arrives, in either direction, and no connection ends.
    pub fn swallow(&self) {
        self.change(|rules| rules.swallowed = u64::MAX);
    }

    /// The same for the connections of now; later ones are healthy.
    pub fn swallow_present(&self) {
        let opened = *self.opened.borrow();
        self.change(|rules| rules.swallowed = opened);
    }

    /// New connections lead there.
    pub fn lead_to(&self, broker: SocketAddr) {
        self.change(|rules| rules.broker = broker);
    }

    /// New connections are cut so.
    pub fn cut_each(&self, cut: Cut) {
        self.change(|rules| rules.cut = Some(cut));
    }

    /// New connections are cut no more.
    pub fn heal(&self) {
        self.change(|rules| rules.cut = None);
    }

    /// On all connections at most so many bytes pass at once, and then nothing for a while.
    pub fn trickle(&self, bytes: usize, pause: Duration) {
        self.change(|rules| rules.trickle = Some((bytes, pause)));
    }

    /// Waits until this many connections were opened.
    pub async fn opened(&mut self, count: u64) {
        self.opened.wait_for(|opened| *opened >= count).await.expect("the proxy runs");
    }

    /// Waits until the broker has ended this many connections.
    pub async fn closed_by_broker(&mut self, count: u64) {
        self.closed.wait_for(|closed| *closed >= count).await.expect("the proxy runs");
    }

    fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// One connection's view of the rules.
#[derive(Clone)]
struct Link {
    number: u64,
    rules: Arc<Mutex<Rules>>,
}

impl Link {
    fn ask<T>(&self, ask: impl FnOnce(&Rules) -> T) -> T {
        ask(&self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_swallowed(&self) -> bool {
        self.ask(|rules| self.number < rules.swallowed)
    }

    /// After how many bytes it is cut in a direction.
    fn cut(&self, direction: Direction) -> u64 {
        self.ask(|rules| match rules.cut {
            Some(cut) if cut.direction == direction => cut.step * self.number % cut.span,
            _ => u64::MAX,
        })
    }
}

async fn carry(
    client: TcpStream,
    number: u64,
    rules: Arc<Mutex<Rules>>,
    closing: watch::Sender<u64>,
) {
    let link = Link { number, rules };
    // Nobody listens: the client sees its connection end.
    let Ok(server) = TcpStream::connect(link.ask(|rules| rules.broker)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let most = link.ask(|rules| rules.upward);
    let (up, down) = (link.cut(Direction::Up), link.cut(Direction::Down));
    let upward = pass(from_client, to_server, [most, up], link.clone());
    let downward = async {
        // Both halves towards the client are held while bytes are swallowed: it must notice nothing.
        let end = pass(from_server, to_client, [u64::MAX, down], link).await;
        closing.send_modify(|closed| *closed += 1);
        end
    };
    tokio::pin!(upward, downward);
    tokio::select! {
        end = &mut upward => if let End::Of(_held) = end { downward.await; },
        end = &mut downward => if let End::Of(_held) = end { upward.await; },
    }
}

/// Why bytes no longer pass.
enum End {
    /// There are no more; the other side's half is still open.
    Of(tcp::OwnedWriteHalf),
    /// The connection is cut.
    Cut,
}

/// Passes bytes on until they end or the connection is cut. The first limit is of those that arrive, the
/// second of those before the cut.
async fn pass(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    [mut most, mut left]: [u64; 2],
    link: Link,
) -> End {
    let mut buffer = vec![0; 64 * 1024];
    if left == 0 {
        return End::Cut;
    }
    loop {
        let trickle = link.ask(|rules| rules.trickle);
        let at_once = trickle.map_or(buffer.len(), |(bytes, _)| bytes);
        let count = match from.read(&mut buffer[..at_once]).await {
            Ok(0) | Err(_) => {
                if most > 0 && !link.is_swallowed() {
                    // The other side may be gone already.
                    let _ = to.shutdown().await;
                }
                return End::Of(to);
            }
            Ok(count) => left.min(count as u64),
        };
        let passed = if link.is_swallowed() { 0 } else { most.min(count) };
        most -= passed;
        left -= count;
        if to.write_all(&buffer[..passed as usize]).await.is_err() {
            return End::Of(to);
        }
        if left == 0 {
            return End::Cut;
        }
        if let Some((_, pause)) = trickle {
            let _ = timeout(pause, std::future::pending::<()>()).await;
        }
    }
}
