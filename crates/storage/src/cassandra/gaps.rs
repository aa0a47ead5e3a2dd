//! Ids that are missing.

/// A range of ids: above the first, up to and including the second.
pub type Gap = (u64, u64);

/// The gaps that `present` (ascending) leaves above `after`, up to and including `up_to`.
pub fn gaps(after: u64, up_to: u64, present: &[u64]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut from = after;
    for id in present.iter().copied().filter(|id| *id > after && *id <= up_to) {
        if id > from + 1 {
            gaps.push((from, id - 1));
        }
        from = id;
    }
    if from < up_to {
        gaps.push((from, up_to));
    }
    gaps
}

/// The part of a gap within the ids from `first` to `last`.
pub fn within((after, up_to): Gap, first: u64, last: u64) -> Option<Gap> {
    let (after, up_to) = (after.max(first.saturating_sub(1)), up_to.min(last));
    (after < up_to).then_some((after, up_to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn gaps_and_what_is_present_make_the_whole(
            after in 0..20u64,
            length in 0..40u64,
            present in proptest::collection::btree_set(1..70u64, 0..30),
        ) {
            let up_to = after + length;
            let present: Vec<u64> = present.into_iter().collect();
            let missing: BTreeSet<u64> =
                gaps(after, up_to, &present).iter().flat_map(|(a, b)| *a + 1..=*b).collect();
            for id in after + 1..=up_to {
                prop_assert_eq!(missing.contains(&id), !present.contains(&id));
            }
            prop_assert!(missing.iter().all(|id| *id > after && *id <= up_to));
        }
    }

    #[test]
    fn a_part_of_a_gap_is_cut_out() {
        assert_eq!(within((5, 20), 0, 15), Some((5, 15)));
        assert_eq!(within((5, 20), 10, 12), Some((9, 12)));
        assert_eq!(within((5, 20), 21, 30), None);
        assert_eq!(within((5, 20), 0, 5), None);
    }
}
