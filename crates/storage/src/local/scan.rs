//! Reading a segment from its first record to its last: after a crash, or to make its index anew.
//!
//! What is damage and what is a torn end: bytes that are no record are damage if the file is known to
//! have been synced beyond them (each group says how far it was when the group was written, an end mark
//! says so of all before it) or if a record of the same segment follows them. Only what follows the last
//! record and was not known to be synced is the torn end of a write that a crash cut short. A segment that
//! is written no more was synced whole before the next was begun: it has no torn end.

use super::{
    disk::DiskFile,
    index::{Entry, Index},
    record::{self, Head, Kind},
    segment::{HEAD, log_name},
};
use broker_core::Subject;
use std::{collections::HashMap, io};

/// What a segment turned out to hold.
pub struct Scan {
    pub index: Index,
    pub purges: HashMap<Subject, u64>,
    /// Where the next record goes.
    pub end: u64,
    /// The latest time in it, ns.
    pub time: i64,
    /// Bytes of a torn end.
    pub torn: u64,
    /// Damage, in words.
    pub damage: Vec<String>,
}

/// Whether a segment is still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// It is the active one: its end may be torn.
    On,
    /// Another one followed it.
    Over,
}

/// Reads a segment.
pub fn scan(file: &dyn DiskFile, number: u64, writing: Writing) -> io::Result<Scan> {
    let length = file.length()?;
    let size = usize::try_from(length.saturating_sub(HEAD)).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    if size > 0 {
        file.read_at(&mut bytes, HEAD)?;
    }
    let synced = match writing {
        Writing::On => 0,
        Writing::Over => written(&bytes),
    };
    let mut scanner = Scanner {
        bytes,
        number,
        at: 0,
        end: 0,
        synced,
        scan: Scan {
            index: Index::default(),
            purges: HashMap::new(),
            end: HEAD,
            time: i64::MIN,
            torn: 0,
            damage: Vec::new(),
        },
    };
    scanner.run();
    Ok(scanner.scan)
}

struct Scanner {
    bytes: Vec<u8>,
    number: u64,
    at: usize,
    /// Behind the last whole record.
    end: usize,
    /// How far the file is known to have been synced.
    synced: usize,
    scan: Scan,
}

/// A record as far as the scan needs it.
struct Found {
    kind: Kind,
    number: u64,
    time: i64,
    subject: Vec<u8>,
    entry: Entry,
    is_whole: bool,
}

/// Bytes up to the zeros at the end, which are allocated space.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
}

impl Scanner {
    fn run(&mut self) {
        // A message whose content is not whole is damage only if something follows it.
        let mut doubtful: Vec<(usize, Found)> = Vec::new();
        while self.at < self.bytes.len() {
            let Some(found) = self.found_at(self.at) else {
                let gap = self.at;
                match self.next_record(gap + 1) {
                    Some(next) => {
                        self.note_damage(gap, next);
                        self.at = next;
                        continue;
                    }
                    None => break,
                }
            };
            let from = self.at;
            self.at += found.entry.length as usize;
            if found.is_whole {
                for (_, damaged) in doubtful.drain(..) {
                    self.take_damaged(damaged);
                }
                self.take(found);
                self.end = self.at;
            } else {
                doubtful.push((from, found));
            }
        }
        self.finish(doubtful);
    }

    fn finish(&mut self, doubtful: Vec<(usize, Found)>) {
        for (from, found) in doubtful {
            if from < self.synced {
                self.end = from + found.entry.length as usize;
                self.take_damaged(found);
            }
        }
        if self.end < self.synced {
            self.note_damage(self.end, self.synced);
            self.end = self.synced;
        }
        self.scan.torn = written(&self.bytes).saturating_sub(self.end) as u64;
        self.scan.end = HEAD + self.end as u64;
    }

    /// The record at this place, its head mended if need be.
    fn found_at(&mut self, at: usize) -> Option<Found> {
        let reach = (at + Head::window()).min(self.bytes.len());
        if Head::parse(&self.bytes[at..reach], self.number).is_none() {
            // Zeros are allocated space, not a head with a turned bit.
            if self.bytes[at..reach].iter().all(|byte| *byte == 0)
                || !record::mend_head(&mut self.bytes[at..reach], self.number)
            {
                return None;
            }
            let name = log_name(self.number);
            self.scan
                .damage
                .push(format!("{name}: the head of the record at {} was mended", HEAD + at as u64));
        }
        let head = Head::parse(&self.bytes[at..reach], self.number)?;
        let whole = self.bytes.get(at..at + head.length)?;
        let narrow = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        Some(Found {
            kind: head.kind,
            number: head.number,
            time: head.time,
            subject: head.subject.to_vec(),
            entry: Entry {
                id: head.number,
                offset: narrow(HEAD + at as u64),
                length: narrow(head.length as u64),
                expires_at: head.expires_at,
            },
            is_whole: record::is_content_whole(&head, whole, self.number),
        })
    }

    /// The next place from which a record can be read.
    fn next_record(&self, from: usize) -> Option<usize> {
        (from..self.bytes.len()).find(|at| {
            self.bytes[*at] != 0
                && Head::parse(
                    &self.bytes[*at..(at + Head::window()).min(self.bytes.len())],
                    self.number,
                )
                .is_some_and(|head| at + head.length <= self.bytes.len())
        })
    }

    fn take(&mut self, found: Found) {
        self.scan.time = self.scan.time.max(found.time);
        match found.kind {
            Kind::Group | Kind::End => {
                let synced = found.number.saturating_sub(HEAD);
                self.synced = self.synced.max(usize::try_from(synced).unwrap_or(0));
            }
            Kind::Purge => {
                if let Ok(subject) = Subject::from_bytes(&found.subject) {
                    let purged = self.scan.purges.entry(subject).or_default();
                    *purged = (*purged).max(found.number);
                }
            }
            Kind::Message => self.index(found),
        }
    }

    fn index(&mut self, found: Found) {
        if let Ok(subject) = Subject::from_bytes(&found.subject) {
            self.scan.index.insert(&subject, found.entry);
        }
    }

    /// A message that can be named and not be given: its readers are told so.
    fn take_damaged(&mut self, found: Found) {
        let name = log_name(self.number);
        let subject = String::from_utf8_lossy(&found.subject).into_owned();
        let id = found.number;
        self.scan.damage.push(format!("{name}: message {id} of {subject:?} is damaged"));
        if found.kind == Kind::Message {
            self.index(found);
        }
    }

    fn note_damage(&mut self, from: usize, to: usize) {
        let name = log_name(self.number);
        let (from, to) = (HEAD + from as u64, HEAD + to as u64);
        self.scan.damage.push(format!("{name}: bytes {from} to {to} are damaged"));
    }
}
