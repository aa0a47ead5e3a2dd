//! What is recorded: decided before anything is built.

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample,
};

/// The caller's word, else a share of all.
#[derive(Debug)]
pub struct Sampling {
    ratio: f64,
    follows_parent: bool,
    ids: RandomIdGenerator,
}

impl Sampling {
    /// `ratio` is from 0 to 1.
    pub fn new(ratio: f64, follows_parent: bool) -> Self {
        Self { ratio, follows_parent, ids: RandomIdGenerator::default() }
    }

    /// Whether to record something. `parent`: whether its caller does, if it said so.
    pub fn decide(&self, parent: Option<bool>) -> bool {
        match parent {
            Some(is_sampled) if self.follows_parent => is_sampled,
            Some(_) | None => self.draw(),
        }
    }

    fn draw(&self) -> bool {
        if self.ratio <= 0.0 {
            return false;
        }
        let trace = self.ids.new_trace_id();
        let sampler = Sampler::TraceIdRatioBased(self.ratio);
        let result = sampler.should_sample(None, trace, "", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_s_word_counts_where_it_is_followed() {
        for ratio in [0.0, 1.0] {
            let follows = Sampling::new(ratio, true);
            assert!(follows.decide(Some(true)) && !follows.decide(Some(false)));
            let alone = Sampling::new(ratio, false);
            for parent in [Some(true), Some(false), None] {
                assert_eq!(alone.decide(parent), ratio > 0.5);
            }
        }
    }

    /// 100,000 draws of a tenth: the standard deviation is 95, and ten of them are never seen.
    #[test]
    fn the_share_is_the_ratio() {
        let sampling = Sampling::new(0.1, true);
        let count = (0..100_000).filter(|_| sampling.decide(None)).count();
        assert!((9_050..=10_950).contains(&count), "{count}");
    }
}
