//! What a target has of a subject already, beside what the source has.

use super::cursor::Cursor;
use anyhow::Result;
use broker_core::{MessageId, Stored};

/// What came of comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The target has nothing else, up to the end of it.
    Fits {
        /// The first message that it misses below its last id: a copy was interrupted there.
        missing: Option<MessageId>,
        /// Messages that both have.
        same: u64,
        /// Ids of messages that are damaged there.
        damaged: Vec<MessageId>,
    },
    /// The target has another message with this id, or one that the source has not.
    Differs(MessageId),
}

/// What two places say of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Same,
    /// The target has not what the source has.
    Missing,
    /// What is there cannot be read.
    Damaged,
    Differs,
}

/// Compares up to the target's last id, and writes nothing.
pub async fn compare(
    from: &mut Cursor<'_>,
    to: &mut Cursor<'_>,
    up_to: MessageId,
) -> Result<Compared> {
    let (mut missing, mut same, mut damaged) = (None, 0, Vec::new());
    loop {
        let here = from.peek().await?.filter(|here| here.id() <= up_to);
        let there = to.peek().await?;
        let Some(id) = here.into_iter().chain(there).map(Stored::id).min() else {
            return Ok(Compared::Fits { missing, same, damaged });
        };
        let of_id = |stored: Option<&Stored>| stored.is_some_and(|stored| stored.id() == id);
        let (is_here, is_there) = (of_id(here), of_id(there));
        match meet(here.filter(|_| is_here), there.filter(|_| is_there)) {
            Meeting::Same => same += u64::from(is_there),
            Meeting::Missing => missing = missing.or(Some(id)),
            Meeting::Damaged => damaged.push(id),
            Meeting::Differs => return Ok(Compared::Differs(id)),
        }
        if is_here {
            from.pass();
        }
        if is_there {
            to.pass();
        }
    }
}

/// Of one id.
fn meet(here: Option<&Stored>, there: Option<&Stored>) -> Meeting {
    match (here, there) {
        (Some(Stored::Message(here)), Some(Stored::Message(there))) if here == there => {
            Meeting::Same
        }
        // It was copied before it was damaged.
        (Some(Stored::Damaged(_)), Some(Stored::Message(_))) => Meeting::Same,
        (_, Some(Stored::Damaged(_))) => Meeting::Damaged,
        (_, Some(Stored::Message(_))) => Meeting::Differs,
        (Some(Stored::Message(_)), None) => Meeting::Missing,
        // There is nothing that could be copied.
        (Some(Stored::Damaged(_)) | None, None) => Meeting::Same,
    }
}
