//! The broker's wire: what is generated from `proto/broker.proto`, and lenient forms of its requests.
//!
//! The words of the contract are the comments of the proto file.

pub mod lenient;

mod generated {
    #![allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("broker");
}

pub use generated::*;

/// The descriptors of the proto file, all it imports and the details of errors, encoded as a
/// `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The full name of the service.
pub const SERVICE: &str = "broker.Broker";

/// The domain of every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "broker";
