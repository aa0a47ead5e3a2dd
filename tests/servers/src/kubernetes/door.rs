//! A port of loopback that leads into the network of a cluster.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    fs::File,
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream as Blocking},
    os::fd::AsFd,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

/// As long as the kernel takes to send a request again, twice.
const CONNECT: Duration = Duration::from_secs(4);

/// Takes connections until it is dropped, and cuts them then.
pub struct Door {
    address: SocketAddr,
    // Aborted with the set.
    _taking: JoinSet<()>,
}

impl Door {
    /// Opens one to an address of that network.
    pub(super) async fn to(network: PathBuf, target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut taking = JoinSet::new();
        taking.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((outside, _)) = listener.accept().await {
                connections.spawn(pass(outside, network.clone(), target));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, _taking: taking }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Passes bytes on until both sides have ended. Who can't be reached is as one that hangs up.
async fn pass(mut outside: TcpStream, network: PathBuf, target: SocketAddr) {
    let (sender, receiver) = oneshot::channel();
    // A thread belongs to one network, the sockets that it opens stay in that.
    thread::spawn(move || sender.send(connect(&network, target)));
    let Ok(Ok(inside)) = receiver.await else { return };
    let Ok(mut inside) = TcpStream::from_std(inside) else { return };
    let _ = outside.set_nodelay(true).and_then(|()| inside.set_nodelay(true));
    let _ = copy_bidirectional(&mut outside, &mut inside).await;
}

fn connect(network: &Path, target: SocketAddr) -> io::Result<Blocking> {
    let network = File::open(network)?;
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    let stream = Blocking::connect_timeout(&target, CONNECT)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
