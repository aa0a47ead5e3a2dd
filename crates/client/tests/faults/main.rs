//! The client against brokers that leave, vanish, never answer or break their word.

mod fake;
mod publishing;
mod reading;
