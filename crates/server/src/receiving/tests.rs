//! Frames taken apart, however they were cut.

use super::*;
use crate::observe::NoRpcObserver;
use futures_util::{FutureExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use std::{convert::Infallible, sync::Arc};

fn room(limit: usize) -> Room {
    Room::new("receiving_bytes", limit, Arc::new(NoRpcObserver))
}

fn receiving(
    pieces: Vec<Bytes>,
    kind: Kind,
    room: &Room,
) -> Receiving<impl Body<Data = Bytes> + Unpin + use<>> {
    let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let request = Request::new(StreamBody::new(stream::iter(frames)));
    Receiving::new(request, kind, room.clone()).unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

fn pieces(bytes: &[u8], size: usize) -> Vec<Bytes> {
    bytes.chunks(size).map(Bytes::copy_from_slice).collect()
}

#[tokio::test]
async fn messages_come_whole_however_they_were_cut() {
    let wire = [framed(b"one"), framed(b""), framed(&[7; 300])].concat();
    for size in [1, 2, 3, 5, 8, 100, wire.len()] {
        let room = room(1_000);
        let mut receiving = receiving(pieces(&wire, size), Kind::Batches, &room);
        for expected in [&b"one"[..], b"", &[7; 300]] {
            let message = receiving.next().await.unwrap().unwrap();
            assert_eq!(message.bytes, expected, "in pieces of {size}");
        }
        assert!(receiving.next().await.unwrap().is_none());
        assert!(room.try_take(1_000).is_ok(), "all room is given back");
    }
}

#[tokio::test]
async fn what_ends_in_the_middle_is_malformed() {
    let wire = framed(b"message");
    for length in 1..wire.len() {
        let mut receiving = receiving(pieces(&wire[..length], 3), Kind::Unary, &room(1_000));
        let cut = receiving.next().await;
        assert!(matches!(cut, Err(Problem::Invalid(Invalid::Malformed(_)))), "at {length}");
    }
}

#[tokio::test]
async fn a_length_is_refused_before_anything_is_read() {
    for kind in [Kind::Unary, Kind::Batches] {
        let huge = Bytes::from_static(&[0, 0xFF, 0xFF, 0xFF, 0xFF]);
        let mut receiving = receiving(vec![huge], kind, &room(1_000));
        assert_eq!(receiving.next().await.map(|_| ()), Err(kind.too_large(u32::MAX as usize)));
    }
}

#[tokio::test]
async fn a_unary_message_beyond_the_limit_is_read_without_room_and_named() {
    let wire = framed(&vec![0; MAX_MESSAGE + 1]);
    let mut receiving = receiving(pieces(&wire, 16_384), Kind::Unary, &room(1));
    let refused = receiving.next().await.map(|_| ());
    assert_eq!(refused, Err(Invalid::TooLarge(MAX_MESSAGE + 1).into()));
}

#[tokio::test(start_paused = true)]
async fn a_message_in_pieces_waits_for_room_and_holds_none_meanwhile() {
    let room = room(10);
    let taken = room.try_take(5).unwrap();
    let wire = framed(&[1; 8]);
    let mut waiting = receiving(pieces(&wire, 6), Kind::Batches, &room);
    assert!(waiting.next().now_or_never().is_none());
    drop(taken);
    assert_eq!(waiting.next().await.unwrap().unwrap().bytes, &[1; 8][..]);
    let _taken = room.try_take(5).unwrap();
    let mut refused = receiving(pieces(&wire, 6), Kind::Batches, &room);
    let refused = refused.next().await.map(|_| ());
    assert_eq!(refused, Err(Problem::Overloaded("receiving_bytes")));
}
