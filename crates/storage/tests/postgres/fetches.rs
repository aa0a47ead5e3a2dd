//! Fetches that wait together and bring more than one statement may.

use super::given::{config, opened};
use crate::support::{subject, with_body};
use broker_core::MessageId;
use broker_test_servers::Postgres;
use futures_util::future::join_all;

const LARGE: usize = 3_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_small_ones_and_those_of_nothing_are_all_answered() {
    let server = Postgres::start().await;
    let storage = opened(config(server.address())).await;
    for id in 1..=12 {
        let size = if id % 3 == 0 { 100 } else { LARGE };
        let body = vec![u8::try_from(id).unwrap(); size];
        storage.append(vec![with_body("s", id, body)]).await.unwrap();
    }
    // Each twice, and between them one that is not there.
    let ids: Vec<u64> = (1..=12).flat_map(|id| [id, 100 + id, id]).collect();
    let name = subject("s");
    let answers = join_all(ids.iter().map(|id| storage.fetch(&name, MessageId(*id)))).await;
    for (id, answer) in ids.into_iter().zip(answers) {
        let found = answer.unwrap().map(|message| {
            assert!(message.body.iter().all(|byte| u64::from(*byte) == id));
            (message.id.0, message.body.len())
        });
        let size = if id % 3 == 0 { 100 } else { LARGE };
        assert_eq!(found, (id <= 12).then_some((id, size)));
    }
    storage.close().await.unwrap();
}
