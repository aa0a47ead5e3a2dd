//! The store in PostgreSQL.

mod crashes;
mod doors;
mod fetches;
mod given;
mod network;
mod refusals;
mod space;

use crate::support::{Bench, Postgres, PostgresPieces, faulty, observed};

suite!(conformance, support::Postgres::new());
suite!(conformance_in_pieces, support::PostgresPieces::new());

#[test]
fn it_is_as_the_model() {
    crate::model::check(20, 40, || Bench::new(Postgres::new()));
}

#[test]
fn it_is_as_the_model_in_pieces() {
    crate::model::check(20, 40, || Bench::new(PostgresPieces::new()));
}

#[test]
fn a_broker_over_it_is_as_the_model() {
    crate::broker_model::check(15, 40, |_| Postgres::new());
}

#[test]
fn a_broker_over_it_decorated_is_as_the_model() {
    crate::broker_model::check(3, 40, |_| faulty(observed(Postgres::new())));
}
