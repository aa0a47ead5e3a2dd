//! Opening a store that another broker may own, or that is away.

use super::patience::{Patience, Stopped};
use crate::{output, settings::Settings};
use anyhow::{Context, Result, bail, ensure};
use broker_core::Storage;
use broker_storage::{OpenObserver, Opened, StorageConfig};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::timeout;

/// Opens the store of that side.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(
    side: &'static str,
    settings: &Settings,
    patience: &Patience,
) -> Result<Arc<dyn Storage>> {
    let watcher = Watcher { side, hindrance: Mutex::new(None) };
    let opening = timeout(patience.wait(), broker_storage::open(settings.store(), &watcher));
    let opened = tokio::select! {
        opened = opening => opened,
        () = patience.stopped() => return Err(Stopped.into()),
    };
    let Ok(opened) = opened else {
        let hindrance = watcher.hindrance.into_inner().unwrap_or_else(PoisonError::into_inner);
        let why = hindrance.unwrap_or_else(|| "it did not answer".to_owned());
        bail!("cannot open the store of --{side} within {:?}: {why}", patience.wait());
    };
    let Opened { storage, warnings, .. } =
        opened.with_context(|| format!("cannot open the store of --{side}"))?;
    warnings.iter().for_each(|warning| output::note(warning));
    Ok(storage)
}

/// Whether it could be a store to copy from.
///
/// # Errors
/// Why not.
pub fn check(side: &str, settings: &Settings) -> Result<()> {
    match settings.store() {
        StorageConfig::Memory(_) => {
            bail!(
                "the store `memory` of --{side} is gone when its process ends; there is nothing to copy"
            )
        }
        // A directory that is not there would be made.
        StorageConfig::Local(local) if side == "from" => {
            let mut entries = local.directory.read_dir().ok().into_iter().flatten();
            let place = local.directory.display();
            ensure!(entries.next().is_some(), "there is no store in {place}, which --from names");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether both sides are one store.
pub fn is_same(one: &Settings, other: &Settings) -> bool {
    match (one.store(), other.store()) {
        (StorageConfig::Local(one), StorageConfig::Local(other)) => {
            let [one, other] =
                [one.directory, other.directory].map(|path| path.canonicalize().ok());
            one.is_some() && one == other
        }
        (one, other) => format!("{one:?}") == format!("{other:?}"),
    }
}

/// Tells what is waited for, once.
struct Watcher {
    side: &'static str,
    hindrance: Mutex<Option<String>>,
}

impl Watcher {
    fn hinder(&self, why: String) {
        let mut hindrance = self.hindrance.lock().unwrap_or_else(PoisonError::into_inner);
        if hindrance.as_ref() != Some(&why) {
            output::note(&format!("waiting for the store of --{}: {why}", self.side));
        }
        *hindrance = Some(why);
    }
}

impl OpenObserver for Watcher {
    fn reached(&self, step: &str) {
        output::note(&format!("--{}: {step}", self.side));
    }

    fn away(&self, why: &str) {
        self.hinder(format!("the database cannot be reached: {why}"));
    }

    fn standing_by(&self, owner: &str) {
        self.hinder(format!("another broker owns it ({owner}); stop that one"));
    }
}
