//! What the broker's process uses, read from /proc.

mod owner;

use super::course::{Course, size};
use anyhow::{Context, Result};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::interval};

/// How often memory is looked at: a peak between two looks is not seen.
const LOOK: Duration = Duration::from_millis(25);

/// A process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pid: u32,
}

/// What a process used in a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all threads, to 10 ms as the system counts it.
    pub cpu: Duration,
    /// Bytes it caused to be written to storage.
    pub written: u64,
    /// The largest anonymous memory seen.
    pub anonymous: u64,
    pub course: Course,
}

/// A measurement under way.
#[derive(Debug)]
pub struct Meter {
    process: Process,
    cpu: Duration,
    written: u64,
    seen: Arc<Mutex<Seen>>,
    looking: JoinHandle<()>,
}

/// What was seen so far.
#[derive(Debug)]
struct Seen {
    peak: u64,
    course: Course,
}

impl Process {
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// The process that listens there, if that is on this machine and may be looked at.
    pub fn listening_at(address: &str) -> Option<Self> {
        owner::listening_at(address).map(Self::new)
    }

    pub fn pid(self) -> u32 {
        self.pid
    }

    fn read(self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.pid);
        fs::read_to_string(&path).with_context(|| {
            format!("cannot read {path}: the broker's process ended, or is not ours to look at")
        })
    }

    fn cpu(self) -> Result<Duration> {
        cpu(&self.read("stat")?).context("/proc/PID/stat is not as expected")
    }

    fn written(self) -> Result<u64> {
        value(&self.read("io")?, "write_bytes:").context("/proc/PID/io has no write_bytes")
    }

    /// Bytes of anonymous memory.
    pub fn anonymous(self) -> Result<u64> {
        let kib = value(&self.read("status")?, "RssAnon:");
        // One that ended and was not waited for yet has no memory.
        Ok(kib.with_context(|| format!("the broker's process {} ended", self.pid))? * 1024)
    }

    fn descriptors(self) -> Option<u64> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid)).ok()?;
        Some(open.count() as u64)
    }

    /// Begins to measure a round that lasts about so long. Its store's directory is looked at, too, if
    /// that is known.
    ///
    /// # Errors
    /// If the process ended, or may not be looked at.
    pub fn measure(self, store: Option<PathBuf>, round: Duration) -> Result<Meter> {
        let (cpu, written, begun) = (self.cpu()?, self.written()?, Instant::now());
        let seen = Seen { peak: self.anonymous()?, course: Course::new(round) };
        let seen = Arc::new(Mutex::new(seen));
        let seeing = seen.clone();
        let looking = tokio::spawn(async move {
            let mut look = interval(LOOK);
            loop {
                look.tick().await;
                let Ok(now) = self.anonymous() else { return };
                let passed = begun.elapsed();
                let mut seen = seeing.lock().unwrap_or_else(PoisonError::into_inner);
                seen.peak = seen.peak.max(now);
                if seen.course.is_due(passed) {
                    let store = store.as_deref().and_then(|store| size(store).ok());
                    seen.course.add(passed, [Some(now), self.descriptors(), store]);
                }
            }
        });
        Ok(Meter { process: self, cpu, written, seen, looking })
    }
}

impl Meter {
    pub fn end(self) -> Result<Usage> {
        let now = self.process.anonymous()?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Usage {
            cpu: self.process.cpu()?.saturating_sub(self.cpu),
            written: self.process.written()?.saturating_sub(self.written),
            anonymous: seen.peak.max(now),
            course: seen.course.clone(),
        })
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// Fields 14 and 15, counted behind the name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_micros((user + system) * 1_000_000 / ticks))
}

fn value(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_whatever_the_name_is() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu(stat), Some(Duration::from_micros(200 * 1_000_000 / ticks)));
        assert_eq!(cpu("7 (a"), None);
        let status = "VmRSS:\t  9 kB\nRssAnon:\t    1234 kB\n";
        assert_eq!(value(status, "RssAnon:"), Some(1234));
        assert_eq!(value(status, "write_bytes:"), None);
    }

    #[tokio::test]
    async fn this_process_can_be_measured() {
        let meter = Process::new(std::process::id());
        let meter = meter.measure(Some("/proc/self/task".into()), LOOK).unwrap();
        let begun = Instant::now();
        while meter.process.cpu().unwrap() - meter.cpu < Duration::from_millis(30) {
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
        let usage = meter.end().unwrap();
        assert!(usage.cpu >= Duration::from_millis(30) && usage.anonymous > 0, "{usage:?}");
    }

    #[test]
    fn who_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let this = Process::new(std::process::id());
        assert_eq!(Process::listening_at(&address), Some(this));
        assert_eq!(Process::listening_at(&format!("http://{address}/")), Some(this));
        assert_eq!(Process::listening_at("http://192.0.2.1:8080"), None);
        assert_eq!(Process::listening_at("nonsense"), None);
    }
}
