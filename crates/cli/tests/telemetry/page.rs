//! The metrics page.

use crate::{launch::Launch, process::Broker};

#[tokio::test]
async fn a_broker_starts() {
    let broker = Broker::start(&Launch::over("memory")).await;
    assert_ne!(broker.admin.port(), 0);
}
