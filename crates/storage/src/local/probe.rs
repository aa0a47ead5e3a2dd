//! A look at a store's directory while nobody, or somebody else, has it open.

use super::segment::{SegmentHead, number_of};
use crate::probe::Probe;
use broker_core::Timestamp;
use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Reads the heads of the segments. Those that are damaged or gone meanwhile are left to the start.
pub fn probe(directory: &Path) -> io::Result<Probe> {
    let (mut segments, mut kept) = (0_u64, None);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Probe::default()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Some(number) = number_of(&entry.file_name().to_string_lossy(), ".log") else {
            continue;
        };
        segments += 1;
        let head = File::open(entry.path()).and_then(|file| SegmentHead::read(&file, number));
        kept = kept.max(head.ok().map(|head| head.time));
    }
    Ok(Probe {
        found: vec![format!("{segments} segments")],
        warnings: Vec::new(),
        kept_time: kept.map(Timestamp).filter(|time| *time != Timestamp::MIN),
    })
}
