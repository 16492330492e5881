//! The workload API: HTTP/1.1 on a unix socket, by which a module has tokens signed and learns
//! whom to trust (sheet 2).
//!
//! | call | answer |
//! |---|---|
//! | `POST /modules/{name}/genid/{genid}/sign` | 200 `{"digest"}`: HMAC-SHA256 of the decoded `data` |
//! | `GET /trust-bundle` | 200 `{"certificate"}`: PEM |
//! | `GET /manifest-trust-bundle` | 200 `{"certificate":""}`: there is none |
//! | `GET /modules` | 200 `{"modules":[…]}` |
//! | `POST …/encrypt`, `…/decrypt`, `…/certificate/server`, `…/certificate/identity` | 500: not offered here |
//!
//! Every call needs a known `api-version`. Answers always carry `Content-Length`, which the C# SDK
//! cannot do without. One socket serves all modules; the daemon tells them apart by process id, we
//! by name only, so this must never listen anywhere but in a state directory of one user.

mod http;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use crate::identities::Identities;
use crate::unix_socket::{self, Manner, Served, SocketError};

/// Requests at the same time; the connection of a further one is closed without a reply, as the
/// daemon does (sheet 2.1).
const MAX_REQUESTS: usize = 10;
/// Connections at the same time, kept ones that are idle included; further ones are closed. More
/// than requests, since one socket serves all modules: those that keep a connection must not shut
/// out the others.
const MAX_CONNECTIONS: usize = 64;
/// How long a kept connection may be idle, and a request's head may take. Longer than the 5 s after
/// which Node's HTTP agent lets go of a connection: who closes first must not be us, or a request
/// may cross the close.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the API answers from.
#[derive(Debug)]
pub struct Workload {
    identities: Identities,
    trust_bundle: TrustBundle,
}

/// Where the trust bundle comes from.
#[derive(Debug)]
pub enum TrustBundle {
    /// This PEM text.
    Text(String),
    /// A file that is read at each call, since the hub may come later and replace it.
    File(PathBuf),
}

impl From<&str> for TrustBundle {
    fn from(pem: &str) -> Self {
        Self::Text(pem.to_owned())
    }
}

impl TrustBundle {
    fn pem(&self) -> io::Result<String> {
        match self {
            Self::Text(pem) => Ok(pem.clone()),
            Self::File(path) => std::fs::read_to_string(path),
        }
    }
}

impl Workload {
    /// Signs with the module keys of `identities`; tells clients to trust `trust_bundle`.
    pub fn new(identities: Identities, trust_bundle: impl Into<TrustBundle>) -> Self {
        Self {
            identities,
            trust_bundle: trust_bundle.into(),
        }
    }

    /// Serves on a socket at `path`; a socket left there by a dead process is replaced. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn listen(self, path: &Path) -> Result<WorkloadHandle, SocketError> {
        let manner = Manner {
            name: "workload",
            mode: 0o666,
            connections: MAX_CONNECTIONS,
            grace: Duration::ZERO,
        };
        let workload = Arc::new(self);
        let requests = Arc::new(Semaphore::new(MAX_REQUESTS));
        let served = unix_socket::serve(path, manner, move |stream| {
            answer(stream, Arc::clone(&workload), Arc::clone(&requests))
        })?;
        Ok(WorkloadHandle(served))
    }
}

/// A served socket.
#[derive(Debug)]
pub struct WorkloadHandle(Served);

impl WorkloadHandle {
    /// What `IOTEDGE_WORKLOADURI` says: `unix://` and the path.
    pub fn uri(&self) -> String {
        format!("unix://{}", self.0.path().display())
    }

    /// Closes the socket and removes its file.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn answer(stream: UnixStream, workload: Arc<Workload>, requests: Arc<Semaphore>) {
    let service = service_fn(move |request| {
        let (workload, requests) = (Arc::clone(&workload), Arc::clone(&requests));
        async move {
            let _slot = requests.try_acquire().map_err(|_all_taken| TooMany)?;
            Ok::<_, TooMany>(http::answer(&workload, request).await)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    match served {
        Err(error) if error.is_user() => {
            tracing::warn!(
                limit = MAX_REQUESTS,
                "workload connection closed: too many requests at once"
            );
        }
        Err(error) => tracing::debug!(%error, "workload connection ended"),
        Ok(()) => {}
    }
}

/// What makes hyper close a connection without a reply.
#[derive(Debug, Error)]
#[error("more than {MAX_REQUESTS} requests at once")]
struct TooMany;
