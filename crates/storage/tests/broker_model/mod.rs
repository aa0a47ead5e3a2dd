//! Random use of a broker over a store, against a model of what its users may see.

pub mod follower;
pub mod history;
pub mod steps;
pub mod world;

use crate::support::StoreUnderTest;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use steps::{Step, steps};
use world::World;

/// Draws so many cases of at most so many steps, for stores that are made of a seed.
pub fn check<S: StoreUnderTest + 'static>(cases: u32, length: usize, store: impl Fn(u64) -> S) {
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
