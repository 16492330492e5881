//! Whether the store's log lost something that was flushed.
//!
//! SQLite takes the log up to the first frame whose checksum fails for whole, and forgets the rest.
//! That is right after a power cut: what it forgets is the one commit that was being written. But
//! every commit is flushed before the next one begins, so a bad frame with *two* commits at or behind
//! it is no torn write: the disk has lost what it had. Going on from there would forget frames that
//! were acknowledged, and use the numbers of reports again that were sent. So the file counts as
//! damaged then. The two must hang together, each checksum going on from the one before: what is
//! left of commits whose flush failed, and which were written over, does not. Of a log that may hold
//! commits that were not flushed (see `unflushed_mark`) none of this is true, and it is not looked at.
//!
//! Damage within the last commit cannot be told from a power cut, and damage in the head of the log
//! not from the moment at which it begins anew.
//!
//! The format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
/// The last bit says whether checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// Reads a log, if there is one, and says what is wrong with it. Reads every byte once.
pub(crate) fn find(log: &Path) -> io::Result<Option<String>> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut head = [0; HEAD];
    if !filled(&mut file, &mut head)? {
        return Ok(None);
    }
    let [magic, _, page, _, salt_1, salt_2, sum_1, sum_2] = words::<8>(&head);
    let big_endian = magic & 1 == 1;
    let mut sum = Checksum::default();
    sum.add(&head[..24], big_endian);
    let is_log = magic & !1 == MAGIC && (512..=65_536).contains(&page);
    if !is_log || sum != Checksum(sum_1, sum_2) {
        return Ok(None);
    }

    let mut frame = vec![0; FRAME_HEAD + page as usize];
    let mut at = 0_u64;
    let mut first_bad = None;
    let (mut commits, mut most) = (0, 0);
    while filled(&mut file, &mut frame)? {
        let [_, pages_after, salt_a, salt_b, sum_1, sum_2] = words::<6>(&frame);
        let of_this_log = (salt_a, salt_b) == (salt_1, salt_2);
        sum.add(&frame[..8], big_endian);
        sum.add(&frame[FRAME_HEAD..], big_endian);
        let written = Checksum(sum_1, sum_2);
        if !of_this_log || sum != written {
            first_bad = first_bad.or(Some(at));
            commits = 0;
        }
        // Only the last frame of a commit says how large the store is after it.
        if first_bad.is_some() && of_this_log && pages_after > 0 {
            commits += 1;
            most = most.max(commits);
        }
        sum = written;
        at += 1;
    }
    Ok(first_bad.filter(|_| most > 1).map(|frame| {
        format!(
            "frame {frame} of its log is not what was written, and {most} commits that were \
             flushed need it"
        )
    }))
}

/// Fills the buffer; false when the file ends before.
fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// The first big-endian words of a head.
fn words<const N: usize>(head: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(head.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// Of everything from the head of the log to a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Checksum(u32, u32);

impl Checksum {
    fn add(&mut self, bytes: &[u8], big_endian: bool) {
        let word = |bytes: &[u8; 4]| {
            if big_endian {
                u32::from_be_bytes(*bytes)
            } else {
                u32::from_le_bytes(*bytes)
            }
        };
        for [first, second] in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
            self.0 = self.0.wrapping_add(word(first)).wrapping_add(self.1);
            self.1 = self.1.wrapping_add(word(second)).wrapping_add(self.0);
        }
    }
}
