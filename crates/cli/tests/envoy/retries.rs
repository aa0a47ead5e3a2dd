//! What Envoy sends again, to another broker: what the broker says is surely not stored, and what never
//! reached one. Of a message whose outcome is unknown there is one copy, for ever.

use crate::{
    calls,
    fake::Answer,
    pair::{Pair, status, unnoticed},
    waiting::{PATIENCE, within},
};
use broker_proto::PublishBatch;
use broker_test_servers::envoy::{self, Setup};
use std::time::Duration;
use tokio_stream::StreamExt;
use tonic::{Code, Request, Status};

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_whose_connection_breaks_is_not_sent_again() {
    let pair = Pair::start([Answer::None, Answer::None]).await;
    let client = pair.client().await;
    for round in 1..=10 {
        let (told, ()) =
            tokio::join!(calls::publish(&client, calls::kept("a", "x")), pair.cut_after(round));
        let told = told.expect_err("nobody answered");
        assert_eq!(told.code(), Code::Unavailable, "{told:?}");
        assert!(calls::retry_after(&told).is_none(), "nobody knows whether it is stored: {told:?}");
        assert_eq!(pair.calls(), round, "a publish was sent again");
    }
    assert_eq!(pair.envoy.statistic("cluster.brokers.upstream_rq_retry").await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_a_publish_stream() {
    let pair = Pair::start([Answer::None, Answer::None]).await;
    let mut client = pair.client().await;
    let batch = PublishBatch { messages: vec![calls::kept("a", "x")] };
    let (told, ()) = tokio::join!(
        within(PATIENCE, "an answer", client.publish_stream(tokio_stream::iter([batch]))),
        pair.cut_after(1)
    );
    let told = told.expect_err("nobody answered");
    assert!(calls::retry_after(&told).is_none(), "{told:?}");
    assert_eq!(pair.calls(), 1);
}

/// Even if its address is one that Envoy trusts.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_ask_for_what_is_not_safe() {
    let trust = |setup: Setup| {
        let internal =
            "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}";
        let remote = "                use_remote_address: true\n";
        setup.with(remote, &format!("{remote}                {internal}\n"))
    };
    let pair = Pair::start_with([Answer::None, Answer::None], trust).await;
    let mut client = pair.client().await;
    let mut request = Request::new(calls::kept("a", "x"));
    for (name, value) in [
        ("x-envoy-retry-on", "reset,5xx,gateway-error"),
        ("x-envoy-retry-grpc-on", "unavailable,cancelled,deadline-exceeded,internal"),
        ("x-envoy-max-retries", "5"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", "100"),
        ("x-envoy-hedge-on-per-try-timeout", "true"),
    ] {
        request.metadata_mut().insert(name, value.parse().expect("plain"));
    }
    let (told, ()) =
        tokio::join!(within(PATIENCE, "an answer", client.publish(request)), pair.cut_after(1));
    assert_eq!(told.expect_err("nobody answered").code(), Code::Unavailable);
    assert_eq!(pair.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_takes_too_long_is_not_sent_again() {
    let pair = Pair::start([Answer::None, Answer::None]).await;
    let mut client = pair.client().await;
    let mut request = Request::new(calls::kept("a", "x"));
    request.set_timeout(Duration::from_secs(1));
    let told = within(PATIENCE, "an answer", client.publish(request)).await;
    let told = told.expect_err("nobody answered");
    assert!([Code::DeadlineExceeded, Code::Cancelled].contains(&told.code()), "{told:?}");
    assert_eq!(pair.calls(), 1);
}

/// The same break, under a call that only reads: what stands above can fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_whose_connection_breaks_is_sent_again() {
    let pair = Pair::start([Answer::None, Answer::Ok]).await;
    let client = pair.client().await;
    let fetches = async {
        for _ in 0..4 {
            calls::fetch(&client, "a", 1).await.expect("the other one answers");
        }
    };
    let cuts = async {
        for call in 1.. {
            pair.fakes[0].called(call).await;
            pair.proxies[0].cut();
        }
    };
    tokio::select! {
        () = fetches => {}
        () = cuts => unreachable!("it goes on for ever"),
    }
    assert!(pair.fakes[0].calls() > 0, "no connection broke");
    assert_eq!(pair.fakes[1].calls(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_surely_not_stored_goes_to_another_broker() {
    for reason in ["STANDBY", "BROKER_CLOSING"] {
        // Wherever the reason stands in the details: base64 has three forms of it.
        for text in ["", "a", "ab", "this broker stands by"] {
            let refused = Answer::Refused(status(Code::Unavailable, reason, text));
            let pair = Pair::start([refused, Answer::Ok]).await;
            let client = pair.client().await;
            for _ in 0..6 {
                calls::publish(&client, calls::kept("a", "x"))
                    .await
                    .expect("the other one takes it");
            }
            assert_eq!(pair.fakes[1].calls(), 6);
            assert!(pair.fakes[0].calls() > 0, "{reason} was never told");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_stream_that_is_turned_away_goes_to_another_broker() {
    let refused = Answer::Refused(status(Code::Unavailable, "STANDBY", "stands by"));
    let pair = Pair::start([refused, Answer::Ok]).await;
    for _ in 0..4 {
        let batch = PublishBatch { messages: vec![calls::kept("a", "x")] };
        let answer = pair.client().await.publish_stream(tokio_stream::iter([batch])).await;
        let mut acks = answer.expect("the other one takes it").into_inner();
        acks.next().await.expect("an answer").expect("an empty one");
    }
    assert_eq!(pair.fakes[1].calls(), 4);
}

/// An owner that is replaced ends streams with STANDBY, too, after it may have stored what they sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_publish_stream_that_had_begun_is_not_sent_again() {
    let ended = || Answer::Ended(status(Code::Unavailable, "STANDBY", "stands by"));
    let pair = Pair::start([ended(), ended()]).await;
    let batch = PublishBatch { messages: vec![calls::kept("a", "x")] };
    let answer = pair.client().await.publish_stream(tokio_stream::iter([batch])).await;
    let mut acks = answer.expect("it begins").into_inner();
    let told = within(PATIENCE, "the end", acks.next()).await.expect("a status");
    assert_eq!(calls::reason(&told.expect_err("it stands by")), "STANDBY");
    assert_eq!(pair.calls(), 1);
}

/// Envoy keeps no more of a message than a stream's window; what is larger can be sent but once.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_message_the_refusal_is_passed_on() {
    let refused = Answer::Refused(status(Code::Unavailable, "STANDBY", "stands by"));
    let pair = Pair::start([refused.clone(), refused]).await;
    let client = pair.client().await;
    for (bytes, attempts) in [(900_000, 3), (3_000_000, 1)] {
        let before = pair.calls();
        let told = calls::publish(&client, calls::kept("a", vec![7; bytes])).await;
        assert_eq!(calls::reason(&told.expect_err("both stand by")), "STANDBY");
        assert_eq!(pair.calls() - before, attempts, "{bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_answer_is_passed_on() {
    let answers = [
        status(Code::DeadlineExceeded, "OUTCOME_UNKNOWN", "the store did not say"),
        status(Code::Unavailable, "STORAGE_UNAVAILABLE", "nothing was stored"),
        status(Code::ResourceExhausted, "OVERLOADED", "too much"),
        status(Code::Internal, "INTERNAL", "the broker failed"),
        status(Code::InvalidArgument, "INVALID_SUBJECT", "STANDBY broker BROKER_CLOSING broker"),
        status(Code::DeadlineExceeded, "STANDBY_NOT", "a longer reason"),
        // As another proxy says that its connection to the broker broke under the call.
        Status::unavailable("upstream connect error or disconnect/reset before headers"),
    ];
    for answer in answers {
        let both = || Answer::Refused(answer.clone());
        let pair = Pair::start([both(), both()]).await;
        let told = calls::publish(&pair.client().await, calls::kept("a", "x")).await;
        let told = told.expect_err("it was refused");
        assert_eq!((told.code(), told.message()), (answer.code(), answer.message()));
        assert_eq!(told.details(), answer.details());
        assert_eq!(pair.calls(), 1, "sent again after {answer:?}");
    }
}

/// The first attempt found nobody, the second broke: that it is surely not stored may not be said.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_attempt_decides_what_is_sure() {
    let pair = Pair::start_with([Answer::None, Answer::None], unnoticed).await;
    pair.proxies[0].go_away().await;
    let client = pair.client().await;
    let mut twice = false;
    for round in 1.. {
        let (told, ()) =
            tokio::join!(calls::publish(&client, calls::kept("a", "x")), pair.cut_after(round));
        let told = told.expect_err("nobody answered");
        assert!(calls::retry_after(&told).is_none(), "{told:?}");
        assert_eq!(pair.calls(), round, "a publish was sent again");
        let retries = pair.envoy.statistic("cluster.brokers.upstream_rq_retry").await;
        twice |= retries.expect("it counts") > 0;
        if round >= 4 {
            break;
        }
    }
    assert!(twice, "no first attempt found nobody");
}

/// The forms of a reason in the file are those of base64, each with the marks around it that no text of a
/// message can hold.
#[test]
fn the_file_knows_the_reasons_in_base64() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let shipped = envoy::shipped();
    for reason in ["STANDBY", "BROKER_CLOSING"] {
        let length = u8::try_from(reason.len()).expect("short");
        let mut info = vec![10, length];
        info.extend_from_slice(reason.as_bytes());
        info.extend_from_slice(b"\x12\x06broker");
        for skipped in 0..3 {
            let whole = (info.len() - skipped) / 3 * 3;
            let form = STANDARD.encode(&info[skipped..skipped + whole]);
            let line = format!("string_match: {{contains: {form}}}");
            assert_eq!(shipped.matches(&line).count(), 1, "{reason}: {form}");
        }
    }
    assert_eq!(
        shipped.matches("{name: grpc-status-details-bin, string_match: {contains: ").count(),
        6
    );
}
