//! What the system knows of the process.

use super::{
    catalog::{
        CPU, MAX_FDS, OLD_MEMORY, OPEN_FDS, RESIDENT_MEMORY, START_TIME, THREADS, VIRTUAL_MEMORY,
    },
    sheet::Sheet,
};
use procfs::{
    ProcResult,
    process::{LimitValue, Process},
};

/// Writes it down; what cannot be read is left out.
pub fn write(sheet: &mut Sheet) {
    // Without /proc there is nothing to tell.
    let _ = read(sheet);
}

fn read(sheet: &mut Sheet) -> ProcResult<()> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = procfs::ticks_per_second() as f64;
    let resident = stat.rss * procfs::page_size();
    sheet.put(&CPU, &[], (stat.utime + stat.stime) as f64 / ticks);
    sheet.count(&VIRTUAL_MEMORY, &[], stat.vsize);
    sheet.count(&RESIDENT_MEMORY, &[], resident);
    sheet.count(&OLD_MEMORY, &[], resident);
    sheet.put(&THREADS, &[], stat.num_threads as f64);
    sheet.count(&OPEN_FDS, &[], process.fd_count()? as u64);
    if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
        sheet.count(&MAX_FDS, &[], most);
    }
    let started = procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks;
    sheet.put(&START_TIME, &[], started);
    Ok(())
}
