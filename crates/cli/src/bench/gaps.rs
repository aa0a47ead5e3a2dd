//! Numbers that were passed over.

use std::collections::BTreeMap;

/// A set of numbers, held as ranges: a million that are missing in a row cost no more than one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// From the first to the one behind the last.
    ranges: BTreeMap<u64, u64>,
}

impl Gaps {
    /// Adds `from` up to, without it, `to`; none of them is in the set yet.
    pub fn add(&mut self, from: u64, to: u64) {
        if from < to {
            self.ranges.insert(from, to);
        }
    }

    /// Takes a number out; whether it was there.
    pub fn take(&mut self, number: u64) -> bool {
        let Some((&from, &to)) = self.ranges.range(..=number).next_back() else { return false };
        if number >= to {
            return false;
        }
        self.ranges.remove(&from);
        self.add(from, number);
        self.add(number + 1, to);
        true
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.ranges.iter().flat_map(|(from, to)| *from..*to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_falls_apart_as_its_numbers_are_taken() {
        let mut gaps = Gaps::default();
        gaps.add(3, 7);
        gaps.add(9, 9);
        assert!(!gaps.take(2) && !gaps.take(7) && !gaps.take(9));
        assert!(gaps.take(4) && !gaps.take(4));
        assert_eq!(gaps.iter().collect::<Vec<_>>(), [3, 5, 6]);
        assert!(gaps.take(3) && gaps.take(6) && gaps.take(5));
        assert_eq!(gaps, Gaps::default());
    }
}
