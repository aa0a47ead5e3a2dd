//! ctrl-c for the client verbs: the first asks to end, the second ends.

use crate::exit;
use std::{io, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Turns true with the first ctrl-c.
#[derive(Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// From now on ctrl-c does not kill the process but asks it to end within that time. The output
    /// may be blocked by who does not read it, or an answer may never come.
    pub fn listen(patience: Duration) -> io::Result<Self> {
        let mut signals = signal(SignalKind::interrupt())?;
        let (asked, interrupt) = watch::channel(false);
        tokio::spawn(async move {
            signals.recv().await;
            asked.send_replace(true);
            let _ = tokio::time::timeout(patience, signals.recv()).await;
            std::process::exit(exit::INTERRUPTED.into());
        });
        Ok(Self(interrupt))
    }

    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for ctrl-c.
    pub async fn asked(&mut self) {
        // Its sender lives as long as the process.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}
