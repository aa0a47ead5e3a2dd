//! Random sequences of calls of the stores that need no server, against a model.

mod support;

#[path = "model/mod.rs"]
mod model;

use model::check;
use support::{Bench, Local, Memory};

#[test]
fn memory_is_as_the_model() {
    check(2_000, 80, || Bench::new(Memory::new()));
}

#[test]
fn local_is_as_the_model() {
    check(60, 60, || Bench::new(Local::new()));
}
