//! A disk whose syncs and written bytes are counted.

use super::disk::{Disk, DiskFile};
use crate::Activity;
use std::{io, sync::Arc};

/// Counts and hands on.
pub struct Counted<D> {
    disk: D,
    activity: Arc<Activity>,
}

struct CountedFile {
    file: Arc<dyn DiskFile>,
    activity: Arc<Activity>,
}

impl<D: Disk> Counted<D> {
    pub fn new(disk: D) -> Self {
        Self { disk, activity: Arc::default() }
    }

    pub fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
    }

    fn counted(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(CountedFile { file, activity: self.activity.clone() })
    }
}

impl<D: Disk> Disk for Counted<D> {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.counted(self.disk.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.counted(self.disk.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.disk.unlink(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.activity.sync(|| self.disk.sync_directory())
    }

    fn space(&self) -> io::Result<(u64, u64)> {
        self.disk.space()
    }
}

impl DiskFile for CountedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.activity.count_written(bytes.len() as u64);
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.activity.sync(|| self.file.sync())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.file.allocate(length)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::disk::RealDisk;

    #[test]
    fn syncs_and_bytes_of_all_files_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Counted::new(RealDisk::open(directory.path()).unwrap());
        let (activity, made) = (disk.activity(), disk.create("a").unwrap());
        made.write_at(b"abc", 0).unwrap();
        made.sync().unwrap();
        disk.open("a").unwrap().write_at(b"de", 3).unwrap();
        disk.sync_directory().unwrap();
        assert_eq!((activity.syncs(), activity.written()), (2, 5));
        let mut read = [0; 5];
        made.read_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"abcde");
    }
}
