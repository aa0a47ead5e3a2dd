//! What the runtime knows of its tasks and workers.

use super::{
    catalog::{RUNTIME_BUSY, RUNTIME_PARKS, RUNTIME_QUEUE, RUNTIME_TASKS, RUNTIME_WORKERS},
    sheet::Sheet,
};
use tokio::runtime::RuntimeMetrics;

/// Writes it down.
pub fn write(runtime: &RuntimeMetrics, sheet: &mut Sheet) {
    let workers = runtime.num_workers();
    sheet.count(&RUNTIME_WORKERS, &[], workers as u64);
    sheet.count(&RUNTIME_TASKS, &[], runtime.num_alive_tasks() as u64);
    sheet.count(&RUNTIME_QUEUE, &[], runtime.global_queue_depth() as u64);
    for worker in 0..workers {
        let busy = runtime.worker_total_busy_duration(worker);
        sheet.put(&RUNTIME_BUSY, &[&worker.to_string()], busy.as_secs_f64());
    }
    for worker in 0..workers {
        sheet.count(&RUNTIME_PARKS, &[&worker.to_string()], runtime.worker_park_count(worker));
    }
}
