//! Random use of a broker over the stores that need no server, against a model.

mod support;

#[path = "broker_model/mod.rs"]
mod broker_model;

use broker_model::check;
use broker_storage::faulty::{Rates, Seeded};
use std::sync::Arc;
use support::{Local, Memory, chance, faulty};

/// Often enough that most cases meet each, and seldom enough that most messages are kept.
const RATES: Rates = Rates {
    unavailable: 60,
    full: 30,
    unknown_written: 80,
    unknown_unwritten: 60,
    lost: 20,
    refused: 60,
    single: 120,
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
