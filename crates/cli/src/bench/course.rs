//! How the broker's memory, descriptors and store went over a round: whether it stays flat.

use super::summary::MEBIBYTE;
use anyhow::Result;
use std::{fs, path::Path, time::Duration};

/// Points of a course at most; when there are more, each two become one.
const MOST_POINTS: usize = 240;
const POINTS_A_ROUND: u32 = 40;
const LEAST_WIDTH: Duration = Duration::from_millis(50);

/// What a point tells, in its order: name, unit, and how many make one of that unit.
const KINDS: [(&str, &str, f64); 3] = [
    ("anonymous memory", "MiB", MEBIBYTE),
    ("open descriptors", "", 1.0),
    ("store", "MiB", MEBIBYTE),
];

/// Bytes of anonymous memory, open descriptors, bytes of the store's files; none where it cannot be
/// looked at.
pub type Point = [Option<u64>; KINDS.len()];

/// Points at even distances, from the round's start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    width: Duration,
    points: Vec<Point>,
}

/// One thing of a course.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    pub what: &'static str,
    pub unit: &'static str,
    pub width: Duration,
    pub values: Vec<f64>,
}

impl Course {
    /// Of a round that lasts about so long; it may be any longer.
    pub fn new(round: Duration) -> Self {
        Self { width: (round / POINTS_A_ROUND).max(LEAST_WIDTH), points: Vec::new() }
    }

    /// Whether a point is due so long after the start.
    pub fn is_due(&self, passed: Duration) -> bool {
        self.place(passed) >= self.points.len()
    }

    /// Adds the point of that time. Where none could be taken before, it is that one, too.
    pub fn add(&mut self, passed: Duration, point: Point) {
        while self.is_due(passed) {
            if self.points.len() == MOST_POINTS {
                self.points = self.points.chunks(2).map(highest).collect();
                self.width *= 2;
            } else {
                self.points.push(point);
            }
        }
    }

    fn place(&self, passed: Duration) -> usize {
        usize::try_from(passed.as_nanos() / self.width.as_nanos()).unwrap_or(usize::MAX)
    }

    /// What could be looked at.
    pub fn tracks(&self) -> impl Iterator<Item = Track> {
        KINDS.iter().enumerate().filter_map(|(at, (what, unit, size))| {
            #[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
            let value = |point: &Point| point[at].map(|value| value as f64 / size);
            let values: Option<Vec<f64>> = self.points.iter().map(value).collect();
            Some(Track { what, unit, width: self.width, values: values? })
        })
    }
}

fn highest(points: &[Point]) -> Point {
    let all = points.iter().copied();
    all.reduce(|one, other| std::array::from_fn(|at| one[at].max(other[at]))).unwrap_or_default()
}

impl Track {
    /// The mean of the second quarter of the round, in which what grows at the beginning has grown, and
    /// that of the last: equal where it stays flat, whatever goes up and down in between.
    #[expect(clippy::cast_precision_loss, reason = "a few points")]
    pub fn quarters(&self) -> [f64; 2] {
        let count = self.values.len();
        let mean = |from: usize, to: usize| {
            let part = &self.values[from.min(count.saturating_sub(1))..to];
            part.iter().sum::<f64>() / part.len().max(1) as f64
        };
        [mean(count / 4, (count / 2).max(1).min(count)), mean(count - count / 4, count)]
    }
}

/// Bytes that the files of a directory take.
///
/// # Errors
/// If it cannot be listed.
pub fn size(directory: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        // A file may be gone by now.
        sum += entry?.metadata().map_or(0, |about| about.blocks() * 512);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn course(seconds: u32, value: impl Fn(u32) -> u64) -> Course {
        let mut course = Course::new(40 * SECOND);
        (0..seconds).for_each(|at| course.add(at * SECOND, [None, Some(value(at)), None]));
        course
    }

    fn track(course: &Course) -> Track {
        let tracks: Vec<_> = course.tracks().collect();
        assert_eq!(tracks.len(), 1, "what cannot be looked at is left out");
        tracks.into_iter().next().unwrap()
    }

    #[test]
    fn a_course_that_goes_on_has_fewer_points_and_keeps_the_highest() {
        let course = course(1_000, u64::from);
        assert!(course.points.len() <= MOST_POINTS && course.points.len() > MOST_POINTS / 2);
        let track = track(&course);
        assert_eq!(track.width, 8 * SECOND);
        assert_eq!(track.values[..2], [7.0, 15.0]);
    }

    #[test]
    fn a_point_that_could_not_be_taken_is_the_next_one() {
        let mut course = Course::new(40 * SECOND);
        course.add(Duration::ZERO, [None, Some(1), None]);
        assert!(!course.is_due(SECOND / 2) && course.is_due(SECOND));
        course.add(3 * SECOND, [None, Some(4), None]);
        assert_eq!(track(&course).values, [1.0, 4.0, 4.0, 4.0]);
    }

    #[test]
    fn what_only_goes_up_and_down_is_flat_and_what_grows_is_not() {
        let flat = track(&course(40, |at| if at < 10 { 0 } else { 5 + u64::from(at % 2) }));
        assert_eq!(flat.quarters(), [5.5, 5.5]);
        assert_eq!(track(&course(40, u64::from)).quarters(), [14.5, 34.5]);
        for few in 1..8 {
            assert_eq!(track(&course(few, |_| 3)).quarters().map(f64::is_nan), [false; 2]);
        }
    }
}
