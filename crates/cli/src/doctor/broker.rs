//! A broker that runs already with these settings.

use super::finding::Finding;
use crate::{admin::Admin, settings::Settings, visible};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;

/// How long its pages are waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// What a broker said on its admin port.
#[derive(Debug)]
pub struct Running {
    /// What `/readyz` answered: whether calls should be sent there, and why not.
    is_ready: bool,
    lines: Vec<String>,
}

/// The broker on the admin port, if one answers there.
pub async fn running(settings: &Settings) -> Option<Running> {
    let address = reachable(settings.server().admin_listen);
    timeout(LIMIT, ask(address)).await.ok().flatten()
}

/// Where a listener on every address is reached.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

async fn ask(address: SocketAddr) -> Option<Running> {
    let mut admin = Admin::connect(&format!("http://{address}")).await.ok()?;
    // Others listen on ports, too; only a broker says this.
    let (status, text) = admin.page("/livez").await.ok()?;
    if status != 200 || text != "alive\n" {
        return None;
    }
    let (status, text) = admin.page("/readyz").await.ok()?;
    Some(Running { is_ready: status == 200, lines: text.lines().map(visible::text).collect() })
}

impl Running {
    /// What it says of itself.
    pub fn findings(&self) -> Vec<Finding> {
        let state = self.lines.first().map_or("", String::as_str);
        let first = if self.is_ready {
            Finding::ok("broker", format!("one runs here and is {state}"))
        } else {
            let finding = format!("one runs here and is not ready: {state}");
            Finding::warn("broker", finding, "its log says more")
        };
        let rest = self.lines.iter().skip(1);
        let rest = rest.map(|line| Finding::warn("broker", line, "its log says more"));
        [first].into_iter().chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_on_all_addresses_is_asked_on_loopback() {
        for (listens, asked) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")]
        {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
