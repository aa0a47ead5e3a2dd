//! The network of another process, and connections into it.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{fs::File, io, net::SocketAddr, os::fd::AsFd, sync::Arc, thread};
use tokio::net::TcpStream;

/// A network that this process is not in.
#[derive(Debug, Clone)]
pub struct Network(Arc<File>);

impl Network {
    /// That of a process.
    pub(crate) fn of(process: u32) -> Self {
        let path = format!("/proc/{process}/ns/net");
        let file = File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(Arc::new(file))
    }

    /// A connection to an address there.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let network = self.0.clone();
        let (tell, told) = tokio::sync::oneshot::channel();
        // A socket stays in the network of the thread that made it; this one ends with it.
        thread::spawn(move || {
            let entered =
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
            let connected = entered
                .map_err(io::Error::from)
                .and_then(|()| std::net::TcpStream::connect(address));
            // Nobody waits for it any more.
            let _ = tell.send(connected);
        });
        let socket = told.await.map_err(io::Error::other)??;
        socket.set_nonblocking(true)?;
        TcpStream::from_std(socket)
    }
}
