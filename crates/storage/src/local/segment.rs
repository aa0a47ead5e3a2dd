//! A segment's file: its name, its head, and what is known of a sealed one.
//!
//! The first [`HEAD`] bytes are the head; records follow. The head is: magic and format version (8), its
//! checksum (4), the number of replaced segments (4), the generation (8), the broker's time when it was
//! made (8), the version of the `subjects` file then (8), the numbers of the replaced segments (8 each),
//! zeros. The segment's own number is in its file's name and in every checksum.

use super::{
    disk::{Disk, DiskFile},
    index::Index,
    record::{self, Kind, checksum, u32_at, u64_at},
    sorted::damaged,
};
use broker_core::{Subject, Timestamp};
use std::{collections::HashMap, io, sync::Arc};

/// Bytes before the first record.
pub const HEAD: u64 = 4096;

/// Most segments that one segment replaces.
pub const MOST_REPLACED: usize = 256;

/// Format version 1.
const MAGIC: u64 = u64::from_le_bytes(*b"BRKSEG01");

/// What stands at the begin of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentHead {
    /// How often what is in it was copied forward.
    pub generation: u64,
    /// The broker's time when it was made, ns.
    pub time: i64,
    /// The version of the `subjects` file that was in place then.
    pub subjects_version: u64,
    /// Segments whose living messages it has, alone or with the segments made just before it.
    pub replaces: Vec<u64>,
}

impl SegmentHead {
    pub fn encode(&self, number: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD as usize);
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let count = u32::try_from(self.replaces.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.time.to_le_bytes());
        bytes.extend_from_slice(&self.subjects_version.to_le_bytes());
        for replaced in &self.replaces {
            bytes.extend_from_slice(&replaced.to_le_bytes());
        }
        bytes.resize(HEAD as usize, 0);
        let sum = checksum(number, &[&bytes[12..]]);
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8], number: u64) -> io::Result<Self> {
        let is_whole = bytes.len() >= HEAD as usize
            && u32_at(bytes, 8) == checksum(number, &[&bytes[12..HEAD as usize]]);
        if !is_whole {
            return Err(damaged(format!("the head of {} is damaged", log_name(number))));
        }
        if u64_at(bytes, 0) != MAGIC {
            let other = "is of a format that this version does not know";
            return Err(damaged(format!("{} {other}", log_name(number))));
        }
        let count = (u32_at(bytes, 12) as usize).min(MOST_REPLACED);
        Ok(Self {
            generation: u64_at(bytes, 16),
            time: u64_at(bytes, 24).cast_signed(),
            subjects_version: u64_at(bytes, 32),
            replaces: (0..count).map(|at| u64_at(bytes, 40 + 8 * at)).collect(),
        })
    }

    pub fn read(file: &dyn DiskFile, number: u64) -> io::Result<Self> {
        let mut bytes = vec![0; HEAD as usize];
        file.read_at(&mut bytes, 0)?;
        Self::decode(&bytes, number)
    }
}

/// The name of a segment's file.
pub fn log_name(number: u64) -> String {
    format!("{number:016x}.log")
}

/// The name of a sealed segment's index.
pub fn index_name(number: u64) -> String {
    format!("{number:016x}.index")
}

/// The number in a file's name, if it has this ending.
pub fn number_of(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending)?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// What is known of a sealed segment; kept in the foot of its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    pub messages: u64,
    /// When its last message expires, ns; the highest number for never.
    pub latest_expiry: i64,
    /// When three quarters of its bytes have expired, ns.
    pub mostly_dead_at: i64,
    /// The latest time in it, ns.
    pub time: i64,
    /// Where its records end.
    pub end: u64,
    pub generation: u64,
}

impl Summary {
    pub fn of(index: &Index, time: i64, end: u64, generation: u64) -> Self {
        let mut expiries: Vec<(i64, u64)> = Vec::new();
        for (_, entries) in index.sorted() {
            expiries.extend(entries.iter().map(|one| (one.expires_at, u64::from(one.length))));
        }
        expiries.sort_unstable();
        let all: u64 = expiries.iter().map(|(_, length)| length).sum();
        let mut dead = 0;
        let mostly_dead_at = expiries
            .iter()
            .find(|(_, length)| {
                dead += length;
                dead * 4 >= all * 3
            })
            .map_or(i64::MIN, |(at, _)| *at);
        let latest_expiry = expiries.last().map_or(i64::MIN, |(at, _)| *at);
        let messages = expiries.len() as u64;
        Self { messages, latest_expiry, mostly_dead_at, time, end, generation }
    }

    pub fn encode(&self) -> Vec<u8> {
        [
            self.messages,
            self.latest_expiry.cast_unsigned(),
            self.mostly_dead_at.cast_unsigned(),
            self.time.cast_unsigned(),
            self.end,
            self.generation,
        ]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
    }

    pub fn decode(note: &[u8]) -> io::Result<Self> {
        if note.len() < 48 {
            return Err(damaged("an index has no summary"));
        }
        Ok(Self {
            messages: u64_at(note, 0),
            latest_expiry: u64_at(note, 8).cast_signed(),
            mostly_dead_at: u64_at(note, 16).cast_signed(),
            time: u64_at(note, 24).cast_signed(),
            end: u64_at(note, 32),
            generation: u64_at(note, 40),
        })
    }
}

/// Makes a segment's file durable with its head and the purges. Answers it and its end.
pub fn begin_segment(
    disk: &dyn Disk,
    number: u64,
    head: &SegmentHead,
    purges: &HashMap<Subject, u64>,
) -> io::Result<(Arc<dyn DiskFile>, u64)> {
    let mut bytes = head.encode(number);
    for (subject, up_to) in purges {
        let (time, name) = (Timestamp(head.time), subject.as_bytes());
        record::put_mark(Kind::Purge, *up_to, time, name, number, &mut bytes);
    }
    // Aside first: a segment that a crash leaves half made would be taken for one without the purges.
    let (name, aside) = (log_name(number), format!("{}.new", log_name(number)));
    let file = disk.create(&aside)?;
    let made = file.write_at(&bytes, 0).and_then(|()| file.sync());
    if let Err(error) = made {
        // What stays is removed at the next start.
        let _ = disk.unlink(&aside);
        return Err(error);
    }
    disk.rename(&aside, &name)?;
    disk.sync_directory()?;
    Ok((file, bytes.len() as u64))
}
