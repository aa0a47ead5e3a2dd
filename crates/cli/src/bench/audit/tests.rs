//! The audit finds every kind of fault, and none where there is none.

use super::*;
use crate::bench::body::{Press, Stamp};
use broker_client::Delivery;
use std::time::{Duration, SystemTime};

const LAYOUT: Layout = Layout { subjects: 2 };
const LIFE: Duration = Duration::from_secs(60);

/// Publisher 1 sends numbers from 0; those of odd numbers go to subject 0, with ids from 1.
fn message(number: u64, lifetime: Duration, id: u64) -> Delivery {
    let body = Press::new(100).body(Stamp { publisher: 1, number, due: 5, lifetime });
    let published_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let expires_at = (!lifetime.is_zero()).then(|| published_at + lifetime);
    Delivery {
        id,
        subject: "s0".into(),
        body,
        published_at: Some(published_at),
        expires_at,
        headers: Default::default(),
        missed: 0,
    }
}

/// The place-th message to subject 0.
fn stored(place: u64) -> Delivery {
    message(place * 2 + 1, LIFE, place + 1)
}

fn live(place: u64) -> Delivery {
    message(place * 2 + 1, Duration::ZERO, 0)
}

/// Publisher 0 sends nothing; publisher 1 ten messages to each of two subjects.
fn ledgers(is_stored: bool) -> [Ledger; 2] {
    let answers = (0..20).map(|number| number / 2 + 1);
    let answers = answers.map(|id| Answer::Acknowledged(if is_stored { id } else { 0 }));
    [Ledger::default(), Ledger::of(answers)]
}

fn follow(messages: impl IntoIterator<Item = Delivery>) -> Follower {
    let mut follower = Follower::new("s0".into(), 0, LAYOUT, 2);
    messages.into_iter().for_each(|message| {
        follower.take(&message);
    });
    follower
}

fn settle(followers: &[Follower], ledgers: &[Ledger], layout: Layout, nudges: u64) -> Audit {
    let accounts = Accounts::new(ledgers, layout);
    Audit { unknown: accounts.unknown(), ..accounts.settle(followers, nudges) }
}

fn audit(messages: impl IntoIterator<Item = Delivery>) -> Audit {
    settle(&[follow(messages)], &ledgers(true), LAYOUT, 0)
}

fn faults(messages: impl IntoIterator<Item = Delivery>) -> Faults {
    audit(messages).faults
}

#[test]
fn what_came_as_it_was_sent_is_clean() {
    let audit = audit((0..10).map(stored));
    assert_eq!(audit, Audit { checked: 10, ..Audit::default() });
    assert!(audit.faults.is_clean());
}

#[test]
fn the_layout_is_the_same_in_both_directions() {
    let layout = Layout { subjects: 7 };
    for (publisher, number) in [(0, 0), (3, 5), (9, 100), (20, 3)] {
        let subject = layout.subject(publisher, number);
        assert_eq!(layout.number(publisher, subject, layout.place(number)), number);
    }
}

#[test]
fn a_lost_message_is_found_in_the_middle_and_at_the_end() {
    let expected = |lost| Faults { lost, ..Faults::default() };
    assert_eq!(faults((0..10).filter(|at| *at != 4).map(stored)), expected(1));
    assert_eq!(faults((0..8).map(stored)), expected(2));
    assert_eq!(faults([]), expected(10));
}

#[test]
fn what_a_subscription_that_was_cut_off_did_not_show_is_not_lost() {
    let mut follower = follow((0..8).filter(|at| *at != 4).map(stored));
    follower.cut_off();
    let audit = settle(&[follower], &ledgers(true), LAYOUT, 0);
    assert_eq!(audit.faults, Faults { lost: 1, ..Faults::default() });
    assert_eq!(audit.unseen, 2);
}

#[test]
fn a_doubled_message_is_found() {
    let twice = (0..10).flat_map(|at| if at == 3 { vec![stored(at); 2] } else { vec![stored(at)] });
    assert_eq!(faults(twice), Faults { duplicated: 1, ..Faults::default() });
    let later = (0..10).chain([3]).map(stored);
    assert_eq!(faults(later), Faults { duplicated: 1, ..Faults::default() });
    let mut follower = follow((0..10).map(stored));
    follower.take_again();
    assert_eq!(settle(&[follower], &ledgers(true), LAYOUT, 0).faults.duplicated, 1);
}

#[test]
fn a_reordered_message_is_found() {
    let swapped = [0, 1, 3, 2, 4, 5, 6, 7, 8, 9].map(stored);
    assert_eq!(faults(swapped), Faults { reordered: 1, ..Faults::default() });
    // In the publisher's order, with ids that are not.
    let mut ids: Vec<_> = (0..10).map(stored).collect();
    (ids[4].id, ids[5].id) = (6, 5);
    let found = faults(ids);
    assert_eq!((found.reordered, found.lost), (1, 0));
    assert!(found.wrong > 0, "these are not the ids that were acknowledged");
}

#[test]
fn another_content_is_found() {
    let mut changed: Vec<_> = (0..10).map(stored).collect();
    let mut body = changed[2].body.to_vec();
    body[50] ^= 1;
    changed[2].body = body.into();
    assert_eq!(faults(changed), Faults { wrong: 1, lost: 1, ..Faults::default() });
}

#[test]
fn another_subject_id_or_lifetime_is_found() {
    type Change = fn(&mut Delivery);
    let changes: [Change; 5] = [
        |message| message.subject = "s1".into(),
        |message| *message = Delivery { subject: "s0".into(), ..self::message(2, LIFE, 3) },
        |message| message.expires_at = None,
        |message| message.expires_at = message.expires_at.map(|at| at + Duration::from_nanos(1)),
        |message| message.published_at = None,
    ];
    for change in changes {
        let mut all: Vec<_> = (0..10).map(stored).collect();
        change(&mut all[2]);
        assert_eq!(faults(all), Faults { wrong: 1, lost: 1, ..Faults::default() });
    }
    let mut other_id: Vec<_> = (0..10).map(stored).collect();
    other_id[9].id = 11;
    assert_eq!(faults(other_id), Faults { wrong: 1, ..Faults::default() });
}

#[test]
fn a_message_that_was_never_sent_or_was_refused_is_found() {
    assert_eq!(faults((0..11).map(stored)).wrong, 1);
    let mut ledgers = ledgers(true);
    ledgers[1] = Ledger::of((0..20).map(|number| match number {
        7 => Answer::Refused,
        _ => Answer::Acknowledged(number / 2 + 1),
    }));
    let all = settle(&[follow((0..10).map(stored))], &ledgers, LAYOUT, 0);
    assert_eq!(all.faults, Faults { wrong: 1, ..Faults::default() });
    let without = follow((0..10).filter(|at| *at != 3).map(stored));
    assert!(settle(&[without], &ledgers, LAYOUT, 0).faults.is_clean());
    let mut stranger = stored(0);
    let stamp = Stamp { publisher: 9, number: 1, due: 0, lifetime: LIFE };
    stranger.body = Press::new(100).body(stamp);
    assert_eq!(faults((0..10).map(stored).chain([stranger])).wrong, 1);
}

#[test]
fn a_message_of_unknown_outcome_may_come_or_not() {
    let mut ledgers = ledgers(true);
    ledgers[1] = Ledger::of((0..20).map(|number| match number {
        7 => Answer::Unknown,
        _ => Answer::Acknowledged(number / 2 + 1),
    }));
    for skipped in [3, 100] {
        let came = follow((0..10).filter(|at| *at != skipped).map(stored));
        let audit = settle(&[came], &ledgers, LAYOUT, 0);
        assert_eq!((audit.faults, audit.unknown), (Faults::default(), 1));
    }
    let lost = follow((0..10).filter(|at| *at != 4).map(stored));
    assert_eq!(settle(&[lost], &ledgers, LAYOUT, 0).faults.lost, 1);
}

#[test]
fn delivered_only_messages_may_be_missed_but_not_in_silence() {
    let came = |missed: u64| {
        let mut all: Vec<_> = (0..10).filter(|at| !(3..5).contains(at)).map(live).collect();
        all[3].missed = missed;
        settle(&[follow(all)], &ledgers(false), LAYOUT, 1)
    };
    let told = came(2);
    assert_eq!((told.faults, told.missed), (Faults::default(), 2));
    assert_eq!(came(1).faults, Faults { lost: 1, ..Faults::default() });
    // One nudge may be lost, too.
    assert!(came(3).faults.is_clean());
    assert_eq!(came(4).faults, Faults { wrong: 1, ..Faults::default() });
}

#[test]
fn the_line_names_every_fault() {
    let faults = Faults { lost: 1, duplicated: 2, reordered: 3, early: 4, late: 5, wrong: 6 };
    let audit = Audit { checked: 9, faults, missed: 7, unseen: 6, unknown: 8 };
    assert_eq!(
        audit.to_string(),
        "9 checked: 1 lost, 2 duplicated, 3 reordered, 4 early, 5 late, 6 wrong; \
         7 told as missed; 6 unseen behind a cut-off; 8 of unknown outcome"
    );
}
