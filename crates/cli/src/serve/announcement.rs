//! Where a broker listens, said once: when calls are answered for the first time.

use anyhow::{Context, Result};
use broker_server::Server;
use std::{net::SocketAddr, sync::Once};
use tracing::{info, warn};

/// Both addresses.
#[derive(Debug)]
pub struct Announcement {
    grpc: SocketAddr,
    admin: SocketAddr,
    said: Once,
}

impl Announcement {
    pub fn of(server: &Server) -> Result<Self> {
        let grpc = server.grpc_address().context("the gRPC port has no address")?;
        let admin = server.admin_address().context("the admin port has no address")?;
        Ok(Self { grpc, admin, said: Once::new() })
    }

    /// Says it, unless it was said.
    pub fn say(&self) {
        self.said.call_once(|| announce(self.grpc, self.admin));
    }
}

fn announce(grpc: SocketAddr, admin: SocketAddr) {
    warn_beyond_loopback("gRPC", grpc);
    warn_beyond_loopback("the admin pages", admin);
    info!(address = %admin, port = admin.port(), "admin pages listening on port {}", admin.port());
    info!(address = %grpc, port = grpc.port(), "gRPC server listening on port {}", grpc.port());
}

fn warn_beyond_loopback(what: &str, address: SocketAddr) {
    if !address.ip().is_loopback() {
        warn!(
            %address,
            "NO AUTHENTICATION: whoever reaches {address} ({what}) can publish, read and administrate; \
             listen on loopback or keep strangers out with a firewall or a proxy"
        );
    }
}
