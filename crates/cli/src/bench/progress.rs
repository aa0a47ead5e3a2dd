//! How far the bench is, for a person who waits.

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::interval};

const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{spinner} {prefix} [{bar:30}] {msg} messages, {elapsed}";
/// Steps of the bar.
const STEPS: u64 = 1_000;

/// A line on standard error, if that is a terminal: the bench prints only at its end.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    part: Arc<Mutex<Part>>,
    done: Arc<AtomicU64>,
    drawing: Arc<Drawing>,
}

/// What is done at the moment: it ends with its messages or its time, whichever is first.
#[derive(Debug)]
struct Part {
    begun: Instant,
    messages: u64,
    time: Duration,
}

impl Part {
    fn new(messages: u64, time: Duration) -> Self {
        Self { begun: Instant::now(), messages, time }
    }

    /// Of [`STEPS`].
    fn steps(&self, done: u64, passed: Duration) -> u64 {
        let of_messages = u128::from(done) * u128::from(STEPS) / u128::from(self.messages.max(1));
        let of_time = passed.as_nanos() * u128::from(STEPS) / self.time.as_nanos().max(1);
        u64::try_from(of_messages.max(of_time)).unwrap_or(STEPS).min(STEPS)
    }
}

#[derive(Debug)]
struct Drawing(Option<JoinHandle<()>>);

impl Drop for Drawing {
    fn drop(&mut self) {
        if let Some(drawing) = &self.0 {
            drawing.abort();
        }
    }
}

impl Progress {
    pub fn new() -> Self {
        if io::stderr().is_terminal() {
            Self::on(ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr()))
        } else {
            Self::on(ProgressBar::hidden())
        }
    }

    fn on(bar: ProgressBar) -> Self {
        // The template is checked by the test below.
        bar.set_style(
            ProgressStyle::with_template(TEMPLATE)
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        let done = Arc::new(AtomicU64::new(0));
        let part = Arc::new(Mutex::new(Part::new(0, Duration::MAX)));
        let drawing = draw(bar.clone(), part.clone(), done.clone());
        let drawing = (!bar.is_hidden()).then(|| tokio::spawn(drawing));
        Self { bar, part, done, drawing: Arc::new(Drawing(drawing)) }
    }

    /// A new part begins, of so many messages and so much time at most.
    pub fn begin(&self, name: &str, messages: u64, time: Duration) {
        self.done.store(0, Ordering::Relaxed);
        *self.part.lock().unwrap_or_else(PoisonError::into_inner) = Part::new(messages, time);
        self.bar.set_prefix(name.to_owned());
    }

    /// So many more messages are done. Called for many at once where they are many.
    pub fn add(&self, messages: u64) {
        self.done.fetch_add(messages, Ordering::Relaxed);
    }

    /// Takes the line away.
    pub fn finish(self) {
        drop(self.drawing);
        self.bar.finish_and_clear();
    }
}

async fn draw(bar: ProgressBar, part: Arc<Mutex<Part>>, done: Arc<AtomicU64>) {
    let mut tick = interval(TICK);
    loop {
        tick.tick().await;
        let done = done.load(Ordering::Relaxed);
        let steps = {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.steps(done, part.begun.elapsed())
        };
        bar.set_message(HumanCount(done).to_string());
        bar.set_position(steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        ProgressStyle::with_template(TEMPLATE).unwrap();
    }

    #[test]
    fn a_part_is_over_with_its_messages_or_its_time() {
        let part = Part::new(200, Duration::from_secs(10));
        let steps = |done, seconds| part.steps(done, Duration::from_secs(seconds));
        assert_eq!((steps(0, 0), steps(50, 1), steps(50, 5)), (0, 250, 500));
        assert_eq!((steps(900, 0), steps(0, 11)), (STEPS, STEPS));
        assert_eq!(Part::new(0, Duration::MAX).steps(0, Duration::ZERO), 0);
    }

    #[test]
    fn nobody_is_shown_anything_in_a_pipe() {
        let progress = Progress::on(ProgressBar::hidden());
        progress.begin("round 1 of 5", 10, TICK);
        progress.add(7);
        assert!(progress.drawing.0.is_none());
        progress.finish();
    }
}
