//! Three nodes that keep every row three times.

use super::{Cassandra, Setup, node::Node};
use crate::ports;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::join;

const ADDRESSES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

/// Places in the ring, as far apart as they can be.
const TOKENS: [i64; 3] = [-6_000_000_000_000_000_000, 0, 6_000_000_000_000_000_000];

/// Three nodes on three addresses of loopback, with the same port for CQL.
pub struct Cluster {
    nodes: [Cassandra; 3],
}

impl Cluster {
    /// Makes them and starts them at once; each knows the others when this returns.
    pub async fn start() -> Self {
        Self::with(Cassandra::setup().heap(192)).await
    }

    /// The same, with nodes that are set in some way.
    pub async fn with(setup: Setup) -> Self {
        let all = ADDRESSES.map(IpAddr::V4);
        let (storage, cql) = (ports::free(&all), ports::free(&all));
        // Each is a seed: one that is not would give up when it is up before the others.
        let node = |at: usize| Cassandra {
            process: None,
            node: Node::new(
                setup.clone(),
                ADDRESSES[at],
                storage,
                cql,
                &ADDRESSES,
                Some(TOKENS[at]),
            ),
            _turn: None,
        };
        let mut nodes = [node(0), node(1), node(2)];
        let [first, second, third] = &mut nodes;
        join!(first.restart(), second.restart(), third.restart());
        for node in &nodes {
            node.until_knows(ADDRESSES.len() - 1).await;
        }
        Self { nodes }
    }

    /// Where they listen for CQL.
    pub fn addresses(&self) -> [SocketAddr; 3] {
        [0, 1, 2].map(|at| self.nodes[at].address())
    }

    /// One of them.
    pub fn node(&mut self, at: usize) -> &mut Cassandra {
        &mut self.nodes[at]
    }
}
