//! Whether both ports can be had, or are those of a broker that runs.

use super::{
    broker::{Running, reachable},
    finding::Finding,
};
use crate::settings::Settings;
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};
use tokio::time::timeout;

/// How long a gRPC port is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// Looks at both.
pub async fn check(settings: &Settings, running: Option<&Running>) -> Vec<Finding> {
    let server = settings.server();
    let (grpc, admin) = (server.listen, server.admin_listen);
    let mut findings = vec![
        one("listen", grpc, is_broker(grpc).await),
        one("admin-listen", admin, running.is_some()),
    ];
    for (name, address) in [("listen", grpc), ("admin-listen", admin)] {
        if !address.ip().is_loopback() {
            findings.push(Finding::warn(
                name,
                format!("whoever reaches {address} may use and administrate the broker"),
                "there is no authentication yet: listen on loopback or keep strangers out with a \
                 firewall or a proxy",
            ));
        }
    }
    findings
}

fn one(name: &'static str, address: SocketAddr, is_broker: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Finding::ok(name, "a free port will be taken"),
        Ok(_) => Finding::ok(name, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_broker => {
            Finding::ok(name, format!("{address} is held by a broker that answers"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::bad(
            name,
            format!("{address} is held by something that answers as no broker does"),
            format!("end it, or choose another address with --{name}"),
        ),
        Err(error) => Finding::bad(
            name,
            format!("{address} cannot be listened on: {error}"),
            format!("choose another address with --{name}"),
        ),
    }
}

/// Whether gRPC health is answered there.
async fn is_broker(address: SocketAddr) -> bool {
    let url = format!("http://{}", reachable(address));
    let asking = async { broker_client::Client::connect(&url).await?.is_serving().await };
    matches!(timeout(LIMIT, asking).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn a_port_is_free_or_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(one("listen", address, true).level, Level::Ok);
        let stranger = one("listen", address, false);
        assert_eq!(stranger.level, Level::Bad);
        assert!(stranger.advice.unwrap().contains("--listen"));
        drop(taken);
        assert!(one("listen", address, false).finding.ends_with("is free"));
        // Of a network for documentation: no machine has it.
        let nowhere = one("listen", "192.0.2.1:1".parse().unwrap(), false);
        assert_eq!(nowhere.level, Level::Bad);
    }
}
