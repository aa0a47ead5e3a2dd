//! kill -9 under load, again and again: what was acknowledged is there, once, in order, in time.

use crate::{kills, launch::Launch};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_nothing() {
    let folder = TempDir::new().expect("a folder");
    kills::lose_nothing(&Launch::local(folder.path()), 20, 12_000).await;
}
