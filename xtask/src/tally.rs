//! How many tests passed and failed.

use std::{fmt, ops::AddAssign};

/// A count of tests. Its text is the closing line of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed, and steps that failed without naming a test.
    pub failed: u64,
}

impl Tally {
    /// Reads the line with which a test program of libtest ends.
    pub fn from_result_line(line: &str) -> Option<Self> {
        let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = counts.split("; ");
        let passed = counts.next()?.strip_suffix(" passed")?.parse().ok()?;
        let failed = counts.next()?.strip_suffix(" failed")?.parse().ok()?;
        Some(Self { passed, failed })
    }

    /// Nothing failed and something ran.
    pub fn is_good(self) -> bool {
        self.failed == 0 && self.passed > 0
    }

    /// A command that failed without saying which test did is one failure.
    pub fn with_exit(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_result_lines() {
        let good = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s";
        assert_eq!(Tally::from_result_line(good), Some(Tally { passed: 12, failed: 0 }));
        let bad = "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(Tally::from_result_line(bad), Some(Tally { passed: 7, failed: 2 }));
    }

    #[test]
    fn other_lines_are_not_results() {
        for line in ["", "test result: ok", "test a ... ok", "result: ok. 1 passed; 0 failed"] {
            assert_eq!(Tally::from_result_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_failed_command_without_a_failed_test_counts() {
        assert_eq!(Tally { passed: 3, failed: 0 }.with_exit(false).failed, 1);
        assert_eq!(Tally { passed: 3, failed: 2 }.with_exit(false).failed, 2);
        assert_eq!(Tally { passed: 3, failed: 0 }.with_exit(true).failed, 0);
    }

    #[test]
    fn nothing_run_is_not_good() {
        assert!(!Tally::default().is_good());
        assert!(Tally { passed: 1, failed: 0 }.is_good());
        assert!(!Tally { passed: 1, failed: 1 }.is_good());
    }

    #[test]
    fn the_text_is_the_closing_line() {
        assert_eq!(Tally { passed: 5, failed: 0 }.to_string(), "5 passed, 0 failed");
    }
}
