//! Ports that nobody uses.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::{IpAddr, Ipv4Addr, TcpListener},
    ops::Range,
    sync::LazyLock,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below the ports that the system gives to connections going out, so that none of those takes the port
/// of a server that is down for a while.
const PORTS: Range<u32> = 20_000..32_000;

/// A port that is free on all these addresses. Two processes begin to look at different places.
pub(crate) fn free(addresses: &[IpAddr]) -> u16 {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
        let chance = RandomState::new().hash_one(0) % u64::from(u32::MAX);
        AtomicU32::new(chance as u32)
    });
    let is_free =
        |port| addresses.iter().all(|address| TcpListener::bind((*address, port)).is_ok());
    PORTS
        .map(|_| {
            let next = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS.len() as u32;
            u16::try_from(PORTS.start + next).expect("ports are below 65536")
        })
        .find(|port| is_free(*port))
        .expect("one of so many ports is free")
}

/// A free port of 127.0.0.1.
pub(crate) fn free_on_loopback() -> u16 {
    free(&[Ipv4Addr::LOCALHOST.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_given() {
        let taken: Vec<_> = (0..50)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free_on_loopback())).unwrap())
            .collect();
        assert_eq!(taken.len(), 50);
    }
}
