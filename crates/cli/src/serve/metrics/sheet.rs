//! Metrics that are read at the moment of a scrape.

use super::catalog::{Kind, Metric};
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};

/// Values written down one after the other; those of one metric together.
#[derive(Default)]
pub struct Sheet(Vec<MetricFamily>);

impl Sheet {
    /// Writes a value down, with the values of its labels in their order.
    pub fn put(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        let pairs = metric.labels.iter().zip(labels).map(|(name, value)| pair(name, value));
        let mut one = proto::Metric::from_label(pairs.collect());
        let kind = match metric.kind {
            Kind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                one.set_counter(counter);
                MetricType::COUNTER
            }
            // The others are written by who counts them.
            Kind::Gauge | Kind::Histogram | Kind::Summary => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                one.set_gauge(gauge);
                MetricType::GAUGE
            }
        };
        self.family(metric, kind).mut_metric().push(one);
    }

    /// Writes quantiles down.
    pub fn summary(&mut self, metric: &Metric, labels: &[&str], summary: proto::Summary) {
        let pairs = metric.labels.iter().zip(labels).map(|(name, value)| pair(name, value));
        let mut one = proto::Metric::from_label(pairs.collect());
        one.set_summary(summary);
        self.family(metric, MetricType::SUMMARY).mut_metric().push(one);
    }

    /// As [`Sheet::put`], for a number of things.
    pub fn count(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        // Exact up to 2^53, beyond which nothing here comes.
        self.put(metric, labels, value as f64);
    }

    /// 1 for the state that is, 0 for the others.
    pub fn states(&mut self, metric: &Metric, all: &[&str], now: &str) {
        for state in all {
            self.count(metric, &[state], u64::from(*state == now));
        }
    }

    /// All that was written down.
    pub fn families(self) -> Vec<MetricFamily> {
        self.0
    }

    fn family(&mut self, metric: &Metric, kind: MetricType) -> &mut MetricFamily {
        if self.0.last().is_none_or(|last| last.name() != metric.name) {
            let mut family = MetricFamily::default();
            family.set_name(metric.name.to_owned());
            family.set_help(metric.meaning.to_owned());
            family.set_field_type(kind);
            self.0.push(family);
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

/// A label with its value.
pub fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
