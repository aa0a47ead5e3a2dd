//! Requests and messages between wire and core.

use super::*;

fn request() -> wire::PublishRequest {
    wire::PublishRequest { subject: "s".into(), ..Default::default() }
}

fn read(request: &wire::PublishRequest) -> Result<Publication, Invalid> {
    encoded_as(&request.encode_to_vec())
}

fn encoded_as(request: &[u8]) -> Result<Publication, Invalid> {
    let buffer = Bytes::copy_from_slice(request);
    Publications::default().read(&buffer, &buffer)
}

fn lifetime_of(request: &wire::PublishRequest) -> Result<Lifetime, Invalid> {
    read(request).map(|publication| publication.lifetime)
}

fn duration(seconds: i64, nanos: i32) -> wire::PublishRequest {
    let expiration = Some(prost_types::Duration { seconds, nanos });
    wire::PublishRequest { expiration, ..request() }
}

#[test]
fn a_lifetime_is_one_of_three_and_zeros_are_the_same_as_absent() {
    assert_eq!(lifetime_of(&request()), Ok(Lifetime::DeliverOnly));
    assert_eq!(lifetime_of(&duration(0, 0)), Ok(Lifetime::DeliverOnly));
    let two = wire::PublishRequest { expiration_seconds: 2, ..request() };
    assert_eq!(lifetime_of(&two), Ok(Lifetime::For(Duration::from_secs(2))));
    assert_eq!(lifetime_of(&duration(0, 1)), Ok(Lifetime::For(Duration::from_nanos(1))));
    let keep = wire::PublishRequest { keep: true, ..duration(0, 0) };
    assert_eq!(lifetime_of(&keep), Ok(Lifetime::Forever));
    for (keep, seconds, nanos) in [(true, 1, 0), (true, 0, 1), (false, 1, 1), (true, 1, 1)] {
        let several =
            wire::PublishRequest { keep, expiration_seconds: seconds, ..duration(0, nanos) };
        assert_eq!(lifetime_of(&several), Err(Invalid::SeveralLifetimes));
    }
}

#[test]
fn lifetimes_out_of_range_are_refused() {
    let century = 3_155_760_000;
    assert!(lifetime_of(&duration(century, 0)).is_ok());
    assert!(lifetime_of(&duration(century, 1)).is_err());
    for (seconds, nanos) in [
        (-1, 0),
        (0, -1),
        (1, -1),
        (-1, 1),
        (0, 1_000_000_000),
        (i64::MAX, 0),
        (i64::MIN, i32::MIN),
    ] {
        let invalid = lifetime_of(&duration(seconds, nanos)).unwrap_err();
        assert_eq!(invalid.reason_and_field(), ("INVALID_EXPIRATION", Some("expiration")));
    }
    for seconds in [-1, i32::MIN] {
        let negative = wire::PublishRequest { expiration_seconds: seconds, ..request() };
        assert_eq!(lifetime_of(&negative), Err(Invalid::NegativeSeconds(seconds)));
    }
    let most = wire::PublishRequest { expiration_seconds: i32::MAX, ..request() };
    assert!(lifetime_of(&most).is_ok());
}

#[test]
fn a_message_at_the_limit_passes_and_one_byte_more_does_not() {
    let mut fitting = request();
    let overhead = wire::PublishRequest { body: vec![0; MAX_MESSAGE - 100].into(), ..request() }
        .encoded_len()
        - (MAX_MESSAGE - 100);
    fitting.body = vec![7; MAX_MESSAGE - overhead].into();
    assert_eq!(fitting.encoded_len(), MAX_MESSAGE);
    let publication = read(&fitting).unwrap();
    let message = Message::new(
        publication.subject,
        MessageId(u64::MAX),
        Timestamp(i64::MAX),
        Some(Timestamp(i64::MAX)),
        publication.headers,
        publication.body,
    );
    assert!(message_frame(&message).len() - 5 <= 4 * 1024 * 1024);
    fitting.body = vec![7; MAX_MESSAGE - overhead + 1].into();
    assert_eq!(read(&fitting), Err(Invalid::TooLarge(MAX_MESSAGE + 1)));
}

#[test]
fn a_frame_is_what_the_generated_code_would_have_made() {
    let headers = Headers::from_pairs([("k", "v"), ("empty", "")]).unwrap();
    let message = Message::new(
        Subject::new("süß").unwrap(),
        MessageId(300),
        Timestamp(1_700_000_000_000_000_001),
        Some(Timestamp(1_800_000_000_000_000_000)),
        headers,
        Bytes::from_static(b"body"),
    );
    let mut frame = BytesMut::new();
    put_message_frame(&message, 5, &mut frame);
    assert_eq!(u32::from_be_bytes(frame[1..5].try_into().unwrap()) as usize, frame.len() - 5);
    let decoded = wire::MessageResponse::decode(&frame[5..]).unwrap();
    let expected = wire::MessageResponse {
        body: Bytes::from_static(b"body"),
        id: 300,
        subject: "süß".into(),
        published_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 1 }),
        expires_at: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
        headers: [("k".to_owned(), "v".to_owned()), ("empty".to_owned(), String::new())].into(),
        missed: 5,
    };
    assert_eq!(decoded, expected);
}

#[test]
fn a_missed_field_behind_a_frame_keeps_the_rest_shared() {
    let message = Message::new(
        Subject::new("s").unwrap(),
        MessageId::NONE,
        Timestamp(0),
        None,
        Headers::default(),
        Bytes::new(),
    );
    let decoded = wire::MessageResponse::decode(&message_frame(&message)[5..]).unwrap();
    assert_eq!((decoded.id, decoded.missed, decoded.expires_at), (0, 0, None));
}

#[test]
fn bad_texts_are_named_by_field() {
    let subject = wire::PublishRequest { subject: "a\u{7f}".into(), ..Default::default() };
    let field = |request| read(&request).unwrap_err().reason_and_field();
    assert_eq!(field(subject), ("INVALID_SUBJECT", Some("subject")));
    let header =
        wire::PublishRequest { headers: [(String::new(), String::new())].into(), ..request() };
    assert_eq!(field(header), ("INVALID_HEADER", Some("headers")));
    let wild = encoded_as(b"\x0a\x01\xff");
    assert_eq!(wild.unwrap_err().reason_and_field(), ("INVALID_SUBJECT", Some("subject")));
    let wild = encoded_as(b"\xff");
    assert!(matches!(wild, Err(Invalid::Malformed(_))));
}
