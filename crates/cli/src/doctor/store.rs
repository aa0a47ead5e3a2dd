//! The store itself, looked at without opening it.

use super::finding::Finding;
use crate::settings::{Settings, StorageKind};
use broker_core::Timestamp;
use broker_storage::Probe;

/// What was found, and the latest time that the store has kept, where that can be read.
pub async fn check(settings: &Settings) -> (Vec<Finding>, Option<Timestamp>) {
    if settings.kind() == StorageKind::Memory {
        let finding = "it is the process's memory: every message is gone when the broker ends";
        return (vec![Finding::ok("store", finding)], None);
    }
    match broker_storage::probe(settings.store()).await {
        Ok(Probe { found, warnings, kept_time }) => {
            let found = found.iter().map(|sentence| Finding::ok("store", sentence));
            // What to do is in the sentence.
            let warn = |sentence: &String| {
                Finding::warn("store", sentence, "until then this promise is weaker")
            };
            (found.chain(warnings.iter().map(warn)).collect(), kept_time)
        }
        Err(sentence) => {
            let advice = "`broker serve` would wait for it, or end with this sentence";
            (vec![Finding::bad("store", sentence, advice)], None)
        }
    }
}
