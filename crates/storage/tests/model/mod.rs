//! Random sequences of calls, against a model that anybody can read.

pub mod calls;
pub mod known;

use crate::support::Bench;
use calls::{Call, calls};
use known::Model;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// Draws so many cases of at most so many calls for stores that are made new each time.
pub fn check(cases: u32, length: usize, store: impl Fn() -> Bench) {
    let config =
        Config { cases, max_shrink_iters: 500, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let run = |calls: Vec<Call>| -> TestCaseResult {
        runtime.block_on(async {
            let mut model = Model::new(store());
            for call in &calls {
                model.make(call).await;
            }
            model.check_all().await;
        });
        Ok(())
    };
    if let Err(failure) = TestRunner::new(config).run(&calls(length), run) {
        panic!("{failure}");
    }
}
