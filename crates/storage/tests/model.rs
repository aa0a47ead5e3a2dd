//! Random sequences of calls, against a model that anybody can read.

mod support;

mod model {
    pub mod calls;
    pub mod known;
}

use model::{
    calls::{Call, calls},
    known::Model,
};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use support::{Bench, Local, Memory};

fn check(cases: u32, length: usize, store: impl Fn() -> Bench) {
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

#[test]
fn memory_is_as_the_model() {
    check(2_000, 80, || Bench::new(Memory::new()));
}

#[test]
fn local_is_as_the_model() {
    check(60, 60, || Bench::new(Local::new()));
}
