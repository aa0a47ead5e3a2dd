//! Numbers of lines, as ranges.

use std::fmt;

/// Ranges remembered; failures come in runs, so more are rare.
const REMEMBERED: usize = 16;

/// Ascending numbers. Beyond a few ranges only their count is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    ranges: Vec<(u64, u64)>,
    count: u64,
    last: u64,
}

impl Ranges {
    /// Adds a number above all that were added.
    pub fn push(&mut self, number: u64) {
        self.count += 1;
        let follows = self.count > 1 && self.last + 1 == number;
        self.last = number;
        if let Some((_, end)) = self.ranges.last_mut().filter(|_| follows) {
            // Of what follows a forgotten range, the range is forgotten too.
            if *end + 1 == number {
                *end = number;
            }
        } else if self.ranges.len() < REMEMBERED {
            self.ranges.push((number, number));
        }
    }

    pub fn first(&self) -> Option<u64> {
        self.ranges.first().map(|(start, _)| *start)
    }

    pub fn last(&self) -> Option<u64> {
        (self.count > 0).then_some(self.last)
    }
}

/// As `line 4` or `lines 1-3, 7`.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.count == 1 { "line " } else { "lines " })?;
        let mut shown = 0;
        for (index, (start, end)) in self.ranges.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match start == end {
                true => write!(f, "{comma}{start}")?,
                false => write!(f, "{comma}{start}-{end}")?,
            }
            shown += end - start + 1;
        }
        match self.count - shown {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u64>) -> Ranges {
        let mut ranges = Ranges::default();
        numbers.into_iter().for_each(|number| ranges.push(number));
        ranges
    }

    #[test]
    fn runs_become_ranges() {
        assert_eq!(of([4]).to_string(), "line 4");
        assert_eq!(of([1, 2, 3, 7, 9, 10]).to_string(), "lines 1-3, 7, 9-10");
        assert_eq!(of([]).first(), None);
        assert_eq!((of([3, 4]).first(), of([3, 4]).last()), (Some(3), Some(4)));
    }

    #[test]
    fn beyond_a_few_ranges_the_rest_is_counted() {
        let every_other = of((0..40).map(|number| number * 2 + 1));
        assert!(every_other.to_string().ends_with(", 31 and 24 more"), "{every_other}");
        assert_eq!(every_other.last(), Some(79));
        let run_at_the_end = of((0..20).map(|number| number * 2 + 1).chain(40..50));
        assert!(run_at_the_end.to_string().ends_with(", 31 and 14 more"), "{run_at_the_end}");
    }
}
