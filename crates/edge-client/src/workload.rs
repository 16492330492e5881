//! Client of the workload API: the daemon on the edge device that holds our key and the
//! trust bundle. HTTP/1.1 over a unix socket (or `http://`), one connection per call.
//!
//! The daemon closes connections beyond ten without a word, so at most
//! [`CALLS_AT_ONCE`] run together, and a call that was cut off is tried again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edge_protocol::EdgeEnvironment;
use edge_protocol::backoff::Backoff;
use edge_protocol::environment::WorkloadUri;
use edge_protocol::workload::{
    SIGN_ALGORITHM, SIGN_KEY_ID, sign_data, sign_target, trust_bundle_target,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

/// Calls in flight at most; further ones wait.
const CALLS_AT_ONCE: usize = 2;

/// Tries per call, the first included.
const TRIES: u32 = 4;

/// Time for one try, connection and reply body included.
const TRY_TIMEOUT: Duration = Duration::from_secs(8);

/// Waits between tries, in milliseconds: first and longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Largest reply, in bytes. A trust bundle of a hundred certificates is a fifth of it.
const REPLY_LIMIT: usize = 1024 * 1024;

/// A client of one daemon, for one module. Clones share the limit of calls in flight.
#[derive(Debug, Clone)]
pub struct WorkloadClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    uri: WorkloadUri,
    api_version: String,
    module_id: String,
    generation_id: String,
    try_timeout: Duration,
    permits: Semaphore,
}

impl WorkloadClient {
    /// For the module that `env` describes. Nothing is sent yet.
    #[must_use]
    pub fn new(env: &EdgeEnvironment) -> Self {
        Self::with_try_timeout(env, TRY_TIMEOUT)
    }

    /// As [`WorkloadClient::new`], with another time for each try instead of 8 s.
    #[must_use]
    pub fn with_try_timeout(env: &EdgeEnvironment, try_timeout: Duration) -> Self {
        WorkloadClient {
            inner: Arc::new(Inner {
                uri: env.workload_uri.clone(),
                api_version: env.api_version.clone(),
                module_id: env.identity.module_id().unwrap_or_default().to_owned(),
                generation_id: env.generation_id.clone(),
                try_timeout,
                permits: Semaphore::new(CALLS_AT_ONCE),
            }),
        }
    }

    /// Has `to_sign` signed with the module's primary key; the HMAC-SHA256 as base64.
    ///
    /// # Errors
    ///
    /// [`WorkloadError`] of the last of four tries. What no retry can mend (a 4xx) is
    /// returned at once.
    pub async fn sign(&self, to_sign: &str) -> Result<String, WorkloadError> {
        let inner = &*self.inner;
        let target = sign_target(&inner.module_id, &inner.generation_id, &inner.api_version);
        let data = sign_data(to_sign);
        let body = SignRequest {
            key_id: SIGN_KEY_ID,
            algo: SIGN_ALGORITHM,
            data: &data,
        };
        let body = serde_json::to_vec(&body).map_err(|source| WorkloadError::Json { source })?;
        let reply: SignReply = self.call("sign", Method::POST, target, body.into()).await?;
        Ok(reply.digest)
    }

    /// The trust bundle: certificates in PEM.
    ///
    /// # Errors
    ///
    /// As [`WorkloadClient::sign`].
    pub async fn trust_bundle(&self) -> Result<String, WorkloadError> {
        let target = trust_bundle_target(&self.inner.api_version);
        let reply: BundleReply = self
            .call("trust-bundle", Method::GET, target, Bytes::new())
            .await?;
        Ok(reply.certificate)
    }

    async fn call<R: for<'de> Deserialize<'de>>(
        &self,
        call: &'static str,
        method: Method,
        target: String,
        body: Bytes,
    ) -> Result<R, WorkloadError> {
        let mut attempt = 0;
        loop {
            let error = match self.try_once(method.clone(), &target, body.clone()).await {
                Ok(bytes) => {
                    return serde_json::from_slice(&bytes)
                        .map_err(|source| WorkloadError::Json { source });
                }
                Err(error) => error,
            };
            attempt += 1;
            if attempt >= TRIES || !error.is_retryable() {
                return Err(error);
            }
            let delay = Backoff::new(WAITS.0, WAITS.1).map_or(WAITS.1, |backoff| {
                backoff.delay(attempt - 1, fastrand::u64(..))
            });
            tracing::debug!(call, attempt, ?delay, %error, "workload call failed, trying again");
            tokio::time::sleep(delay).await;
        }
    }

    async fn try_once(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Bytes, WorkloadError> {
        let inner = &*self.inner;
        let _permit = inner.permits.acquire().await;
        let exchange = async {
            match &inner.uri {
                WorkloadUri::Unix(path) => {
                    let stream = UnixStream::connect(path)
                        .await
                        .map_err(|s| inner.unreachable(s))?;
                    // The daemon ignores the name; some servers insist on one.
                    self.exchange(stream, "workload", method, target, body)
                        .await
                }
                WorkloadUri::Http { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port))
                        .await
                        .map_err(|s| inner.unreachable(s))?;
                    self.exchange(stream, host, method, target, body).await
                }
            }
        };
        match tokio::time::timeout(inner.try_timeout, exchange).await {
            Ok(result) => result,
            Err(_elapsed) => Err(WorkloadError::TimedOut {
                after: inner.try_timeout,
            }),
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send,
        host: &str,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Bytes, WorkloadError> {
        let cut_off = |source| WorkloadError::CutOff { source };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body))
            .map_err(|source| WorkloadError::Request {
                target: target.to_owned(),
                source,
            })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(cut_off)?;
        let reply = async move {
            let reply = sender.send_request(request).await.map_err(cut_off)?;
            let status = reply.status();
            let body = Limited::new(reply.into_body(), REPLY_LIMIT)
                .collect()
                .await
                .map_err(|source| WorkloadError::Body {
                    limit: REPLY_LIMIT,
                    source,
                })?
                .to_bytes();
            if status.is_success() {
                Ok(body)
            } else {
                Err(refusal(status, &body))
            }
        };
        // The connection works until the sender is dropped; its own errors also reach the
        // reply, where they are handled.
        let (reply, _connection) = tokio::join!(reply, connection);
        reply
    }
}

impl Inner {
    fn unreachable(&self, source: std::io::Error) -> WorkloadError {
        WorkloadError::Unreachable {
            uri: self.uri.to_string(),
            source,
        }
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> WorkloadError {
    let message = serde_json::from_slice::<ErrorReply>(body).map(|reply| reply.message);
    WorkloadError::Refused {
        status: status.as_u16(),
        message: message.unwrap_or_default(),
    }
}

#[derive(Serialize)]
struct SignRequest<'a> {
    #[serde(rename = "keyId")]
    key_id: &'a str,
    algo: &'a str,
    data: &'a str,
}

#[derive(Deserialize)]
struct SignReply {
    digest: String,
}

#[derive(Deserialize)]
struct BundleReply {
    certificate: String,
}

#[derive(Deserialize)]
struct ErrorReply {
    message: String,
}

/// Why the workload API gave no answer, or none that helps.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// Nobody listens there.
    #[error("the workload API at {uri} cannot be reached")]
    Unreachable {
        /// Where.
        uri: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No whole reply in time.
    #[error("the workload API did not answer within {after:?}")]
    TimedOut {
        /// The limit of one try.
        after: Duration,
    },
    /// The connection ended in the middle; the daemon does that when it is busy.
    #[error("the workload API closed the connection")]
    CutOff {
        /// How.
        #[source]
        source: hyper::Error,
    },
    /// The reply ended early or is too large.
    #[error("the reply of the workload API broke off or is over {limit} bytes")]
    Body {
        /// The limit.
        limit: usize,
        /// Which of the two.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another status than 2xx.
    #[error("the workload API answered {status} {message:?}")]
    Refused {
        /// The status.
        status: u16,
        /// Its reason; empty when it gave none.
        message: String,
    },
    /// The reply is not the JSON expected.
    #[error("the reply of the workload API is not the JSON expected")]
    Json {
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The request could not be made.
    #[error("no request can be made for {target:?}")]
    Request {
        /// The request target.
        target: String,
        /// Why.
        #[source]
        source: hyper::http::Error,
    },
}

impl WorkloadError {
    /// Whether the same call may succeed later: no connection, no reply, 408 or 5xx.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            WorkloadError::Unreachable { .. }
            | WorkloadError::TimedOut { .. }
            | WorkloadError::CutOff { .. }
            | WorkloadError::Body { .. } => true,
            WorkloadError::Refused { status, .. } => *status == 408 || *status >= 500,
            WorkloadError::Json { .. } | WorkloadError::Request { .. } => false,
        }
    }
}
