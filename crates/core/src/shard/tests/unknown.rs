//! Outcomes that the store does not know yet, of whole appends and of single messages.

use super::{KEEP, PASS, plain};
use crate::{
    AppendError, Appended, Limits, MessageId, PublishError, Start,
    testing::{Bench, Held, answer, publication, subject, take},
};

fn unknown() -> Appended {
    Appended::Unknown("cut off".into())
}

fn ids(held: &Held) -> Vec<(String, u64)> {
    held.batch.iter().map(|one| (one.subject.to_string(), one.id.0)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_asked_again_with_the_same_ids_until_it_is_known() {
    let bench = Bench::new(Limits::default()).await;
    let mut subscription = bench.broker.subscribe(subject("s"), Start::New).await.unwrap();
    bench.store.hold();
    let unknown = bench.submit("s", "unknown", KEEP);
    bench.store.held().await.fail(AppendError::Unknown("cut off".into()));
    let later = bench.submit("s", "later", KEEP);
    let mut rounds = 0;
    let (first, second) = loop {
        let held = bench.store.held().await;
        if held.batch[0].body == "later" {
            held.succeed();
            continue;
        }
        assert_eq!(held.batch[0].id, MessageId(1));
        rounds += 1;
        // Long enough for the publishers to be told that nobody knows.
        if rounds < 120 {
            held.fail(AppendError::Unavailable("still away".into()));
        } else {
            let answers = (answer(unknown).await, answer(later).await);
            held.succeed();
            break answers;
        }
    };
    assert_eq!(first, Err(PublishError::OutcomeUnknown));
    assert_eq!(second, Err(PublishError::OutcomeUnknown));
    // Its place was held: what is seen live is what a replay will show.
    assert_eq!(take(&mut subscription, 2).await, plain(&["unknown", "later"]));
}

#[tokio::test(start_paused = true)]
async fn a_message_of_unknown_outcome_holds_up_its_own_subject_only() {
    let bench = Bench::new(Limits::default()).await;
    let mut doubtful = bench.broker.subscribe(subject("a"), Start::New).await.unwrap();
    bench.store.hold();
    let batch = [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("d", "5")];
    let batch: Vec<_> = batch.map(|(name, body)| publication(name, body, KEEP)).into();
    let mut receipt = bench.broker.try_submit(batch).unwrap();
    let away = Appended::Unavailable("its part is away".into());
    let refused = Appended::Refused("a row that the store does not take".into());
    let words = vec![unknown(), Appended::Stored, Appended::Stored, away, refused];
    bench.store.held().await.answer(words);

    // `b` is released while `a` waits for its first message.
    let again = bench.store.held().await;
    assert_eq!(ids(&again), [("a".to_owned(), 1)], "with the same id, and nothing else");
    assert!(bench.broker.fetch(&subject("b"), MessageId(1)).await.is_ok());
    assert!(bench.broker.fetch(&subject("a"), MessageId(2)).await.is_err());
    again.fail(AppendError::Unavailable("speaks of this try only".into()));
    let again = bench.store.held().await;
    again.answer(vec![Appended::Unavailable("this one too".into())]);
    let again = bench.store.held().await;
    assert!(futures_util::FutureExt::now_or_never(&mut receipt).is_none());
    again.answer(vec![Appended::Stored]);

    let answers = receipt.await;
    let told: Vec<_> = answers.into_iter().map(|answer| answer.map(|it| it.id.0)).collect();
    let [away, refused] = [PublishError::StorageUnavailable, PublishError::Refused].map(Err);
    assert_eq!(told, [Ok(1), Ok(1), Ok(2), away, refused]);
    assert_eq!(take(&mut doubtful, 2).await, plain(&["1", "3"]));
}

#[tokio::test(start_paused = true)]
async fn repeats_have_turns_of_their_own_and_go_together_in_the_order_of_ids() {
    let limits = Limits { appends_in_flight: 1, ..Limits::default() };
    let bench = Bench::new(limits).await;
    bench.store.hold();
    let first = bench.submit("a", "1", KEEP);
    bench.store.held().await.answer(vec![unknown()]);
    let stuck = bench.submit("b", "2", KEEP);
    let held_stuck = bench.store.held().await;
    // The only turn for first tries is taken, and the repeat comes all the same.
    let again = bench.store.held().await;
    assert_eq!(ids(&again), [("a".to_owned(), 1)]);
    held_stuck.answer(vec![unknown()]);
    let last = bench.submit("a", "3", KEEP);
    bench.store.held().await.answer(vec![unknown()]);
    let other = bench.submit("c", "4", KEEP);
    bench.store.held().await.succeed();
    assert_eq!(answer(other).await, Ok(1));
    again.answer(vec![unknown()]);
    // Behind the only turn for repeats they gathered: one append has them all.
    let again = bench.store.held().await;
    let all = [("a", 1), ("a", 2), ("b", 1)].map(|(name, id)| (name.to_owned(), id));
    assert_eq!(ids(&again), all);
    again.succeed();
    let answers = (answer(first).await, answer(stuck).await, answer(last).await);
    assert_eq!(answers, (Ok(1), Ok(1), Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stays_unknown_is_told_so_in_time_and_keeps_its_place() {
    let bench = Bench::new(Limits::default()).await;
    bench.store.hold();
    let doubtful = bench.submit("s", "1", KEEP);
    let passed = bench.submit("s", "2", PASS);
    let refused = tokio::spawn(async move { (answer(doubtful).await, answer(passed).await) });
    let mut tries = 0;
    while !refused.is_finished() {
        bench.store.held().await.answer(vec![unknown()]);
        tries += 1;
    }
    let Limits { outcome_timeout, retry_pause, .. } = Limits::default();
    assert!(retry_pause * tries >= outcome_timeout, "{tries} tries");
    let unknown = Err(PublishError::OutcomeUnknown);
    assert_eq!(refused.await.unwrap(), (unknown, unknown));
}
