//! Where traces are sent, if they are.

use super::finding::Finding;
use crate::settings::Entry;
use http::Uri;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

const NAME: &str = "otlp-endpoint";

/// How long a connection is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// None where nothing is traced.
pub async fn check(entries: &[Entry]) -> Option<Finding> {
    let entry = entries.iter().find(|entry| entry.setting.name == NAME)?;
    Some(connect(&entry.value()?).await)
}

async fn connect(endpoint: &str) -> Finding {
    let place = endpoint.parse::<Uri>().ok().and_then(|uri| {
        let port =
            uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        Some((uri.host()?.trim_matches(['[', ']']).to_owned(), port))
    });
    let Some((host, port)) = place else {
        let finding = format!("{endpoint} is no address");
        return Finding::bad(NAME, finding, "write http://HOST:PORT");
    };
    let why = match timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => return Finding::ok(NAME, format!("{endpoint} is listened on")),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {LIMIT:?}"),
    };
    Finding::warn(
        NAME,
        format!("nobody takes traces at {endpoint}: {why}"),
        "start the collector, or name another: until then traces are dropped and counted",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_collector_is_there_or_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        assert_eq!(connect(&endpoint).await.level, Level::Ok);
        drop(listener);
        assert_eq!(connect(&endpoint).await.level, Level::Warn);
        assert_eq!(connect("not an address").await.level, Level::Bad);
    }
}
