//! What lies on the disk: the wheel, the library unpacked from it, and the note
//! that says which library that is. Functions of paths; nothing is fetched here.
//!
//! A file appears under its name only when it is whole (written beside it,
//! flushed, renamed). The note is written last, so a crash between the two
//! leaves a library that its note does not vouch for, and it is unpacked again.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::error::SetupError;
use crate::platform::{VERSION, Wheel};

/// The name that `.cargo/config.toml` and the images refer to.
pub(super) const LIBRARY: &str = "libonnxruntime.so";
const NOTE: &str = "installed.json";
/// Licence texts that must travel with the library.
const NOTICES: [&str; 2] = ["onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"];

/// What was unpacked, kept beside it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    version: String,
    wheel_sha256: String,
    library_sha256: String,
    library_bytes: u64,
}

/// What is in the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The library is there and is the one the note describes.
    Ready,
    /// No library.
    Nothing,
    /// A library that is not the one we would unpack, and why.
    Unusable(String),
}

/// Looks at what is there. Reads the whole library once (35 MB, about 0.1 s).
pub(super) fn look(folder: &Path, wheel: &Wheel) -> Result<Found, SetupError> {
    let library = folder.join(LIBRARY);
    let bytes = match fs::metadata(&library) {
        Ok(file) => file.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(SetupError::file("read", &library)(error)),
    };
    let Some(note) = fs::read(folder.join(NOTE))
        .ok()
        .and_then(|text| serde_json::from_slice::<Note>(&text).ok())
    else {
        return Ok(Found::Unusable(format!(
            "no readable {NOTE} says what it is"
        )));
    };
    if note.version != VERSION || note.wheel_sha256 != wheel.sha256 {
        return Ok(Found::Unusable(format!(
            "it is version {} for another wheel",
            note.version
        )));
    }
    if note.library_bytes != bytes {
        return Ok(Found::Unusable(format!(
            "it has {bytes} bytes instead of {}",
            note.library_bytes
        )));
    }
    if sha256(&library)? != note.library_sha256 {
        return Ok(Found::Unusable(
            "its content has changed since it was unpacked".to_owned(),
        ));
    }
    Ok(Found::Ready)
}

/// Refuses and removes a wheel that is not the pinned one.
pub(super) fn check(path: &Path, wheel: &Wheel) -> Result<(), SetupError> {
    let seen = sha256(path)?;
    if seen == wheel.sha256 {
        return Ok(());
    }
    fs::remove_file(path).map_err(SetupError::file("remove", path))?;
    Err(SetupError::WrongHash {
        path: path.to_owned(),
        seen,
        expected: wheel.sha256.to_owned(),
    })
}

/// Unpacks the library and the licence texts out of a checked wheel, and writes
/// the note. Returns the size of the library in bytes.
pub(super) fn unpack(path: &Path, wheel: &Wheel, folder: &Path) -> Result<u64, SetupError> {
    let file = File::open(path).map_err(SetupError::file("read", path))?;
    let unreadable = |entry: &str, source: ZipError| SetupError::Wheel {
        wheel: path.to_owned(),
        entry: entry.to_owned(),
        source,
    };
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|e| unreadable("zip directory", e))?;

    for name in NOTICES {
        let mut entry = archive.by_name(name).map_err(|e| unreadable(name, e))?;
        let short = name.rsplit('/').next().unwrap_or(name);
        write_whole(&folder.join(short), &mut entry)?;
    }
    let mut entry = archive
        .by_name(wheel.library)
        .map_err(|e| unreadable(wheel.library, e))?;
    let library = folder.join(LIBRARY);
    let (library_bytes, library_sha256) = write_whole(&library, &mut entry)?;
    let note = Note {
        version: VERSION.to_owned(),
        wheel_sha256: wheel.sha256.to_owned(),
        library_sha256,
        library_bytes,
    };
    let text = serde_json::to_vec_pretty(&note)
        .map_err(|e| SetupError::file("write", &folder.join(NOTE))(e.into()))?;
    write_whole(&folder.join(NOTE), &mut text.as_slice())?;
    Ok(library_bytes)
}

/// SHA-256 of a file, lower-case hexadecimal.
fn sha256(path: &Path) -> Result<String, SetupError> {
    let mut file = File::open(path).map_err(SetupError::file("read", path))?;
    let (_, hash) =
        copy_hashing(&mut file, &mut io::sink()).map_err(SetupError::file("read", path))?;
    Ok(hash)
}

/// Writes a file beside its place and renames it there once it is flushed.
/// Returns its size and hash.
fn write_whole(path: &Path, from: &mut impl Read) -> Result<(u64, String), SetupError> {
    let beside = PathBuf::from(format!("{}.{}.part", path.display(), std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        let written = copy_hashing(from, &mut file)?;
        file.sync_all()?;
        Ok(written)
    });
    let renamed = written.and_then(|written| fs::rename(&beside, path).map(|()| written));
    if renamed.is_err() {
        // The error that counts is the one already in hand.
        let _ = fs::remove_file(&beside);
    }
    renamed.map_err(SetupError::file("write", path))
}

fn copy_hashing(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut total = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        total += read as u64;
    }
    let hash = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((total, hash))
}
