//! Where calls are counted and timed, for whoever exports that.

use std::time::Duration;
use tonic::Code;

/// Hears of every call. Called on hot paths: implementations count and return.
///
/// `method` is the path of a known method without its leading slash (`broker.Broker/Publish`), or
/// `unknown`: a set that does not grow with what clients send.
pub trait RpcObserver: Send + Sync + 'static {
    /// A call begins.
    fn started(&self, method: &'static str) {
        let _ = method;
    }
    /// A call ended, for a stream with its last frame; `Cancelled`: the client went away first.
    fn finished(&self, method: &'static str, code: Code, took: Duration) {
        let _ = (method, code, took);
    }
    /// A bound of the door was reached; the name is that of the field of [`crate::ServerLimits`].
    fn overloaded(&self, limit: &'static str) {
        let _ = limit;
    }
    /// Messages of a publisher were refused, for the reason that it was told.
    fn refused(&self, reason: &'static str, messages: u64) {
        let _ = (reason, messages);
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRpcObserver;

impl RpcObserver for NoRpcObserver {}
