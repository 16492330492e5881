//! Files of lines that outlive the hub that writes them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Opens a file at its end, made if absent. Half a line, left by a hub that was killed while it
/// wrote, is cut off.
pub(crate) fn append_to(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    // Pipes and terminals have no past, and a pipe must not get a reader of ours.
    let past = file.metadata()?;
    if past.is_file() && past.len() > 0 {
        let length = past.len();
        let whole = end_of_last_line(&mut File::open(path)?, length)?;
        if whole < length {
            file.set_len(whole)?;
        }
    }
    Ok(file)
}

/// The length up to the end of the last whole line.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut block = [0; 4096];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let block = &mut block[..usize::try_from(end - start).unwrap_or(0)];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
