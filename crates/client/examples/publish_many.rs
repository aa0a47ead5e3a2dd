//! Publishes many messages without waiting for each, and sends again what is surely not stored.
//! Needs a broker (`broker serve`); its address may be given as the argument.

use broker_client::{Backoff, Client, Error, PublishOptions, PublisherOptions};
use futures_util::{StreamExt, stream::FuturesOrdered};
use std::time::Duration;

const MANY: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1);
    run(address.as_deref().unwrap_or("http://127.0.0.1:8080")).await
}

/// Publishes to the broker at that address.
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
pub async fn run(address: &str) -> Result<(), Error> {
    let client = Client::connect(address).await?;
    let backoff = Backoff::default().limit(Duration::from_secs(30));
    let publisher = client.publisher_with(PublisherOptions::new().retry(backoff));
    let mut receipts = FuturesOrdered::new();
    let mut stored = 0;
    for number in 0..MANY {
        let options = PublishOptions::keep_for(Duration::from_secs(60));
        // Waits only while too much is under way.
        receipts.push_back(publisher.send("numbers", number.to_string(), options).await);
        // A bound of one's own: receipts are small, but not nothing.
        if receipts.len() == 1_000
            && let Some(receipt) = receipts.next().await
        {
            receipt?;
            stored += 1;
        }
    }
    while let Some(receipt) = receipts.next().await {
        receipt?;
        stored += 1;
    }
    println!("{stored} of {MANY} acknowledged");
    Ok(())
}
