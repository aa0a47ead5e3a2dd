//! Many subscribers of a broker over each store: joining, stalling and leaving.

mod support;

mod subscribers {
    pub mod joining;
    pub mod leaving;
    pub mod stalling;
    pub mod venue;
}

use broker_storage::faulty::{Rates, Seeded};
use std::{sync::Arc, time::Duration};

/// A case that takes longer than this hangs.
async fn in_time(case: impl Future<Output = ()>) {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, case).await.expect("the case comes to an end");
}

/// Answers late and in another order, and sometimes none at first.
fn slow() -> Arc<Seeded> {
    let rates = Rates { late: 500, unknown_written: 30, refused: 50, ..Rates::default() };
    Arc::new(Seeded::new(11, rates))
}

macro_rules! suite {
    ($name:ident, $store:expr) => {
        mod $name {
            use crate::{in_time, slow, subscribers::*, support::*};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn joining_under_load_shows_no_hole_and_no_duplicate() {
                in_time(joining::under_load($store)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn joining_a_store_that_answers_late_shows_no_hole_and_no_duplicate() {
                in_time(joining::under_load(chance($store, slow()))).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn one_that_stalls_changes_nothing_for_others_and_catches_up() {
                in_time(stalling::one_of_many($store)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn those_who_leave_leave_nothing_behind() {
                in_time(leaving::many_times($store)).await;
            }
        }
    };
}

suite!(memory, Memory::new());
suite!(local, Local::new());
