//! How far the work is, for a person who waits.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Redrawn this often.
const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{spinner} {human_pos} acknowledged, {per_sec}, {elapsed}{msg}";

/// A line on standard error, where a person sees it and it disturbs no other output.
pub struct Progress {
    bar: ProgressBar,
    /// Bytes of the whole input, where that is known.
    input: Option<u64>,
}

impl Progress {
    pub fn new(input: Option<u64>) -> Self {
        if !output::has_room_for_progress() {
            return Self { bar: ProgressBar::hidden(), input };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style());
        bar.enable_steady_tick(TICK);
        Self { bar, input }
    }

    /// Tells how many messages were acknowledged and how many bytes of the input were sent.
    pub fn update(&self, acknowledged: u64, sent: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(acknowledged);
        if let Some(input) = self.input.filter(|input| *input > 0) {
            let percent = (u128::from(sent) * 100 / u128::from(input)).min(100);
            self.bar.set_message(format!(", {percent} % of the input"));
        }
    }

    /// Says something without tearing the line.
    pub fn problem(&self, text: &str) {
        self.bar.suspend(|| output::problem(text));
    }

    /// Takes the line away; answers how fast it went, where that was shown.
    pub fn finish(self, acknowledged: u64) -> Option<String> {
        let (shown, seconds) = (!self.bar.is_hidden(), self.bar.elapsed().as_secs_f64());
        self.bar.finish_and_clear();
        #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
        let rate = acknowledged as f64 / seconds.max(0.001);
        shown.then(|| format!("{seconds:.1} s, {rate:.0} a second"))
    }
}

fn style() -> ProgressStyle {
    // The template is checked by the test below.
    ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner())
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
        // The test's own standard error may be a terminal; its standard output is taken by the runner
        // or is one too.
        let progress = Progress { bar: ProgressBar::hidden(), input: Some(10) };
        progress.update(5, 7);
        assert_eq!(progress.finish(5), None);
    }
}
