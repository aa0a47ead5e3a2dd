//! Follows a subject over restarts of the broker, and says when the connection is lost and back. Needs a
//! broker (`broker serve`). The arguments are its address, and after how many messages to end.

use broker_client::{Client, Error, Event, Start, SubscribeOptions};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let count = arguments.next().and_then(|count| count.parse().ok());
    run(&address, count.unwrap_or(u64::MAX)).await
}

/// Follows the broker at that address for so many messages.
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
pub async fn run(address: &str, mut left: u64) -> Result<(), Error> {
    let client = Client::connect_lazy(address)?;
    let options = SubscribeOptions::new().wait_for_broker();
    let mut orders = client.subscribe_with("orders", Start::Retained, options).await?;
    while left > 0 {
        let Some(event) = orders.next_event().await else { break };
        match event? {
            Event::Message(order) => {
                println!("{}: {:?}", order.id, order.body);
                left -= 1;
            }
            Event::Interrupted { error, attempt: 1, .. } => println!("lost: {error}"),
            Event::Resumed => println!("back, after {}", orders.position()),
            _ => {}
        }
    }
    Ok(())
}
