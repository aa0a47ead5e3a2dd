//! Traces, as a real Jaeger shows them.

mod collector;
mod commits;
mod headers;
mod sampling;
mod scene;
mod streams;
mod tree;
mod view;
