//! A broker's metrics page, read as Prometheus would.

use crate::admin::page;
use std::{collections::BTreeMap, net::SocketAddr};

/// All metrics of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// By the names that their types stand for.
    pub families: BTreeMap<String, Family>,
}

/// The samples of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// counter, gauge, histogram or summary.
    pub kind: String,
    /// In the order of the page.
    pub samples: Vec<Sample>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name, which of a histogram or summary has an ending.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Page {
    /// The value of the sample of that name and with these labels, whatever others it has; none if there
    /// is none or more than one.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has_all = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).is_some_and(|it| it == value))
        };
        let mut samples = self.families.values().flat_map(|family| &family.samples).filter(has_all);
        let first = samples.next()?;
        samples.next().is_none().then_some(first.value)
    }

    fn read(text: &str) -> Self {
        let mut families = BTreeMap::new();
        let mut current: Option<(String, Family)> = None;
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("# TYPE ") {
                let (name, kind) = words.split_once(' ').expect("a name and a type");
                families.extend(current.take());
                current = Some((name.into(), Family { kind: kind.into(), samples: Vec::new() }));
            } else if !line.starts_with('#') {
                let (name, family) = current.as_mut().expect("a type before the first sample");
                let sample = read(line);
                let ending = sample.name.strip_prefix(name.as_str()).expect("its type's name");
                assert!(["", "_bucket", "_sum", "_count"].contains(&ending), "{line}");
                family.samples.push(sample);
            }
        }
        families.extend(current);
        Self { families }
    }
}

/// A line of the text format. No value of a label has a comma or a mark in it.
fn read(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("a brace")),
        None => (series, ""),
    };
    let labels = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
        let (name, value) = label.split_once("=\"").expect("a value of a label");
        (name.to_owned(), value.strip_suffix('"').expect("a mark").to_owned())
    });
    let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
    Sample { name: name.into(), labels: labels.collect(), value }
}

/// Reads the page.
pub async fn scrape(admin: SocketAddr) -> Page {
    let (status, text) = page(admin, "/metrics").await;
    assert_eq!(status, 200, "{text}");
    Page::read(&text)
}
