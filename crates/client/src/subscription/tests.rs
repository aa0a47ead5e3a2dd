//! What a subscription makes of single messages.

use super::{Event, follow::Progress};
use broker_proto::MessageResponse;

fn message(id: u64, missed: u64) -> MessageResponse {
    MessageResponse { id, missed, subject: "s".into(), ..MessageResponse::default() }
}

/// The id and the losses of a message; `Err`: the id of a discarded one.
fn shown(event: Event) -> Result<(u64, u64), u64> {
    match event {
        Event::Message(delivery) => Ok((delivery.id, delivery.missed)),
        Event::Discarded { id } => Err(id),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_position_is_the_last_stored_id() {
    let mut progress = Progress::after(0);
    for (id, position) in [(0, 0), (3, 3), (0, 3), (7, 7)] {
        assert_eq!(shown(progress.take(message(id, 0))), Ok((id, 0)));
        assert_eq!(progress.position(), position);
    }
}

#[test]
fn what_was_seen_is_discarded_and_what_it_said_of_losses_is_not() {
    let mut progress = Progress::after(5);
    assert_eq!(shown(progress.take(message(5, 2))), Err(5));
    assert_eq!(shown(progress.take(message(4, 1))), Err(4));
    assert_eq!(shown(progress.take(message(6, 4))), Ok((6, 7)));
    assert_eq!(shown(progress.take(message(0, 0))), Ok((0, 0)));
    assert_eq!((progress.position(), progress.discarded()), (6, 2));
}

#[test]
fn damage_is_passed_only_when_asked() {
    let mut progress = Progress::after(5);
    progress.meet_damage(9);
    assert_eq!(progress.position(), 5);
    progress.pass_damage();
    assert_eq!(progress.position(), 9);
    progress.pass_damage();
    assert_eq!(progress.position(), 9);
}
