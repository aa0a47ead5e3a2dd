//! Publishes, fetches, subscribes. Needs a broker: `broker serve`, then
//! `cargo run -p broker-client --example first_steps`.

use broker_client::{Client, Error, PublishOptions, Start};
use futures_util::StreamExt;
use std::time::Duration;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Error> {
    let client = Client::connect("http://127.0.0.1:8080").await?;

    let options = PublishOptions::keep_for(Duration::from_secs(60)).header("table", "4");
    let published = client.publish("orders", "one tea", options).await?;
    println!("published {published:?}");

    let fetched = client.fetch("orders", published.id).await?;
    println!("fetched {fetched:?}");

    let many = 1000;
    let (mut publisher, mut acknowledgements) = client.publisher();
    let sending = async {
        for number in 0..many {
            let options = PublishOptions::keep_for(Duration::from_secs(60));
            publisher.send("orders", format!("order {number}"), options).await?;
        }
        // Dropped here, so that the acknowledgements end.
        drop(publisher);
        Ok::<_, Error>(())
    };
    let answering = async {
        let mut stored = 0;
        while let Some(answer) = acknowledgements.next().await {
            answer?;
            stored += 1;
        }
        Ok::<_, Error>(stored)
    };
    let ((), stored) = futures_util::future::try_join(sending, answering).await?;
    println!("{stored} of {many} acknowledged");

    let mut orders = client.subscribe("orders", Start::After(published.id)).await?;
    let first = orders.next().await.transpose()?;
    println!("received {first:?}");
    Ok(())
}
