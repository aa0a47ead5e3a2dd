//! Random use of a broker over each store, against a model of what its users may see.

mod support;

mod broker_model {
    pub mod follower;
    pub mod history;
    pub mod steps;
    pub mod world;
}

use broker_model::{
    steps::{Step, steps},
    world::World,
};
use broker_storage::faulty::{Rates, Seeded};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use std::sync::Arc;
use support::{Local, Memory, StoreUnderTest, chance, faulty};

fn check<S: StoreUnderTest + 'static>(cases: u32, length: usize, store: impl Fn(u64) -> S) {
    let config =
        Config { cases, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let run = |(seed, steps): (u64, Vec<Step>)| -> TestCaseResult {
        runtime.block_on(async {
            let mut world = World::new(store(seed)).await;
            for step in &steps {
                world.take(step).await;
            }
            world.end().await;
        });
        Ok(())
    };
    let drawn = (proptest::num::u64::ANY, steps(length));
    if let Err(failure) = TestRunner::new(config).run(&drawn, run) {
        panic!("{failure}");
    }
}

/// Often enough that most cases meet each, and seldom enough that most messages are kept.
const RATES: Rates = Rates {
    unavailable: 60,
    full: 30,
    unknown_written: 80,
    unknown_unwritten: 60,
    lost: 20,
    refused: 60,
    unread: 20,
    late: 300,
};

#[test]
fn a_broker_over_memory_is_as_the_model() {
    check(600, 60, |_| Memory::new());
}

#[test]
fn a_broker_over_a_faulty_store_is_as_the_model() {
    check(600, 60, |seed| chance(Memory::new(), Arc::new(Seeded::new(seed, RATES))));
}

#[test]
fn a_broker_over_the_local_disk_is_as_the_model() {
    check(80, 50, |_| Local::new());
}

#[test]
fn a_broker_over_a_decorated_local_disk_is_as_the_model() {
    check(10, 50, |_| faulty(Local::new()));
}
