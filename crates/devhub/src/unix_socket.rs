//! A served unix socket at a path: what the workload API and the control socket have in common.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

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

/// How a socket is served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// For the log: `workload`, `control`.
    pub(crate) name: &'static str,
    /// File mode of the socket.
    pub(crate) mode: u32,
    /// Connections at the same time; further ones are closed.
    pub(crate) connections: usize,
    /// How long a stop waits for connections to end by themselves.
    pub(crate) grace: Duration,
}

/// A served socket.
#[derive(Debug)]
pub(crate) struct Served {
    path: PathBuf,
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Served {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the socket and its connections, and removes the file.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(socket = self.name, %error, "the socket's task failed");
        }
        let _absent = std::fs::remove_file(&self.path);
    }
}

/// Listens at `path` and has `answer` serve each connection; a socket left there by a dead process
/// is replaced. Must be called within a tokio runtime.
pub(crate) fn serve<F>(
    path: &Path,
    manner: Manner,
    answer: impl Fn(UnixStream) -> F + Send + 'static,
) -> Result<Served, SocketError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = listen(path, manner.mode)?;
    let stop = CancellationToken::new();
    let task = tokio::spawn(accept(listener, manner, stop.clone(), answer));
    Ok(Served {
        path: path.to_owned(),
        name: manner.name,
        stop,
        task,
    })
}

async fn accept<F>(
    listener: UnixListener,
    manner: Manner,
    stop: CancellationToken,
    answer: impl Fn(UnixStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (socket, limit) = (manner.name, manner.connections);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(_) if connections.len() >= limit => {
                    tracing::warn!(socket, limit, "connection closed: too many are open");
                }
                Ok((stream, _)) => {
                    connections.spawn(answer(stream));
                }
                Err(error) => {
                    tracing::error!(socket, %error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    let rest = async { while connections.join_next().await.is_some() {} };
    let _late = tokio::time::timeout(manner.grace, rest).await;
}

/// Listens at `path` with file mode `mode`; a socket left there by a dead process is replaced.
fn listen(path: &Path, mode: u32) -> Result<UnixListener, SocketError> {
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
