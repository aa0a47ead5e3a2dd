//! What a proxy is told, and what it has done.

use std::{net::SocketAddr, time::Duration};

/// A way that bytes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up = 0,
    /// From the server to the client.
    Down = 1,
}

/// What becomes of the bytes of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Flow {
    #[default]
    Passed,
    Held,
    Swallowed,
}

/// What ends when bytes have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    None,
    OfThis,
    OfAll,
}

/// One direction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Way {
    pub(super) flow: Flow,
    pub(super) delay: Duration,
    pub(super) rate: Option<u64>,
    pub(super) cut_each_after: Option<u64>,
    pub(super) cut_after_next: Option<u64>,
    /// Bytes that arrived.
    pub(super) passed: u64,
    /// Bytes that were read and did not arrive yet.
    pub(super) waiting: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) server: SocketAddr,
    pub(super) ways: [Way; 2],
    pub(super) accepts: bool,
    pub(super) listens: bool,
    /// Connections of an earlier generation are cut.
    pub(super) generation: u64,
    /// Of connections of an earlier generation nothing arrives any more: they are about to be cut.
    pub(super) sealed: u64,
    pub(super) opened: u64,
    pub(super) connections: u64,
}

impl Rules {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            ways: [Way::default(); 2],
            accepts: true,
            listens: true,
            generation: 0,
            sealed: 0,
            opened: 0,
            connections: 0,
        }
    }

    pub(super) fn way(&mut self, direction: Direction) -> &mut Way {
        &mut self.ways[direction as usize]
    }

    /// How many of so many bytes of a connection of a generation may arrive, after so many that did
    /// (they count as arrived now), and what ends after them.
    pub(super) fn admit(
        &mut self,
        generation: u64,
        direction: Direction,
        arrived: u64,
        bytes: u64,
    ) -> (u64, End) {
        if generation < self.sealed {
            return (0, End::OfThis);
        }
        let way = self.way(direction);
        let of_this = way.cut_each_after.map(|limit| limit.saturating_sub(arrived));
        let of_all = way.cut_after_next;
        let admitted = [of_this, of_all].into_iter().flatten().fold(bytes, u64::min);
        way.passed += admitted;
        way.cut_after_next = of_all.map(|left| left - admitted);
        if way.cut_after_next == Some(0) {
            way.cut_after_next = None;
            self.sealed = self.generation + 1;
            return (admitted, End::OfAll);
        }
        (admitted, if of_this == Some(admitted) { End::OfThis } else { End::None })
    }
}
