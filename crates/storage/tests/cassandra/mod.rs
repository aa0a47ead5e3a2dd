//! The store in Cassandra.

mod access;
mod outages;
mod owners;
mod scene;
mod space;

use crate::support::{Bench, Cassandra, faulty, observed};

suite!(conformance, support::Cassandra::new());

#[test]
fn it_is_as_the_model() {
    crate::model::check(20, 40, || Bench::new(Cassandra::new()));
}

#[test]
fn a_broker_over_it_is_as_the_model() {
    crate::broker_model::check(15, 40, |_| Cassandra::new());
}

#[test]
fn a_broker_over_it_decorated_is_as_the_model() {
    crate::broker_model::check(3, 40, |_| faulty(observed(Cassandra::new())));
}
