//! Making damaged files anew from what they speak of.

use super::{
    catalog::{Catalog, Sealed},
    directory::Directory,
    gate::Gate,
    recovery::NAMED,
    scan::{Writing, scan},
    segment::{SegmentHead, Summary, log_name, number_of},
};
use std::{io, sync::Arc};

/// Makes a damaged index or the directory anew; `false` for a file that nothing else can tell.
pub fn heal(catalog: &Catalog, gate: &Gate, name: &str) -> io::Result<bool> {
    if let Some(number) = number_of(name, ".index") {
        return heal_index(catalog, number);
    }
    if number_of(name, ".directory").is_some() {
        return heal_directory(catalog, gate, name);
    }
    Ok(false)
}

fn heal_index(catalog: &Catalog, number: u64) -> io::Result<bool> {
    // Swept away meanwhile: whoever asked looks again.
    let Some(segment) = catalog.view().sealed.get(&number).cloned() else { return Ok(true) };
    let file = catalog.files.get(&log_name(number))?;
    let time = SegmentHead::read(file.as_ref(), number).map_or(segment.summary.time, |it| it.time);
    let scan = scan(file.as_ref(), number, Writing::Over)?;
    for damage in scan.damage.iter().take(NAMED) {
        tracing::error!(damage, places = scan.damage.len(), "damage");
    }
    let generation = segment.summary.generation;
    let summary = Summary::of(&scan.index, scan.time.max(time), scan.end, generation);
    scan.index.write(&catalog.files, number, &summary.encode())?;
    let healed = Arc::new(Sealed::open(&catalog.files, number)?);
    catalog.change(|view| {
        let mut all = (*view.sealed).clone();
        all.insert(number, healed);
        view.sealed = Arc::new(all);
    });
    Ok(true)
}

fn heal_directory(catalog: &Catalog, gate: &Gate, name: &str) -> io::Result<bool> {
    let view = catalog.view();
    if !view.directory.runs.iter().any(|run| run.file.name == name) {
        return Ok(true);
    }
    let mut directory = Directory::default();
    for segment in view.sealed.values() {
        let run = gate.next_run();
        let (added, merged) = directory.add(&catalog.files, run, segment, &view.sealed)?;
        directory = added;
        for run in merged {
            catalog.files.unlink(&run.file.name)?;
        }
    }
    catalog.files.disk().sync_directory()?;
    catalog.change(|view| view.directory = directory);
    for run in &view.directory.runs {
        catalog.files.unlink(&run.file.name)?;
    }
    Ok(true)
}
