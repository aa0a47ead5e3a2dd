//! A sorted file: keys and values of one size, found by a few positioned reads.
//!
//! The file is a row of blocks of [`BLOCK`] bytes. First come the leaves with all entries in order, then
//! levels above them whose entries are the first keys of the blocks below and their numbers, up to one
//! root; the last block is the foot.
//!
//! A block is its checksum (4 bytes, over the file's number, the block's own and its rest), the length of
//! its content (4 bytes) and the content. An entry is the number of bytes its key shares with the key
//! before it (2), the number of further ones (2), those, and the value.

use super::{
    disk::DiskFile,
    files::Files,
    record::{checksum, u32_at, u64_at},
};
use std::{io, sync::Arc};

/// Bytes of a block.
pub const BLOCK: usize = 4096;

const BLOCK_HEAD: usize = 8;
const MAGIC: u64 = u64::from_le_bytes(*b"BRKSORT1");

/// The error that says that bytes are not what was written.
pub fn damaged(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// The same of a sorted file that is known: it may be made anew.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct DamagedFile {
    name: String,
    what: String,
}

fn damaged_file(name: &str, what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, DamagedFile { name: name.to_owned(), what })
}

/// The sorted file of whose damage an error speaks.
pub fn damaged_name(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?.downcast_ref::<DamagedFile>()?;
    Some(inner.name.clone())
}

/// Whether an error says that.
pub fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData || error.kind() == io::ErrorKind::UnexpectedEof
}

/// Writes a sorted file from its first key to its last.
pub struct SortedWriter {
    file: Arc<dyn DiskFile>,
    number: u64,
    blocks: u64,
    entries: u64,
    content: Vec<u8>,
    last_key: Vec<u8>,
    /// First key of each finished block of the level being written.
    firsts: Vec<(Vec<u8>, u64)>,
    first_key: Vec<u8>,
    value_size: usize,
    buffer: Vec<u8>,
}

impl SortedWriter {
    /// A file of values of this size; the number keeps blocks of another file apart.
    pub fn new(file: Arc<dyn DiskFile>, number: u64, value_size: usize) -> Self {
        Self {
            file,
            number,
            blocks: 0,
            entries: 0,
            content: Vec::with_capacity(BLOCK),
            last_key: Vec::new(),
            firsts: Vec::new(),
            first_key: Vec::new(),
            value_size,
            buffer: Vec::new(),
        }
    }

    /// Adds an entry; keys ascend.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        debug_assert_eq!(value.len(), self.value_size);
        self.entries += 1;
        self.put(key, value)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let shared = self.shared(key);
        let length = 4 + key.len() - shared + value.len();
        if BLOCK_HEAD + self.content.len() + length > BLOCK {
            self.finish_block()?;
        }
        let shared = if self.content.is_empty() { 0 } else { shared };
        if self.content.is_empty() {
            self.first_key = key.to_vec();
        }
        let narrow = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
        self.content.extend_from_slice(&narrow(shared));
        self.content.extend_from_slice(&narrow(key.len() - shared));
        self.content.extend_from_slice(&key[shared..]);
        self.content.extend_from_slice(value);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        Ok(())
    }

    fn shared(&self, key: &[u8]) -> usize {
        let pairs = self.last_key.iter().zip(key);
        pairs.take_while(|(left, right)| left == right).count()
    }

    fn finish_block(&mut self) -> io::Result<()> {
        let content = std::mem::take(&mut self.content);
        self.firsts.push((std::mem::take(&mut self.first_key), self.blocks));
        self.write_block(&content)?;
        self.content = content;
        self.content.clear();
        self.last_key.clear();
        Ok(())
    }

    fn write_block(&mut self, content: &[u8]) -> io::Result<()> {
        let start = self.buffer.len();
        self.buffer.resize(start + BLOCK, 0);
        let block = &mut self.buffer[start..];
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        block[4..8].copy_from_slice(&length.to_le_bytes());
        block[BLOCK_HEAD..BLOCK_HEAD + content.len()].copy_from_slice(content);
        let sum = block_checksum(self.number, self.blocks, &block[4..]);
        block[0..4].copy_from_slice(&sum.to_le_bytes());
        self.blocks += 1;
        if self.buffer.len() >= 256 * 1024 {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let offset = self.blocks * BLOCK as u64 - self.buffer.len() as u64;
        self.file.write_at(&self.buffer, offset)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the levels and the foot with what the caller wants to find there (at most 4,000 bytes),
    /// and makes the file durable.
    pub fn finish(mut self, note: &[u8]) -> io::Result<()> {
        let entries = self.entries;
        if !self.content.is_empty() || self.blocks == 0 {
            self.finish_block()?;
        }
        let leaves = self.blocks;
        while self.firsts.len() > 1 {
            for (key, block) in std::mem::take(&mut self.firsts) {
                self.put(&key, &block.to_le_bytes())?;
            }
            self.finish_block()?;
        }
        let mut foot = Vec::new();
        for number in [MAGIC, entries, leaves, self.value_size as u64] {
            foot.extend_from_slice(&number.to_le_bytes());
        }
        foot.extend_from_slice(note);
        self.write_block(&foot)?;
        self.flush()?;
        self.file.sync()
    }
}

fn block_checksum(number: u64, block: u64, rest: &[u8]) -> u32 {
    checksum(number, &[&block.to_le_bytes(), rest])
}

/// A sorted file that can be searched. It holds no file open.
#[derive(Debug)]
pub struct SortedFile {
    pub name: String,
    number: u64,
    /// Number of the foot's block; the root is before it.
    foot: u64,
    leaves: u64,
    pub entries: u64,
    value_size: usize,
    /// What the writer left in the foot.
    pub note: Vec<u8>,
}

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

impl SortedFile {
    /// Reads the foot.
    pub fn open(files: &Files, name: &str, number: u64) -> io::Result<Self> {
        let file = files.get(name)?;
        let length = file.length()?;
        if length < 2 * BLOCK as u64 || length % BLOCK as u64 != 0 {
            return Err(damaged_file(name, format!("{name} has an impossible length")));
        }
        let foot = length / BLOCK as u64 - 1;
        let content = read_block(file.as_ref(), name, number, foot)?;
        if content.len() < 32 || u64_at(&content, 0) != MAGIC {
            return Err(damaged_file(name, format!("{name} has no foot")));
        }
        Ok(Self {
            name: name.to_owned(),
            number,
            foot,
            entries: u64_at(&content, 8),
            leaves: u64_at(&content, 16),
            value_size: usize::try_from(u64_at(&content, 24)).unwrap_or(usize::MAX),
            note: content[32..].to_vec(),
        })
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        (self.foot + 1) * BLOCK as u64
    }

    /// The value of a key.
    pub fn get(&self, files: &Files, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let found = self.floor(files, key)?;
        Ok(found.filter(|(found, _)| found == key).map(|(_, value)| value))
    }

    /// The last entry whose key is not above this one.
    pub fn floor(&self, files: &Files, key: &[u8]) -> io::Result<Option<Pair>> {
        let file = files.get(&self.name)?;
        let leaf = self.leaf(file.as_ref(), key)?;
        let mut entries = self.block(file.as_ref(), leaf)?;
        // A leaf is chosen by its first key, so only the first leaf can begin above the key.
        let mut found: Option<Pair> = None;
        while entries.advance()? && entries.key.as_slice() <= key {
            let (found_key, value) = found.get_or_insert_default();
            found_key.clone_from(&entries.key);
            value.clear();
            value.extend_from_slice(entries.value());
        }
        Ok(found)
    }

    /// A cursor before the first entry whose key is not below this one.
    pub fn cursor(&self, files: &Files, key: &[u8]) -> io::Result<Cursor<'_>> {
        let file = files.get(&self.name)?;
        let leaf = self.leaf(file.as_ref(), key)?;
        let mut entries = self.block(file.as_ref(), leaf)?;
        let mut is_ahead = false;
        while !is_ahead && entries.advance()? {
            is_ahead = entries.key.as_slice() >= key;
        }
        Ok(Cursor { sorted: self, file, leaf, entries, is_ahead })
    }

    /// The leaf that has the key if any has.
    fn leaf(&self, file: &dyn DiskFile, key: &[u8]) -> io::Result<u64> {
        let mut block = self.foot - 1;
        while block >= self.leaves {
            let content = read_block(file, &self.name, self.number, block)?;
            let mut entries = Entries::new(&self.name, content, 8);
            let mut below = None;
            while entries.advance()? && (below.is_none() || entries.key.as_slice() <= key) {
                below = Some(u64_at(entries.value(), 0));
            }
            block = below.filter(|below| *below < block).ok_or_else(|| {
                let what = format!("{} has a level that leads nowhere", self.name);
                damaged_file(&self.name, what)
            })?;
        }
        Ok(block)
    }

    fn block(&self, file: &dyn DiskFile, block: u64) -> io::Result<Entries<'_>> {
        let content = read_block(file, &self.name, self.number, block)?;
        Ok(Entries::new(&self.name, content, self.value_size))
    }
}

/// The entries of one block in order, none of them copied until it is wanted.
struct Entries<'a> {
    name: &'a str,
    content: Vec<u8>,
    value_size: usize,
    /// Behind the entry that was come to last; its value ends here.
    at: usize,
    /// The key of that entry.
    key: Vec<u8>,
}

impl<'a> Entries<'a> {
    fn new(name: &'a str, content: Vec<u8>, value_size: usize) -> Self {
        Self { name, content, value_size, at: 0, key: Vec::new() }
    }

    /// Goes to the next entry; `false` when there is none.
    fn advance(&mut self) -> io::Result<bool> {
        let rest = &self.content[self.at..];
        if rest.is_empty() {
            return Ok(false);
        }
        let whole = (|| {
            let (head, after) = rest.split_at_checked(4)?;
            let shared = usize::from(u16::from_le_bytes([head[0], head[1]]));
            let further = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let suffix = after.get(..further)?;
            let length = 4 + further + self.value_size;
            (shared <= self.key.len() && length <= rest.len()).then_some((shared, suffix, length))
        })();
        let Some((shared, suffix, length)) = whole else {
            let what = format!("{} has a block that is cut off", self.name);
            return Err(damaged_file(self.name, what));
        };
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        self.at += length;
        Ok(true)
    }

    /// The value of the entry that was come to last.
    fn value(&self) -> &[u8] {
        &self.content[self.at - self.value_size..self.at]
    }
}

fn read_block(file: &dyn DiskFile, name: &str, number: u64, block: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; BLOCK];
    file.read_at(&mut bytes, block * BLOCK as u64)?;
    let length = u32_at(&bytes, 4) as usize;
    let is_whole = u32_at(&bytes, 0) == block_checksum(number, block, &bytes[4..]);
    if !is_whole || length > BLOCK - BLOCK_HEAD {
        return Err(damaged_file(name, format!("block {block} of {name} is damaged")));
    }
    bytes.truncate(BLOCK_HEAD + length);
    bytes.drain(..BLOCK_HEAD);
    Ok(bytes)
}

/// A place in a sorted file.
pub struct Cursor<'a> {
    sorted: &'a SortedFile,
    file: Arc<dyn DiskFile>,
    leaf: u64,
    entries: Entries<'a>,
    /// The entry that was come to last is the next one to give.
    is_ahead: bool,
}

impl Cursor<'_> {
    /// The next entry.
    pub fn next(&mut self) -> io::Result<Option<Pair>> {
        Ok(self.lend()?.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    /// The next entry, for those who look at many.
    pub fn lend(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        while !std::mem::take(&mut self.is_ahead) && !self.entries.advance()? {
            if self.leaf + 1 >= self.sorted.leaves {
                return Ok(None);
            }
            self.leaf += 1;
            self.entries = self.sorted.block(self.file.as_ref(), self.leaf)?;
        }
        Ok(Some((&self.entries.key, self.entries.value())))
    }
}
