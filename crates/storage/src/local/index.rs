//! Where the messages of one segment are: in memory while it is written, in a sorted file when it is
//! sealed.

use super::{
    files::Files,
    record::u64_at,
    segment::index_name,
    sorted::{SortedFile, SortedWriter, damaged},
};
use broker_core::Subject;
use foldhash::fast::FixedState;
use std::{collections::HashMap, io};

/// Where one message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    pub offset: u32,
    pub length: u32,
    /// In ns; the highest number for never.
    pub expires_at: i64,
}

/// Bytes of an entry's value in a sorted file.
pub const VALUE: usize = 16;

impl Entry {
    /// Where its record ends.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.length)
    }

    pub fn value(&self) -> [u8; VALUE] {
        let mut value = [0; VALUE];
        value[0..4].copy_from_slice(&self.offset.to_le_bytes());
        value[4..8].copy_from_slice(&self.length.to_le_bytes());
        value[8..16].copy_from_slice(&self.expires_at.to_le_bytes());
        value
    }

    pub fn of(id: u64, value: &[u8]) -> io::Result<Self> {
        if value.len() != VALUE {
            return Err(damaged("an index entry has an impossible length"));
        }
        Ok(Self {
            id,
            offset: super::record::u32_at(value, 0),
            length: super::record::u32_at(value, 4),
            expires_at: u64_at(value, 8).cast_signed(),
        })
    }
}

/// The key of a subject's message: no subject has a zero byte, so keys order by subject, then id.
pub fn key(subject: &[u8], id: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(subject.len() + 9);
    key.extend_from_slice(subject);
    key.push(0);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// The subject and the rest of a key.
pub fn split_key(key: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let zero = key.iter().position(|byte| *byte == 0);
    let zero = zero.ok_or_else(|| damaged("an index key has no end of its subject"))?;
    Ok((&key[..zero], &key[zero + 1..]))
}

/// A number written so that its bytes order as it does.
pub fn number(bytes: &[u8]) -> io::Result<u64> {
    let bytes = bytes.try_into().map_err(|_| damaged("an index key is cut off"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// The messages of a segment, by subject.
#[derive(Default)]
pub struct Index {
    subjects: HashMap<Subject, Places, FixedState>,
    /// Its subjects as they came: a list that only grows can be read in parts.
    names: Vec<Subject>,
    pub messages: u64,
    /// The latest expiry; the highest number as soon as one message never expires.
    pub latest_expiry: Option<i64>,
}

/// Most subjects of a short-lived kind have one message in a segment.
enum Places {
    One(Entry),
    Many(Vec<Entry>),
}

impl Places {
    fn entries(&self) -> &[Entry] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }
}

impl Index {
    /// Adds a message; one that is there already stays.
    pub fn insert(&mut self, subject: &Subject, entry: Entry) {
        self.messages += 1;
        self.latest_expiry = self.latest_expiry.max(Some(entry.expires_at));
        match self.subjects.get_mut(subject) {
            None => {
                self.subjects.insert(subject.clone(), Places::One(entry));
                self.names.push(subject.clone());
            }
            Some(places) => {
                if let Places::One(first) = places {
                    *places = Places::Many(vec![*first]);
                }
                let Places::Many(entries) = places else { return };
                match entries.last() {
                    Some(last) if last.id >= entry.id => {
                        let at = entries.partition_point(|other| other.id < entry.id);
                        if entries[at].id != entry.id {
                            entries.insert(at, entry);
                        }
                    }
                    _ => entries.push(entry),
                }
            }
        }
    }

    /// The messages of a subject, ascending.
    pub fn entries(&self, subject: &Subject) -> &[Entry] {
        self.subjects.get(subject).map_or(&[], Places::entries)
    }

    /// Those above an id.
    pub fn above(&self, subject: &Subject, id: u64) -> &[Entry] {
        let entries = self.entries(subject);
        &entries[entries.partition_point(|entry| entry.id <= id)..]
    }

    /// The subjects in no order; what comes is added at the end.
    pub fn names(&self) -> &[Subject] {
        &self.names
    }

    /// What it costs in memory, roughly, in bytes.
    pub fn cost(&self) -> usize {
        const SUBJECT: usize = 144;
        let messages = usize::try_from(self.messages).unwrap_or(usize::MAX);
        self.subjects.len() * SUBJECT + messages.saturating_mul(size_of::<Entry>())
    }

    /// Subjects in order of their bytes.
    pub fn sorted(&self) -> Vec<(&Subject, &[Entry])> {
        let mut sorted: Vec<_> =
            self.subjects.iter().map(|(subject, places)| (subject, places.entries())).collect();
        sorted.sort_unstable_by_key(|(subject, _)| *subject);
        sorted
    }

    /// Writes the sorted file of a segment, aside and then in place.
    pub fn write(&self, files: &Files, segment: u64, note: &[u8]) -> io::Result<()> {
        files.place(&index_name(segment), |file| {
            let mut writer = SortedWriter::new(file, segment, VALUE);
            for (subject, entries) in self.sorted() {
                for entry in entries {
                    writer.push(&key(subject.as_bytes(), entry.id), &entry.value())?;
                }
            }
            writer.finish(note)
        })?;
        files.disk().sync_directory()
    }
}

/// One message of a sealed segment.
pub fn find(
    files: &Files,
    index: &SortedFile,
    subject: &[u8],
    id: u64,
) -> io::Result<Option<Entry>> {
    let value = index.get(files, &key(subject, id))?;
    value.map(|value| Entry::of(id, &value)).transpose()
}
