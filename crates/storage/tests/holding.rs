//! A broker over stores whose appends overlap, end in any order, or leave their outcome open: nobody
//! is shown what a failure could still take back or put in another order.

mod support;

mod holding {
    pub mod cases;
    pub mod scene;
}

use std::time::Duration;

/// A case that takes longer than this hangs.
async fn in_time(case: impl Future<Output = ()>) {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, case).await.expect("the case comes to an end");
}

macro_rules! suite {
    ($name:ident, $store:expr; $($case:ident),* $(,)?) => {
        mod $name {
            use crate::{holding::cases, in_time, support::*};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                in_time(cases::$case($store)).await;
            })*
        }
    };
}

macro_rules! stamp {
    ($name:ident, $store:expr) => {
        suite! { $name, $store;
            what_is_stored_early_is_shown_to_nobody,
            an_open_outcome_holds_its_subject_and_no_other,
            what_is_delivered_only_keeps_its_place,
            a_failed_append_lets_later_ones_go_on,
            what_is_lost_is_shown_to_nobody,
            an_open_outcome_is_told_in_time,
            damage_ends_a_subscription_and_the_next_goes_on_after_it,
            a_fenced_broker_ends_its_subscriptions,
        }
    };
}

stamp!(memory, Memory::new());
stamp!(local, Local::new());
