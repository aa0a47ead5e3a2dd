//! The local store on a real directory and on a simulated disk.

#[path = "local/audit.rs"]
mod audit;
#[path = "local/basics.rs"]
mod basics;
#[path = "local/crashes.rs"]
mod crashes;
#[path = "local/damage.rs"]
mod damage;
#[path = "local/lives.rs"]
mod lives;
#[path = "local/simulated.rs"]
mod simulated;
