//! The broker's binary over real databases, with faults.

mod copy;
