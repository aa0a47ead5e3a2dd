//! A stretch of network between a client and a server that fails as a test wants.

mod rules;
#[cfg(test)]
mod tests;
mod way;

pub use rules::Direction;

use crate::{ports, waiting::PATIENCE};
use rules::{Flow, Rules};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// Passes bytes on between clients and a server, and fails when it is told to. What it is told holds for
/// the connections of now and for new ones. Dropping it cuts all of them.
pub struct Proxy {
    address: SocketAddr,
    rules: Arc<watch::Sender<Rules>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before a server, on a free port of 127.0.0.1.
    pub async fn before(server: SocketAddr) -> Self {
        let address = (Ipv4Addr::LOCALHOST, ports::free_on_loopback()).into();
        let listener = listen(address).await;
        let rules = Arc::new(watch::Sender::new(Rules::new(server)));
        let task = tokio::spawn(serve(listener, address, rules.clone()));
        Self { address, rules, task }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead there.
    pub fn lead_to(&self, server: SocketAddr) {
        self.change(|rules| rules.server = server);
    }

    /// Cuts all connections. Bytes that wait in the proxy are lost.
    pub fn cut(&self) {
        self.change(|rules| rules.generation += 1);
    }

    /// Refuses new connections. Those that stand go on.
    pub async fn refuse(&self) {
        self.change(|rules| rules.accepts = false);
        self.until(|rules| !rules.listens).await;
    }

    /// Ends what [`Self::refuse`] began.
    pub async fn accept(&self) {
        self.change(|rules| rules.accepts = true);
        self.until(|rules| rules.listens).await;
    }

    /// Cuts all connections and refuses new ones: the server is gone.
    pub async fn go_away(&self) {
        self.refuse().await;
        self.cut();
        self.until(|rules| rules.connections == 0).await;
    }

    /// Bytes of a direction are taken and lost; connections stay.
    pub fn swallow(&self, direction: Direction) {
        self.change(|rules| rules.way(direction).flow = Flow::Swallowed);
    }

    /// Bytes of a direction are kept back, some megabytes of each connection, until [`Self::pass`], even
    /// if who sent them is gone by then.
    pub fn hold(&self, direction: Direction) {
        self.change(|rules| rules.way(direction).flow = Flow::Held);
    }

    /// Bytes of a direction pass again: those that were kept back, and new ones.
    pub fn pass(&self, direction: Direction) {
        self.change(|rules| rules.way(direction).flow = Flow::Passed);
    }

    /// Bytes of a direction arrive so much later, in their order.
    pub fn delay(&self, direction: Direction, by: Duration) {
        self.change(|rules| rules.way(direction).delay = by);
    }

    /// Of a direction of each connection so many bytes a second pass; `None`: as many as come.
    pub fn limit_rate(&self, direction: Direction, bytes_a_second: Option<u64>) {
        self.change(|rules| rules.way(direction).rate = bytes_a_second);
    }

    /// Each connection is cut when so many of its bytes, from its beginning on, have arrived in a
    /// direction: not one more does. `None`: it is not.
    pub fn cut_each_after(&self, direction: Direction, bytes: Option<u64>) {
        self.change(|rules| rules.way(direction).cut_each_after = bytes);
    }

    /// Once: all connections are cut when so many more bytes, counted over all of them from now on, have
    /// arrived in a direction: not one more does.
    pub fn cut_after_next(&self, direction: Direction, bytes: u64) {
        self.change(|rules| rules.way(direction).cut_after_next = Some(bytes));
    }

    /// How many bytes have arrived in a direction, over all connections.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.rules.borrow().ways[direction as usize].passed
    }

    /// Waits until so many bytes wait in the proxy because they are held back in a direction.
    pub async fn until_held(&self, direction: Direction, bytes: u64) {
        self.until(|rules| rules.ways[direction as usize].waiting >= bytes).await;
    }

    /// Waits until so many connections were opened since the beginning.
    pub async fn until_opened(&self, count: u64) {
        self.until(|rules| rules.opened >= count).await;
    }

    /// Waits until so many connections stand.
    pub async fn until_standing(&self, count: u64) {
        self.until(|rules| rules.connections == count).await;
    }

    fn change(&self, change: impl FnOnce(&mut Rules)) {
        self.rules.send_modify(change);
    }

    async fn until(&self, condition: impl FnMut(&Rules) -> bool) {
        let mut told = self.rules.subscribe();
        let reached = timeout(PATIENCE, told.wait_for(condition)).await;
        // The sender is here: it does not end.
        assert!(
            reached.is_ok(),
            "the proxy did not come so far in time: {:?}",
            *self.rules.borrow()
        );
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.expect("its port is its own")
}

/// Takes connections until it is dropped, and them with it.
async fn serve(listener: TcpListener, address: SocketAddr, rules: Arc<watch::Sender<Rules>>) {
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    let mut told = rules.subscribe();
    loop {
        let accepts = told.borrow_and_update().accepts;
        if accepts != listener.is_some() {
            listener = if accepts { Some(listen(address).await) } else { None };
            rules.send_modify(|rules| rules.listens = accepts);
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender is here: it does not end.
            _ = told.changed() => {}
            accepted = accepted => if let Ok((client, _)) = accepted {
                let begun = opened(&rules);
                connections.spawn(carry(client, begun, rules.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Counts a connection in; the rules that it begins under. From then on it is among those that are cut, though
/// nobody carries it yet.
fn opened(rules: &watch::Sender<Rules>) -> Rules {
    rules.send_modify(|rules| {
        rules.opened += 1;
        rules.connections += 1;
    });
    *rules.borrow()
}

/// One connection, until it ends or is cut.
async fn carry(client: TcpStream, begun: Rules, rules: Arc<watch::Sender<Rules>>) {
    let mut told = rules.subscribe();
    let Rules { server, generation, .. } = begun;
    let carried = async {
        // Nobody listens: the client sees its connection end.
        let Ok(server) = TcpStream::connect(server).await else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("it is a TCP connection");
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let up = way::carry(Direction::Up, generation, from_client, to_server, &rules);
        let down = way::carry(Direction::Down, generation, from_server, to_client, &rules);
        // An error of one way is the end of both.
        let _ = tokio::try_join!(up, down);
    };
    tokio::select! {
        () = carried => {}
        _ = told.wait_for(|rules| rules.generation != generation) => {}
    }
    rules.send_modify(|rules| rules.connections -= 1);
}
