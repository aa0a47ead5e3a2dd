//! The owner's right to write, and to answer for what it wrote.

use super::{failure::Failure, stamps::Stamps};
use crate::ownership::{Lease, LeaseError};
use broker_core::{SystemTime, TimeSource};
use std::{sync::Arc, time::Duration};

/// Gives timestamps and confirms the lease.
#[derive(Clone)]
pub struct Guard {
    pub lease: Lease,
    stamps: Arc<Stamps>,
    patience: Duration,
}

impl Guard {
    pub fn new(lease: Lease, stamps: Arc<Stamps>, patience: Duration) -> Self {
        Self { lease, stamps, patience }
    }

    /// The timestamp of the next write.
    pub fn stamp(&self) -> Result<i64, Failure> {
        let none = || Failure::NotDone("the lease grants no further timestamps for now".into());
        self.stamps.next().ok_or_else(none)
    }

    /// To be asked after the database answered and before anything is made of the answer. A lease in
    /// doubt is asked for again, for as long as somebody may wait.
    pub async fn confirm(&self) -> Result<(), Failure> {
        let begun = SystemTime.monotonic();
        loop {
            match self.lease.confirm().await {
                Ok(()) => return Ok(()),
                Err(LeaseError::Fenced) => return Err(Failure::Fenced),
                Err(LeaseError::Away(why)) => {
                    if SystemTime.monotonic().saturating_sub(begun) >= self.patience {
                        return Err(Failure::Unknown(why));
                    }
                }
            }
        }
    }
}
