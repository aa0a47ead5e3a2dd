//! The process of a broker of the bench's own, which may be killed and started again.

use super::{child::Offspring, process::Process};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    ffi::OsString,
    sync::{Arc, Mutex, PoisonError},
};

/// Starts the same broker as often as needed; cheap to clone. The last one of it ends the broker.
#[derive(Debug, Clone)]
pub struct Host {
    arguments: Arc<[OsString]>,
    child: Arc<Mutex<Option<Offspring>>>,
}

/// A broker that was started.
#[derive(Debug)]
pub struct Started {
    /// Another one after each start.
    pub address: String,
    pub process: Option<Process>,
}

impl Host {
    /// Of `broker ARGUMENTS`, which does not run yet.
    pub fn new(arguments: impl Into<Arc<[OsString]>>) -> Self {
        Self { arguments: arguments.into(), child: Arc::default() }
    }

    /// What it is started with.
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// What it said last, if it ended before.
    pub async fn start(&self) -> Result<Started> {
        let (child, address) = Offspring::start(self.arguments.iter(), listening).await?;
        let process = child.pid().map(Process::new);
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(Started { address: format!("http://{address}"), process })
    }

    fn take(&self) -> Result<Offspring> {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        child.context("the broker does not run")
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    pub async fn kill(&self) -> Result<()> {
        self.take()?.kill().await
    }

    /// Asks it to leave; what it said, the last at the end.
    pub async fn end(&self) -> Result<Vec<String>> {
        self.take()?.end().await
    }
}

fn listening(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let is_it = line["message"].as_str()?.starts_with("gRPC server listening");
    is_it.then(|| line["address"].as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_broker_tells_where_it_listens() {
        let line = r#"{"level":"INFO","message":"gRPC server listening on port 7","address":"127.0.0.1:7","port":7}"#;
        assert_eq!(listening(line).as_deref(), Some("127.0.0.1:7"));
        for other in ["", "broker: no", r#"{"message":"closing"}"#] {
            assert_eq!(listening(other), None);
        }
    }
}
