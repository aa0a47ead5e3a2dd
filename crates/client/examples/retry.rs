//! What to do when a publish fails: send again what is surely not stored, and look before anything else.
//! Needs a broker (`broker serve`); its address may be given as the argument.

use broker_client::{Client, Error, PublishOptions, Published, Retry};
use std::time::Duration;

const ATTEMPTS: u32 = 5;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1);
    run(address.as_deref().unwrap_or("http://127.0.0.1:8080")).await
}

/// Publishes to the broker at that address.
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
pub async fn run(address: &str) -> Result<(), Error> {
    let client = Client::connect_lazy(address)?;
    let published = publish_patiently(&client, "orders", "one tea").await?;
    println!("stored as {}", published.id);
    Ok(())
}

/// Publishes until it is stored, or it is not known whether it is.
async fn publish_patiently(
    client: &Client,
    subject: &str,
    body: &'static str,
) -> Result<Published, Error> {
    let mut attempt = 1;
    loop {
        let error = match client.publish(subject, body, PublishOptions::keep()).await {
            Ok(published) => return Ok(published),
            Err(error) => error,
        };
        match error.retry() {
            Retry::Safe { after } if attempt < ATTEMPTS => {
                let pause = after.unwrap_or(Duration::from_millis(100) * 2_u32.pow(attempt));
                tokio::time::sleep(pause).await;
            }
            // It may be stored: sent again, it may be there twice. Only you can say what is worse.
            Retry::OutcomeUnknown | Retry::Useless | Retry::Safe { .. } => return Err(error),
        }
        attempt += 1;
    }
}
