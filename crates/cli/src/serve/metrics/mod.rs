//! The page /metrics: what is counted where it happens, and what is read when it is asked for.
//!
//! Nothing is buffered between scrapes: counters and histograms are atomics, so what they take of memory
//! depends on the number of names and labels alone, and no label holds what a client may choose.

mod allocator;
mod calls;
mod catalog;
mod machine;
mod messages;
#[cfg(test)]
mod page;
mod process;
mod quantiles;
mod runtime;
mod sheet;
mod state;
mod storing;
mod writing;

use broker_server::{MetricsFormat, MetricsPage};
use calls::Calls;
use machine::Machine;
use prometheus::{Registry, Result};
use sheet::Sheet;
use std::sync::Arc;
use storing::Storing;
use tokio::runtime::{Handle, RuntimeMetrics};

pub use messages::Messages;
pub use state::{Sources, Store};

/// Everything that is counted, and where to look for the rest.
pub struct Metrics {
    /// Of calls.
    pub calls: Calls,
    /// Of messages.
    pub messages: Messages,
    /// Of the store.
    pub storing: Arc<Storing>,
    counted: Registry,
    sources: Sources,
    machine: Machine,
    runtime: RuntimeMetrics,
}

impl Metrics {
    /// Nothing counted yet. The runtime that is told of is the one that this is called on.
    ///
    /// # Errors
    /// Two metrics have one name.
    pub fn new(sources: Sources) -> Result<Self> {
        let counted = Registry::new();
        Ok(Self {
            calls: Calls::new(&counted)?,
            messages: Messages::new(&counted)?,
            storing: Arc::new(Storing::new(&counted)?),
            counted,
            sources,
            machine: Machine::new(),
            runtime: Handle::current().metrics(),
        })
    }

    /// The store is open.
    pub fn opened(&self, store: Store) {
        store.activity.observed_by(self.storing.clone());
        // It is opened once.
        let _ = self.sources.store.set(store);
    }
}

impl MetricsPage for Metrics {
    fn write(&self, format: MetricsFormat) -> String {
        let mut sheet = Sheet::default();
        self.sources.write(&mut sheet);
        self.calls.write(&mut sheet);
        process::write(&mut sheet);
        self.machine.write(&mut sheet);
        allocator::write(&mut sheet);
        runtime::write(&self.runtime, &mut sheet);
        let mut families = self.counted.gather();
        families.push(self.calls.old_counts());
        families.extend(sheet.families());
        writing::write(families, format)
    }
}
