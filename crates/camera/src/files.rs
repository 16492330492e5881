//! Files: those below a folder, and the bytes of one, both bounded.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Files larger than this are not read: no camera makes them. 64 MiB.
const MOST_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// How deep below the folder files are looked for; a bound against loops of links.
const MOST_DEPTH: usize = 16;

/// A folder that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("folder {} cannot be listed", path.display())]
pub struct ListError {
    /// The folder, or one below it.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Every file of a folder and below it, sorted by path; links are not followed to folders.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>, ListError> {
    let mut paths = Vec::new();
    collect(folder, 0, &mut paths)?;
    paths.sort();
    Ok(paths)
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), ListError> {
    let unreadable = |source| ListError {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if depth < MOST_DEPTH {
                collect(&entry.path(), depth + 1, paths)?;
            }
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// All bytes of a file, unless they are more than a camera makes.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for whoever writes to it.
    if !fs::metadata(path)?.is_file() {
        let not_a_file = "neither a file nor a link to one";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, not_a_file));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MOST_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {} MiB", MOST_FILE_BYTES / 1024 / 1024),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let error = read(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
