//! One file of a queue: whole records one after the other, and what is found where none is.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::io_error;
use super::record::{Header, PREFIX_BYTES, Prefix};
use crate::store::StoreError;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) length: u64,
}

/// What lies at a place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The end of the file.
    Nothing,
    /// A whole record.
    Record {
        /// Its sequence number.
        sequence: u64,
        /// Its bytes, all of them.
        length: u64,
    },
    /// The beginning of a record for which the file is too short.
    Torn,
    /// No record.
    Unreadable {
        /// Whether it would, taken for a record, run past the end of the file: a torn header
        /// looks so, and a damaged length.
        runs_out: bool,
    },
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

    /// Cuts off what was not written to its end, and so never acknowledged.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be cut.
    pub(super) fn cut(&mut self, offset: u64) -> Result<(), StoreError> {
        tracing::warn!(
            file = %self.path.display(),
            bytes = self.length - offset,
            "queue file cut: its end was not written whole, and so never acknowledged"
        );
        self.file
            .set_len(offset)
            .map_err(io_error("cut", &self.path))?;
        self.length = offset;
        Ok(())
    }

    /// What lies at `offset`; nothing behind the last byte.
    pub(super) fn find_at(&self, offset: u64) -> Found {
        if offset >= self.length {
            return Found::Nothing;
        }
        let Some((prefix, sum)) = self.prefix_at(offset) else {
            return Found::Torn;
        };
        let length = prefix.record_length();
        let runs_out = offset + length > self.length;
        match self.sequence_at(offset, prefix, sum) {
            Some(sequence) if !runs_out => Found::Record { sequence, length },
            // A whole header before half a body.
            Some(_) => Found::Torn,
            None => Found::Unreadable { runs_out },
        }
    }

    /// The first offset behind `offset` at which a whole record with a sequence above `known`
    /// begins. Reads the rest of the file, which is at most one record longer than a file may be.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read.
    pub(super) fn next_record(&self, offset: u64, known: u64) -> Result<Option<u64>, StoreError> {
        let from = offset + 1;
        let length = self.length.saturating_sub(from);
        let mut rest = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut rest, from)
            .map_err(io_error("read", &self.path))?;
        // A header is a JSON object: one byte tells most places that cannot be a beginning.
        let opens = rest
            .iter()
            .enumerate()
            .skip(PREFIX_BYTES)
            .filter(|(_, byte)| **byte == b'{')
            .map(|(at, _)| from + (at - PREFIX_BYTES) as u64);
        for candidate in opens {
            if let Found::Record { sequence, .. } = self.find_at(candidate)
                && sequence > known
            {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn prefix_at(&self, offset: u64) -> Option<(Prefix, [u8; 8])> {
        let mut prefix = [0; PREFIX_BYTES];
        self.file.read_exact_at(&mut prefix, offset).ok()?;
        Prefix::read(&prefix)
    }

    /// The sequence in the header of the record at `offset`, if that header is whole.
    fn sequence_at(&self, offset: u64, prefix: Prefix, sum: [u8; 8]) -> Option<u64> {
        let begins = offset + PREFIX_BYTES as u64;
        // Before room is made for it: where no record is, the length may be anything.
        if begins + u64::from(prefix.header_length) > self.length {
            return None;
        }
        let mut header = vec![0; usize::try_from(prefix.header_length).ok()?];
        self.file.read_exact_at(&mut header, begins).ok()?;
        if prefix.checksum(&header) != sum {
            return None;
        }
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        Some(header.sequence)
    }
}
