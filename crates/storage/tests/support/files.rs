//! Copies of a store's files.

use std::{collections::BTreeMap, ffi::OsString, fs, io, path::Path, time::SystemTime};

/// Names, lengths and times of the files of a directory.
type Listing = BTreeMap<OsString, (u64, SystemTime)>;

/// Copies a directory's files as they stood together at one moment, while a store may be changing
/// them: again until nothing changed meanwhile.
pub fn copy_at_one_moment(from: &Path, to: &Path) {
    loop {
        if let Ok(before) = list(from)
            && copy(from, to, &before).is_ok()
            && list(from).is_ok_and(|after| after == before)
        {
            return;
        }
        match fs::remove_dir_all(to) {
            // The listing failed before anything was copied.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.unwrap(),
        }
    }
}

fn list(directory: &Path) -> io::Result<Listing> {
    let entries = fs::read_dir(directory)?.map(|entry| {
        let entry = entry?;
        let about = entry.metadata()?;
        Ok((entry.file_name(), (about.len(), about.modified()?)))
    });
    entries.collect()
}

fn copy(from: &Path, to: &Path, listing: &Listing) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in listing.keys() {
        fs::copy(from.join(name), to.join(name))?;
    }
    Ok(())
}
