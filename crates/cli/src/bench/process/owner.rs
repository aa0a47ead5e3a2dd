//! Which process listens on a port of this machine.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
};

const LISTENING: &str = "0A";

/// The process behind `http://host:port`; `None` when that is elsewhere, or not ours to look at.
pub fn listening_at(address: &str) -> Option<u32> {
    let (_, host) = address.split_once("://").unwrap_or(("", address));
    let mut resolved = host.trim_end_matches('/').to_socket_addrs().ok()?;
    let address = resolved.find(|address| address.ip().is_loopback())?;
    let socket = format!("socket:[{}]", inode(address)?);
    let processes = fs::read_dir("/proc").ok()?;
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).find(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"));
        let mut files = files.into_iter().flatten().flatten();
        files.any(|file| fs::read_link(file.path()).is_ok_and(|to| to.to_str() == Some(&socket)))
    })
}

/// The listening socket that a connection to this address meets.
fn inode(address: SocketAddr) -> Option<u64> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        table.lines().find_map(|line| listening(line, address.port()))
    })
}

/// The inode of a line of the kernel's table, if it listens on that port.
fn listening(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let (_, local) = fields.get(1)?.rsplit_once(':')?;
    let is_it = fields.get(3) == Some(&LISTENING) && u16::from_str_radix(local, 16) == Ok(port);
    is_it.then(|| fields.get(9)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_listens_on_the_port_counts() {
        let line = "0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 4242 1 x 100 0 0 10 0";
        assert_eq!(listening(line, 8080), Some(4242));
        assert_eq!(listening(line, 8081), None);
        assert_eq!(listening(&line.replace(" 0A ", " 01 "), 8080), None);
        assert_eq!(listening("sl local_address rem_address st", 8080), None);
    }
}
