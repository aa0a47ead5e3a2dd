//! A disk that forgets what was not synced, tears its last write, fails when told to, and counts.

use broker_storage::local::disk::{Disk, DiskFile};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

/// What becomes of writes that were not synced when the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tear {
    /// All are gone.
    Nothing,
    /// All but the last arrived, and so many bytes of the last.
    Last(usize),
    /// All arrived, names too, but only so many bytes of each file's last.
    Cut(usize),
    /// All arrived, names too.
    Everything,
    /// Any sectors of the first few, and the names of any moment since they were synced, by this seed.
    Chance(u64),
}

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A failure to come.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The call from which on it strikes, counted from 0.
    pub from: u64,
    /// The call at which it ends.
    pub until: u64,
    pub errno: i32,
    /// Only syncs fail.
    pub only_syncs: bool,
}

#[derive(Clone, Default)]
struct FileState {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone, Default)]
struct State {
    files: Vec<FileState>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// The names after each change since they were synced.
    later_names: Vec<BTreeMap<String, usize>>,
    calls: u64,
    reads: u64,
    fault: Option<Fault>,
    free: Option<u64>,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl State {
    fn renamed(&mut self) {
        self.later_names.push(self.names.clone());
    }

    fn step(&mut self, is_sync: bool) -> io::Result<()> {
        let call = self.calls;
        self.calls += 1;
        match self.fault {
            Some(fault)
                if (fault.from..fault.until).contains(&call) && (is_sync || !fault.only_syncs) =>
            {
                Err(io::Error::from_raw_os_error(fault.errno))
            }
            _ => Ok(()),
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change, most: usize) {
    match change {
        Change::Write(offset, data) => {
            let (offset, data) = (*offset as usize, &data[..data.len().min(most)]);
            if bytes.len() < offset + data.len() {
                bytes.resize(offset + data.len(), 0);
            }
            bytes[offset..offset + data.len()].copy_from_slice(data);
        }
        Change::Length(length) => bytes.resize(*length as usize, 0),
    }
}

/// Numbers that look random.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 33) as usize % bound
    }
}

/// Half of a write's sectors.
fn apply_sectors(bytes: &mut Vec<u8>, change: &Change, chance: &mut Chance) {
    let Change::Write(offset, data) = change else {
        return apply(bytes, change, usize::MAX);
    };
    let mut from = 0;
    while from < data.len() {
        let sector_end = (*offset as usize + from) / SECTOR * SECTOR + SECTOR;
        let to = (sector_end - *offset as usize).min(data.len());
        if chance.below(2) == 0 {
            let sector = Change::Write(offset + from as u64, data[from..to].to_vec());
            apply(bytes, &sector, usize::MAX);
        }
        from = to;
    }
}

impl SimulatedDisk {
    /// The calls so far that change something.
    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// The reads and opens so far.
    pub fn reads(&self) -> u64 {
        self.0.lock().unwrap().reads
    }

    pub fn set_fault(&self, fault: Option<Fault>) {
        self.0.lock().unwrap().fault = fault;
    }

    /// Leaves room for so many bytes more.
    pub fn set_free(&self, free: Option<u64>) {
        self.0.lock().unwrap().free = free;
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().names.keys().cloned().collect()
    }

    pub fn length(&self, name: &str) -> usize {
        let state = self.0.lock().unwrap();
        state.files[state.names[name]].live.len()
    }

    /// Turns a bit, durably.
    pub fn flip(&self, name: &str, at: usize, bit: u8) {
        let mut state = self.0.lock().unwrap();
        let file = state.names[name];
        state.files[file].live[at] ^= 1 << bit;
        state.files[file].durable = state.files[file].live.clone();
    }

    /// Removes a name, durably.
    pub fn remove(&self, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    /// The same disk as it is now, on its own.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().unwrap().clone())))
    }

    /// The longest write that was not synced.
    pub fn last_unsynced(&self) -> usize {
        let state = self.0.lock().unwrap();
        let writes = state.files.iter().filter_map(|file| match file.pending.last() {
            Some(Change::Write(_, data)) => Some(data.len()),
            _ => None,
        });
        writes.max().unwrap_or(0)
    }

    /// What a start finds after the power went.
    pub fn crash(&self, tear: Tear) -> Self {
        let state = self.0.lock().unwrap();
        let mut after = State {
            names: state.durable_names.clone(),
            durable_names: state.durable_names.clone(),
            ..State::default()
        };
        if matches!(tear, Tear::Cut(_) | Tear::Everything) {
            after.names = state.names.clone();
            after.durable_names = state.names.clone();
        }
        let mut chance = Chance(if let Tear::Chance(seed) = tear { seed } else { 0 });
        if let Tear::Chance(_) = tear
            && let Some(at) = chance.below(state.later_names.len() + 1).checked_sub(1)
        {
            after.names = state.later_names[at].clone();
            after.durable_names = after.names.clone();
        }
        for file in &state.files {
            let mut bytes = file.durable.clone();
            let kept = chance.below(file.pending.len() + 1);
            let last = file.pending.len().saturating_sub(1);
            for (at, change) in file.pending.iter().enumerate() {
                match tear {
                    Tear::Nothing => {}
                    Tear::Chance(_) if at >= kept => {}
                    Tear::Chance(_) => apply_sectors(&mut bytes, change, &mut chance),
                    Tear::Last(most) | Tear::Cut(most) if at == last => {
                        apply(&mut bytes, change, most);
                    }
                    Tear::Last(_) | Tear::Cut(_) | Tear::Everything => {
                        apply(&mut bytes, change, usize::MAX);
                    }
                }
            }
            after.files.push(FileState { live: bytes.clone(), durable: bytes, pending: vec![] });
        }
        Self(Arc::new(Mutex::new(after)))
    }

    fn file(&self, file: usize) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile { disk: self.clone(), file })
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.0.lock().unwrap();
        state.reads += 1;
        let file = state.names.get(name).copied();
        drop(state);
        file.map(|file| self.file(file)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.0.lock().unwrap();
        state.step(false)?;
        let file = state.files.len();
        state.files.push(FileState::default());
        state.names.insert(name.to_owned(), file);
        state.renamed();
        drop(state);
        Ok(self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step(false)?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        state.renamed();
        Ok(())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step(false)?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.renamed();
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step(true)?;
        state.durable_names = state.names.clone();
        state.later_names.clear();
        Ok(())
    }

    fn space(&self) -> io::Result<(u64, u64)> {
        let free = self.0.lock().unwrap().free;
        Ok((free.unwrap_or(1 << 40), 1 << 40))
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        state.reads += 1;
        let bytes = &state.files[self.file].live;
        let end = offset as usize + buffer.len();
        let part = bytes.get(offset as usize..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        let outcome = state.step(false);
        // A full disk takes what fits.
        let fits = match &outcome {
            Ok(()) => bytes.len(),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => bytes.len() / 2,
            Err(_) => 0,
        };
        let file = &mut state.files[self.file];
        let change = Change::Write(offset, bytes[..fits].to_vec());
        apply(&mut file.live, &change, usize::MAX);
        file.pending.push(change);
        outcome
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        state.step(true)?;
        let file = &mut state.files[self.file];
        file.durable = file.live.clone();
        file.pending.clear();
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        state.step(false)?;
        let grown = length.saturating_sub(state.files[self.file].live.len() as u64);
        if let Some(free) = &mut state.free {
            *free = free.checked_sub(grown).ok_or(io::ErrorKind::StorageFull)?;
        }
        let file = &mut state.files[self.file];
        if grown > 0 {
            file.live.resize(length as usize, 0);
            file.pending.push(Change::Length(length));
        }
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        state.step(false)?;
        let file = &mut state.files[self.file];
        let shrunk = (file.live.len() as u64).saturating_sub(length);
        file.live.resize(length as usize, 0);
        file.pending.push(Change::Length(length));
        if let Some(free) = &mut state.free {
            *free += shrunk;
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().files[self.file].live.len() as u64)
    }
}
