//! How far the bench is, for a person who waits.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::interval};

const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{spinner} {prefix} [{bar:30}] {human_pos} messages, {elapsed}";

/// A line on standard error, if that is a terminal: the bench prints only at its end.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    done: Arc<AtomicU64>,
    drawing: Arc<Drawing>,
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
            Self::on(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()))
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
        let drawing = (!bar.is_hidden()).then(|| tokio::spawn(draw(bar.clone(), done.clone())));
        Self { bar, done, drawing: Arc::new(Drawing(drawing)) }
    }

    /// A new part begins, of so many messages at most.
    pub fn begin(&self, name: &str, messages: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.bar.set_length(messages);
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

async fn draw(bar: ProgressBar, done: Arc<AtomicU64>) {
    let mut tick = interval(TICK);
    loop {
        tick.tick().await;
        bar.set_position(done.load(Ordering::Relaxed));
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
    fn nobody_is_shown_anything_in_a_pipe() {
        let progress = Progress::on(ProgressBar::hidden());
        progress.begin("round 1 of 5", 10);
        progress.add(7);
        assert!(progress.drawing.0.is_none());
        progress.finish();
    }
}
