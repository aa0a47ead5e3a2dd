//! What the row says holds at every moment, whatever happens in whatever order.

use super::*;
use crate::cassandra::shelf::Class;
use proptest::prelude::*;

const NOW: Duration = Duration::from_secs(1_000);

fn light() -> Shelf {
    Shelf { class: Class::Day, is_heavy: false }
}

fn begin(ledger: &mut Ledger, ids: &[u64]) -> Need {
    let partitions = ids.iter().map(|id| light().partition(*id)).collect();
    ledger.begin(ids, &partitions, NOW)
}

/// Writes what an append needs.
fn satisfy(ledger: &mut Ledger, stamp: i64, need: &Need) {
    if let Some(reserve) = need.reserve {
        let record = ledger.plan(reserve);
        ledger.written(stamp, record, NOW);
    }
    ledger.entered(&need.entries, NOW);
}

#[test]
fn the_first_message_reserves_a_block_and_the_next_ones_need_nothing() {
    let mut ledger = Ledger::new(0, NOW);
    let need = begin(&mut ledger, &[1]);
    assert_eq!((need.reserve, need.entries.len()), (Some(1_023), 1));
    satisfy(&mut ledger, 1, &need);
    ledger.end(1, [(1, End::Stored)]);
    for id in 2..=255 {
        let need = begin(&mut ledger, &[id]);
        assert_eq!((need.reserve, need.entries.len()), (None, 0));
        assert_eq!(need.again, [false]);
        ledger.end(id, [(id, End::Stored)]);
    }
    assert_eq!(begin(&mut ledger, &[256]).entries, [light().partition(256)]);
}

#[test]
fn what_may_be_there_is_looked_for() {
    let mut ledger = Ledger::new(10, NOW);
    assert_eq!(begin(&mut ledger, &[9, 10, 11, 12]).again, [true, true, false, false]);
    ledger.end(9, [(9, End::Stored), (10, End::Stored), (11, End::Unknown), (12, End::Stored)]);
    assert_eq!(begin(&mut ledger, &[11, 12]).again, [false, true], "11 is written again");
}

#[test]
fn an_unknown_id_is_not_settled_until_it_is_known() {
    let mut ledger = Ledger::new(0, NOW);
    begin(&mut ledger, &[1, 2, 3]);
    ledger.end(1, [(1, End::Stored), (2, End::Unknown), (3, End::Stored)]);
    assert_eq!(ledger.plan(5), Record { reserved: 5, settled: 1, last: 3 });
    begin(&mut ledger, &[2]);
    ledger.end(2, [(2, End::Absent)]);
    assert_eq!(ledger.plan(5).settled, 1, "the first write may still arrive");
    begin(&mut ledger, &[2]);
    ledger.end(2, [(2, End::Stored)]);
    assert_eq!(ledger.plan(5).settled, 3);
    assert_eq!(ledger.plan_close(), Record::settled_at(3));
}

#[test]
fn a_lower_id_takes_the_settled_mark_back() {
    let mut ledger = Ledger::new(20, NOW);
    let need = begin(&mut ledger, &[7]);
    assert!(need.reserve.is_some());
    satisfy(&mut ledger, 1, &need);
    assert_eq!(ledger.planned, Record { reserved: 1_023, settled: 6, last: 20 });
}

#[test]
fn a_busy_subject_is_prepared_ahead() {
    let mut ledger = Ledger::new(0, NOW);
    let need = begin(&mut ledger, &[1]);
    satisfy(&mut ledger, 1, &need);
    assert_eq!(ledger.ahead(light(), NOW), None);
    begin(&mut ledger, &[200]);
    assert_eq!(ledger.ahead(light(), NOW), Some((0, vec![light().partition(256)])));
    assert_eq!(ledger.ahead(light(), NOW), None, "one at a time");
    ledger.prepared();
    begin(&mut ledger, &[600]);
    let (reserve, _) = ledger.ahead(light(), NOW).unwrap();
    assert_eq!(reserve, 2_047);
}

#[test]
fn an_old_row_is_written_again() {
    let mut ledger = Ledger::new(0, NOW);
    let need = begin(&mut ledger, &[1]);
    satisfy(&mut ledger, 1, &need);
    let late = NOW + RECORD_AGE + Duration::from_secs(1);
    assert!(ledger.begin(&[2], &BTreeSet::new(), late).reserve.is_some());
}

#[derive(Debug, Clone)]
enum Step {
    /// An append of so many ids above the highest.
    Begin(u64),
    /// An append under way ends: which, and how for each message.
    End(prop::sample::Index, Vec<u8>),
    /// Rows that were planned arrive at the database in any order.
    Arrive(prop::sample::Index),
    Plan,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        3 => (1..700u64).prop_map(Step::Begin),
        3 => (index(), prop::collection::vec(0..3u8, 1..5)).prop_map(|(i, e)| Step::End(i, e)),
        3 => index().prop_map(Step::Arrive),
        1 => Just(Step::Plan),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    /// A message is handed over only when the row that the database has covers it: whatever row is the
    /// latest there, all that was handed over and is not decided lies above its `settled` and not above
    /// its `reserved`.
    #[test]
    fn the_row_covers_what_is_in_doubt(steps in steps()) {
        let mut ledger = Ledger::new(0, NOW);
        let (mut highest, mut stamp) = (0u64, 0i64);
        let mut there = (0i64, Record::default());
        let mut planned: Vec<(i64, Record)> = Vec::new();
        let mut under_way: Vec<Vec<u64>> = Vec::new();
        let mut doubtful: BTreeSet<u64> = BTreeSet::new();
        for step in steps {
            match step {
                Step::Begin(count) => {
                    let ids: Vec<u64> = (highest + 1..=highest + count).collect();
                    highest += count;
                    let need = begin(&mut ledger, &ids);
                    if let Some(reserve) = need.reserve {
                        stamp += 1;
                        let record = ledger.plan(reserve);
                        if stamp > there.0 { there = (stamp, record); }
                        ledger.written(stamp, record, NOW);
                    }
                    doubtful.extend(&ids);
                    under_way.push(ids);
                }
                Step::End(index, ends) if !under_way.is_empty() => {
                    let ids = under_way.swap_remove(index.index(under_way.len()));
                    let end = |n: usize| match ends[n % ends.len()] {
                        0 => End::Stored,
                        1 => End::Unknown,
                        _ => End::Absent,
                    };
                    let ends: Vec<_> = ids.iter().enumerate().map(|(n, id)| (*id, end(n))).collect();
                    for (id, end) in &ends {
                        if *end != End::Unknown { doubtful.remove(id); }
                    }
                    ledger.end(ids[0], ends);
                }
                Step::Arrive(index) if !planned.is_empty() => {
                    let (at, record) = planned.swap_remove(index.index(planned.len()));
                    if at > there.0 { there = (at, record); }
                    ledger.written(at, record, NOW);
                }
                Step::Plan => {
                    stamp += 1;
                    planned.push((stamp, ledger.plan(0)));
                }
                Step::End(..) | Step::Arrive(_) => {}
            }
            if let (Some(first), Some(last)) = (doubtful.first(), doubtful.last()) {
                prop_assert!(there.1.settled < *first, "{there:?} {doubtful:?}");
                prop_assert!(there.1.reserved >= *last);
            }
            prop_assert!(there.1.last <= highest);
        }
    }
}
