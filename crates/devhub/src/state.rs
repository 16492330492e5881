//! The state directory, shared by `devhub hub` and `devhub agent`.
//!
//! ```text
//! ca.pem ca-key.pem      the certificate authority (key: mode 0600)
//! identities.json        devices, modules, keys, connection strings (mode 0600)
//! hub.json agent.json    what is running, for people and scripts; replaced by rename
//! lock                   held for moments, while identities or the CA are made
//! hub.lock agent.lock    held for the life of the process: one of each per state directory
//! hub/                   queues, sessions, twins (see `store`)
//! modules/NAME.*         lock, process id and log of each module
//! workload.sock          the workload API
//! control.sock           questions and orders to the hub (mode 0600, see `control`)
//! ```
//! Must never hold two truths: whoever comes first makes a thing under the lock, the other reads it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use thiserror::Error;

/// Mode of files that hold keys.
pub const SECRET: u32 = 0o600;
/// Mode of all other files.
pub const PUBLIC: u32 = 0o644;

/// Why the state directory cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process of the same kind uses the directory.
    #[error("another `devhub {role}` is using {}; stop it or name another --state", state.display())]
    Taken {
        /// `hub` or `agent`.
        role: &'static str,
        /// The state directory.
        state: PathBuf,
    },
}

impl StateError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The directory; cheap to clone.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

/// A lock that ends with this value, or with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl StateDir {
    /// Uses `root`, which is made (mode 0700) if absent, and resolves it to an absolute path.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn open(root: &Path) -> Result<Self, StateError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        for folder in [root.to_owned(), root.join("modules")] {
            builder
                .create(&folder)
                .map_err(StateError::io("make", &folder))?;
        }
        let root = fs::canonicalize(root).map_err(StateError::io("resolve", root))?;
        Ok(Self { root })
    }

    /// Absolute path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Waits for the short lock under which shared files are made.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn lock(&self) -> Result<Lock, StateError> {
        let (path, file) = self.lock_file("lock")?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| StateError::io("lock", &path)(error.into()))?;
        Ok(Lock { _file: file })
    }

    /// Takes the lock of a role for as long as the returned value lives.
    ///
    /// # Errors
    /// [`StateError::Taken`] at once when another process has it.
    pub fn claim(&self, role: &'static str) -> Result<Lock, StateError> {
        let (path, file) = self.lock_file(&format!("{role}.lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StateError::Taken {
                role,
                state: self.root.clone(),
            }),
            Err(error) => Err(StateError::io("lock", &path)(error.into())),
        }
    }

    /// Reads a file; `None` when it is not there.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn read(&self, name: &str) -> Result<Option<String>, StateError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::io("read", &path)(error)),
        }
    }

    /// Replaces a file in one step: readers see the old or the new one, whole.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn write(&self, name: &str, content: &[u8], mode: u32) -> Result<(), StateError> {
        let path = self.path(name);
        replace_with_mode(&path, content, mode).map_err(StateError::io("write", &path))
    }

    /// [`StateDir::write`] of a value as indented JSON.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn write_json<T: Serialize>(
        &self,
        name: &str,
        value: &T,
        mode: u32,
    ) -> Result<(), StateError> {
        let path = self.path(name);
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|error| StateError::io("write", &path)(error.into()))?;
        text.push(b'\n');
        self.write(name, &text, mode)
    }

    /// Removes a file if it is there.
    pub fn remove(&self, name: &str) {
        let _absent = fs::remove_file(self.path(name));
    }

    fn lock_file(&self, name: &str) -> Result<(PathBuf, File), StateError> {
        let path = self.path(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(SECRET)
            .open(&path)
            .map_err(StateError::io("open", &path))?;
        Ok((path, file))
    }
}

/// Replaces a file by rename; the new one has mode 0644.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with_mode(path, content, PUBLIC)
}

fn replace_with_mode(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    // Hub and agent never write the same file at the same time, so one name beside it will do.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_given_once_and_again_after_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let first = state.claim("hub").unwrap();
        assert!(matches!(
            state.claim("hub"),
            Err(StateError::Taken { role: "hub", .. })
        ));
        let _other_role = state.claim("agent").unwrap();
        drop(first);
        state.claim("hub").unwrap();
    }

    #[test]
    fn secrets_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("new")).unwrap();
        state.write("identities.json", b"old", PUBLIC).unwrap();
        state.write("identities.json", b"new", SECRET).unwrap();
        let mode = fs::metadata(state.path("identities.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, SECRET);
        assert_eq!(
            state.read("identities.json").unwrap().as_deref(),
            Some("new")
        );
        assert_eq!(state.read("absent").unwrap(), None);
    }
}
