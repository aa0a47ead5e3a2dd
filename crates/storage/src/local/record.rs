//! One record of a segment: its form, how it is written and how it is read.
//!
//! All numbers are little-endian.
//!
//! | bytes | field |
//! | --- | --- |
//! | 4 | length of the whole record |
//! | 4 | checksum of the head: the rest of the fixed part and the subject |
//! | 4 | checksum of the content: headers and body |
//! | 1 | kind |
//! | 1 | length of the subject |
//! | 2 | nothing (zero) |
//! | 4 | length of the headers |
//! | 8 | id (message), up to which id (purge), how far the file was synced (group, end) |
//! | 8 | `published_at` (message), the broker's time (group, end), ns |
//! | 8 | `expires_at` in ns, the highest number for never |
//! | .. | subject, headers (as core writes them), body |
//!
//! Checksums are CRC-32C over the segment's number and then the bytes, so that a record of another
//! segment is none of this one. The head has a checksum of its own: a message whose content is damaged
//! can still be named. A head in which a single bit has turned is mended from its checksum.

use broker_core::{Headers, Message, MessageId, Subject, Timestamp};
use bytes::Bytes;

/// Bytes of the fixed part.
pub const FIXED: usize = 44;

/// Longest head: the fixed part and a subject.
const LONGEST_HEAD: usize = FIXED + 255;

/// Longest record that is believed: a message at the door's limit is below half of it.
pub const LONGEST: usize = 16 * 1024 * 1024;

const NEVER: i64 = i64::MAX;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message.
    Message = 1,
    /// The begin of a commit group.
    Group = 2,
    /// Messages up to an id are removed.
    Purge = 3,
    /// The segment was left in order.
    End = 4,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Message),
            2 => Some(Self::Group),
            3 => Some(Self::Purge),
            4 => Some(Self::End),
            _ => None,
        }
    }
}

/// A record's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    pub kind: Kind,
    /// Of the whole record.
    pub length: usize,
    pub headers_length: usize,
    pub content_checksum: u32,
    pub number: u64,
    pub time: i64,
    pub expires_at: i64,
    pub subject: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads the head at the begin of the bytes, if there is one of this segment.
    pub fn parse(bytes: &'a [u8], segment: u64) -> Option<Self> {
        let fixed = bytes.get(..FIXED)?;
        let kind = Kind::of(fixed[12])?;
        let whole = bytes.get(..FIXED + usize::from(fixed[13]))?;
        let subject = &whole[FIXED..];
        let head = Self {
            kind,
            length: u32_at(fixed, 0) as usize,
            headers_length: u32_at(fixed, 16) as usize,
            content_checksum: u32_at(fixed, 8),
            number: u64_at(fixed, 20),
            time: u64_at(fixed, 28).cast_signed(),
            expires_at: u64_at(fixed, 36).cast_signed(),
            subject,
        };
        let least = FIXED + subject.len() + head.headers_length;
        let is_believed = least <= head.length
            && head.length <= LONGEST
            && u32_at(fixed, 4) == checksum(segment, &[&whole[0..4], &whole[8..]]);
        is_believed.then_some(head)
    }

    /// What is read at first of any record to learn its length.
    pub fn window() -> usize {
        LONGEST_HEAD
    }

    fn expiry(&self) -> Option<Timestamp> {
        (self.expires_at != NEVER).then_some(Timestamp(self.expires_at))
    }

    /// Headers and body, out of the whole record.
    pub fn content<'b>(&self, record: &'b [u8]) -> &'b [u8] {
        &record[FIXED + self.subject.len()..self.length]
    }

    /// The message of this head, with the subject that it names and the content behind it.
    pub fn message(&self, subject: Subject, mut content: Bytes) -> Option<Message> {
        let headers = Headers::from_bytes(content.split_to(self.headers_length)).ok()?;
        let (id, published_at) = (MessageId(self.number), Timestamp(self.time));
        Some(Message::new(subject, id, published_at, self.expiry(), headers, content))
    }
}

/// Finds the one turned bit of a head, if there is one, and turns it back.
pub fn mend_head(bytes: &mut [u8], segment: u64) -> bool {
    let reach = bytes.len().min(LONGEST_HEAD);
    for bit in 0..reach * 8 {
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        bytes[byte] ^= mask;
        if Head::parse(bytes, segment).is_some() {
            return true;
        }
        bytes[byte] ^= mask;
    }
    false
}

/// Whether the content of a whole record is what was written.
pub fn is_content_whole(head: &Head<'_>, record: &[u8], segment: u64) -> bool {
    let content = record.get(FIXED + head.subject.len()..head.length);
    content.is_some_and(|content| checksum(segment, &[content]) == head.content_checksum)
}

/// The head of a message's whole record; `None` when anything of it is damaged.
pub fn whole_message(record: &[u8], segment: u64) -> Option<Head<'_>> {
    let head = Head::parse(record, segment)?;
    (head.kind == Kind::Message && is_content_whole(&head, record, segment)).then_some(head)
}

/// The message of a whole record; `None` when it is damaged.
pub fn message(record: &Bytes, segment: u64) -> Option<Message> {
    let head = whole_message(record, segment)?;
    let subject = Subject::from_bytes(head.subject).ok()?;
    head.message(subject, record.slice_ref(head.content(record)))
}

/// Appends a message's record; answers its length.
pub fn put_message(message: &Message, segment: u64, into: &mut Vec<u8>) -> usize {
    let expires_at = message.expires_at.map_or(NEVER, |at| at.0);
    let headers = message.headers.as_bytes();
    let subject = message.subject.as_bytes();
    let numbers = (message.id.0, message.published_at.0, expires_at);
    put(Kind::Message, numbers, subject, (headers, &message.body), segment, into)
}

/// Appends a record without content.
pub fn put_mark(
    kind: Kind,
    number: u64,
    time: Timestamp,
    subject: &[u8],
    segment: u64,
    into: &mut Vec<u8>,
) -> usize {
    put(kind, (number, time.0, NEVER), subject, (&[], &[]), segment, into)
}

fn put(
    kind: Kind,
    (number, time, expires_at): (u64, i64, i64),
    subject: &[u8],
    (headers, body): (&[u8], &[u8]),
    segment: u64,
    into: &mut Vec<u8>,
) -> usize {
    let length = FIXED + subject.len() + headers.len() + body.len();
    // Subjects have at most 255 bytes and messages a few MiB: nothing here is cut.
    let narrow = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut fixed = [0; FIXED];
    fixed[0..4].copy_from_slice(&narrow(length).to_le_bytes());
    fixed[8..12].copy_from_slice(&checksum(segment, &[headers, body]).to_le_bytes());
    fixed[12] = kind as u8;
    fixed[13] = u8::try_from(subject.len()).unwrap_or(u8::MAX);
    fixed[16..20].copy_from_slice(&narrow(headers.len()).to_le_bytes());
    fixed[20..28].copy_from_slice(&number.to_le_bytes());
    fixed[28..36].copy_from_slice(&time.to_le_bytes());
    fixed[36..44].copy_from_slice(&expires_at.to_le_bytes());
    let head = checksum(segment, &[&fixed[0..4], &fixed[8..], subject]);
    fixed[4..8].copy_from_slice(&head.to_le_bytes());
    into.extend_from_slice(&fixed);
    into.extend_from_slice(subject);
    into.extend_from_slice(headers);
    into.extend_from_slice(body);
    length
}

/// CRC-32C over a number and some bytes.
pub fn checksum(number: u64, parts: &[&[u8]]) -> u32 {
    let start = crc32c::crc32c(&number.to_le_bytes());
    parts.iter().fold(start, |sum, part| crc32c::crc32c_append(sum, part))
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Message {
        let headers = Headers::from_pairs([("k", "v")]).unwrap();
        let body = Bytes::from_static(b"body");
        let expires_at = Some(Timestamp(77));
        let subject = Subject::new("subject").unwrap();
        Message::new(subject, MessageId(5), Timestamp(9), expires_at, headers, body)
    }

    #[test]
    fn a_message_comes_back_whole_and_only_in_its_segment() {
        let mut bytes = Vec::new();
        assert_eq!(put_message(&sample(), 3, &mut bytes), bytes.len());
        let bytes = Bytes::from(bytes);
        assert_eq!(message(&bytes, 3), Some(sample()));
        assert_eq!(message(&bytes, 4), None);
    }

    #[test]
    fn every_turned_bit_is_found_and_one_in_the_head_is_mended() {
        let mut whole = Vec::new();
        put_message(&sample(), 3, &mut whole);
        let head = FIXED + "subject".len();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(message(&Bytes::from(bytes.clone()), 3), None, "bit {bit}");
            let is_head = bit / 8 < head;
            if is_head && Head::parse(&bytes, 3).is_none() {
                assert!(mend_head(&mut bytes, 3), "bit {bit}");
            }
            let named = Head::parse(&bytes, 3).unwrap();
            assert_eq!((named.number, named.subject), (5, &b"subject"[..]), "bit {bit}");
        }
    }
}
