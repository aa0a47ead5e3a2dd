//! Two runs side by side.

use super::report::Report;

/// What changed since an earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    date: String,
    /// Whether the two runs measured the same.
    is_same_plan: bool,
    is_same_machine: bool,
    changes: Vec<Change>,
}

/// One figure, then and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub name: String,
    /// The median now, of that then.
    pub ratio: f64,
    /// Whether no round of one run was among those of the other.
    pub is_beyond_spread: bool,
}

impl Comparison {
    /// Figures that only one of them has are left out, and those that were 0.
    pub fn new(old: &Report, new: &Report) -> Self {
        let changes = new.figures.iter().filter_map(|now| {
            let then = old.figures.iter().find(|then| then.name == now.name)?;
            (then.median != 0.0).then(|| Change {
                name: now.name.clone(),
                ratio: now.median / then.median,
                is_beyond_spread: now.least > then.most || now.most < then.least,
            })
        });
        Self {
            date: old.date.clone(),
            is_same_plan: old.plan == new.plan && old.workload == new.workload,
            is_same_machine: old.machine == new.machine,
            changes: changes.collect(),
        }
    }

    pub fn of(&self, name: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.name == name)
    }

    /// What it was compared with, and whether that is fair.
    pub fn words(&self) -> String {
        let mut words = format!(
            "with the run of {}: x is the median now, of that then; better and WORSE where the rounds of \
             the two do not overlap",
            self.date
        );
        if !self.is_same_plan {
            words.push_str("; THE WORKLOADS DIFFER");
        }
        if !self.is_same_machine {
            words.push_str("; THE MACHINES DIFFER");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::summary::{Better, Figure};

    fn report(figures: &[(&str, &[f64])]) -> Report {
        let figure = |(name, rounds): &(&str, &[f64])| {
            Figure::new(*name, "/s", Better::Higher, rounds.to_vec())
        };
        let figures = figures.iter().map(figure).collect();
        Report { figures, ..Report::new("words".into(), String::new()) }
    }

    #[test]
    fn medians_are_compared_and_what_is_beyond_the_spread_is_marked() {
        let old = report(&[("a", &[90.0, 100.0, 110.0]), ("b", &[1.0, 2.0]), ("gone", &[1.0])]);
        let new = report(&[("a", &[108.0, 120.0, 130.0]), ("b", &[4.0, 5.0]), ("new", &[1.0])]);
        let compared = Comparison::new(&old, &new);
        let a = compared.of("a").unwrap();
        assert_eq!((a.ratio, a.is_beyond_spread), (1.2, false));
        let b = compared.of("b").unwrap();
        assert_eq!((b.ratio, b.is_beyond_spread), (3.0, true));
        assert_eq!((compared.of("gone"), compared.of("new")), (None, None));
        assert!(!compared.words().contains("DIFFER"));
    }

    #[test]
    fn what_is_not_comparable_is_said() {
        let old = report(&[]);
        let mut new = report(&[]);
        new.machine.processors += 1;
        new.workload = "others".into();
        let words = Comparison::new(&old, &new).words();
        assert!(words.contains("WORKLOADS DIFFER") && words.contains("MACHINES DIFFER"));
    }
}
