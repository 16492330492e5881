//! One file of a queue: whole records one after the other.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::io_error;
use super::record::{Header, PREFIX_BYTES, Record, checksum};
use crate::store::StoreError;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) length: u64,
}

impl Segment {
    pub(super) fn open(folder: &Path, first: u64) -> Result<Self, StoreError> {
        let path = folder.join(format!("{first:020}.log"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let length = file.metadata().map_err(io_error("look at", &path))?.len();
        Ok(Self { path, file, length })
    }

    /// Sequence and length of the record at `offset`, if a whole one is there.
    pub(super) fn record_at(&self, offset: u64) -> Option<(u64, u64)> {
        let mut prefix = [0; PREFIX_BYTES];
        self.file.read_exact_at(&mut prefix, offset).ok()?;
        let (header_length, body_length, sum) = Record::split_prefix(&prefix)?;
        let length = PREFIX_BYTES as u64 + u64::from(header_length) + u64::from(body_length);
        if offset + length > self.length {
            return None;
        }
        let mut header = vec![0; usize::try_from(header_length).ok()?];
        self.file
            .read_exact_at(&mut header, offset + PREFIX_BYTES as u64)
            .ok()?;
        if checksum(&header) != sum {
            return None;
        }
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        Some((header.sequence, length))
    }
}
