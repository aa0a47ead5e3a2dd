//! How far the copy is, for a person who waits.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Redrawn this often.
const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{spinner} {human_pos} messages, {per_sec}, {elapsed}";

/// A line on standard error, where a person sees it and it disturbs no other output.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new() -> Self {
        if !output::has_room_for_progress() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is checked by the test below.
        let style = ProgressStyle::with_template(TEMPLATE);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// So many more messages were compared or written.
    pub fn add(&self, messages: u64) {
        self.0.inc(messages);
    }

    /// Says something without tearing the line.
    pub fn problem(&self, text: &str) {
        self.0.suspend(|| output::problem(text));
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        ProgressStyle::with_template(TEMPLATE).unwrap();
    }
}
