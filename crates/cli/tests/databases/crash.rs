//! kill -9 of the broker under load.

use crate::{
    database::{Kind, over_both},
    kills,
};

over_both!(kills_of_the_broker_lose_nothing);

async fn kills_of_the_broker_lose_nothing(kind: Kind) {
    kills::lose_nothing(&kind.launch(kind.shared()), 5, 3_000).await;
}
