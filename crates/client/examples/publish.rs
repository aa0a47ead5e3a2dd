//! Publishes one message and fetches it. Needs a broker (`broker serve`); its address may be given:
//! `cargo run -p broker-client --example publish -- http://127.0.0.1:8080`.

use broker_client::{Client, Error, PublishOptions};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1);
    run(address.as_deref().unwrap_or("http://127.0.0.1:8080")).await
}

/// Publishes to the broker at that address, and fetches.
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
pub async fn run(address: &str) -> Result<(), Error> {
    let client = Client::connect(address).await?;

    let options = PublishOptions::keep_for(Duration::from_secs(60)).header("table", "4");
    let published = client.publish("orders", "one tea", options).await?;
    println!("stored as {} ({:?})", published.id, published.durability);

    let order = client.fetch("orders", published.id).await?;
    println!("fetched {:?}, table {}", order.body, order.headers["table"]);
    Ok(())
}
