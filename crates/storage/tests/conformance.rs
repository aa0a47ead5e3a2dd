//! The contract of a store, on the stores that need no server. Those over databases are in databases.rs.

mod support;

#[macro_use]
#[path = "conformance/mod.rs"]
mod conformance;

suite!(memory, support::Memory::new());
suite!(observed_memory, support::observed(support::Memory::new()));
suite!(faulty_memory, support::faulty(support::Memory::new()));
suite!(local, support::Local::new());
suite!(observed_local, support::observed(support::Local::new()));
suite!(faulty_local, support::faulty(support::Local::new()));
