//! Open files, a bounded number of them.

use super::disk::{Disk, DiskFile};
use parking_lot::Mutex;
use std::{collections::HashMap, io, sync::Arc};

/// Files held open at most; further ones are opened when they are read.
const LIMIT: usize = 256;

/// Files of a directory, opened when needed.
pub struct Files {
    disk: Arc<dyn Disk>,
    open: Mutex<HashMap<String, Arc<dyn DiskFile>, foldhash::fast::FixedState>>,
}

impl Files {
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: Mutex::default() }
    }

    pub fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    /// The file of that name.
    pub fn get(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        if let Some(file) = self.open.lock().get(name) {
            return Ok(file.clone());
        }
        let file = self.disk.open(name)?;
        let mut open = self.open.lock();
        if open.len() >= LIMIT {
            // Which one goes hardly matters: opening is cheap, and the choice must not be.
            let victims: Vec<String> = open.keys().take(LIMIT / 4).cloned().collect();
            for victim in victims {
                open.remove(&victim);
            }
        }
        open.insert(name.to_owned(), file.clone());
        Ok(file)
    }

    /// Removes a file and lets go of it.
    pub fn unlink(&self, name: &str) -> io::Result<()> {
        self.open.lock().remove(name);
        match self.disk.unlink(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Writes a file aside, then puts it in place. What a failure leaves is taken back at once: a full
    /// disk must not fill further with every try.
    pub fn place(
        &self,
        name: &str,
        write: impl FnOnce(Arc<dyn DiskFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        let aside = format!("{name}.new");
        let made = self.disk.create(&aside).and_then(write);
        let placed = made.and_then(|()| self.rename(&aside, name));
        if placed.is_err() {
            // What stays is removed at the next start.
            let _ = self.unlink(&aside);
        }
        placed
    }

    /// Puts a finished file in place of one of that name.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.open.lock().remove(to);
        self.open.lock().remove(from);
        self.disk.rename(from, to)
    }
}
