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
//! The directory itself has mode 0700 and belongs to the user of the process, or the process is
//! root: the modes of what is in it stand behind that one.
//!
//! Must never hold two truths: whoever comes first makes a thing under the lock, the other reads it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use thiserror::Error;

/// Mode of files that hold keys.
pub const SECRET: u32 = 0o600;
/// Mode of the state directory when it is made.
const PRIVATE: u32 = 0o700;
/// What a mode allows to anybody but the owner.
const OTHERS: u32 = 0o077;
/// In a directory with this bit, everybody makes files and nobody removes those of others.
const STICKY: u32 = 0o1000;
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
    /// The directory belongs to another user, who could read its keys.
    #[error("{} belongs to the user {owner}, and this is the user {user}: name another --state, or have root give it away (chown)", state.display())]
    Foreign {
        /// The state directory.
        state: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// User id of this process.
        user: u32,
    },
    /// The directory is one in which all users make files, such as `/tmp`.
    #[error("{} is shared by all users (its sticky bit is set): name a folder of its own, for example {}/devhub", state.display(), state.display())]
    Shared {
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
    /// Uses `root`, which is made if absent, and resolves it to an absolute path. Its mode becomes
    /// 0700, also where it was there before: whoever reaches the workload socket in it can sign as
    /// any module.
    ///
    /// # Errors
    /// [`StateError::Foreign`] when it belongs to another user, except to root, whom the owner
    /// trusts anyway; [`StateError::Shared`]; [`StateError::Io`].
    pub fn open(root: &Path) -> Result<Self, StateError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(PRIVATE);
        let make = |folder: &Path| {
            builder
                .create(folder)
                .map_err(StateError::io("make", folder))
        };
        make(root)?;
        close_to_others(root)?;
        make(&root.join("modules"))?;
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

/// Sees to it that only its owner, who has to be the user of this process, can enter `root`.
fn close_to_others(root: &Path) -> Result<(), StateError> {
    let found = fs::metadata(root).map_err(StateError::io("look at", root))?;
    check_owner(root, found.uid(), rustix::process::geteuid().as_raw())?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & STICKY != 0 {
        return Err(StateError::Shared {
            state: root.to_owned(),
        });
    }
    if mode & OTHERS != 0 {
        let closed = Permissions::from_mode(mode & !OTHERS);
        fs::set_permissions(root, closed).map_err(StateError::io("close to others", root))?;
        tracing::warn!(
            state = %root.display(),
            mode = format_args!("{mode:04o}"),
            "state directory was open to other users, who could have signed as any module; now it is closed"
        );
    }
    Ok(())
}

fn check_owner(root: &Path, owner: u32, user: u32) -> Result<(), StateError> {
    if owner == user || user == 0 {
        return Ok(());
    }
    Err(StateError::Foreign {
        state: root.to_owned(),
        owner,
        user,
    })
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

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn an_open_directory_of_ours_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        for open in [0o755, 0o777, 0o750, 0o700] {
            fs::create_dir_all(&root).unwrap();
            fs::set_permissions(&root, Permissions::from_mode(open)).unwrap();
            StateDir::open(&root).unwrap();
            assert_eq!(mode(&root), 0o700, "{open:o}");
        }
    }

    #[test]
    fn a_shared_directory_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let shared = Permissions::from_mode(0o1777);
        fs::set_permissions(folder.path(), shared).unwrap();
        let error = StateDir::open(folder.path()).unwrap_err();
        assert!(matches!(error, StateError::Shared { .. }), "{error}");
        assert!(
            error.to_string().contains("name a folder of its own"),
            "{error}"
        );
        assert_eq!(mode(folder.path()), 0o1777);
        assert!(!folder.path().join("modules").exists());
    }

    #[test]
    fn a_directory_of_another_user_is_refused_except_to_root() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (1000, 1001);
        let check = |owner, user| check_owner(folder.path(), owner, user);
        check(ours, ours).unwrap();
        check(theirs, 0).unwrap();
        let error = check(theirs, ours).unwrap_err();
        assert!(
            matches!(
                error,
                StateError::Foreign {
                    owner: 1001,
                    user: 1000,
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error.to_string().contains("name another --state"),
            "{error}"
        );
        check(0, ours).unwrap_err();
    }

    #[test]
    fn root_takes_the_directory_of_another_user_and_closes_it_to_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, Permissions::from_mode(0o755)).unwrap();
        // Only root may give a directory away.
        if std::os::unix::fs::chown(&root, Some(12_345), None).is_ok() {
            StateDir::open(&root).unwrap();
            assert_eq!(mode(&root), 0o700);
        }
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
