//! Interleavings of the modules that hold a lock or an atomic, explored by a scheduler that chooses
//! who goes on at every lock and atomic (`--features shuttle`).

use crate::{
    Clock, Headers, ManualTime, Message, MessageId, NoObserver, Subject, SubscriptionEnd,
    Timestamp,
    lane::Lane,
    tail::{Backlog, Reader, Tail, Take},
};
use bytes::Bytes;
use shuttle::{check_random, future::block_on, thread};
use std::{sync::Arc, time::Duration};

const RUNS: usize = 2_000;

/// Ids of the messages pushed: every third is delivered only.
const IDS: [u64; 9] = [1, 2, 0, 3, 4, 0, 5, 6, 0];

fn message(id: u64) -> Arc<Message> {
    let (subject, headers) = (Subject::new("s").unwrap(), Headers::default());
    Arc::new(Message::new(subject, MessageId(id), Timestamp(0), None, headers, Bytes::new()))
}

/// Reads to the end; answers how many delivered-only messages were seen or told as missed, and
/// checks that what is stored comes without a hole that the store would not fill.
fn read_to_end(mut reader: Reader) -> u64 {
    let (mut last, mut accounted, mut taken) = (0, 0, Vec::new());
    loop {
        match block_on(reader.take(1, &mut taken)) {
            Take::Messages => {}
            Take::Behind(base) => {
                assert!(base.0 >= last);
                last = base.0;
            }
            Take::End(_) => return accounted,
        }
        for one in taken.drain(..) {
            accounted += reader.account(&one);
            match one.message.id.0 {
                0 => accounted += 1,
                id => {
                    assert_eq!(id, last + 1);
                    last = id;
                }
            }
        }
    }
}

#[test]
fn interleaved_pushes_takes_and_evictions_lose_no_message_and_no_wake_up() {
    check_random(
        || {
            let backlog = Arc::new(Backlog::new(usize::MAX));
            let tail = Arc::new(Tail::new(MessageId::NONE, backlog.clone()));
            let readers = [tail.attach(), tail.attach()];
            let passer_by = thread::spawn({
                let tail = tail.clone();
                move || drop(tail.attach())
            });
            let readers = readers.map(|reader| thread::spawn(move || read_to_end(reader)));
            for (n, id) in IDS.into_iter().enumerate() {
                tail.push(std::iter::once(message(id)));
                if n % 4 == 3 {
                    tail.evict_half();
                }
            }
            // One stored message after every loss, so that all losses are told.
            tail.push(std::iter::once(message(7)));
            tail.end(SubscriptionEnd::Closing);
            for reader in readers {
                assert_eq!(reader.join().unwrap(), 3);
            }
            passer_by.join().unwrap();
            assert_eq!((backlog.weight(), tail.weight(), tail.readers()), (0, 0, 0));
        },
        RUNS,
    );
}

#[test]
fn interleaved_readings_of_the_clock_never_go_back() {
    check_random(
        || {
            let time = Arc::new(ManualTime::at(Timestamp(1_000)));
            let clock = Clock::new(time.clone(), Arc::new(NoObserver), Timestamp::MIN);
            let clock = Arc::new(clock);
            let readers = [0, 1].map(|_| {
                let clock = clock.clone();
                thread::spawn(move || {
                    let readings = [clock.now(), clock.now(), clock.now()];
                    assert!(readings.is_sorted());
                })
            });
            time.advance(Duration::from_nanos(10));
            time.step_to(Timestamp(0));
            time.advance(Duration::from_nanos(10));
            for reader in readers {
                reader.join().unwrap();
            }
        },
        RUNS,
    );
}

#[test]
fn interleaved_who_sees_a_released_id_finds_its_message_in_the_tail_or_below_it() {
    check_random(
        || {
            let backlog = Arc::new(Backlog::new(usize::MAX));
            let subject = Subject::new("s").unwrap();
            let lane = Arc::new(Lane::new(subject, MessageId::NONE, backlog));
            let reader = lane.tail.attach();
            let releasing = thread::spawn({
                let lane = lane.clone();
                move || {
                    for id in 1..=3 {
                        lane.release(MessageId(id));
                        lane.tail.push(std::iter::once(message(id)));
                    }
                    lane.tail.end(SubscriptionEnd::Closing);
                }
            });
            let mut seen = MessageId::NONE;
            while seen < MessageId(3) {
                let released = lane.released();
                assert!(released >= seen);
                seen = released;
                thread::yield_now();
            }
            assert_eq!(read_to_end(reader), 0);
            releasing.join().unwrap();
        },
        RUNS,
    );
}
