//! A listening unix socket at a path, for the workload API and for the control socket.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::UnixListener;

/// Longest path of a unix socket on Linux, in bytes: 108 with the closing zero.
pub const MAX_SOCKET_PATH: usize = 107;

/// Why a socket cannot be had.
#[derive(Debug, Error)]
pub enum SocketError {
    /// The path does not fit into a socket address.
    #[error("the socket's path has {length} bytes, at most {MAX_SOCKET_PATH} are possible: {}; name a shorter --state, for example under /tmp", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// The file system refused.
    #[error("cannot listen on {}", path.display())]
    Bind {
        /// The path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Listens at `path` with file mode `mode`; a socket left there by a dead process is replaced.
pub(crate) fn listen(path: &Path, mode: u32) -> Result<UnixListener, SocketError> {
    let length = path.as_os_str().len();
    if length > MAX_SOCKET_PATH {
        return Err(SocketError::PathTooLong {
            path: path.to_owned(),
            length,
        });
    }
    let bind_error = |source| SocketError::Bind {
        path: path.to_owned(),
        source,
    };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(bind_error(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(bind_error)?;
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).map_err(bind_error)?;
    Ok(listener)
}
