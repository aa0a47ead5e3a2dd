//! What the predecessor told of the machine.

use super::{
    catalog::{OLD_CPU, OLD_LOAD},
    sheet::Sheet,
};
use procfs::{CpuTime, Current, CurrentSI, KernelStats, LoadAverage};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Two looks closer than this would say little: the system counts in hundredths of a second.
const APART: Duration = Duration::from_secs(1);

/// Remembers the last look at the processors.
#[derive(Default)]
pub struct Machine(Mutex<Option<Look>>);

struct Look {
    at: Instant,
    times: Vec<Time>,
    /// How busy each was before, in percent.
    busy: Vec<f64>,
}

/// What a processor did so far, in ticks.
#[derive(Debug, Clone, Copy)]
struct Time {
    busy: u64,
    all: u64,
}

impl Machine {
    /// Looks for the first time, so that the first scrape has something to tell.
    pub fn new() -> Self {
        let machine = Self::default();
        machine.look();
        machine
    }

    /// Writes down how busy it is; what cannot be read is left out.
    pub fn write(&self, sheet: &mut Sheet) {
        for (number, percent) in self.look().into_iter().enumerate() {
            sheet.put(&OLD_CPU, &[&number.to_string()], percent);
        }
        if let Ok(load) = LoadAverage::current() {
            // The system says it in hundredths.
            sheet.put(&OLD_LOAD, &[], (f64::from(load.one) * 100.0).round() / 100.0);
        }
    }

    /// How busy each processor was, in percent.
    fn look(&self) -> Vec<f64> {
        // Nothing panics half-way through a change.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(last) = &*last
            && now.duration_since(last.at) < APART
        {
            return last.busy.clone();
        }
        let Ok(stats) = KernelStats::current() else { return Vec::new() };
        let times: Vec<Time> = stats.cpu_time.iter().map(Time::of).collect();
        let before = last.as_ref().map(|last| &last.times[..]).unwrap_or_default();
        let busy: Vec<f64> =
            (0..times.len()).map(|number| times[number].busy_since(before.get(number))).collect();
        *last = Some(Look { at: now, times, busy: busy.clone() });
        busy
    }
}

impl Time {
    fn of(cpu: &CpuTime) -> Self {
        let idle = cpu.idle + cpu.iowait.unwrap_or(0);
        let busy = cpu.user
            + cpu.nice
            + cpu.system
            + cpu.irq.unwrap_or(0)
            + cpu.softirq.unwrap_or(0)
            + cpu.steal.unwrap_or(0);
        Self { busy, all: busy + idle }
    }

    /// In percent; since the machine started if nothing is known of earlier.
    fn busy_since(self, before: Option<&Self>) -> f64 {
        let before = before.copied().unwrap_or(Self { busy: 0, all: 0 });
        let (busy, all) =
            (self.busy.saturating_sub(before.busy), self.all.saturating_sub(before.all));
        if all == 0 { 0.0 } else { 100.0 * busy as f64 / all as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_busy_a_processor_was_is_between_nothing_and_all() {
        let (idle, busy) = (Time { busy: 10, all: 100 }, Time { busy: 60, all: 200 });
        assert!((busy.busy_since(Some(&idle)) - 50.0).abs() < 1e-9);
        assert!((idle.busy_since(None) - 10.0).abs() < 1e-9);
        assert!(busy.busy_since(Some(&busy)).abs() < 1e-9);
        let looked = Machine::new().look();
        assert!(!looked.is_empty() && looked.iter().all(|percent| (0.0..=100.0).contains(percent)));
    }
}
