//! A Docker engine of the test's own, and images that are made on this machine.

mod context;
mod engine;
mod groups;
mod image;
mod network;

pub use engine::Engine;
pub use image::{broker_image, stand_in};
pub use network::Network;
