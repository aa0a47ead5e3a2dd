//! Leases on a simulated row, in simulated time.

mod contenders;
mod database;
mod outages;
mod outcomes;
mod pauses;
mod process;
mod schedules;
